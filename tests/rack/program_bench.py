"""`droidrack run` as an operator or a service manager starts it: a process of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller_bench import DEADLINE_S, Bench


def write_config(table: Bench) -> Path:
    """The bench's settings as an operator's file."""
    phones = "".join(
        f'[[phones]]\nname = "{p.name}"\nserial = "{p.serial}"\ntoken_file = "{p.token_file}"\n'
        for p in table.settings.phones
    )
    config = table.home / "devices.toml"
    config.write_text(
        f'state_dir = "{table.settings.state_dir}"\n'
        f'[panel]\nurl = "{table.settings.panel.url}"\n'
        "[intervals]\npoll_s = 0.2\nheartbeat_s = 1\nreport_s = 0.1\n"
        "[pacing]\nmin_gap_s = 0.1\n"
        f"[[adb]]\nown = false\nport = {table.rack.adb_port}\n{phones}",
        encoding="utf-8",
    )
    config.chmod(0o600)
    return config


@contextmanager
def droidrack_run(config: Path, **environment: str) -> "Iterator[subprocess.Popen[str]]":
    """The real program; it is killed at the end if it still runs."""
    command = [sys.executable, "-m", "droidrack.faces.cli.main", "run", "--log-json"]
    with subprocess.Popen(
        [*command, "--config", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.defpath, "HOME": str(config.parent), **environment},
    ) as program:
        try:
            yield program
        finally:
            program.kill()


async def ended(program: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit code and standard error of a program, without holding up the loop."""
    _, stderr = await asyncio.to_thread(program.communicate, timeout=DEADLINE_S)
    return program.returncode, stderr
