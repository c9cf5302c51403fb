"""What an operator is shown of texts that arrived: values for tables and for JSON.

As in `views`: numbers and cards masked, texts not shown, unless a person asks. Times are UTC.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from droidrack.app.views import Shown, iso, phone_names, shown
from droidrack.core.errors import ConfigError
from droidrack.core.ids import DeviceUuid, Iccid
from droidrack.core.inbound import InboundText
from droidrack.ports import Journal
from droidrack.ports.inbox import Passed

SIM_DIGITS_MIN = 4
"""Digits by which a card may be named: fewer fit too many."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which texts are asked for."""

    device: DeviceUuid | None = None
    iccid: Iccid | None = None
    since: datetime | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Some texts, and up to which number they go."""

    rows: tuple[Shown, ...]
    last: int


async def page(journal: Journal, wanted: Wanted, *, after: int = 0, reveal: bool) -> Page:
    """The newest texts that are wanted, oldest first; beyond a number, the oldest ones."""
    inbox = journal.inbox
    found = await inbox.texts(
        device=wanted.device,
        iccid=wanted.iccid,
        since=wanted.since,
        after=after,
        limit=wanted.limit,
    )
    names = phone_names(await journal.phones())
    passed = await inbox.passed([text.id for _, text in found])
    rows = tuple(_row(text, names, passed.get(text.id, ()), reveal=reveal) for _, text in found)
    return Page(rows, found[-1][0] if found else after)


async def unread_phones(journal: Journal) -> dict[str, str]:
    """The phones whose inbox cannot be read, by name, each with the reason."""
    names = phone_names(await journal.phones())
    marks = await journal.inbox.watermarks()
    return {names.get(mark.device, mark.device): mark.closed for mark in marks if mark.closed}


async def card_named(journal: Journal, digits: str) -> Iccid:
    """The card with this ICCID, or the only known one that ends so.

    Raises:
        ConfigError: none does, or several do, or so few digits are given that many could.
    """
    if len(digits) < SIM_DIGITS_MIN:
        raise ConfigError(
            f"--sim: at least {SIM_DIGITS_MIN} digits are needed, seen {len(digits)}",
            hint="give the card's ICCID or its last digits; `droidrack sims list` shows the cards",
        )
    known = {
        sim.iccid
        for phone in await journal.phones()
        for sim in await journal.sims(phone.device)
        if sim.iccid is not None
    }
    fitting = [card for card in known if card.reveal().endswith(digits.upper())]
    if len(fitting) == 1:
        return fitting[0]
    raise ConfigError(
        f"{len(fitting)} known cards end in what --sim names, 1 was expected",
        hint="give the card's ICCID, or more of its last digits; "
        "`droidrack sims list` shows the cards",
    )


def _row(
    text: InboundText,
    names: Mapping[DeviceUuid, str],
    passed: Sequence[Passed],
    *,
    reveal: bool,
) -> Shown:
    return {
        "received_at": iso(text.received_at),
        "seen_at": iso(text.seen_at),
        "phone": names.get(text.device, text.device),
        "slot": text.slot,
        "iccid": shown(text.iccid, reveal=reveal),
        "from": shown(text.sender, reveal=reveal),
        "text": shown(text.body, reveal=reveal),
        "forwarded": _forwarded(passed),
        "id": text.id,
    }


def _forwarded(passed: Iterable[Passed]) -> Shown:
    """By endpoint: `taken`, `given up`, or how often it was tried so far."""
    return {
        each.endpoint: f"waiting, {each.tries} tries"
        if each.closed_at is None
        else "given up"
        if each.reason
        else "taken"
        for each in passed
    }
