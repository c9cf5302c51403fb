"""What the panel asks for: texts that differ in everything but their purpose."""

from random import Random

from crash_lab import CrashLab

from droidrack.virtual.faults import Fate, Outcome
from droidrack.virtual.panel.queue import NewMessage

TEXTS = (
    "Your code is 482915",
    "Your code is 482915",  # Twice: equal texts to equal numbers have to be common.
    'It\'s $(reboot) && `id` ; rm -rf / | "$HOME" \\ %s !',
    "First line\nsecond line\n\tthird, with a tab",
    "שלום עולם — مرحبا بالعالم 👍🏽",
    "_id=99, type=2, sub_id=1, address=+15550000000",
    "A text that needs two segments, for it is longer than one hundred and sixty characters of "
    "the alphabet that telephones have shared since long before anybody wrote this program. End.",
    "Ünïcödé wird in zwei Teilen gesendet, denn „typografische“ Zeichen gehören nicht zu GSM 7 …",
)

POPULAR, POPULAR_SHARE = 3, 0.25
"""A quarter of the messages go to so few numbers that equal ones wait side by side."""

UNASSIGNED = "+15559990000"
"""A number that the network does not know."""

FATES = (
    *[Fate()] * 75,
    *[Fate(row_delay_s=1.5)] * 3,
    *[Fate(Outcome.RIL_ERROR, ril_error="SMS_SEND_FAIL_RETRY", fails=1)] * 2,
    *[Fate(Outcome.RIL_ERROR, ril_error="GENERIC_FAILURE")] * 2,
    Fate(Outcome.LOST),
    Fate(Outcome.ANSWER_LOST),
)


class Traffic:
    """Keeps each phone of a lab busy."""

    def __init__(self, lab: CrashLab, dice: Random) -> None:
        self._lab = lab
        self._dice = dice
        self.queued = 0
        for phone in lab.phones:
            phone.model.radio.bad_numbers.add(UNASSIGNED)

    def top_up(self, backlog: int) -> None:
        """Queue until each paired phone has `backlog` messages that were not reported yet."""
        waiting = [entry.device_uuid for entry in self._lab.store.ledger() if not entry.statuses]
        for index, phone in enumerate(self._lab.phones):
            device, rows = self._lab.device_of(index), self._lab.rows_of(index)
            missing = backlog - waiting.count(device)
            if device and rows and missing > 0:
                new = [self._message(index, device, sorted(rows)) for _ in range(missing)]
                self._lab.store.queue_all(new)
                phone.model.radio.faults.script(*self._dice.choices(FATES, k=missing))

    def add(self, index: int, number: str, body: str = TEXTS[0], slot: int = 0) -> str:
        """Queue one message; its uid."""
        self.queued += 1
        return self._lab.store.queue(self._lab.device_of(index), number, body, slot=slot)

    def _message(self, index: int, device: str, slots: list[int]) -> NewMessage:
        self.queued += 1
        return NewMessage(
            device,
            self._number(index),
            self._dice.choice(TEXTS),
            slot=self._dice.choice(slots),
            priority=self._dice.choice(("high", "normal", "normal", "low")),
        )

    def _number(self, index: int) -> str:
        throw = self._dice.random()
        if throw < 0.03:
            return "+1555-BAD-NUMBER"
        if throw < 0.06:
            return UNASSIGNED
        if throw > 1 - POPULAR_SHARE:
            return f"+1555{index:03d}{self._dice.randrange(POPULAR):04d}"
        return f"+1555{index:03d}{1000 + self.queued % 8000:04d}"
