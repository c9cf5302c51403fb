"""Failpoints that ordinary traffic does not pass, each with the misfortune that leads there.

A scene is played once per point, in a lab of its own with one phone: start, mishap, death at the
point, start again, and to the end.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from crash_lab import CrashLab, until
from crash_traffic import Traffic

from droidrack.virtual.faults import Fate, Outcome
from droidrack.virtual.panel.faults import Fault, FaultKind

Step = Callable[[CrashLab, Traffic], Awaitable[None]]


async def nothing(lab: CrashLab, traffic: Traffic) -> None:
    """It happens by itself."""


@dataclass(frozen=True)
class Scene:
    """How to come to some points. `mishap` runs once the controller is started.

    `first_life`: the controller dies while it is pairing; else it is paired before.
    """

    name: str
    points: tuple[str, ...]
    mishap: Step = nothing
    relief: Step = nothing  # What an operator does after the crash.
    first_life: bool = False
    level: int = 34
    settings: dict[str, dict[str, float]] = field(default_factory=dict)
    patience_s: float = 25.0


def _sides(*steps: str) -> tuple[str, ...]:
    return tuple(f"{step}.{side}" for step in steps for side in ("before", "after"))


async def _new_token(lab: CrashLab, traffic: Traffic) -> None:
    """The old one may be spent, and only the panel knows."""
    lab.lay_down_token(0)


async def _lose_card(lab: CrashLab, traffic: Traffic) -> None:
    lab.phones[0].model.remove_sim(0)
    traffic.add(0, "+15550001111")


async def _find_card(lab: CrashLab, traffic: Traffic) -> None:
    card = lab.phones[0].model.spec.sims[0]
    if card is None:
        raise AssertionError("the scene's phone has a card")
    lab.phones[0].model.insert_sim(0, card)


async def _silence(lab: CrashLab, traffic: Traffic) -> None:
    lab.phones[0].model.radio.faults.script(Fate(Outcome.ANSWER_LOST))
    traffic.add(0, "+15550001111")


async def _cut_answer(lab: CrashLab, traffic: Traffic) -> None:
    lab.phones[0].link.cut_next("executed", match="+15550001111")
    traffic.add(0, "+15550001111")


async def _refuse_number(lab: CrashLab, traffic: Traffic) -> None:
    traffic.add(0, "+1555-BAD-NUMBER")


async def _refuse_report(lab: CrashLab, traffic: Traffic) -> None:
    lab.faults.add("report", Fault(FaultKind.STATUS, status=422), times=1)
    traffic.add(0, "+15550001111")


async def _hang_adb(lab: CrashLab, traffic: Traffic) -> None:
    """The server takes the connection and says nothing: no command can have left."""
    before = len(lab.store.heartbeats())
    await until(lambda: len(lab.store.heartbeats()) > before, 20)
    pid = lab.rack.server_pid
    if pid is None:
        raise AssertionError("the scene needs the rack's own adb server")
    os.kill(pid, signal.SIGSTOP)
    traffic.add(0, "+15550001111")


async def _wake_adb(lab: CrashLab, traffic: Traffic) -> None:
    pid = lab.rack.server_pid
    if pid is not None:
        os.kill(pid, signal.SIGCONT)


SCENES = (
    Scene(
        "pairing",
        (
            *_sides("commit.sim", "commit.event"),
            *_sides("panel.register", "panel.create_sim", "vault.store"),
            "outside.register-taken",
        ),
        relief=_new_token,
        first_life=True,
    ),
    Scene("refused number", _sides("settle.failed"), _refuse_number),
    Scene(
        "no card",
        _sides("settle.expired"),
        _lose_card,
        _find_card,
        settings={"policy": {"message_ttl_s": 1}},
    ),
    Scene(
        "held messages",
        _sides("commit.hold", "commit.audit"),
        _lose_card,
        _find_card,
        patience_s=45,  # The slots are read every 15 s, and a hold's line waits 5 s for company.
    ),
    Scene(
        "silent modem",
        _sides("settle.unknown"),
        _silence,
        level=28,
        settings={"policy": {"confirm_deadline_s": 5}},
    ),
    Scene("cut answer", _sides("settle.sending"), _cut_answer),
    Scene("refused report", _sides("commit.park"), _refuse_report),
    Scene(
        "adb server hangs",
        _sides("settle.accepted"),
        _hang_adb,
        _wake_adb,
        level=28,  # Its store is not asked, so that nothing but the call meets the hanging server.
        settings={"intervals": {"heartbeat_s": 600}, "policy": {"confirm_deadline_s": 60}},
        patience_s=50,
    ),
)
