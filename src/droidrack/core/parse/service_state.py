"""`ServiceState.toString()`, as `dumpsys telephony.registry` prints it.

Two dialects. From Android 8 on it is a brace block of `key=value` pairs, followed (from 9) by the
registrations of each domain and transport:

    {mVoiceRegState=0(IN_SERVICE), …, mNetworkRegistrationInfos=[NetworkRegistrationInfo{ … }], …}

Up to 7 it is a flat line without delimiters, in which empty names leave double blanks:

    0 0 voice home data home CHN-UNICOM UNICOM 46001 CHN-UNICOM UNICOM 46001  LTE LTE CSS not …

Makers add keys in the middle and words at the end, so keys are looked up by name, and only before
the registrations: inside them the same names mean something else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from droidrack.core.parse.text import boolean, name_or_none, refusal
from droidrack.core.telephony import REGISTRATION_CODES, NrState, Registration, ServiceState

_DUMP = "ServiceState"
_VALUE_LIMIT = 65536
"""Characters of one ServiceState; the longest seen has 6,000."""

_REGISTRATIONS = re.compile(r"mNetworkRegistration(?:Info|State)s=\[")
_REGISTRATION = re.compile(r"NetworkRegistration(?:Info|State)\s?\{")
_KEY = re.compile(r"(?:^|[{,] ?| (?=(?:m|is|get)[A-Z]))([A-Za-z]\w{2,60}(?:\(\))?)=")
_CODE = re.compile(r"\s*(-?[0-9]{1,9})(?:\(([^)]*)\))?")

RIL_RADIO_TECHNOLOGIES = (
    "Unknown", "GPRS", "EDGE", "UMTS", "CDMA-IS95A", "CDMA-IS95B", "1xRTT", "EvDo-rev.0",
    "EvDo-rev.A", "HSDPA", "HSUPA", "HSPA", "EvDo-rev.B", "eHRPD", "LTE", "HSPAP", "GSM",
    "TD-SCDMA", "IWLAN", "LTE_CA", "NR_SA",
)  # fmt: skip
"""Names by number, `ServiceState.rilRadioTechnologyToString()`."""

_NO_RAT = ("", "null", "Unknown", "Unexpected", "UNKNOWN")
_REGISTERED = ("HOME", "ROAMING")


def parse_service_state(text: str) -> ServiceState:
    """Read one printed ServiceState, of Android 5 to 16.

    Raises:
        ParseError: neither dialect fits. Nothing else, whatever the text.
    """
    text = text[:_VALUE_LIMIT].strip()
    if "RegState=" in text or text.startswith("{"):
        return _braces(text)
    return _flat(text)


# --- Android 8 and later ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Domain:
    """One NetworkRegistrationInfo."""

    domain: str
    registered: bool
    roaming_type: str | None
    plmn: str | None
    plmn_printed: bool
    nr_state: NrState | None


def _braces(text: str) -> ServiceState:
    start = _REGISTRATIONS.search(text)
    head = text[: start.start()] if start else text
    keys = _pairs(head, cut=start is None and not text.endswith("}"))
    if not any(key in keys for key in _HEAD_KEYS):
        raise refusal(_DUMP, "none of the known keys in the block", text)
    domains = tuple(_domains(text[start.end() :])) if start else ()
    cellular = _by_domain(domains)
    long_names = [keys[k] for k in _ALPHA_LONG if k in keys]
    short_names = [keys[k] for k in _ALPHA_SHORT if k in keys]
    numeric = _numeric(cellular)
    roaming = _roaming(keys, domains, printed=start is not None)
    aggregation = _first(keys, "isUsingCarrierAggregation", "mIsUsingCarrierAggregation")
    nr_state = next((d.nr_state for d in cellular if "PS" in d.domain), None)
    absent = {
        "service_state": "mVoiceRegState" not in keys,
        "data_reg_state": "mDataRegState" not in keys,
        "emergency_only": "mIsEmergencyOnly" not in keys,
        "operator_long": not long_names,
        "operator_short": not short_names,
        "operator_numeric": not any(d.plmn_printed for d in domains),
        "roaming": roaming is None,
        "voice_rat": _first(keys, *_VOICE_RAT) is None,
        "data_rat": _first(keys, *_DATA_RAT) is None,
        "carrier_aggregation": aggregation is None,
        "nr_state": nr_state is None,
    }
    return ServiceState(
        voice=_registration(keys.get("mVoiceRegState")),
        data=_registration(keys.get("mDataRegState")),
        emergency_only=boolean(keys.get("mIsEmergencyOnly")),
        operator_long=_first_name(long_names),
        operator_short=_first_name(short_names),
        operator_numeric=numeric,
        roaming=roaming,
        voice_rat=_rat(_first(keys, *_VOICE_RAT)),
        data_rat=_rat(_first(keys, *_DATA_RAT)),
        carrier_aggregation=boolean(aggregation),
        nr_state=nr_state,
        not_printed=frozenset(name for name, is_absent in absent.items() if is_absent),
    )


_ALPHA_LONG = ("mVoiceOperatorAlphaLong", "mOperatorAlphaLong", "mDataOperatorAlphaLong")
_ALPHA_SHORT = ("mVoiceOperatorAlphaShort", "mOperatorAlphaShort", "mDataOperatorAlphaShort")
_VOICE_RAT = ("getRilVoiceRadioTechnology", "mRilVoiceRadioTechnology")
_DATA_RAT = ("getRilDataRadioTechnology", "mRilDataRadioTechnology")
_HEAD_KEYS = ("mVoiceRegState", "mDataRegState", *_ALPHA_LONG, *_VOICE_RAT, *_DATA_RAT)


def _pairs(text: str, *, cut: bool) -> dict[str, str]:
    """`key=value` pairs; a value ends where a comma or blank and the next `key=` begin.

    The first of two equal keys wins. Values may hold commas, brackets and blanks. Where the text
    was cut nobody knows how much of the last value is there: it is left out.
    """
    found = list(_KEY.finditer(text))
    if cut and found:
        text = text[: found.pop().start()]
    pairs: dict[str, str] = {}
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        value = text[match.end() : end].strip()
        if index + 1 == len(found):
            value = value.removesuffix("}")
        pairs.setdefault(match[1], value.rstrip(", "))
    return pairs


def _domains(text: str) -> Iterator[_Domain]:
    """The registrations, up to the list's end as far as it can be told."""
    starts = list(_REGISTRATION.finditer(text))
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        block = text[start.end() : end]
        if _word(block, "transportType") in ("WLAN", "2"):
            continue
        state = _word(block, "registrationState") or _word(block, "regState")
        rplmn = re.search(r"\brRplmn=([0-9]{5,6})?(?=[\s,}])", block)
        mcc, mnc = _word(block, "mMcc"), _word(block, "mMnc")
        plmn = f"{mcc}{mnc}" if _digits(mcc, 3) and _digits(mnc, 2, 3) else None
        yield _Domain(
            domain=_word(block, "domain") or "",
            registered=state in _REGISTERED,
            roaming_type=_word(block, "roamingType"),
            plmn=(rplmn[1] if rplmn and rplmn[1] else None) or plmn,
            plmn_printed=rplmn is not None or plmn is not None,
            nr_state=NrState(word) if (word := _word(block, "nrState")) in _NR_STATES else None,
        )


_NR_STATES = frozenset(NrState)


def _by_domain(domains: tuple[_Domain, ...]) -> list[_Domain]:
    """Circuit-switched first: SMS and the operator's name follow voice."""
    return sorted(domains, key=lambda d: "CS" not in d.domain)


def _numeric(domains: list[_Domain]) -> str | None:
    """MCC and MNC of the network the phone is registered in; 000 is no country."""
    for domain in domains:
        if domain.registered and domain.plmn and not domain.plmn.startswith("000"):
            return domain.plmn
    return None


def _roaming(
    keys: Mapping[str, str], domains: tuple[_Domain, ...], *, printed: bool
) -> bool | None:
    """8 and 9 print the roaming type beside the names, 10 and later in each registration.

    A phone that lists no registration is not roaming; one that prints no list says nothing.
    """
    types = [keys[k] for k in ("mVoiceRoamingType", "mDataRoamingType") if k in keys]
    if types:
        return _any_roaming(types)
    printed_types = [d.roaming_type for d in domains if d.roaming_type is not None]
    if printed_types:
        return _any_roaming(printed_types)
    return False if printed and not domains else None


def _any_roaming(types: list[str]) -> bool | None:
    words = {word.strip().lower() for word in types}
    if any("roaming" in word and word != "not_roaming" for word in words):
        return True
    if words & {"domestic", "international"}:
        return True
    # "UNKNOWN" in a registration is ROAMING_TYPE_UNKNOWN: roaming, of no known type.
    return "unknown" in words


def _registration(value: str | None) -> Registration | None:
    match = _CODE.match(value or "")
    return REGISTRATION_CODES.get(int(match[1])) if match else None


def _rat(value: str | None) -> str | None:
    """The printed name; from a bare number the name Android gives it."""
    match = _CODE.match(value or "")
    if match is None:
        return None
    name, number = match[2], int(match[1])
    if name is None and 0 <= number < len(RIL_RADIO_TECHNOLOGIES):
        name = RIL_RADIO_TECHNOLOGIES[number]
    return None if name is None or name in _NO_RAT else name


def _word(block: str, key: str) -> str | None:
    match = re.search(rf"\b{key}(?:=| = )([^\s,}}\]]{{1,64}})", block)
    return match[1] if match else None


def _digits(word: str | None, *sizes: int) -> bool:
    return word is not None and word.isascii() and word.isdigit() and len(word) in sizes


def _first(keys: Mapping[str, str], *names: str) -> str | None:
    return next((keys[name] for name in names if name in keys), None)


def _first_name(texts: list[str]) -> str | None:
    return next((name for text in texts if (name := name_or_none(text)) is not None), None)


# --- Android 7 and earlier ----------------------------------------------------------------------

_FLAT = re.compile(
    r"^([0-9]) ([0-9]) "
    r"(?:voice (?P<voice>[A-Za-z ]{1,40}?) data (?P<data>home|[A-Za-z]{0,20} ?[Rr]oaming|UNKNOWN)"
    r"|(?P<both>home|roaming)) "
    r"(?P<middle>.*?) CSS(?: not)?(?: supported\b| ?$)(?P<tail>.*)$",
    re.DOTALL,
)
_FLAT_LIMIT = 2048
"""Characters of a flat line that are looked at; the longest seen has 300."""


def _flat(text: str) -> ServiceState:
    match = _FLAT.match(text[:_FLAT_LIMIT])
    if match is None:
        raise refusal(_DUMP, "neither a brace block nor the flat form of Android 7", text)
    middle, tail = match["middle"], match["tail"]
    if middle.count(" ") < 2:
        raise refusal(_DUMP, "no radio technologies before CSS in the flat form", text)
    body, voice_rat, data_rat = middle.rsplit(" ", 2)
    long, short, numeric = _flat_operator(body.removesuffix("(manual)").removesuffix(" "))
    aggregation = re.search(r"IsUsingCarrierAggregation=(true|false)", tail)
    # Some builds print the next part right behind it: `EmergOnly=truevoice roaming=false`.
    emergency = re.search(r"EmergOnly=(true|false)", tail)
    types = [match["both"]] if match["both"] else [match["voice"], match["data"]]
    return ServiceState(
        voice=REGISTRATION_CODES.get(int(match[1])),
        data=REGISTRATION_CODES.get(int(match[2])),
        emergency_only=boolean(emergency[1]) if emergency else None,
        operator_long=long,
        operator_short=short,
        operator_numeric=numeric,
        roaming=_any_roaming(types),
        voice_rat=None if voice_rat in _NO_RAT else voice_rat,
        data_rat=None if data_rat in _NO_RAT else data_rat,
        carrier_aggregation=boolean(aggregation[1]) if aggregation else None,
        not_printed=frozenset({"nr_state"} | (set() if aggregation else {"carrier_aggregation"})),
    )


def _flat_operator(text: str) -> tuple[str | None, str | None, str | None]:
    """Long name, short name and number: voice's, or data's where voice has none."""
    for names, plmn in _flat_operators(text):
        long, short = _split_names(names)
        number = plmn if plmn.isdigit() and not plmn.startswith("000") else None
        if long or short or number:
            return long, short, number
    return None, None, None


def _flat_operators(text: str) -> list[tuple[str, str]]:
    """(names, number) of voice and of data. Mostly both are the same text, twice."""
    half, odd = divmod(len(text), 2)
    if odd and text[half] == " " and text[:half] == text[half + 1 :]:
        names, _, plmn = text[:half].rpartition(" ")
        return [(names, plmn)]
    words = text.split(" ")
    middle = _voice_number(words)
    if middle is None:
        return [(" ".join(words[:-1]), words[-1])] if _digits(words[-1], 5, 6) else []
    voice, data = words[:middle], words[middle + 1 : -1]
    return [(" ".join(voice), words[middle]), (" ".join(data), words[-1])]


def _voice_number(words: list[str]) -> int | None:
    """Index of the voice operator's number among the words of both operators.

    It is the only number but the last word; where voice has none, its names are one word each.
    """
    for index in range(2, len(words) - 2):
        if _digits(words[index], 5, 6):
            return index
    return 2 if len(words) > 5 and words[2] in ("", "null") else None


def _split_names(names: str) -> tuple[str | None, str | None]:
    """Long and short name, which stand beside each other with only a blank between.

    Equal halves are two equal names, and a single blank stands between them. Otherwise the short
    name is not the longer one ("China Mobile CMCC"), and where that leaves more than one cut, both
    end in the same word: "T-Mobile A TMO A". Names that no rule cuts in one place are not known.
    """
    cuts = [(names[:i], names[i + 1 :]) for i, char in enumerate(names) if char == " "]
    equal = [cut for cut in cuts if cut[0] == cut[1]]
    likely = [cut for cut in cuts if len(cut[1]) <= len(cut[0])]
    alike = [cut for cut in likely if cut[0].split(" ")[-1] == cut[1].split(" ")[-1]]
    certain = next((found for found in (equal, cuts, likely, alike) if len(found) == 1), None)
    if certain is None:
        return (None, None) if cuts else (name_or_none(names), None)
    [(long, short)] = certain
    return name_or_none(long), name_or_none(short)
