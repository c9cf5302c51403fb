"""SignalStrength: what each release's getDbm() would answer."""

import pytest

from droidrack.core.errors import ParseError
from droidrack.core.parse.signal_strength import parse_signal_strength
from droidrack.core.telephony import Rat, Reading, Signal

MAX = "2147483647"
HUAWEI_9 = f"0 {MAX} 99 255 {MAX} {MAX} gsm|lte use_only_rsrp_for_lte_level rscp [-128, -118]"
"""What follows LTE on a Huawei phone of Android 9 that hears no 3G."""


@pytest.mark.parametrize(
    ("row", "rat", "dbm"),
    [
        # Android 5: twelve numbers.
        (f"17 0 -120 -160 -120 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte", Rat.GSM, -79),
        (f"0 99 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte", Rat.GSM, -113),
        (f"31 99 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte", Rat.GSM, -51),
        (f"99 99 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte", None, None),
        (f"-1 99 -1 -1 -1 -1 -1 99 -1 {MAX} {MAX} {MAX} gsm|lte", None, None),
        (f"99 0 -75 -90 -120 -160 -1 99 {MAX} {MAX} {MAX} {MAX} cdma", Rat.CDMA, -75),
        (f"99 0 -75 -90 -88 -160 5 99 {MAX} {MAX} {MAX} {MAX} cdma", Rat.CDMA, -88),
        (f"99 0 -120 -160 -95 -160 5 99 {MAX} {MAX} {MAX} {MAX} cdma", Rat.CDMA, -95),
        (f"99 0 -120 -160 -120 -160 5 99 {MAX} {MAX} {MAX} {MAX} cdma", None, None),
        # A CDMA phone's leftover LTE value is not what its label shows.
        (f"99 0 -80 -90 -120 -160 -1 99 -100 -9 {MAX} {MAX} cdma", Rat.CDMA, -80),
        # MediaTek prints 3G's RSSI, RSCP and Ec/N0 after the label, in quarters of a dB.
        (f"17 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte 0 0 0", Rat.GSM, -79),
        (f"14 99 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte 0 -380 -20", Rat.WCDMA, -95),
        (f"14 99 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte 0 -383 -20", Rat.WCDMA, -95),
        (f"14 9 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} {MAX} gsm|lte 0 -380 0", Rat.WCDMA, -95),
        (f"99 99 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte 0 -380 -20", None, None),
        (f"14 99 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} gsm|lte 0 -4 -20", None, None),
        (f"9 9 -1 -1 -1 -1 -1 30 -102 -408 -10 60 {MAX} gsm|lte 0 -380 0", Rat.LTE, -102),
        # OPPO puts two bar counts before the label of such a row.
        (f"18 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} {MAX} 4 0 gsm|lte 0 0 0", Rat.GSM, -77),
        (f"14 9 -1 -1 -1 -1 -1 99 {MAX} {MAX} 0 0 {MAX} 4 0 gsm|lte 0 -380 -9", Rat.WCDMA, -95),
        (f"99 0 -1 -1 -1 -1 -1 99 -97 -11 60 {MAX} {MAX} 4 0 gsm|lte 0 0 0", Rat.LTE, -97),
        # Samsung prints a word of its own before the label.
        (
            f"99 99 -120 -160 -120 -1 -1 99 {MAX} {MAX} {MAX} -1 {MAX} 0x0 gsm|lte level=0",
            None,
            None,
        ),
        (f"99 99 -120 -160 -120 -1 -1 30 -98 -9 120 -1 {MAX} 0x404 gsm|lte", Rat.LTE, -98),
        # Android 6 and 7: TD-SCDMA is the thirteenth.
        (f"99 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} -84 gsm|lte", Rat.TDSCDMA, -84),
        # Android 8: a boost stands before it.
        (f"99 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} 0 -84 gsm|lte", Rat.TDSCDMA, -84),
        # Android 9: WCDMA has its own columns; RSCP wins over the GSM column.
        (
            f"20 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} 0 {MAX} 20 30 -91 gsm|lte",
            Rat.WCDMA,
            -91,
        ),
        (
            f"20 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} 0 {MAX} 20 255 {MAX} gsm|lte",
            Rat.GSM,
            -73,
        ),
        # Huawei's Android 9 prints GSM in dBm; 0 and 99 say that it is not known.
        (f"-77 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} {HUAWEI_9}", Rat.GSM, -77),
        (f"0 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} {HUAWEI_9}", None, None),
        (f"99 0 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} {HUAWEI_9}", None, None),
        (f"0 9 -67 -73 32767 -1 32767 -1 -103 -11 -1 -1 {HUAWEI_9}", Rat.LTE, -103),
        (f"0 0 -1 -1 -1 -1 -1 99 0 0 0 -1 0 {MAX} 99 31 -89 -7 gsm|lte", Rat.WCDMA, -89),
        # Huawei's Android 5 to 8: an order of its own; RSCP may be WCDMA's or TD-SCDMA's.
        ("-46 0 -89 255 -1 -1 -1 -1 -1 -1 0 0 0 -1 false gw|lte", None, -89),
        ("-46 0 0 255 -1 -1 -1 -1 -1 -1 0 0 0 -1 false gw|lte", Rat.GSM, -46),
        (f"99 0 -1 -1 -1 -1 -1 -1 -1 99 {MAX} {MAX} {MAX} {MAX} false gw|lte", None, None),
        (f"0 0 0 0 -1 -1 -1 -1 -1 99 0 0 0 -1 {MAX} false gw|lte", None, None),
        (f"0 0 0 0 -1 -1 -1 -1 -1 99 -97 -11 90 -1 {MAX} false gw|lte", Rat.LTE, -97),
        ("0 0 -89 0 -1 -1 -1 -1 -1 99 0 0 0 -1 -84 false gw|lte", Rat.TDSCDMA, -84),
        (f"0 0 0 0 -1 -1 -1 -1 -1 99 -97 -11 90 -1 0 {MAX} false gw|lte", Rat.LTE, -97),
        ("0 0 -89 0 -1 -1 -1 -1 -1 99 0 0 0 -1 0 -84 false gw|lte", Rat.TDSCDMA, -84),
        ("99 0 -91 0 -75 -90 -88 -90 5 99 0 0 0 -1 true cdma", Rat.CDMA, -88),
        # An undescribed count: LTE only where RSRP and RSRQ stand beside each other.
        (f"99 0 -1 -1 -1 -1 -1 30 -101 -11 8 {MAX} 0 {MAX} 1 gsm|lte", Rat.LTE, -101),
    ],
)
def test_row_of_numbers_gives_what_the_release_would_show(
    row: str, rat: Rat | None, dbm: int | None
) -> None:
    """2G, 3G, CDMA and LTE rows of Android 5 to 9; no level is printed there."""
    assert Signal(rat, dbm) == parse_signal_strength(f"SignalStrength: {row}")


def cells(primary: str, **given: str) -> str:
    """A SignalStrength of Android 12 with nothing known but what is given."""
    empty = {
        "Cdma": f"CellSignalStrengthCdma: cdmaDbm={MAX} cdmaEcio={MAX} evdoDbm={MAX} level=0",
        "Gsm": f"CellSignalStrengthGsm: rssi={MAX} ber={MAX} mTa={MAX} mLevel=0",
        "Wcdma": f"CellSignalStrengthWcdma: ss={MAX} ber={MAX} rscp={MAX} ecno={MAX} level=0",
        "Tdscdma": f"CellSignalStrengthTdscdma: rssi={MAX} ber={MAX} rscp={MAX} level=0",
        "Lte": f"CellSignalStrengthLte: rssi={MAX} rsrp={MAX} rsrq={MAX} level=0",
        "Nr": f"CellSignalStrengthNr:{{ csiRsrp = {MAX} ssRsrp = {MAX} level = 0 }}",
    } | given
    members = ",".join(f"m{rat}={text}" for rat, text in empty.items())
    return f"SignalStrength:{{{members},primary=CellSignalStrength{primary}}}"


@pytest.mark.parametrize(
    ("rat", "text", "expected"),
    [
        ("Gsm", "CellSignalStrengthGsm: rssi=-61 ber=0 mTa=1 mLevel=4", Signal(Rat.GSM, -61, 4)),
        (
            "Wcdma",
            "CellSignalStrengthWcdma: ss=-63 ber=99 rscp=-88 ecno=-6 level=3",
            Signal(Rat.WCDMA, -88, 3),
        ),
        (
            "Wcdma",
            f"CellSignalStrengthWcdma: ss=-63 ber=99 rscp={MAX} ecno={MAX} level=4",
            Signal(Rat.WCDMA, -63, 4),
        ),
        (
            "Cdma",
            "CellSignalStrengthCdma: cdmaDbm=-80 cdmaEcio=-70 evdoDbm=-91 evdoSnr=5 level=3",
            Signal(Rat.CDMA, -91, 3),
        ),
        (
            "Tdscdma",
            "CellSignalStrengthTdscdma: rssi=-70 ber=1 rscp=-92 level=2",
            Signal(Rat.TDSCDMA, -92, 2),
        ),
        (
            "Nr",
            f"CellSignalStrengthNr:{{ csiRsrp = -70 ssRsrp = -95 ssSinr = {MAX} level = 3 }}",
            Signal(Rat.NR, -95, 3),
        ),
        ("Lte", "CellSignalStrengthLte: rssi=99 rsrp=99 level=0", Signal(Rat.LTE, None, 0)),
    ],
)
def test_primary_technology_gives_its_own_power(rat: str, text: str, expected: Signal) -> None:
    """RSSI, RSCP (RSSI without it), the lower of 1x and EV-DO, SS-RSRP; never a positive dBm."""
    assert expected == parse_signal_strength(cells(rat, **{rat: text}))


def test_nr_beside_an_lte_primary_is_told_apart() -> None:
    """NSA: both are measured, LTE is shown."""
    text = cells(
        "Lte",
        Lte="CellSignalStrengthLte: rssi=-70 rsrp=-99 level=3",
        Nr="CellSignalStrengthNr:{ ssRsrp = -80 level = 4 }",
    )
    assert Signal(Rat.LTE, -99, 3, nr=Reading(-80, 4)) == parse_signal_strength(text)


def test_missing_primary_is_chosen_in_android_order() -> None:
    """A line that lost its end is read as getPrimary() would choose."""
    text = cells("Lte", Wcdma="CellSignalStrengthWcdma: ss=-70 rscp=-90 level=2")
    cut = text[: text.index(",primary=")]
    assert Signal(Rat.WCDMA, -90, 2) == parse_signal_strength(cut)


def test_bars_of_oneplus_are_read() -> None:
    """They stand in each technology, under a short name."""
    text = (
        "SignalStrength:{mLte=CellSignalStrengthLte: rssi=-53 rsrp=-84 level=4 oplevel=3,"
        "primary=CellSignalStrengthLte,voice level =4,data level =4,isGsm =true}"
    )
    assert Signal(Rat.LTE, -84, 4, 3) == parse_signal_strength(text)


@pytest.mark.parametrize(
    ("rat", "text", "expected"),
    [
        (
            "Gsm",
            "rssi=-77 ber=99 mTa=1 mLevel=4 mLevelHw = 5 phoneId=0",
            Signal(Rat.GSM, -77, 4, 5),
        ),
        (
            "Cdma",
            "cdmaDbm=-80 evdoDbm=-80 level=3 mLevelHw=4 phoneId=0",
            Signal(Rat.CDMA, -80, 3, 4),
        ),
        ("Wcdma", "rscp=-88 level=3 levelHw=4 mPhoneId=0", Signal(Rat.WCDMA, -88, 3, 4)),
        ("Lte", "rsrp=-94 level=3 levelHw=5 mPhoneId=0", Signal(Rat.LTE, -94, 3, 5)),
    ],
)
def test_bars_of_huawei_are_read_in_each_technology(rat: str, text: str, expected: Signal) -> None:
    """Android 10 of Huawei spells them in two ways."""
    assert expected == parse_signal_strength(
        cells(rat, **{rat: f"CellSignalStrength{rat}: {text}"})
    )


def test_samsung_bars_belong_to_the_primary_technology() -> None:
    """With two bar counts printed the one of the shown technology is its own."""
    text = cells("Nr", Nr="CellSignalStrengthNr:{ ssRsrp = -110 level = 1 }")
    text = text.replace(",primary", ",SignalBarInfo{ lteLevel=2 nrLevel=4 },rat=20,primary")
    assert Signal(Rat.NR, -110, 1, oem_level=4) == parse_signal_strength(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SignalStrength:",
        "SignalStrength: 1 2 3 gsm|lte",
        "SignalStrength:{mLte=Invalid}",
        f"SignalStrength: {'1 ' * 15}gsm|lte",
        f"SignalStrength: {'1 ' * 40}gsm|lte",
        f"SignalStrength: {'-90 ' * 13}false gw|lte",
        f"SignalStrength: {'-90 ' * 17}false gw|lte",
        f"SignalStrength: {'-90 ' * 17}true cdma",
        f"SignalStrength: {'-90 ' * 14}gw|lte",
        f"SignalStrength: {'-90 ' * 14}false gsm|lte",
    ],
)
def test_unknown_row_is_a_parse_error(text: str) -> None:
    """A count of numbers that no release prints is not read as one that does."""
    with pytest.raises(ParseError):
        parse_signal_strength(text)
