"""ServiceState: the dialects and the oddities that the corpus has no sample of."""

import pytest

from droidrack.core.errors import ParseError
from droidrack.core.parse.service_state import parse_service_state
from droidrack.core.telephony import NrState, Registration

INFO = (
    "NetworkRegistrationInfo{{ domain={domain} transportType={transport} registrationState={state} "
    "roamingType={roaming} accessNetworkTechnology=UMTS cellIdentity=CellIdentityWcdma:{{ mLac=1 "
    "mMcc=001 mMnc=01 mAlphaLong=x mAlphaShort=y}} nrState=NONE rRplmn={plmn} "
    "isUsingCarrierAggregation=true}}"
)


def flat(operators: str, rats: str = "LTE LTE", states: str = "0 0", roaming: str = "home") -> str:
    """A ServiceState of Android 5."""
    return (
        f"{states} voice {roaming} data {roaming} {operators}  {rats} CSS not supported -1 -1 "
        "RoamInd=-1 DefRoamInd=-1 EmergOnly=false IsDataRoamingFromRegistration=false"
    )


def braces(*infos: str, extra: str = "") -> str:
    """A ServiceState of Android 12 with these registrations."""
    return (
        "{mVoiceRegState=0(IN_SERVICE), mDataRegState=1(OUT_OF_SERVICE), mCellBandwidths=[5000, "
        f"10000], mOperatorAlphaLong=Foo, Bar & Co, mOperatorAlphaShort=FB, {extra}"
        "getRilVoiceRadioTechnology=3(UMTS), getRilDataRadioTechnology=0(Unknown), "
        f"mIsEmergencyOnly=false, mNetworkRegistrationInfos=[{', '.join(infos)}], "
        "mOperatorAlphaLongRaw=Foo}"
    )


def info(domain: str, **values: str) -> str:
    """A registration in the home network, but for what is given."""
    given = {"transport": "WWAN", "state": "HOME", "roaming": "NOT_ROAMING", "plmn": "00101"}
    return INFO.format(domain=domain, **(given | values))


@pytest.mark.parametrize(
    ("operators", "long", "short", "numeric"),
    [
        ("Foo Foo 00000 Foo Foo 00000", "Foo", "Foo", None),
        ("Foo Foo 26201 Foo Foo 26201", "Foo", "Foo", "26201"),
        ("o2 - de o2 - de 26203 o2 - de o2 - de 26203", "o2 - de", "o2 - de", "26203"),
        ("vodafone UK voda UK 23415 vodafone UK voda UK 23415", "vodafone UK", "voda UK", "23415"),
        ("T-Mobile A TMO A 23203 T-Mobile A TMO A 23203", "T-Mobile A", "TMO A", "23203"),
        ("vodafone P voda P 26801 vodafone P voda P 26801", "vodafone P", "voda P", "26801"),
        ("E E-Plus 26203 E E-Plus 26203", "E", "E-Plus", "26203"),
        ("Orange F Orange 20801 Orange F Orange 20801", "Orange F", "Orange", "20801"),
        # Two cuts are as likely, or none is: the number is known, the names are not.
        ("T-Mobile USA TMO 310260 T-Mobile USA TMO 310260", None, None, "310260"),
        ("MTS Mobile TeleSystems 25001 MTS Mobile TeleSystems 25001", None, None, "25001"),
        ("China Mobile CMCC 46000 China Mobile CMCC 46000", "China Mobile", "CMCC", "46000"),
        ("null null null null null null", None, None, None),
        ("     ", None, None, None),
        ("O2 - DE O2 26207", "O2 - DE", "O2", "26207"),
        ("null null null Data Only D 310260", "Data Only", "D", "310260"),
        ("Foo F 26201 null null null", "Foo", "F", "26201"),
        ("Foo F 310260 Foo F 310260 (manual)", "Foo", "F", "310260"),
    ],
)
def test_flat_operators_are_split_without_delimiters(
    operators: str, long: str | None, short: str | None, numeric: str | None
) -> None:
    """Names with blanks, equal names, no names, data-only names and manual selection."""
    # `(manual)` stands where the flat form otherwise has an empty field.
    text = flat(operators)
    if operators.endswith("(manual)"):
        text = text.replace("(manual)  ", "(manual) ")
    state = parse_service_state(text)
    assert (long, short, numeric) == (
        state.operator_long,
        state.operator_short,
        state.operator_numeric,
    )


def test_flat_android_5_without_carrier_aggregation_says_it_is_not_printed() -> None:
    """A release that does not print a field must not answer for it."""
    state = parse_service_state(flat("A A 26201 A A 26201"))
    assert state.carrier_aggregation is None
    assert {"carrier_aggregation", "nr_state"} == state.not_printed


def test_flat_single_roaming_word_of_older_builds_is_read() -> None:
    """Builds before the two roaming types print one word for both."""
    text = flat("A A 26201 A A 26201").replace("voice home data home", "roaming")
    assert parse_service_state(text).roaming is True


@pytest.mark.parametrize(
    ("word", "roaming"),
    [
        ("home", False),
        ("roaming", True),
        ("Domestic Roaming", True),
        ("International Roaming", True),
    ],
)
def test_flat_roaming_words_of_android(word: str, roaming: bool) -> None:
    """Each word of getRoamingLogString()."""
    assert roaming is parse_service_state(flat("A A 26201 A A 26201", roaming=word)).roaming


@pytest.mark.parametrize(
    ("rats", "voice", "data"),
    [
        ("GSM EDGE", "GSM", "EDGE"),
        ("UMTS HSPAP", "UMTS", "HSPAP"),
        ("1xRTT EvDo-rev.A", "1xRTT", "EvDo-rev.A"),
        ("Unknown Unexpected", None, None),
    ],
)
def test_flat_radio_technologies_of_2g_and_3g(
    rats: str, voice: str | None, data: str | None
) -> None:
    """The names are Android's; its two words for "not known" become None."""
    state = parse_service_state(flat("A A 26201 A A 26201", rats=rats))
    assert (voice, data) == (state.voice_rat, state.data_rat)


def test_flat_parts_without_a_blank_between_them_are_read() -> None:
    """Some builds print `EmergOnly=truevoice roaming=false`."""
    text = flat("null null null", rats="Unknown Unknown", states="2 1")
    joined = text.replace("EmergOnly=false ", "EmergOnly=truevoice roaming=false ")
    assert joined != text
    assert parse_service_state(joined).emergency_only is True


@pytest.mark.parametrize("end", [" CSS", " CSS ", " CSS not", " CSS not "])
def test_flat_line_that_was_cut_keeps_what_stands_before(end: str) -> None:
    """All that counts is printed first."""
    text = flat("Foo Foo 00101")
    whole, short = parse_service_state(text), parse_service_state(text.split(" CSS")[0] + end)
    for name in ("voice", "data", "operator_long", "operator_numeric", "voice_rat", "data_rat"):
        assert getattr(whole, name) == getattr(short, name)


def test_flat_power_off_and_emergency_only_are_told_apart() -> None:
    """2 and 3 are states of their own."""
    state = parse_service_state(flat("null null null null null null", states="2 3"))
    assert (Registration.EMERGENCY_ONLY, Registration.POWER_OFF) == (state.voice, state.data)


def test_braces_operator_name_with_a_comma_is_whole() -> None:
    """A comma inside a name does not end it."""
    state = parse_service_state(braces(info("CS")))
    assert ("Foo, Bar & Co", "FB") == (state.operator_long, state.operator_short)


@pytest.mark.parametrize("cut", [" Bar & Co", "r & Co", " & Co", "o, mOperatorAlphaShort"])
def test_braces_value_that_was_cut_is_not_given_out(cut: str) -> None:
    """A block that ends in the middle of a name does not know it; what stands before is whole."""
    state = parse_service_state(braces().partition(cut)[0])
    assert (Registration.IN_SERVICE, None, None) == (
        state.voice,
        state.operator_long,
        state.operator_short,
    )


def test_braces_numeric_comes_from_the_registered_cell_only() -> None:
    """A cell that refused the phone is not its network; a WLAN registration is not cellular."""
    denied = parse_service_state(braces(info("CS", state="DENIED"), info("PS", plmn="26202")))
    assert denied.operator_numeric == "26202"
    wlan = parse_service_state(braces(info("PS", transport="WLAN")))
    assert wlan.operator_numeric is None


def test_braces_numeric_falls_back_to_mcc_and_mnc() -> None:
    """Android 10 has no rRplmn: the cell identity names the network."""
    cell = info("CS").replace("rRplmn=00101 ", "").replace("mMcc=001", "mMcc=262")
    assert parse_service_state(braces(cell)).operator_numeric == "26201"
    empty = cell.replace("nrState=NONE", "nrState= CONNECTED")
    assert "nr_state" in parse_service_state(braces(empty)).not_printed
    of_5g = cell.replace("mMcc=262 mMnc=01", "mMcc = 262 mMnc = 02")
    assert of_5g != cell
    assert parse_service_state(braces(of_5g)).operator_numeric == "26202"


@pytest.mark.parametrize(
    ("kind", "roaming"),
    [("NOT_ROAMING", False), ("DOMESTIC", True), ("INTERNATIONAL", True), ("UNKNOWN", True)],
)
def test_braces_roaming_type_of_either_domain_counts(kind: str, roaming: bool) -> None:
    """UNKNOWN is roaming of no known type."""
    state = parse_service_state(braces(info("CS"), info("PS", roaming=kind)))
    assert roaming is state.roaming


def test_braces_aggregation_inside_a_registration_does_not_count() -> None:
    """The same key inside a registration speaks of that registration alone."""
    state = parse_service_state(braces(info("PS")))
    assert state.carrier_aggregation is None
    assert "carrier_aggregation" in state.not_printed


def test_braces_nr_state_is_that_of_the_packet_domain() -> None:
    """getNrState() asks the PS registration; a masked one is not printed."""
    connected = info("PS").replace("nrState=NONE", "nrState=CONNECTED")
    assert parse_service_state(braces(info("CS"), connected)).nr_state is NrState.CONNECTED
    masked = info("PS").replace("nrState=NONE", "nrState=****")
    assert "nr_state" in parse_service_state(braces(info("CS"), masked)).not_printed


def test_braces_bare_technology_number_gets_android_name() -> None:
    """A build that prints no name in brackets still tells its technology."""
    text = braces(info("CS")).replace("3(UMTS)", "9")
    assert parse_service_state(text).voice_rat == "HSDPA"


@pytest.mark.parametrize("text", ["", "garbage", "{}", "{a=1}", "0 0 voice home", "CSS supported"])
def test_unknown_dialect_is_a_parse_error(text: str) -> None:
    """Nothing is guessed from a text that is no ServiceState."""
    with pytest.raises(ParseError):
        parse_service_state(text)
