"""What `devices.toml` may say, and what is said about its mistakes."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from droidrack.adapters.config import effective, load, load_settings
from droidrack.adapters.token_files import pairing_token
from droidrack.core.errors import ConfigError
from droidrack.core.ids import Slot, Token
from droidrack.core.inbound_settings import InboundSettings
from droidrack.core.report import UnknownAs
from droidrack.core.settings import (
    AdbSettings,
    AuditSettings,
    HealthSettings,
    Intervals,
    MetricsSettings,
    PaceWindow,
    Pacing,
    PanelSettings,
    Per,
    PhoneSettings,
    Policy,
    PortSettings,
    Quota,
    RepairSettings,
    SlotSettings,
)

PANEL = '[panel]\nurl = "https://panel.example.com"\n'
PHONE = '[[phones]]\nname = "p1"\nserial = "S1"\n'
MINIMAL = PANEL + PHONE


def write(directory: Path, text: str) -> Path:
    """A devices.toml with this text."""
    path = directory / "devices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(directory: Path, text: str) -> tuple[str, ...]:
    """What is said about a file that must be refused."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(directory, text))
    return caught.value.mistakes


def phones(*bodies: str) -> str:
    """A panel and phones named p0, p1 … with these further keys."""
    return PANEL + "".join(
        f'[[phones]]\nname = "p{index}"\n{body}\n' for index, body in enumerate(bodies)
    )


# --- What a good file gives -------------------------------------------------------------------


def test_load_minimal_file_takes_every_default(tmp_path: Path) -> None:
    """Whatever the file leaves out has the default of the core."""
    settings = load_settings(write(tmp_path, MINIMAL))

    assert PanelSettings("https://panel.example.com") == settings.panel
    assert (PhoneSettings("p1", serial="S1"),) == settings.phones
    assert Intervals() == settings.intervals
    assert Policy() == settings.policy
    assert (AdbSettings(),) == settings.adb


def test_load_full_file_gives_plain_values(tmp_path: Path) -> None:
    """Every table arrives in the core's own types, whole numbers as seconds included."""
    settings = load_settings(
        write(
            tmp_path,
            PANEL
            + """
            [intervals]
            poll_s = 7
            [policy]
            unknown_as = "hold"
            [[adb]]
            own = false
            port = 5099
            connect = ["192.0.2.7:5555"]
            [[phones]]
            name = "p1"
            usb = "1-2.3"
            [[phones.slots]]
            slot = 1
            label = "Blau"
            country = "DE"
            """,
        )
    )

    assert Intervals(poll_s=7) == settings.intervals
    assert settings.policy.unknown_as is UnknownAs.HOLD
    assert (AdbSettings(own=False, port=5099, connect=("192.0.2.7:5555",)),) == settings.adb
    assert (SlotSettings(Slot(1), "Blau", "DE"),) == settings.phones[0].slots


def test_load_phone_pacing_overlays_the_common_one(tmp_path: Path) -> None:
    """A phone's own pacing changes the keys it names; the rest comes from [pacing]."""
    text = phones('serial = "A"\n[phones.pacing]\nmin_gap_s = 9.0', 'serial = "B"')
    settings = load_settings(write(tmp_path, text + "[pacing]\nwindow_segments = 12\n"))

    assert Pacing(min_gap_s=9.0, window_segments=12) == settings.phones[0].pacing
    assert Pacing(window_segments=12) == settings.phones[1].pacing


def test_load_relative_paths_count_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working directory does not decide where state and tokens are."""
    (tmp_path / "ca.pem").write_text("invented")
    text = 'state_dir = "st"\n' + MINIMAL.replace("[[", 'ca_file = "ca.pem"\n[[', 1)
    path = write(tmp_path, text + 'token_file = "t"\n[[adb]]\nkey_dir = "k"\n')
    monkeypatch.chdir("/")
    settings = load_settings(path)

    assert tmp_path / "st" == settings.state_dir
    assert str(tmp_path / "ca.pem") == settings.panel.ca_file
    assert str(tmp_path / "t") == settings.phones[0].token_file
    assert tmp_path / "k" == settings.adb[0].key_dir


@pytest.mark.parametrize(
    ("xdg", "expected"),
    [("/var/xdg", "/var/xdg/droidrack"), ("", "/home/op/.local/state/droidrack")],
)
def test_load_state_dir_follows_the_xdg_specification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xdg: str, expected: str
) -> None:
    """Without the key, state goes where the XDG specification puts it."""
    monkeypatch.setenv("XDG_STATE_HOME", xdg)
    monkeypatch.setenv("HOME", "/home/op")

    assert Path(expected) == load_settings(write(tmp_path, MINIMAL)).state_dir


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_load_local_panel_may_be_plain_and_quick(tmp_path: Path, host: str) -> None:
    """A panel on this machine may be asked over http and more often."""
    text = f'[panel]\nurl = "http://{host}:8000"\n[intervals]\npoll_s = 0.2\n{PHONE}'

    assert load_settings(write(tmp_path, text)).intervals.poll_s == 0.2


def test_load_http_elsewhere_needs_the_operators_word(tmp_path: Path) -> None:
    """allow_plain_http permits http to another machine."""
    text = f'[panel]\nurl = "http://10.0.0.5/x"\nallow_plain_http = true\n{PHONE}'

    assert load_settings(write(tmp_path, text)).panel.url == "http://10.0.0.5/x"


def test_load_shared_serial_is_told_apart_by_usb(tmp_path: Path) -> None:
    """Clones with one serial are fine where each has its port."""
    text = phones('serial = "0123"\nusb = "1-1"', 'serial = "0123"\nusb = "1-2"')

    assert len(load_settings(write(tmp_path, text)).phones) == 2


# --- What a bad file is told ------------------------------------------------------------------


def test_load_many_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Shape and rules, in every table, come in one error in the order of their places."""
    found = mistakes(
        tmp_path,
        """
        [panel]
        url = "http://panel.example.com"
        time_zone = "Europe/Berlim"
        [policy]
        unknown_as = "maybe"
        max_segment = 3
        [[phones]]
        name = "p1"
        [[phones.slots]]
        slot = 0
        label = "x"
        country = "Germany"
        [[phones]]
        name = "p1"
        serial = 7
        """,
    )

    assert [
        "panel.time_zone",
        "panel.url",
        "phones[0]",
        "phones[0].slots[0].country",
        "phones[1].name",
        "phones[1].serial",
        "policy.max_segment",
        "policy.unknown_as",
    ] == [mistake.partition(":")[0] for mistake in found]


def test_load_mistake_names_place_expectation_sight_and_phone(tmp_path: Path) -> None:
    """One mistake reads as the operator needs it."""
    text = MINIMAL + '[[phones.slots]]\nslot = 0\nlabel = "x"\ncountry = "Germany"\n'

    assert (
        'phones[0].slots[0].country: expected two capitals such as DE, seen "Germany" (phone "p1")',
    ) == mistakes(tmp_path, text)


@pytest.mark.parametrize(
    ("country", "said"),
    [
        ("UK", 'expected two capitals of ISO 3166 such as DE, seen "UK"; did you mean GB?'),
        ("ZZ", 'expected two capitals of ISO 3166 such as DE, seen "ZZ"'),
    ],
)
def test_load_country_that_does_not_exist(country: str, said: str, tmp_path: Path) -> None:
    """Every national number of its SIM would be refused, one by one."""
    text = MINIMAL + f'[[phones.slots]]\nslot = 0\nlabel = "x"\ncountry = "{country}"\n'

    assert (f'phones[0].slots[0].country: {said} (phone "p1")',) == mistakes(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[panel]\n" + PHONE, "panel.url: missing; expected the panel's address"),
        (PANEL, "phones: missing; expected a [[phones]] table for each phone"),
        ("phones = []\n" + PANEL, "phones: expected a [[phones]] table for each phone, seen a li"),
        ("phones = 3\n" + PANEL, "phones: expected a [[phones]] table for each phone, seen 3"),
        (
            "state_dir = '~nobody/x'\n" + MINIMAL,
            "state_dir: expected the path of a directory, seen",
        ),
        ("panel = true\n" + PHONE, "panel: expected a [panel] table, seen true"),
        (MINIMAL + "usbb = '1-2'", 'phones[0].usbb: unknown key; did you mean "usb"? (phone "p1")'),
        (MINIMAL + "wibble = 1", 'phones[0].wibble: unknown key (phone "p1")'),
        (MINIMAL + "poll_s = 7", "phones[0].poll_s: unknown key; it belongs in [intervals]"),
        (PANEL + "state_dir = 'x'\n" + PHONE, "panel.state_dir: unknown key; it belongs at the to"),
        (MINIMAL + "usb = 'usb:1-2'", "phones[0].usb: expected a USB port path such as 1-2.3"),
        (MINIMAL + "[policy]\nmax_segments = true", "policy.max_segments: expected a whole number"),
        (MINIMAL + "[pacing]\nmin_gap_s = nan", "pacing.min_gap_s: expected seconds from 0 to 36"),
        (MINIMAL + "[intervals]\npoll_s = 4.9", "intervals.poll_s: expected seconds from 5 to 15"),
        (MINIMAL + "[intervals]\npoll_s = 0.1", "intervals.poll_s: expected seconds from 5 to 15"),
        (MINIMAL + "[intervals]\npoll_s = 16", "intervals.poll_s: expected seconds from 5 to 15"),
        (MINIMAL + "[policy]\nunknown_as = 'x'", 'policy.unknown_as: expected "failed", "sent" or'),
        (MINIMAL + "[[adb]]\nown = false", "adb[0].port: expected the port of the given server"),
        (MINIMAL + "[[adb]]\nport = 5037", "adb[0].port: expected another port than 5037"),
        (MINIMAL + "[[adb]]\nhost = '0.0.0.0'", "adb[0].host: expected a loopback address for an"),
        (MINIMAL + "[[adb]]\nconnect = ['x']", "adb[0].connect[0]: expected a list of addresses"),
        (MINIMAL + "[[adb]]\nport = 6\n[[adb]]\nport = 6", "adb[1]: the same server as adb[0]"),
        (
            MINIMAL + "[[adb]]\nconnect = ['h:1']\n[[adb]]\nconnect = ['h:1']",
            'adb[1].connect[0]: "h:1" is connected by adb[0] already',
        ),
        (MINIMAL + "token_env = 'A'\ntoken_file = 'b'", "phones[0]: expected token_env or token_"),
        (
            MINIMAL + "[policy]\nmax_segments = 9\n[pacing]\nwindow_segments = 8",
            "pacing.window_segments: expected at least 9, the policy's max_segments, seen 8",
        ),
    ],
)
def test_load_single_mistake_is_told_once(tmp_path: Path, text: str, expected: str) -> None:
    """Each kind of mistake gives exactly one line, which starts with its place."""
    (found,) = mistakes(tmp_path, text)

    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        (("",), "phones[0]: expected a serial, a usb path or both, seen neither"),
        (
            ('serial = "A"', 'serial = "A"'),
            'phones[1].serial: "A" is the serial of phones[0] already; give both phones their usb',
        ),
        (
            ('serial = "A"\nusb = "1-1"', 'serial = "A"'),
            'phones[1].serial: "A" is the serial of phones[0] already',
        ),
        (
            ('serial = "A"\nusb = "1-1"', 'serial = "B"\nusb = "1-1"'),
            'phones[1].usb: "1-1" is the port of phones[0] already',
        ),
        (
            ('serial = "A"\n' + '[[phones.slots]]\nslot = 1\nlabel = "x"\ncountry = "DE"\n' * 2,),
            "phones[0].slots[1].slot: slot 1 is described by slots[0] already",
        ),
    ],
)
def test_load_phones_that_cannot_be_told_apart_are_refused(
    tmp_path: Path, bodies: tuple[str, ...], expected: str
) -> None:
    """No phone and no slot may answer to two entries, none to no entry."""
    (found,) = mistakes(tmp_path, phones(*bodies))

    assert found.startswith(expected)


def test_load_groups_and_labels(tmp_path: Path) -> None:
    """Groups name phones, labels stand with them."""
    settings = load_settings(
        write(tmp_path, phones('serial = "A"\nlabels = ["lab"]', 'serial = "B"') + LEFT)
    )

    assert {"left": ("p1", "p0")} == settings.groups
    assert [("lab",), ()] == [phone.labels for phone in settings.phones]


LEFT = '[groups]\nleft = ["p1", "p0"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[groups]\nleft = ["p0", "p0O"]\n',
            """groups.left[1]: no phone is called 'p0O'; did you mean""",
        ),
        ('[groups]\n"a b" = []\n', "groups.a b: expected a name of letters, digits"),
        ("[groups]\nleft = 3\n", "groups.left: expected a [groups] table, such as"),
    ],
)
def test_load_group_amiss_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    """A group that would choose nobody is a mistake of the file, not of a later command."""
    (told,) = mistakes(tmp_path, phones('serial = "A"') + text)
    assert told.startswith(expected)


def test_load_names_that_differ_in_capitals_are_refused(tmp_path: Path) -> None:
    """P1 and p1 would be one phone to the ear and two to the program."""
    text = MINIMAL + '[[phones]]\nname = "P1"\nserial = "S2"\n'

    assert mistakes(tmp_path, text)[0].startswith('phones[1].name: "P1" is the name of phones[0]')


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://panel.example.com", "expected an address with its scheme"),
        ("panel.example.com", "expected an address with its scheme"),
        ("https://", "expected an address with its scheme"),
        ("https://h:99999", "seen a host or port amiss"),
        ("https://[::1", "seen a host or port amiss"),
        ("https://h/a b", "seen blanks in it"),
        ("https://h/?a=1", "seen a query or a fragment"),
        ("http://10.0.0.5", 'expected https, seen http to "10.0.0.5"'),
        ("http://localhost.example.com", 'expected https, seen http to "localhost.example.com"'),
    ],
)
def test_load_panel_address_amiss_is_explained(tmp_path: Path, url: str, expected: str) -> None:
    """Each way an address can be wrong has its own sentence."""
    (found,) = mistakes(tmp_path, f'[panel]\nurl = "{url}"\n{PHONE}')

    assert found.startswith("panel.url: ")
    assert expected in found


def test_load_unknown_time_zone_suggests_the_nearest(tmp_path: Path) -> None:
    """A slip in a time zone is answered with the zone that was meant."""
    (found,) = mistakes(tmp_path, f'{PANEL}time_zone = "Europe/Berln"\n{PHONE}')

    assert found == (
        "panel.time_zone: expected a time zone such as Europe/Berlin, "
        'seen "Europe/Berln"; did you mean "Europe/Berlin"?'
    )


def test_load_absent_certificate_is_told_early(tmp_path: Path) -> None:
    """A CA file that is not there is a mistake of the file, not of the first call."""
    (found,) = mistakes(tmp_path, f'{PANEL}ca_file = "no.pem"\n{PHONE}')

    assert found == 'panel.ca_file: expected a PEM file, seen no file at "no.pem"'


@pytest.mark.parametrize(
    "line",
    [
        'token = "s3cret-s3cret"',
        'pairing_token = "s3cret-s3cret"',
        'label = "ATKN-s3cret-s3cret"',
        'token_env = "s3cret-s3cret"',
        'token_env = "ATKN-s3cret-s3cret"',
        'token_file = ["s3cret-s3cret"]',
        'usb = "ATKN-s3cret-s3cret"',
        '"ATKN-s3cret-s3cret" = 1',
        '"ATKN-s3cret-s3cret" = "x',
    ],
)
def test_load_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    """A secret pasted anywhere is refused, and the error does not spread it."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, MINIMAL + line + "\n"))

    shown = repr((caught.value.args, caught.value.mistakes, caught.value.hint))
    assert "s3cret" not in shown


def test_load_inline_token_is_pointed_to_the_reference_keys(tmp_path: Path) -> None:
    """The refusal of an inline token says what to write instead."""
    (found,) = mistakes(tmp_path, MINIMAL + 'token = "x"\n')

    assert "give the token by reference: token_env or token_file" in found


def test_load_password_in_the_address_is_refused(tmp_path: Path) -> None:
    """A panel address must not carry credentials, nor does the error."""
    (found,) = mistakes(tmp_path, f'[panel]\nurl = "https://u:hunter2@h"\n{PHONE}')

    assert "must not be written in the panel's address" in found
    assert "hunter2" not in found


def test_load_number_in_a_wrong_place_is_masked(tmp_path: Path) -> None:
    """What the operator wrote is repeated with numbers masked."""
    (found,) = mistakes(tmp_path, MINIMAL + 'usb = "+15550100123"\n')

    assert "5550100" not in found


# --- Files that are not even TOML ---------------------------------------------------------------


def test_load_syntax_error_names_line_and_column(tmp_path: Path) -> None:
    """A syntax error leads to its place."""
    path = write(tmp_path, '[panel]\nurl = "https://panel.example.com\n')
    with pytest.raises(ConfigError, match=rf"{path}:2:\d+: not valid TOML") as caught:
        load_settings(path)

    assert caught.value.mistakes[0].startswith("line 2, column ")


def test_load_end_of_file_inside_a_text_names_the_last_line(tmp_path: Path) -> None:
    """Where the parser says only "end of document", the last line is named."""
    with pytest.raises(ConfigError, match=r"devices.toml:3: not valid TOML"):
        load_settings(write(tmp_path, 'a = """\n\nb'))


def test_load_absent_file_points_to_the_example(tmp_path: Path) -> None:
    """A newcomer without a file learns where to start."""
    with pytest.raises(ConfigError, match=r"no such file") as caught:
        load_settings(tmp_path / "devices.toml")

    assert "devices.example.toml" in caught.value.hint


def test_load_directory_is_refused_as_such(tmp_path: Path) -> None:
    """A directory in place of the file is named as what it is."""
    with pytest.raises(ConfigError, match="is a directory"):
        load_settings(tmp_path)


def test_load_other_encoding_names_the_line(tmp_path: Path) -> None:
    """A Latin-1 file is refused with the line of its first stray byte."""
    path = tmp_path / "devices.toml"
    path.write_bytes(b"[panel]\nurl = 'x' # f\xfcr\n")
    with pytest.raises(ConfigError, match=r"devices.toml:2: TOML is UTF-8; byte 0xfc"):
        load_settings(path)


def test_load_huge_file_is_refused(tmp_path: Path) -> None:
    """A file that cannot be meant is not parsed."""
    with pytest.raises(ConfigError, match="larger than"):
        load_settings(write(tmp_path, "#" * (4 * 1024 * 1024 + 1)))


# --- Effective values ---------------------------------------------------------------------------


def test_effective_tells_the_origin_of_each_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, common pacing, environment and default are told apart."""
    monkeypatch.setenv("XDG_STATE_HOME", "/var/xdg")
    text = MINIMAL + "[phones.pacing]\nmin_gap_s = 9\n[pacing]\nwindow_s = 70\nmin_gap_s = 4\n"
    found = {row.key: (row.value, row.origin) for row in effective(load(write(tmp_path, text)))}

    assert ('"https://panel.example.com"', "file") == found["panel.url"]
    assert ("9", "file") == found["phones[0].pacing.min_gap_s"]
    assert ("70", "[pacing]") == found["phones[0].pacing.window_s"]
    assert ("25", "default") == found["phones[0].pacing.window_segments"]
    assert ('"/var/xdg/droidrack"', "XDG_STATE_HOME") == found["state_dir"]
    assert ("10", "default") == found["intervals.poll_s"]
    assert ('"failed"', "default") == found["policy.unknown_as"]
    assert ("true", "default") == found["adb[0].own"]


def test_effective_holds_every_setting(tmp_path: Path) -> None:
    """No key of the core's settings is left out."""
    text = MINIMAL + '[[phones.slots]]\nslot = 0\nlabel = "x"\ncountry = "DE"\n[[adb]]\n'
    text += '[[ports]]\nusb = "1-2.3"\nlabel = "x"\n'
    keys = {row.key for row in effective(load(write(tmp_path, text)))}

    expected = {"state_dir", "groups"}
    for prefix, table in (
        ("panel", PanelSettings),
        ("intervals", Intervals),
        ("policy", Policy),
        ("inbound", InboundSettings),
        ("audit", AuditSettings),
        ("health", HealthSettings),
        ("metrics", MetricsSettings),
        ("repair", RepairSettings),
        ("ports[0]", PortSettings),
        ("adb[0]", AdbSettings),
        ("phones[0]", PhoneSettings),
        ("phones[0].pacing", Pacing),
        ("phones[0].quota", Quota),
        ("phones[0].slots[0]", SlotSettings),
    ):
        expected |= {f"{prefix}.{key.name}" for key in fields(table)}
    nested = {"phones[0].pacing", "phones[0].slots", "phones[0].quota", "phones[0].slots[0].quota"}
    assert expected - nested == keys


def test_load_windows_and_quotas_lie_over_each_other(tmp_path: Path) -> None:
    """A slot's quota changes what it names of the phone's, and that of the common one."""
    text = (
        MINIMAL
        + """
[phones.quota]
segments_per_day = 50
[[phones.slots]]
slot = 1
label = "x"
country = "DE"
[phones.slots.quota]
recipients_per_month = 99
[quota]
time_zone = "Europe/Berlin"
messages_per_month = 1000
[[pacing.window]]
segments = 100
seconds = 600
[[pacing.window]]
segments = 40
seconds = 300
per = "phone"
"""
    )
    file = load(write(tmp_path, text))
    (phone,) = file.settings.phones

    common = Quota(time_zone="Europe/Berlin", messages_per_month=1000, segments_per_day=50)
    assert common == phone.quota == phone.quota_of(Slot(0))
    assert replace(common, recipients_per_month=99) == phone.quota_of(Slot(1))
    assert (PaceWindow(100, 600.0), PaceWindow(40, 300.0, Per.PHONE)) == phone.pacing.window
    found = {row.key: (row.value, row.origin) for row in effective(file)}
    assert ("50", "file") == found["phones[0].quota.segments_per_day"]
    assert ("1000", "[quota]") == found["phones[0].quota.messages_per_month"]
    assert ("50", "[quota]") == found["phones[0].slots[0].quota.segments_per_day"]
    assert ("40", "[pacing]") == found["phones[0].pacing.window[1].segments"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[pacing.window]]\nsegments = 5\nseconds = 60", "pacing.window[0].segments"),
        ("[phones.quota]\nsegments_per_hour = 5", "phones[0].quota.segments_per_hour"),
        ("[quota]\nsegments_per_day = 1", "quota.segments_per_day"),
        ('[quota]\ntime_zone = "Europe/Berlim"', "quota.time_zone"),
        ('[quota]\nreset_time = "24:00"', "quota.reset_time"),
        ("[quota]\nreset_day = 32", "quota.reset_day"),
    ],
)
def test_load_quota_that_nobody_can_keep_is_a_mistake(
    tmp_path: Path, text: str, place: str
) -> None:
    """A limit under the longest message, and a time that does not exist, are named."""
    with pytest.raises(ConfigError) as refused:
        load_settings(write(tmp_path, MINIMAL + text + "\n"))
    assert [place] == [mistake.partition(":")[0] for mistake in refused.value.mistakes]


def test_ports_one_label_each(tmp_path: Path) -> None:
    """A socket named twice, or two sockets with one label, would send a person to a wrong one."""
    port = '[[ports]]\nusb = "1-2.{}"\nlabel = "shelf {}"\n'
    good = load(write(tmp_path, MINIMAL + port.format(3, 1) + port.format(4, 2))).settings
    assert ["shelf 1", "shelf 2"] == [entry.label for entry in good.ports]

    for again in (port.format(3, 2), port.format(4, 1)):
        with pytest.raises(ConfigError) as caught:
            load(write(tmp_path, MINIMAL + port.format(3, 1) + again))
        assert "stands in ports[0] already" in caught.value.mistakes[0]


# --- Pairing tokens -----------------------------------------------------------------------------


def token_file(directory: Path, content: str, mode: int = 0o600) -> PhoneSettings:
    """A phone whose token stands in a file with this content."""
    path = directory / "token"
    path.write_text(content)
    path.chmod(mode)
    return PhoneSettings("p1", token_file=str(path))


def test_pairing_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is read when the token is needed, blanks around it removed."""
    phone = PhoneSettings("p1", token_env="PAIRING_P1")
    assert pairing_token(phone) is None

    monkeypatch.setenv("PAIRING_P1", " ATKN-1\n")
    assert Token("ATKN-1") == pairing_token(phone)


def test_pairing_token_comes_from_a_file(tmp_path: Path) -> None:
    """A file's final newline is not part of the token."""
    assert Token("ATKN-1") == pairing_token(token_file(tmp_path, "ATKN-1\n"))


def test_pairing_token_without_source_or_file_is_none(tmp_path: Path) -> None:
    """A spent token that was removed is no error."""
    assert pairing_token(PhoneSettings("p1")) is None
    assert pairing_token(PhoneSettings("p1", token_file=str(tmp_path / "gone"))) is None
    assert pairing_token(token_file(tmp_path, " \n")) is None


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_pairing_token_in_an_open_file_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    """A token that everyone on the host can read or change is refused."""
    phone = token_file(tmp_path, "ATKN-1", mode)
    with pytest.raises(ConfigError, match="open to every user") as caught:
        pairing_token(phone)

    assert f"chmod 600 {phone.token_file}" == caught.value.hint


@pytest.mark.parametrize("content", ["ATKN-s3cret\nATKN-other", "ATKN s3cret", "s3cret\x00", "é"])
def test_pairing_token_with_company_is_refused_and_not_repeated(
    tmp_path: Path, content: str
) -> None:
    """A file with anything besides one token is refused without showing it."""
    with pytest.raises(ConfigError, match="one pairing token") as caught:
        pairing_token(token_file(tmp_path, content))

    assert "s3cret" not in str(caught.value)


def test_phone_brings_labels_and_variables_for_recipes(tmp_path: Path) -> None:
    """Words and texts come through as they are; a number is told with its place."""
    head = '[panel]\nurl = "http://127.0.0.1:1"\n[[phones]]\nname = "a"\nserial = "S1"\n'
    path = tmp_path / "devices.toml"
    path.write_text(head + 'labels = ["lab"]\nvariables = { zone = "UTC" }\n')
    (phone,) = load_settings(path).phones
    assert (("lab",), {"zone": "UTC"}) == (phone.labels, phone.variables)
    path.write_text(head + "variables = { zone = 1 }\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert any(line.startswith("phones[0].variables") for line in caught.value.mistakes)
