"""Repairs look again before they touch a phone: a treatment of another took its time."""

import asyncio
from dataclasses import replace
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any

from droidrack.app.repairing import Repairs
from droidrack.app.servers import Servers
from droidrack.core.ids import Serial
from droidrack.core.settings import PanelSettings, PhoneSettings, RepairSettings, Settings
from droidrack.core.standing import PhoneState
from droidrack.core.transport import READY
from droidrack.ports import Sighting

ILL = SimpleNamespace(state=PhoneState.TROUBLED, evidence="PHONE_TIMEOUT", cause="mute")
WELL = SimpleNamespace(state=PhoneState.READY, evidence="", cause="")
PHONES = (PhoneSettings("a", serial="A"), PhoneSettings("b", serial="B"))
SETTINGS = replace(
    Settings(PanelSettings("http://127.0.0.1"), PHONES, PurePath("/nowhere")),
    repair=RepairSettings(reboot=True),
)


class _Worker:
    """What repairs see of one."""

    def __init__(self, phone: PhoneSettings) -> None:
        self.name, self.settings = phone.name, phone
        self.occupied, self.device, self.standing = True, None, ILL


class _Host:
    """A clock that the treatments move on."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def monotonic(self) -> float:
        return self.at_s


class _Mender:
    """Nothing but a restart can be done here."""

    async def tree(self) -> None:
        """No USB tree."""

    def owns(self, bus: int) -> bool:
        return False

    async def reconnect(self, bus: int, sighting: Sighting) -> None:
        """Of no help."""


def test_phone_that_came_back_while_another_was_treated_is_left_alone() -> None:
    """Two phones hang; the restart of one takes ten seconds, and the other works again by then."""
    host, restarted = _Host(), list[str]()
    workers = [_Worker(phone) for phone in PHONES]

    def reach(_bus: int, sighting: Sighting) -> Any:
        async def run(_command: str, **_: object) -> None:
            restarted.append(sighting.serial)
            host.at_s += 10.0
            workers[1].standing = WELL

        return SimpleNamespace(run=run)

    world: Any = SimpleNamespace(
        settings=SETTINGS,
        clock=host,
        tell=lambda *_, **__: None,
        chronicle=SimpleNamespace(note=lambda *_, **__: None),
        panel_line=SimpleNamespace(look=lambda: None),
        lessee=None,
    )
    rack: Any = SimpleNamespace(
        workers=workers,
        shown={0: {w: Sighting(Serial(w.settings.serial), READY, 1) for w in workers}},
        reach=reach,
        servers=Servers(world),
    )

    async def play() -> None:
        mender: Any = _Mender()
        repairs = Repairs(world, mender)
        while not restarted:
            await repairs.look(rack)
            host.at_s += 5.0
        assert restarted == ["A"]

    asyncio.run(play())
