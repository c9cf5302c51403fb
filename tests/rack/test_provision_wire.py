"""A recipe over the real adb server: files, installs, restarts and secrets through a real shell."""

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from live_rack import LiveRack, StartRack, quick
from test_provision_screen import fates, provision

from droidrack.core.provision.record import PhoneFate, RunKind
from droidrack.virtual.apk_build import build_apk
from droidrack.virtual.shell_mksh import mksh_path

KEY = "p$ss 'w\"rd` \\ 42"
RECIPE = """
[secrets.wifi]
env = "RACK_WIFI"
[[steps]]
name = "app"
type = "apk"
file = "a.apk"
[[steps]]
name = "grant"
type = "permission"
package = "org.example.a"
permissions = ["android.permission.READ_SMS"]
needs = ["app"]
[[steps]]
name = "wifi"
type = "wifi"
ssid = "Rack 5 $GHz"
key = { secret = "wifi" }
[[steps]]
name = "config"
type = "push"
file = "config.json"
to = "/sdcard/Download/with blank/config.json"
[[steps]]
name = "screen"
type = "screen"
timeout_s = 60
[[steps]]
name = "restart"
type = "restart"
[[steps]]
name = "picture"
type = "screenshot"
"""


@pytest.fixture
def lab(start_rack: StartRack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LiveRack:
    """Three phones of three makers, with what the recipe brings along."""
    monkeypatch.setenv("RACK_WIFI", KEY)
    apk = build_apk("org.example.a", version_code=2, permissions=["android.permission.READ_SMS"])
    (tmp_path / "a.apk").write_bytes(apk)
    (tmp_path / "config.json").write_bytes(bytes(range(256)) * 1000)
    rack = start_rack([quick(14), quick(13), quick(12)], shell="mksh" if mksh_path() else "parser")
    for phone in rack.phones:
        phone.model.estate.wifi.networks["Rack 5 $GHz"] = KEY
    return rack


def changes(rack: LiveRack) -> list[str]:
    """Everything that was changed on any phone."""
    return [change for phone in rack.phones for change in phone.model.estate.changes]


def test_recipe_over_the_wire_applies_once(lab: LiveRack, tmp_path: Path) -> None:
    """Three makers: applied, restarted, verified; the second run writes nothing."""
    assert [(PhoneFate.DONE, "")] * 3 == fates(provision(lab, RECIPE, tmp_path))
    assert ["Rack 5 $GHz"] * 3 == [p.model.estate.wifi.connected for p in lab.phones]
    assert 3 == changes(lab).count("reboot")
    for phone in lab.phones:
        phone.model.estate.changes.clear()
    assert [(PhoneFate.DONE, "")] * 3 == fates(provision(lab, RECIPE, tmp_path))
    assert [] == changes(lab)
    assert [(PhoneFate.DONE, "")] * 3 == fates(provision(lab, RECIPE, tmp_path, RunKind.VERIFY))
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in content for content in kept)


def test_recipe_over_the_wire_survives_unplugs_and_a_server_that_dies(
    lab: LiveRack, tmp_path: Path
) -> None:
    """Cables are pulled and the adb server dies in the middle: the run goes on to the same end."""

    async def misfortune() -> None:
        for delay_s, phone in ((1.0, lab.phones[0]), (0.4, lab.phones[1])):
            await asyncio.sleep(delay_s)
            await phone.link.unplug()
            await asyncio.sleep(0.5)
            await phone.link.replug()
        lab.rack.crash_server()

    trouble = asyncio.run_coroutine_threadsafe(misfortune(), lab.loop)
    outcome = provision(lab, RECIPE, tmp_path)
    trouble.result(30)
    assert [(PhoneFate.DONE, "")] * 3 == fates(outcome)
    assert 3 == changes(lab).count("reboot")
    assert [2] * 3 == [p.model.estate.packages["org.example.a"].version_code for p in lab.phones]


def test_secret_stands_in_no_command_line_of_this_host(
    start_rack: StartRack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process of the host is looked at while the phone joins a network."""
    monkeypatch.setenv("RACK_WIFI", KEY)
    rack = start_rack([quick(14)], shell="parser")
    rack.phones[0].model.estate.wifi.networks["Rack 5 $GHz"] = KEY
    seen: set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(line.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    wifi = RECIPE.partition('[[steps]]\nname = "app"')[0] + (
        '[[steps]]\nname = "wifi"\ntype = "wifi"\nssid = "Rack 5 $GHz"\nkey = { secret = "wifi" }\n'
    )
    try:
        assert [(PhoneFate.DONE, "")] == fates(provision(rack, wifi, tmp_path))
    finally:
        over.set()
        watcher.join()
    assert len(seen) > 2
    assert not any(KEY.encode() in line for line in seen)
