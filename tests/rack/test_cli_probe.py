"""`droidrack probe` and `droidrack capture`: what a phone is, told and kept without sending."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_bench import NUMBER, Desk, desk
from controller_bench import swift

from droidrack import compose
from droidrack.core.decode import decode
from droidrack.core.identity import device_uuid
from droidrack.virtual.identity_services import imei
from droidrack.virtual.spec import spec_with


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Desk]:
    """Android 14 with two cards, 8.1 from Qualcomm's tree, and a 5.1 phone nobody knows."""
    odd = spec_with(swift(2, api=22), maker="alps", model="P8", odexed=True)
    with desk([swift(13), swift(6), odd], tmp_path) as it:
        yield it
        printed = "\n".join(it.printed)
        assert [] == [secret for secret in it.secrets if secret in printed]


def test_probe_shows_profile_codes_answers_and_witnesses(shelf: Desk) -> None:
    """A known phone: the table alone, all answers right, both witnesses; nothing is sent."""
    (seen,) = shelf.json("probe", "--phone", "bay-0")
    assert ("proven", None, "android-34") == (seen["standing"], seen["reason"], seen["profile"])
    send = next(call for call in seen["calls"] if call["call"] == "isms.send_text")
    assert (5, 5, None, "not read") == tuple(
        send[key] for key in ("transaction", "table", "phone", "agreement")
    )
    assert {"store": True, "radio": True, "message_ids": True} == seen["witnesses"]
    assert all(finding["good"] for finding in seen["findings"])
    assert [] == shelf.table.rack.air.messages


def test_probe_learns_when_asked_and_says_where_codes_agree(shelf: Desk) -> None:
    """`--learn` reads the framework of a phone that the table knows, too."""
    (seen,) = shelf.json("probe", "--phone", "bay-0", "--learn")
    assert {"agrees"} == {call["agreement"] for call in seen["calls"]}
    assert all("framework.jar classes2.dex" in call["source"] for call in seen["calls"])
    assert "the phone's own framework" in seen["profile"]


def test_probe_of_a_doubtful_phone_learns_unasked(shelf: Desk) -> None:
    """MIUI 8.1: multipart as the phone itself has it."""
    (seen,) = shelf.json("probe", "--phone", "bay-1")
    part = next(call for call in seen["calls"] if call["call"] == "isms.send_multipart")
    assert (10, None) == (part["transaction"], part["barred"])
    assert "proven" == seen["standing"]


def test_probe_of_all_phones_fails_for_the_barred_one_with_its_reason(shelf: Desk) -> None:
    """Exit code 1; the others are shown as they are."""
    seen = shelf.json("probe", code=1)
    assert ["proven", "proven", "barred"] == [entry["standing"] for entry in seen]
    assert "5.x builds" in seen[2]["reason"]
    assert "framework.jar holds no classes" in " ".join(seen[2]["framework"]["notes"])


def test_probe_for_a_person_offers_a_proof_by_one_message(shelf: Desk) -> None:
    """Offered by text; done only when asked twice."""
    result = shelf.run("probe", "--phone", "bay-0")
    assert 0 == result.exit_code
    assert "bay-0 is PROVEN" in result.stdout
    assert "--send-to NUMBER --yes" in result.stdout
    refused = shelf.run("probe", "--phone", "bay-0", "--send-to", NUMBER)
    assert 2 == refused.exit_code
    assert [] == shelf.table.rack.air.messages


def test_probe_sends_one_message_when_asked_twice(shelf: Desk) -> None:
    """Through the rooms of `droidrack send`, and with its proof."""
    result = shelf.run(*("probe", "--phone", "bay-0", "--slot", "1", "--send-to", NUMBER, "--yes"))
    assert 0 == result.exit_code, result.output
    (message,) = shelf.table.rack.air.messages
    assert (NUMBER, 1) == (message.number, message.slot)


def test_probe_resumes_a_quarantined_phone_that_is_proven(shelf: Desk) -> None:
    """Told with what to do, exit code 1; `--resume` lifts it for good."""
    serial = shelf.table.phones[0].model.spec.serial
    notebook = compose.open_notebook(compose.load_settings(shelf.config))
    notebook.set_quarantine(device_uuid(serial, None), "a message left on another SIM")
    shown = shelf.run("probe", "--phone", "bay-0")
    assert 1 == shown.exit_code
    assert "QUARANTINED: a message left on another SIM" in shown.stdout
    assert "--resume" in shown.stdout
    (seen,) = shelf.json("probe", "--phone", "bay-0", "--resume")
    assert seen["quarantine"] is None
    assert "" == notebook.quarantine(device_uuid(serial, None))


def test_probe_of_an_absent_phone_says_so(shelf: Desk) -> None:
    """An error in its place, not a trace."""
    shelf.call(shelf.table.phones[0].link.unplug())
    (seen,) = shelf.json("probe", "--phone", "bay-0", code=1)
    assert "PHONE_GONE" == seen["error"]["code"]


# --- Captures -------------------------------------------------------------------------------------


@pytest.fixture
def captured(shelf: Desk, tmp_path: Path) -> Path:
    """The captures of three phones, two texts in the first one's store."""
    model = shelf.table.phones[0].model
    shelf.do(lambda: model.receive_sms(0, NUMBER, "a text that nobody may read"))
    shelf.do(lambda: model.receive_sms(1, "+15559998887", "another one"))
    out = tmp_path / "out"
    for phone in ("bay-0", "bay-1", "bay-2"):
        result = shelf.run("capture", "--phone", phone, "--out", str(out))
        assert 0 == result.exit_code, result.output
    return out


def test_captures_name_nobody(shelf: Desk, captured: Path) -> None:
    """No number, card, serial, IMEI or text in any file, in letters or in hexadecimal words."""
    specs = [phone.model.spec for phone in shelf.table.phones]
    cards = [card for spec in specs for card in spec.sims if card is not None]
    secrets = [NUMBER[1:], "15559998887", "nobody may read", "another one"]
    secrets += [value for c in cards for value in (c.iccid, c.imsi, c.msisdn[1:])]
    secrets += [spec.serial for spec in specs]
    secrets += [imei(spec.serial, slot) for spec in specs for slot in range(2)]
    files = [path for path in captured.rglob("*") if path.is_file()]
    assert len(files) > 40
    for path in files:
        text = path.read_text("utf-8")
        assert [] == [secret for secret in secrets if secret in text], path
        spread = text.replace(".", "")
        assert [] == [secret for secret in secrets if secret in spread], path


def test_captures_have_the_form_of_the_corpus(captured: Path) -> None:
    """Raw text and JSON by family, and what the parser makes of the text."""
    families = {path.name for path in captured.iterdir()}
    assert families == {
        "telephony_registry", "isub", "siminfo", "getprop",
        "content_sms", "battery", "service_call",
    }  # fmt: skip
    for path in captured.rglob("*.txt"):
        about = json.loads(path.with_suffix(".json").read_text("utf-8"))
        assert about.keys() >= {
            "command", "android_release", "android_release_basis", "api", "maker", "model",
            "source", "origin", "anonymised", "expected",
        }  # fmt: skip
        assert ("captured", True) == (about["origin"], about["anonymised"])
        if about["expected"] is not None:
            again = json.loads(json.dumps(decode(path.parent.name, path.read_text("utf-8"))))
            assert about["expected"] == again
        else:
            assert "not understood" in about["note"]


def test_captures_are_never_overwritten(shelf: Desk, captured: Path) -> None:
    """A second capture stands beside the first."""
    before = {path: path.read_bytes() for path in captured.rglob("*.txt")}
    assert 0 == shelf.run("capture", "--phone", "bay-0", "--out", str(captured)).exit_code
    assert all(path.read_bytes() == content for path, content in before.items())
    assert len(list(captured.rglob("*.txt"))) > len(before)


def test_capture_of_an_attached_phone_needs_no_entry(shelf: Desk, tmp_path: Path) -> None:
    """By its serial; one of --phone and --serial is needed."""
    serial = shelf.table.phones[1].model.spec.serial
    out = tmp_path / "out"
    assert 0 == shelf.run("capture", "--serial", serial, "--out", str(out)).exit_code
    assert list(out.rglob("*.txt"))
    assert 2 == shelf.run("capture", "--out", str(out)).exit_code
