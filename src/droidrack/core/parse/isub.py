"""`dumpsys isub`: the subscriptions a phone knows and where they sit.

Android 5.1 to 13 print `SubscriptionController` (lists between rows of plus signs, entries in
braces), 14 and later `SubscriptionManagerService` (entries in square brackets). Names stand in the
middle of an entry without quotes and may hold anything, so each is cut by the key that follows it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from droidrack.core.ids import Iccid, Slot, SubId
from droidrack.core.parse.text import boolean, integer, lines_of, refusal
from droidrack.core.telephony import SimState, Subscription, real_sub_id

_DUMP = "dumpsys isub"
_LINE_LIMIT = 16384
"""Characters of one line that are read; the longest entry seen has 1,900."""

_DEFAULT = re.compile(r"^\s*default(Data|Voice|Sms|)SubId\s*=\s*(-?[0-9]{1,10})\s*$")
_SLOT = re.compile(
    r"^\s*(?:(?:\w*Slot\w*ToSub\w*|mSimInfo)\[([0-9]{1,2})\]|Logical SIM slot ([0-9]{1,2})):(.*)$"
)
_SUB_IDS = re.compile(r"subIds=[0-9]{1,2}=\[([-0-9, ]*)\]|subId=(-?[0-9]{1,10})")
_SIM_STATE = re.compile(r"^\s*mSimState\[([0-9]{1,2})\]\s*=\s*(\w{1,40})\s*$")
_LIST = re.compile(r"^\s*(Active|All) ?Sub\w* ?(?:Info ?List)?:", re.IGNORECASE)
_STORED = re.compile(r"^\s*\w*Sub\w*List in the DB\b")
"""MIUI prints the table once more, with cards that are not in the phone."""

_ENTRY = re.compile(r"^\s*(?:\{|\[SubscriptionInfo(?:Internal)?: ?)id=(-?[0-9]{1,10})\b(.*)$")

_OLDEST = re.compile(r"\bm(SubId|IccId|SlotId|DisplayName|NameSource|Mcc|Mnc)(?=[= ])")
_OLDEST_ENTRY = re.compile(r"^\s*\{mSubId=")
_SINCE = {"SubId": "id", "SlotId": "simSlotIndex"}
"""Keys of Android 5.0, and what they are called since where it is not the same word."""

_NAMES = re.compile(
    r"^(?P<head>.*?)\bdisplayName=(?P<display>.*?) carrierName=(?P<carrier>.*?)"
    r"(?P<tail>[ ,]+(?:nameSource|isOpportunistic|displayNameSource|iconTint)[ =].*|[\]}]?)$"
)
_NAME = re.compile(
    r"^(?P<head>.*?)\bdisplayName=(?P<display>.*?)(?P<tail> nameSource=.*)$",
)
"""Android 5.0 knows no name of the carrier."""

_COUNTRY = re.compile(r"(?:\bc|[0-9 l]mC)ountryIso[= ]([A-Za-z]{0,3})(?=[\s,\]}]|$)")
_ICCID = re.compile(r"[0-9]{6}[0-9A-Fa-f]{12,16}")
SLOT_LIMIT = 8
SUBSCRIPTION_LIMIT = 1000
"""Profiles of one phone; a SIM tester's phone was seen with 60."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The subscriptions of a phone.

    `defaults` holds "sub", "data", "voice" and "sms" as far as printed. `active_sub_ids` is in
    printed order, `subscriptions` ordered by id, `sim_states` by slot (empty: not printed).
    """

    subscriptions: tuple[Subscription, ...]
    active_sub_ids: tuple[SubId, ...]
    defaults: Mapping[str, SubId | None]
    slot_to_sub: Mapping[Slot, tuple[SubId, ...]]
    sim_states: tuple[SimState | None, ...] = ()
    sim_state_words: tuple[str, ...] = ()

    def in_slot(self, slot: Slot) -> Subscription | None:
        """The active subscription of a slot; None where there is none, or more than one."""
        found = [s for s in self.subscriptions if s.active and s.slot == slot]
        return found[0] if len(found) == 1 else None


def whole_iccid(text: str | None) -> Iccid | None:
    """An ICCID that was printed in full: not masked, hashed, cut, or an eSIM's EID."""
    match = _ICCID.fullmatch((text or "").strip())
    return Iccid(match[0].upper()) if match else None


def parse_isub(text: str) -> Subscriptions:
    """Read the dump of Android 5.1 to 16, or entries of it alone.

    Raises:
        ParseError: neither an entry, a list's heading, a default nor a slot was found.
    """
    reader = _Reader()
    for line in lines_of(_DUMP, text):
        reader.read(line[:_LINE_LIMIT])
    if not reader.seen:
        raise refusal(_DUMP, "no subscription, default or slot found", text)
    return reader.subscriptions()


class _Reader:
    """Reads line by line; keeps the first entry of each subscription."""

    def __init__(self) -> None:
        self.seen = False
        self._list: str | None = None
        self._lists: set[str] = set()
        self._defaults: dict[str, SubId | None] = {}
        self._slots: dict[Slot, tuple[SubId, ...]] = {}
        self._states: dict[int, str] = {}
        self._entries: dict[SubId, Subscription] = {}
        self._active: list[SubId] = []

    def read(self, line: str) -> None:
        if _OLDEST_ENTRY.match(line):
            line = _OLDEST.sub(_since, line)
        if entry := _ENTRY.match(line):
            self._entry(int(entry[1]), entry[2])
        elif _STORED.match(line):
            self._list = "stored"
            self._lists.add(self._list)
        elif heading := _LIST.match(line):
            self._list = heading[1].lower()
            self._lists.add(self._list)
        elif default := _DEFAULT.match(line):
            kind = default[1].lower() or "sub"
            self._defaults.setdefault(kind, real_sub_id(int(default[2])))
        elif slot := _SLOT.match(line):
            self._slot(int(slot[1] or slot[2]), slot[3])
        elif state := _SIM_STATE.match(line):
            self._states.setdefault(int(state[1]), state[2])
        elif line.startswith("++++"):
            self._list = None
            return
        else:
            return
        self.seen = True

    def _entry(self, number: int, text: str) -> None:
        sub_id = real_sub_id(number)
        if sub_id is None or len(self._entries) >= SUBSCRIPTION_LIMIT:
            return
        if self._list is None and self._lists:
            return  # An entry repeated in a log.
        subscription = _subscription(sub_id, text)
        if self._is_active(subscription) and sub_id not in self._active:
            self._active.append(sub_id)
        self._entries.setdefault(sub_id, subscription)

    def _is_active(self, subscription: Subscription) -> bool:
        """In the list of active ones; where the dump has no such list, in a slot."""
        if "active" in self._lists:
            return self._list == "active"
        return subscription.slot is not None

    def _slot(self, slot: int, text: str) -> None:
        match = _SUB_IDS.search(text)
        if match is None or slot >= SLOT_LIMIT:
            return
        words = match[1].split(",") if match[1] is not None else [match[2]]
        ids = tuple(s for word in words if (s := real_sub_id(integer(word))) is not None)
        if ids:
            self._slots.setdefault(Slot(slot), ids)

    def subscriptions(self) -> Subscriptions:
        states = [self._states.get(i, "") for i in range(max(self._states, default=-1) + 1)]
        states = states[:SLOT_LIMIT]
        return Subscriptions(
            subscriptions=tuple(
                replace(self._entries[sub_id], active=sub_id in self._active)
                for sub_id in sorted(self._entries)
            ),
            active_sub_ids=tuple(self._active),
            defaults=self._defaults,
            slot_to_sub=self._slots,
            sim_states=tuple(SimState.of(word) for word in states),
            sim_state_words=tuple(states),
        )


def _since(key: re.Match[str]) -> str:
    return _SINCE.get(key[1], key[1][0].lower() + key[1][1:])


def _subscription(sub_id: SubId, text: str) -> Subscription:
    """One entry, still without its place in a list."""
    names = _NAMES.match(text) or _NAME.match(text)
    printed = names.groupdict() if names else {}
    carrier = printed.get("carrier")
    head, tail = printed.get("head", text), printed.get("tail", text)
    slot = integer(_field(head, "simSlotIndex") or _field(tail, "simSlotIndex"))
    embedded = _field(head, "isEmbedded") or _field(tail, "isEmbedded")
    country = _COUNTRY.search(tail)
    absent = {"country": country is None, "embedded": embedded is None}
    return Subscription(
        sub_id=sub_id,
        slot=Slot(slot) if slot is not None and 0 <= slot < SLOT_LIMIT else None,
        display_name=_name(printed.get("display")),
        carrier=_name(carrier and carrier.rstrip(" ,")),
        mcc=_code(tail, "mcc"),
        mnc=_code(tail, "mnc"),
        active=False,
        iccid=whole_iccid(_field(head, "iccId")),
        country=(country[1] or None) if country else None,
        embedded=boolean(embedded),
        not_printed=frozenset(name for name, is_absent in absent.items() if is_absent),
    )


def _field(text: str, key: str) -> str | None:
    """`key=value` or, in old entries, `key value`; "" for an empty value."""
    match = re.search(rf"\b{key}(?:=|\s)([^\s,\]}}=]*)(?=[\s,\]}}\[]|$)", text)
    return match[1] if match else None


def _name(text: str | None) -> str | None:
    return None if text == "null" else text


def _code(text: str, key: str) -> str | None:
    """MCC or MNC. Android 10 prints no blank after it: `mnc 260mCountryIso=us`."""
    match = re.search(rf"\b{key}[= ]([0-9]{{1,3}})(?![0-9])", text)
    return match[1] if match else None
