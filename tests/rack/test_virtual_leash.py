"""A rack whose process is killed leaves no adb server behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def test_rack_killed_without_warning_takes_its_adb_server_along(tmp_path: Path) -> None:
    """Nobody cleans up after kill -9: the kernel ends the child with its parent."""
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "droidrack.faces.cli.main", "virtual", "--phones", "1"]
    with out.open("w") as stream:
        rack = subprocess.Popen([*command, "--profile", "parser", "--json"], stdout=stream)
    try:
        deadline = time.monotonic() + 60
        while not out.read_text().endswith("}\n") and time.monotonic() < deadline:
            time.sleep(0.05)
        port = json.loads(out.read_text())["adb_port"]
        servers = [pid for pid in _processes() if f"\0{port}\0--reply-fd" in _command_line(pid)]
        assert 1 == len(servers)
    finally:
        os.kill(rack.pid, signal.SIGKILL)
        rack.wait()
    while _is_alive(servers[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(servers[0])


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _is_alive(pid: int) -> bool:
    return bool(_command_line(pid))
