"""Pairs a rack from one CSV in one command, kills it half way, and types it again.

Used by a test with few phones and by `scripts/pair-lab` with 200. What is believed is what the
panel's own store holds: one device and one gateway for each phone, however often the run died.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli_bench import PROGRAM, Desk, desk
from controller_bench import swift

RUN_DEADLINE_S = 600.0
"""For 200 phones, their adb server and the panel on one core."""


POLL_S = 0.01
"""Between two looks at the panel's store, which is memory."""


@dataclass(slots=True)
class Story:
    """What happened, for the test and for the printed figures."""

    phones: int
    at_kill: int = 0  # Devices that the panel knew when the first run was killed.
    second: list[dict[str, Any]] = field(default_factory=list)
    last: list[dict[str, Any]] = field(default_factory=list)
    first_s: float = 0.0
    second_s: float = 0.0

    def outcomes(self, results: list[dict[str, Any]]) -> dict[str, int]:
        """How many phones ended how."""
        count: dict[str, int] = {}
        for result in results:
            count[result["outcome"]] = count.get(result["outcome"], 0) + 1
        return count


def play(phones: int, home: Path) -> tuple[Story, list[tuple[str, str]]]:
    """Pair, kill -9 half way, pair again; then new tokens for those whose token went with the kill.

    Returns:
        The story, and device uuid and gateway of each device that the panel's store holds.
    """
    story = Story(phones)
    with desk([swift(index) for index in range(phones)], home) as shelf:
        tokens = home / "tokens.csv"
        names = [phone.name for phone in shelf.table.settings.phones]
        _write(tokens, {name: shelf.mint() for name in names})
        began = time.monotonic()
        first = _start(shelf, tokens)
        while len(shelf.do(shelf.table.store.devices)) < phones // 2:
            assert first.poll() is None, "it ended before the kill"
            assert time.monotonic() - began < RUN_DEADLINE_S
            time.sleep(POLL_S)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        story.at_kill = len(shelf.do(shelf.table.store.devices))
        story.first_s = time.monotonic() - began
        began = time.monotonic()
        story.second = _results(_start(shelf, tokens))
        story.second_s = time.monotonic() - began
        lost = [result["phone"] for result in story.second if result["outcome"] == "failed"]
        _write(tokens, {name: shelf.mint() for name in lost or names})
        story.last = _results(_start(shelf, tokens))
        devices = shelf.do(shelf.table.store.devices)
        return story, [(device.uuid, device.gateway_uid) for device in devices]


def _write(path: Path, tokens: dict[str, str]) -> None:
    path.touch(mode=0o600)
    path.write_text("phone,token\n" + "".join(f"{n},{t}\n" for n, t in tokens.items()))


def _start(shelf: Desk, tokens: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(PROGRAM), "pair", "--csv", str(tokens), "--json", "--config", str(shelf.config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.defpath, "HOME": str(shelf.table.home), "LANG": "C.UTF-8"},
    )


def _results(run: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    printed, _ = run.communicate(timeout=RUN_DEADLINE_S)
    results: list[dict[str, Any]] = json.loads(printed)
    return results


def main() -> None:
    """Play it once and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="droidrack-pair-") as home:
        story, devices = play(options.phones, Path(home))
    print(f"phones {story.phones}, known to the panel at the kill {story.at_kill}")
    print(f"first run, killed after {story.first_s:.1f} s")
    print(f"second run {story.second_s:.1f} s: {story.outcomes(story.second)}")
    print(f"third run, new tokens for the failed: {story.outcomes(story.last)}")
    gateways = {gateway for _, gateway in devices}
    print(f"at the panel: {len(devices)} devices, {len(gateways)} gateways")


if __name__ == "__main__":
    main()
