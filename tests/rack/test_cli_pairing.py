"""`droidrack pair`, `relink` and `logout` on virtual phones and the local panel."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from cli_bench import Desk, desk, paired
from controller_bench import swift
from PIL import Image

from droidrack.virtual.panel.faults import Fault, FaultKind
from droidrack.virtual.panel.store import PanelStore


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Desk]:
    """A phone with two cards and one with a single card; every output is searched for secrets."""
    with desk([swift(13), swift(9, sims=1)], tmp_path) as it:
        yield it
        printed = "\n".join(it.printed)
        assert [] == [secret for secret in it.secrets if secret in printed]


def test_pair_reads_the_token_from_stdin_and_shows_gateway_and_rows(shelf: Desk) -> None:
    """A paired phone is shown with its gateway and one SIM row per card."""
    token = shelf.mint()
    (result,) = shelf.json("pair", "--phone", "bay-0", "--token-stdin", stdin=token)
    (device,) = shelf.do(shelf.table.store.devices)
    assert (device.uuid, device.gateway_uid) == (result["device"], result["gateway"])
    assert [0, 1] == [row["slot"] for row in result["sims"]]
    assert token not in "\n".join(shelf.printed)


def test_pair_reads_the_token_from_a_file(shelf: Desk, tmp_path: Path) -> None:
    """As a program of its own: the token's file works, the token shows nowhere."""
    token, file = shelf.mint(), tmp_path / "bay-1.token"
    file.write_text(token)
    file.chmod(0o600)
    done = shelf.spawn("pair", "--phone", "bay-1", "--token-file", str(file))
    assert 0 == done.returncode, done.stderr
    assert "bay-1: paired as gateway " in done.stdout
    assert token not in done.stdout + done.stderr


def test_pair_with_a_spent_token_explains_it(shelf: Desk) -> None:
    """A token works once; the second use says so, exits 1 and does not repeat the token."""
    token = paired(shelf)
    result = shelf.run("pair", "--phone", "bay-1", "--token-stdin", stdin=token)
    assert 1 == result.exit_code
    assert "a pairing token works once" in result.stderr
    assert token not in result.output


def test_pair_whose_answer_was_lost_says_that_the_token_may_be_spent(shelf: Desk) -> None:
    """The panel took the token and its answer did not arrive: a new one is asked for."""
    shelf.do(lambda: shelf.table.faults.add("register", Fault(FaultKind.DROP, taken=True), times=1))
    token = shelf.mint()
    result = shelf.run("pair", "--phone", "bay-0", "--token-stdin", stdin=token)
    assert 1 == result.exit_code
    assert "may be spent" in result.stderr
    paired(shelf)


def test_pair_of_an_absent_phone_keeps_the_token(shelf: Desk) -> None:
    """A phone that is not attached is said to be so, and its token stays good."""
    shelf.call(shelf.table.phones[0].link.unplug())
    token = shelf.mint()
    result = shelf.run("pair", "--phone", "bay-0", "--token-stdin", stdin=token)
    assert 1 == result.exit_code
    assert "bay-0: not attached" in result.stderr
    shelf.call(shelf.table.phones[0].link.replug())
    again = shelf.run("pair", "--phone", "bay-0", "--token-stdin", stdin=token)
    assert 0 == again.exit_code, again.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--phone", "bay-9"), "no phone is called 'bay-9'"),
        ((), "which phones?"),
        (("--phone", "bay-0"), "no pairing token"),
        (("--all", "--token-stdin"), "one token pairs one phone"),
        (("--phone", "bay-0", "--token-file", "/no/such/file"), "absent or empty"),
        (("--phone", "bay-0", "--token-stdin"), "no single pairing token"),
    ],
)
def test_pair_without_what_it_needs_says_what(
    shelf: Desk, words: tuple[str, ...], said: str
) -> None:
    """Each mistake of the command line has its own sentence, and no phone is touched."""
    result = shelf.run("pair", *words, stdin="two words\n")
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert [] == shelf.do(shelf.table.store.devices)


def test_relink_beside_a_controller_that_has_a_session_replaces_it(shelf: Desk) -> None:
    """The controller goes on with the new session and does not throw it away with the old one."""
    paired(shelf)
    with shelf.controller() as running:
        shelf.call(running.ready(0))
        paired(shelf, command="relink")
        uid = shelf.do(lambda: shelf.table.queue("after the second pairing", phone=0))
        shelf.call(shelf.table.reported(running, [uid]))
    assert [("sent", None)] == shelf.do(lambda: shelf.table.told(uid))


def test_pair_passes_over_a_paired_phone_and_keeps_its_token(shelf: Desk) -> None:
    """Typed twice it spends nothing: the token that came with the second call is still good."""
    paired(shelf)
    token = shelf.mint()
    (result,) = shelf.json("pair", "--phone", "bay-0", "--token-stdin", stdin=token)
    assert "already" == result["outcome"]
    (other,) = shelf.json("pair", "--phone", "bay-1", "--token-stdin", stdin=token)
    assert "paired" == other["outcome"]


def test_relink_after_a_factory_reset_keeps_gateway_and_rows(shelf: Desk) -> None:
    """The phone comes back empty, with other subscription ids; the panel knows it by its uuid."""
    paired(shelf)
    (before,) = shelf.json("pair", "--phone", "bay-0")
    shelf.call(shelf.table.phones[0].handset.factory_reset())
    (after,) = shelf.json("relink", "--phone", "bay-0", "--token-stdin", stdin=shelf.mint())
    assert ("paired", before["gateway"]) == (after["outcome"], after["gateway_before"])
    assert (before["device"], before["gateway"], before["sims"]) == (
        after["device"],
        after["gateway"],
        after["sims"],
    )
    assert 1 == len(shelf.do(shelf.table.store.devices))


def test_relink_on_another_host_keeps_the_gateway(shelf: Desk) -> None:
    """Without any memory of this host the same phone is the same device at the panel."""
    paired(shelf)
    (before,) = shelf.do(shelf.table.store.devices)
    text = shelf.config.read_text()
    fresh = shelf.table.home / "other-host"
    shelf.config.write_text(text.replace(str(shelf.table.settings.state_dir), str(fresh)))
    (after,) = shelf.json("relink", "--phone", "bay-0", "--token-stdin", stdin=shelf.mint())
    assert (None, before.gateway_uid) == (after["gateway_before"], after["gateway"])
    assert [before.uuid] == [device.uuid for device in shelf.do(shelf.table.store.devices)]


def test_relink_that_comes_back_with_another_gateway_is_told_as_a_fault(shelf: Desk) -> None:
    """Another panel gives another gateway: the session is kept, the change is said, exit code 1."""
    paired(shelf)
    (before,) = shelf.json("pair", "--phone", "bay-0")
    shelf.call(shelf.table.desk.close())
    shelf.do(lambda: setattr(shelf.table.desk, "store", PanelStore()))
    shelf.call(shelf.table.desk.open())
    (after,) = shelf.json("relink", "--phone", "bay-0", "--token-stdin", stdin=shelf.mint(), code=1)
    assert "moved" == after["outcome"]
    assert before["gateway"] == after["gateway_before"] != after["gateway"]
    assert "GATEWAY_CHANGED" in shelf.printed[-1]


def test_relink_of_several_asks_first(shelf: Desk, tmp_path: Path) -> None:
    """Sessions end by it, so without --yes nothing happens unless the person says yes."""
    paired(shelf)
    tokens = tmp_path / "tokens.csv"
    tokens.touch(0o600)
    tokens.write_text(f"phone,token\nbay-0,{shelf.mint()}\nbay-1,{shelf.mint()}\n")
    asked = shelf.run("relink", "--csv", str(tokens), stdin="n\n")
    assert 1 == asked.exit_code
    assert "(2 phones: bay-0, bay-1)?" in asked.output
    assert 1 == len(shelf.do(shelf.table.store.devices))
    results = shelf.json("relink", "--csv", str(tokens), "--yes")
    assert ["paired", "paired"] == [result["outcome"] for result in results]


def test_pair_csv_with_a_mistake_spends_no_token(shelf: Desk, tmp_path: Path) -> None:
    """Every wrong line is named before the first token is used."""
    tokens = tmp_path / "tokens.csv"
    tokens.touch(0o600)
    tokens.write_text(f"phone,token\nbay-0,{shelf.mint()}\nbay-7,x\nbay-8,y\n")
    result = shelf.run("pair", "--csv", str(tokens))
    assert 2 == result.exit_code
    assert "line 3: no phone is called 'bay-7'" in result.stderr
    assert "line 4: no phone is called 'bay-8'" in result.stderr
    assert [] == shelf.do(shelf.table.store.devices)
    tokens.chmod(0o644)
    assert "chmod 600" in shelf.run("pair", "--csv", str(tokens)).stderr


def test_pair_qr_screenshot_serves_whoever_has_none_and_passes_spent_codes(
    shelf: Desk, tmp_path: Path
) -> None:
    """A picture for a phone by its name, a screenshot for the others; a spent code is passed."""
    spent = paired(shelf, "bay-1")
    shelf.run("logout", "--phone", "bay-1", "--yes")
    page = Image.new("RGB", (800, 400), "white")
    for index, token in enumerate((spent, shelf.mint())):
        page.paste(code(token), (20 + 400 * index, 20))
    folder = tmp_path / "codes"
    folder.mkdir()
    page.save(folder / "page.png")
    code(shelf.mint()).save(folder / "bay-0.png")
    for picture in folder.iterdir():
        picture.chmod(0o600)
    results = shelf.json("pair", "--all", "--qr", str(folder))
    assert ["paired", "paired"] == [result["outcome"] for result in results]


def code(token: str) -> Image.Image:
    """A QR code as the panel's page shows it."""
    drawn = zxingcpp.create_barcode(token, zxingcpp.BarcodeFormat.QRCode).to_image(scale=5)
    return Image.fromarray(drawn).convert("RGB")


def test_pair_waits_while_the_panel_is_busy(shelf: Desk) -> None:
    """A limit of the panel slows a run down and fails nobody; no row is made twice."""
    for endpoint in ("register", "create_sim"):
        fault = Fault(FaultKind.STATUS, status=429, retry_after="0")
        shelf.do(lambda e=endpoint, f=fault: shelf.table.faults.add(e, f, times=2))
    paired(shelf)
    (device,) = shelf.do(shelf.table.store.devices)
    assert [0, 1] == [row.slot for row in shelf.do(lambda: shelf.table.store.sims(device))]


def test_pair_all_takes_each_token_from_its_own_source(shelf: Desk, tmp_path: Path) -> None:
    """Phones with a laid-down token are paired, the paired one is left alone, one lacks a token."""
    paired(shelf)
    results = shelf.json("pair", "--all", code=1)
    assert ["already", "failed"] == [result["outcome"] for result in results]
    assert "CONFIG_INVALID" == results[1]["error"]["code"]
    file = tmp_path / "bay-1.token"
    file.write_text(shelf.mint())
    file.chmod(0o600)
    text = shelf.config.read_text()
    shelf.config.write_text(
        text.replace('name = "bay-1"', f'name = "bay-1"\ntoken_file = "{file}"')
    )
    results = shelf.json("pair", "--all")
    assert ["already", "paired"] == [result["outcome"] for result in results]
    assert 2 == len(shelf.do(shelf.table.store.devices))


def test_logout_ends_the_session_of_an_absent_phone(shelf: Desk) -> None:
    """The phone need not be attached; afterwards the panel shows it as offline."""
    paired(shelf)
    shelf.call(shelf.table.phones[0].link.unplug())
    result = shelf.run("logout", "--phone", "bay-0", "--yes")
    assert (0, "bay-0: logged out\n") == (result.exit_code, result.stdout)
    (device,) = shelf.do(shelf.table.store.devices)
    assert device.online is False
    again = shelf.run("logout", "--phone", "bay-0", "--yes")
    assert 1 == again.exit_code
    assert "not paired" in again.stderr


def test_logout_asks_first(shelf: Desk) -> None:
    """Without --yes nothing happens unless the person says yes."""
    paired(shelf)
    assert 1 == shelf.run("logout", "--phone", "bay-0", stdin="n\n").exit_code
    (device,) = shelf.do(shelf.table.store.devices)
    assert device.online is True


def test_logout_with_a_dead_panel_keeps_the_session(shelf: Desk) -> None:
    """A panel that does not answer may not have ended it: nothing is forgotten here."""
    paired(shelf)
    shelf.call(shelf.table.desk.close())
    result = shelf.run("logout", "--phone", "bay-0", "--yes")
    assert 1 == result.exit_code
    assert "PANEL_UNAVAILABLE" in result.stderr
    shelf.call(shelf.table.desk.open())
    assert 0 == shelf.run("logout", "--phone", "bay-0", "--yes").exit_code
