"""`SignalStrength.toString()`, as `dumpsys telephony.registry` prints it.

From Android 10 each technology prints itself and `primary=` names the one that is shown:

    SignalStrength:{mCdma=…,mLte=CellSignalStrengthLte: rssi=-75 rsrp=-104 … level=3,…,primary=…}

Up to 9 it is a row of numbers before a label, read as that release's `getDbm()` read it:

    SignalStrength: 99 0 -120 -160 -120 -1 -1 21 -104 -13 34 2147483647 0 2147483647 gsm|lte

Huawei's row of Android 5 to 8 has an order of its own, told by its labels:

    SignalStrength: 0 0 -89 255 -1 -1 -1 -1 -1 -1 0 0 0 -1 false gw|lte
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from droidrack.core.parse.text import refusal
from droidrack.core.telephony import UNAVAILABLE_INT, Rat, Reading, Signal

_DUMP = "SignalStrength"
_VALUE_LIMIT = 16384
"""Characters of one SignalStrength; the longest seen has 1,200."""

_PART = re.compile(
    r"\b(mCdma|mGsm|mWcdma|mTdscdma|mLte|mNr|primary|rat|mMaxLevel)=|\bSignalBarInfo\{"
)
_CELL = re.compile(r"CellSignalStrength(Cdma|Gsm|Wcdma|Tdscdma|Lte|Nr)\b")
_FIELD = re.compile(r"\b(\w{1,40}) ?= ?(-?[0-9]{1,10})(?![0-9.])")

_POWER_FIELDS = {
    Rat.LTE: ("rsrp",),
    Rat.NR: ("ssRsrp",),
    Rat.GSM: ("rssi",),
    Rat.WCDMA: ("rscp", "ss"),  # `ss` is the RSSI, which getDbm() falls back to.
    Rat.TDSCDMA: ("rscp",),
}
_SHOWN_FIRST = (Rat.LTE, Rat.CDMA, Rat.TDSCDMA, Rat.WCDMA, Rat.GSM, Rat.NR)
"""Order of `SignalStrength.getPrimary()`, for a line that lost its `primary=`."""

_OEM_LEVELS = (
    "miuiLevel",
    "oemLevel",
    "levelHw",
    "mLevelHw",
    "hwLevel",
    "vivoLevel",
    "oplusLevel",
    "oppoLevel",
    "oplevel",
)


def parse_signal_strength(text: str) -> Signal:
    """Read one printed SignalStrength, of Android 5 to 16.

    Raises:
        ParseError: neither dialect fits. Nothing else, whatever the text.
    """
    text = text[:_VALUE_LIMIT].strip()
    if _CELL.search(text) or "mLte=" in text:
        return _by_technology(text)
    return _row_of_numbers(text)


# --- Android 10 and later -----------------------------------------------------------------------


def _by_technology(text: str) -> Signal:
    parts = _parts(text)
    cells: dict[Rat, Mapping[str, int]] = {}
    for rat in Rat:
        body = parts.get(f"m{rat.value.capitalize()}")
        if body is not None and "CellSignalStrength" in body:
            cells[rat] = _fields(body)
    shown = _CELL.search(parts.get("primary", ""))
    if not cells and shown is None:
        raise refusal(_DUMP, "no technology printed a signal", text)
    primary = Rat(shown[1].upper()) if shown else _first_valid(cells)
    if primary is None:
        return Signal(None, None)
    reading = _reading(primary, cells.get(primary, {}))
    nr = _reading(Rat.NR, cells.get(Rat.NR, {}))
    return Signal(
        rat=primary,
        dbm=reading.dbm,
        level=reading.level,
        oem_level=_oem_level(primary, cells, parts),
        nr=nr if primary is Rat.LTE and nr.dbm is not None else None,
    )


def _parts(text: str) -> dict[str, str]:
    """Text of each member by its name; makers' members are cut out, not read."""
    found = list(_PART.finditer(text))
    parts: dict[str, str] = {}
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        parts.setdefault(match[1] or "SignalBarInfo", text[match.end() : end])
    return parts


def _fields(body: str) -> dict[str, int]:
    return {name: int(value) for name, value in reversed(_FIELD.findall(body))}


def _first_valid(cells: Mapping[Rat, Mapping[str, int]]) -> Rat | None:
    return next(
        (rat for rat in _SHOWN_FIRST if rat in cells and _reading(rat, cells[rat]).dbm is not None),
        None,
    )


def _reading(rat: Rat, fields: Mapping[str, int]) -> Reading:
    level = _known(fields.get("level", fields.get("mLevel")))
    return Reading(_power(rat, fields), level)


def _power(rat: Rat, fields: Mapping[str, int]) -> int | None:
    """Power as the technology's own getDbm() chooses it."""
    if rat is Rat.CDMA:
        both = [_dbm(fields.get("cdmaDbm")), _dbm(fields.get("evdoDbm"))]
        return min((value for value in both if value is not None), default=None)
    values = (_dbm(fields.get(name)) for name in _POWER_FIELDS[rat])
    return next((value for value in values if value is not None), None)


def _oem_level(
    rat: Rat, cells: Mapping[Rat, Mapping[str, int]], parts: Mapping[str, str]
) -> int | None:
    """MIUI prints its bars in each technology, Samsung in a member of their own."""
    fields = cells.get(rat, {})
    for name in _OEM_LEVELS:
        if name in fields:
            return _known(fields[name])
    bars = _fields(parts.get("SignalBarInfo", ""))
    return _known(bars.get(f"{rat.value.lower()}Level"))


# --- Android 9 and earlier ----------------------------------------------------------------------

_ROW = re.compile(
    r"SignalStrength:((?: +-?[0-9]{1,10}){12,24})"
    r"(?: +0x[0-9a-f]{1,8})?"  # Samsung's word of its own, of Android 5 and 6.
    r" +(gsm[|a-z]*|cdma|(?:true|false) +(?:gw\|lte|cdma))\b"
    r"(?: +-?[0-9]{1,10} +(-?[0-9]{1,10}) +-?[0-9]{1,10}\b)?"  # MediaTek: 3G's RSSI, RSCP, Ec/N0.
)
_OLD_UNKNOWN = (-1, 99, 255, UNAVAILABLE_INT)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a release keeps what, GSM being the first; None: it has no such column."""

    cdma: int = 2
    evdo: int = 4
    rsrp: int = 8
    tdscdma: int | None = None
    rscp: int | None = None
    rscp_rat: Rat | None = Rat.WCDMA
    gsm_in_dbm: bool = False


_LAYOUTS = {
    12: _Columns(),  # Android 5
    13: _Columns(tdscdma=12),  # 6, 7
    14: _Columns(tdscdma=13),  # 8 (lteRsrpBoost stands before it)
    17: _Columns(tdscdma=13, rscp=16),  # 9
    # 9, Huawei: WCDMA Ec/Io added at the end, and GSM as its modem reports it.
    18: _Columns(tdscdma=13, rscp=16, gsm_in_dbm=True),
}
"""By how many numbers stand before the label. Another count is a layout nobody has described: it
is read only where its LTE columns hold what nothing but RSRP beside RSRQ can be."""

_MEDIATEK_LAYOUTS = _LAYOUTS | {15: _Columns(tdscdma=12)}
"""OPPO's Android 7 adds two bar counts; whose they are is not known."""

# Huawei calls the RSCP column WCDMA's, but a phone was seen to print it on TD-SCDMA.
_HUAWEI = _Columns(cdma=4, evdo=6, rsrp=10, rscp=2, rscp_rat=None, gsm_in_dbm=True)
_HUAWEI_LAYOUTS = {
    14: _HUAWEI,  # 5, 6
    15: replace(_HUAWEI, tdscdma=14),  # 7
    16: replace(_HUAWEI, tdscdma=15),  # 8 (lteRsrpBoost stands before it)
}


def _row_of_numbers(text: str) -> Signal:
    match = _ROW.search(text)
    if match is None:
        raise refusal(_DUMP, "neither members by technology nor the row of Android 9", text)
    numbers = [int(word) for word in match[1].split()]
    huawei = match[2].startswith(("true", "false"))
    layouts = _HUAWEI_LAYOUTS if huawei else _MEDIATEK_LAYOUTS if match[3] else _LAYOUTS
    columns = layouts.get(len(numbers))
    if columns is None and not huawei and (match[2] == "cdma" or _is_lte(numbers)):
        columns = _Columns()
    if columns is None:
        raise refusal(_DUMP, f"a row of {len(numbers)} numbers is not known", text)
    if match[2].endswith("cdma"):
        return _cdma_row(numbers, columns)
    return _gsm_row(numbers, columns, quarter_rscp=int(match[3] or 0))


def _is_lte(numbers: list[int]) -> bool:
    return _in_range(numbers[8], -140, -43) is not None and -34 <= numbers[9] <= -3


def _gsm_row(numbers: list[int], columns: _Columns, quarter_rscp: int) -> Signal:
    """LTE, then TD-SCDMA, then 3G's RSCP, then GSM: the first that is valid.

    `quarter_rscp` is MediaTek's RSCP in quarters of a dBm; below 0 the phone is on 3G, and the GSM
    column says no more than whether anything is heard.
    """
    rsrp = _in_range(numbers[columns.rsrp], -140, -43)
    if rsrp is not None:
        return Signal(Rat.LTE, rsrp)
    if columns.tdscdma is not None:
        rscp = _in_range(numbers[columns.tdscdma], -120, -25)
        if rscp is not None:
            return Signal(Rat.TDSCDMA, rscp)
    if columns.rscp is not None:
        rscp = _in_range(numbers[columns.rscp], -120, -24)
        if rscp is not None:
            return Signal(columns.rscp_rat, rscp)
    rssi = _gsm_rssi(numbers[0], columns)
    if quarter_rscp < 0 and rssi is not None:
        rscp = _in_range(-(-quarter_rscp // 4), -120, -24)
        return Signal(Rat.WCDMA, rscp) if rscp is not None else Signal(None, None)
    return Signal(Rat.GSM, rssi) if rssi is not None else Signal(None, None)


def _gsm_rssi(number: int, columns: _Columns) -> int | None:
    """dBm; Huawei prints them as they are and 0 for "not known"."""
    if columns.gsm_in_dbm:
        return _in_range(number, -120, -25)
    # 3GPP TS 27.007, 8.5: 0 to 31 in steps of 2 dB from -113 dBm; 99 is "not known".
    return -113 + 2 * number if 0 <= number <= 31 else None


def _cdma_row(numbers: list[int], columns: _Columns) -> Signal:
    """The lower of 1x and EV-DO; -120 is what Android fills in for "not known"."""
    both = [_in_range(numbers[index], -119, -2) for index in (columns.cdma, columns.evdo)]
    known = [value for value in both if value is not None]
    return Signal(Rat.CDMA, min(known)) if known else Signal(None, None)


def _in_range(value: int, low: int, high: int) -> int | None:
    return value if value not in _OLD_UNKNOWN and low <= value <= high else None


def _known(value: int | None) -> int | None:
    """A bar count; None for "not known" in any spelling."""
    return value if value is not None and 0 <= value <= 10 else None


def _dbm(value: int | None) -> int | None:
    """A power in dBm. Nothing a phone receives is as strong as -1 dBm or weaker than -160."""
    return value if value is not None and -160 <= value < -1 else None
