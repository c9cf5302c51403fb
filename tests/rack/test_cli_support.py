"""`droidrack support-bundle`: enough to help, and nobody's secrets."""

import json
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_bench import NUMBER, TEXT, Desk, desk, paired
from controller_bench import swift


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Desk]:
    """Two phones; one of them worked."""
    with desk([swift(13), swift(9, sims=1)], tmp_path) as it:
        yield it


def members(path: Path) -> dict[str, str]:
    """The files of a bundle by their names."""
    with tarfile.open(path) as archive:
        found = {}
        for member in archive.getmembers():
            content = archive.extractfile(member)
            assert content is not None
            found[member.name.partition("/")[2]] = content.read().decode()
        return found


def worked(shelf: Desk) -> list[str]:
    """A message goes out on each phone; every secret that this made."""
    tokens = [paired(shelf, name) for name in ("bay-0", "bay-1")]
    with shelf.controller() as running:
        shelf.call(running.ready())
        for phone in (0, 1):
            uid = shelf.do(lambda n=phone: shelf.table.queue(TEXT, phone=n, number=NUMBER))
            shelf.call(shelf.table.reported(running, [uid]))
        shelf.call(running.controller.world.chronicle.flush())
        sessions = [w.session.current.token.reveal() for w in running.workers if w.session.current]
    return [*tokens, *sessions]


def test_bundle_holds_what_helps_and_no_secret(shelf: Desk, tmp_path: Path) -> None:
    """Tokens, numbers, texts, cards and serials stand in no file; every part is there."""
    tokens = worked(shelf)
    out = tmp_path / "rack-7.tar.gz"
    result = shelf.run("support-bundle", str(out))
    assert 0 == result.exit_code, result.output
    files = members(out)

    serials = [phone.model.spec.serial for phone in shelf.table.phones]
    hidden = [*shelf.secrets, *tokens, *serials]
    assert len(tokens) == 4
    for name, text in files.items():
        assert [] == [secret for secret in hidden if secret in text], name

    assert {"doctor.json", "config.json", "map.json", "events.json", "versions.json"} <= set(files)
    for name in ("bay-0", "bay-1"):
        assert any(f.startswith(f"phones/{name}/") and "getprop" in f for f in files)
    assert {"bay-0", "bay-1"} <= {line["phone"] for line in json.loads(files["map.json"])}
    assert json.loads(files["events.json"])
    assert "0o600" == oct(stat.S_IMODE(out.stat().st_mode))


def test_bundle_overwrites_nothing(shelf: Desk, tmp_path: Path) -> None:
    """An existing file stays as it is."""
    out = tmp_path / "there"
    out.write_text("mine")
    result = shelf.run("support-bundle", "--without-phones", str(out))

    assert 2 == result.exit_code
    assert "does not exist yet" in result.stderr
    assert "mine" == out.read_text()


def test_bundle_of_a_rack_in_ruins_is_written_all_the_same(shelf: Desk, tmp_path: Path) -> None:
    """No panel, no adb server, no journal: that is what it has to tell."""
    shelf.call(shelf.table.desk.close())
    shelf.call(shelf.table.rack.kill_server())
    out = tmp_path / "ruins.tgz"
    result = shelf.run("support-bundle", str(out))

    assert 0 == result.exit_code, result.output
    files = members(out)
    assert "no connection" in files["doctor.json"]
    assert "adb server" in files["phones/missing.txt"]
