"""What the live table and the list of troubles show, from a picture of the rack."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from droidrack.core.errors import ConfigError
from droidrack.faces.cli import operate
from droidrack.faces.cli.main import main
from droidrack.faces.cli.status import _screen, _troubles

MESSAGE = ("--to", "+15550100001", "--body", "x", "--sim", "0")
NOW = "2030-01-01T12:00:00+00:00"


def phone(name: str, **changes: Any) -> dict[str, Any]:
    """A phone that is well."""
    return {
        "phone": name,
        "state": "ready",
        "cause": None,
        "since": "2030-01-01T10:00:00+00:00",
        "remedy": None,
        "port": None,
        "usb": None,
        "repair": None,
        "sims": [
            {
                "slot": 0,
                "state": "READY",
                "operator": "Test Mobile",
                "roaming": False,
                "hold": None,
                "signal_dbm": -93,
            }
        ],
        "vitals": {"battery_percent": 87.0, "battery_c": 28.4},
        "queue": {"waiting": 3, "open": 1, "unknown": 0, "unreported": 2},
        "work": {"sent_per_minute": 4.2, "sent": 40, "failed": 1},
        "alarms": [],
        **changes,
    }


def picture(*phones: dict[str, Any]) -> dict[str, Any]:
    """A rack of these phones."""
    totals = {
        "phones": len(phones),
        "states": {"ready": len(phones)},
        "waiting": 3,
        "open": 1,
        "unknown": 0,
        "unreported": 2,
        "sent_per_minute": 4.2,
        "alarms": 1,
    }
    return {
        "version": "0",
        "now": NOW,
        "since": "2030-01-01T00:00:00+00:00",
        "totals": totals,
        "hubs_lost": [],
        "servers_lost": [],
        "panel_lost": None,
        "phones": list(phones),
    }


HOT = {
    "kind": "battery-hot",
    "severity": "critical",
    "text": "46.0 °C",
    "remedy": "cool it",
    "slot": None,
}


def shown(answer: dict[str, Any], width: int, height: int, trouble: str = "") -> list[str]:
    """The lines that a terminal of this size shows."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, color_system=None)
    console.print(_screen(answer, width, height, trouble))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_table_shows_names_and_states_whole(width: int) -> None:
    """However narrow the terminal is, a person finds the phone."""
    text = "\n".join(shown(picture(phone("shelf-1-left", state="locked storage")), width, 24))
    assert "shelf-1-left" in text
    assert "locked storage" in text


def test_table_fits_the_screen_and_counts_the_rest() -> None:
    """With 500 phones the screen is full, not longer, and those in trouble come first."""
    many = [phone(f"bay-{n}") for n in range(499)]
    lines = shown(picture(*many, phone("the-hot-one", alarms=[HOT])), 120, 30)
    assert len(lines) <= 30
    text = "\n".join(lines)
    assert "the-hot-one" in text.split("bay-0")[0]
    assert "more" in text


def test_troubles_say_what_to_do() -> None:
    """An alarm, and a state that is not well, come with their remedy."""
    away = phone("bay-2", state="absent", cause="it left", remedy="check the cable")
    assert [
        "bay-1 critical battery-hot: 46.0 °C → cool it",
        "bay-2 absent: it left → check the cable",
    ] == _troubles(picture(phone("bay-1", state="degraded", cause="x", alarms=[HOT]), away))


def test_trouble_names_the_label_and_what_was_tried() -> None:
    """Whoever walks to the shelf knows which socket, and what need not be tried again."""
    repair = {
        "seen": "adb says it is there, and it answers nothing",
        "tried": ["reconnect"],
        "given_up": True,
        "remedy": "restart it by hand",
    }
    ill = phone("bay-1", state="troubled", cause="x", port="shelf 1 / 2", repair=repair)
    assert [
        "bay-1 (shelf 1 / 2) troubled: adb says it is there, and it answers nothing; "
        "reconnect tried; nothing more is tried → restart it by hand"
    ] == _troubles(picture(ill))


def test_lost_hub_is_one_line_for_all_of_its_phones() -> None:
    """Thirty phones that left with their hub are one trouble."""
    gone = [phone(f"bay-{n}", state="absent", cause="it left") for n in range(30)]
    answer = picture(*gone, phone("elsewhere"))
    answer["hubs_lost"] = [{"hub": "shelf 1 (1-2)", "phones": [p["phone"] for p in gone]}]
    (line,) = _troubles(answer)
    assert line.startswith("hub shelf 1 (1-2) and all of its 30 phones are gone → check the hub")


def test_lost_panel_is_one_line_with_its_time_and_cause() -> None:
    """All phones ask the same one; the table shows them ready meanwhile."""
    answer = picture(phone("bay-1"), phone("bay-2"))
    answer["panel_lost"] = {
        "panel": "https://panel.example",
        "since": "2030-01-01T11:58:45+00:00",
        "seen": "pending: no connection: refused",
        "remedy": "check it",
        "phones": ["bay-1"],
    }
    assert [
        "the panel at https://panel.example has not done what it is asked since "
        "2030-01-01 11:58:45Z (75s): 1 phone in vain (pending: no connection: refused) → check it"
    ] == _troubles(answer)


def test_lost_adb_server_is_one_line_for_all_of_its_phones() -> None:
    """Nobody is sent to thirty cables."""
    gone = [phone(f"bay-{n}", state="absent", cause="no answer") for n in range(30)]
    answer = picture(*gone, phone("elsewhere"))
    lost = {"server": "127.0.0.1:5037", "seen": "refused", "remedy": "start it"}
    answer["servers_lost"] = [{**lost, "phones": [p["phone"] for p in gone]}]
    assert [
        "the adb server at 127.0.0.1:5037 does not answer, and nothing is known of its 30 phones "
        "(refused) → start it"
    ] == _troubles(answer)


def test_port_label_has_a_column_where_a_socket_is_known() -> None:
    """It is shown on a wide screen, and takes no room where no phone is on USB."""
    labelled = "\n".join(shown(picture(phone("a", port="shelf 1 / 2"), phone("b")), 160, 20))
    assert "shelf 1 / 2" in labelled
    assert "port" not in "\n".join(shown(picture(phone("a")), 160, 20))


def test_lost_controller_is_told_on_the_screen() -> None:
    """The last picture stays, with the news that it is old."""
    assert any(
        "connection lost: gone" in line for line in shown(picture(phone("a")), 100, 20, "gone")
    )


def test_top_refuses_a_terminal_that_cannot_move_its_cursor() -> None:
    """Output that goes elsewhere gets a hint and not a screen of escapes."""
    result = CliRunner().invoke(main, ["top"], env={"TERM": "xterm"})
    assert ConfigError.exit_code == result.exit_code
    assert "droidrack status" in result.output


@pytest.fixture
def idle_rack(tmp_path: Path) -> Path:
    """A configuration of two phones on which no controller runs."""
    config = tmp_path / "devices.toml"
    config.write_text(
        'state_dir = "state"\n[panel]\nurl = "http://127.0.0.1:9"\n'
        '[[phones]]\nname = "a"\nserial = "A1"\n[[phones]]\nname = "b"\nserial = "B1"\n'
    )
    return config


@pytest.mark.parametrize("act", [["status"], ["pause", "--all"], ["reboot", "--all", "--yes"]])
def test_absent_controller_is_one_error_for_all_phones(act: list[str], idle_rack: Path) -> None:
    """Two phones or two hundred: one cause, one hint, no table."""
    result = CliRunner().invoke(main, [*act, "--config", str(idle_rack)])
    assert 1 == result.exit_code
    assert 1 == result.output.count("no controller answers")
    assert "droidrack run" in result.output


def test_port_that_the_host_does_not_show_is_refused_before_the_question(idle_rack: Path) -> None:
    """Who mistyped it is told so, and not asked whether to switch it."""
    result = CliRunner().invoke(main, ["usb", "prove", "nonsense", "--config", str(idle_rack)])
    assert ConfigError.exit_code == result.exit_code
    assert "no such USB port" in result.output
    assert "Switch port" not in result.output


def test_no_proven_port_is_a_sentence_and_an_empty_list(idle_rack: Path) -> None:
    """A script gets JSON, a person what to do."""
    said = CliRunner().invoke(main, ["usb", "ports", "--config", str(idle_rack)])
    assert "usb prove" in said.stderr
    assert "" == said.stdout
    listed = CliRunner().invoke(main, ["usb", "ports", "--json", "--config", str(idle_rack)])
    assert [] == json.loads(listed.stdout)


def test_events_without_a_journal_name_the_state_directory(idle_rack: Path) -> None:
    """An empty list may be a mistyped path: where it was looked for is told."""
    result = CliRunner().invoke(main, ["events", "--config", str(idle_rack)])
    assert 0 == result.exit_code
    assert str(idle_rack.parent / "state") in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("events", "--since", "0001-01-01"), "a year from 2000"),
        (("events", "--since", "999999d"), "goes back beyond 2000"),
        (
            ("policy", "check", *MESSAGE, "--phone", "a", "--at", "0001-01-01"),
            "a year from 2000",
        ),
        (("audit", "show", "--since", "0001-01-01"), "a year from 2000"),
        (
            ("policy", "check", *MESSAGE, "--phone", "a", "--country", "germany"),
            'expected two capitals of ISO 3166 such as DE, seen "GERMANY"',
        ),
        (("optout", "add", "0171", "--country", "uk"), "did you mean GB?"),
        (("screenshot", "--all", "--out", "{file}/x"), "not a directory"),
        (("capture", "--phone", "a", "--out", "{file}/x"), "not a directory"),
    ],
)
def test_moment_or_place_that_cannot_be_is_a_usage_error(
    words: tuple[str, ...], said: str, idle_rack: Path
) -> None:
    """It is told before anybody is asked, and not as a trace."""
    typed = [word.format(file=idle_rack) for word in words]
    result = CliRunner().invoke(main, [*typed, "--config", str(idle_rack)], catch_exceptions=False)
    assert ConfigError.exit_code == result.exit_code
    assert said in result.stderr


def test_list_of_sims_without_an_adb_server_is_a_list_with_a_note(idle_rack: Path) -> None:
    """What panel and journal know is an answer; an error with exit code 0 is none."""
    idle_rack.write_text(idle_rack.read_text() + "[[adb]]\nown = false\nport = 1\n")
    words = ["sims", "list", "--all", "--config", str(idle_rack)]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert 0 == result.exit_code
    assert "Note: no adb server answers" in result.stderr
    assert "Error" not in result.stderr


def test_command_that_failed_on_a_phone_fails_with_json_too(
    idle_rack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script sees by the exit code what a person sees; the answer is printed all the same."""
    answers = [{"phone": "a", "stdout": "", "stderr": "", "exit_code": 1}]
    monkeypatch.setattr(operate, "_each", lambda *_args, **_more: answers)
    words = ["shell", "--phone", "a", "--yes", "--config", str(idle_rack)]
    for form in ([], ["--json"]):
        result = CliRunner().invoke(main, [*words, *form, "--", "false"])
        assert 1 == result.exit_code
        assert bool(form) or "exit code 1" in result.stderr
    assert answers == json.loads(result.stdout)
