"""Pairs many phones in one run: some at a time, one phone's fault being nobody else's.

Each session is in the vault before the next call, so a run that was killed is continued by running
it again: who has a session is passed over. A token whose answer was lost is spent without a
session; a new token then gives the same phone the same gateway, because the panel knows it by its
device uuid.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from droidrack.app.acts import Act
from droidrack.app.finding import Found, stored_session
from droidrack.app.handset import Handset
from droidrack.app.pairing import complete_rows, register
from droidrack.app.pause import Pause
from droidrack.app.world import World
from droidrack.core.errors import ConfigError, PanelBusy, PanelError, PanelRefused, RackError
from droidrack.core.ids import DeviceUuid, Token
from droidrack.core.settings import PhoneSettings
from droidrack.ports import PhoneRecord, StoredSession

AT_ONCE = 8
"""Phones at a time: meeting one takes a phone some seconds of its own CPU and this host little;
more calls at once only make a panel say that it is busy."""

BUSY_TRIES = 20
"""A panel that counts 60 calls a minute, Laravel's usual limit, asks for a pause of up to a minute;
200 phones with two cards each make 600 calls."""

HOW_TO_GIVE_ONE = (
    "make one in the panel (Gateway → Android SMS → Devices → Add Device) and give it with "
    "--token-file, --token-stdin, --csv or --qr, or name its source in devices.toml (token_file, "
    "token_env)"
)
HOW_TO_GET_ANOTHER = (
    "a pairing token works once: it is spent by its first use, also where the answer was lost, the "
    "run was killed or a running controller was faster (`droidrack sims list` shows who is "
    "paired). Make a new one in the panel: the phone keeps its gateway and its SIM rows"
)

T = TypeVar("T")


class Purse:
    """The tokens of one run: those that belong to a phone, and those for whoever needs one."""

    def __init__(self, own: Mapping[str, Token], common: Iterable[Token] = ()) -> None:
        self._own = dict(own)
        self._common = deque(common)

    def own(self, phone: str) -> Token | None:
        """The token that was given for this phone."""
        return self._own.get(phone)

    def take(self) -> Token | None:
        """The next of the others; a token leaves the purse for good."""
        return self._common.popleft() if self._common else None


@dataclass(frozen=True, slots=True)
class Paired:
    """A phone with a session."""

    phone: str
    device: DeviceUuid
    session: StoredSession
    new: bool  # A token was spent for it now.
    gateway_before: str = ""  # As this host remembers it; "": it knew none.

    @property
    def moved(self) -> bool:
        """The panel gave the same phone another gateway than before."""
        return self.gateway_before not in ("", self.session.gateway_uid)


Outcome = Paired | RackError

Recorded = Callable[[str], AbstractAsyncContextManager[Act]]
"""Around what is done to a phone of this name: it is written down with its outcome."""


class PairingRun:
    """One run over chosen phones."""

    def __init__(
        self,
        world: World,
        records: Sequence[PhoneRecord],
        purse: Purse,
        *,
        recorded: Recorded,
        again: bool = False,
    ) -> None:
        """`records`: phones of the journal. `again`: spend a token on paired phones too."""
        self._recorded = recorded
        self._world = world
        self._records = records
        self._purse = purse
        self._again = again

    async def run(
        self,
        found: Mapping[str, Found],
        phones: Sequence[PhoneSettings],
        on_outcome: Callable[[PhoneSettings, Outcome], None],
    ) -> None:
        """Pair each phone; `on_outcome` hears of each as soon as it is over, in that order."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(phone: PhoneSettings) -> None:
            async with turn:
                try:
                    async with self._recorded(phone.name) as act:
                        outcome: Outcome = await self._pair(phone, found[phone.name])
                        if isinstance(outcome, RackError):
                            act.code, act.detail = outcome.code, outcome.message
                        else:
                            act.device = outcome.device
                except RackError as error:
                    outcome = error
                on_outcome(phone, outcome)

        async with asyncio.TaskGroup() as group:
            for phone in phones:
                group.create_task(one(phone))

    async def _pair(self, phone: PhoneSettings, found: Found) -> Outcome:
        vault = self._world.vault
        if isinstance(found, RackError):
            known = stored_session(vault, self._records, phone)
            if known is None or self._again:
                return found
            return Paired(phone.name, *known, new=False)
        handset = await Handset.meet(self._world, found)
        session = vault.load(handset.device)
        if session is not None and not self._again:
            return Paired(phone.name, handset.device, session, new=False)
        before = session.gateway_uid if session else self._remembered(handset.device)
        session = await self._register(handset, phone)
        session = await self._complete(handset, phone, session)
        return Paired(phone.name, handset.device, session, new=True, gateway_before=before)

    def _remembered(self, device: DeviceUuid) -> str:
        return next((r.gateway_uid for r in self._records if r.device == device), "")

    async def _register(self, handset: Handset, phone: PhoneSettings) -> StoredSession:
        """A session by the phone's own token, else by the first of the others that is good."""
        token = self._purse.own(phone.name)
        common = token is None
        token = token or self._purse.take() or self._world.pairing_token(phone)
        if token is None:
            raise ConfigError(f"{phone.name}: no pairing token", hint=HOW_TO_GIVE_ONE)
        while True:
            try:
                given = partial(register, self._world, handset, phone, token)
                return await self._patiently(phone, given)
            except PanelRefused as refusal:
                # A picture that an earlier run used already: a refused token changed nothing.
                other = self._purse.take() if common else None
                if other is None:
                    refusal.message = f"{phone.name}: the token was refused: {refusal.message}"
                    refusal.hint = HOW_TO_GET_ANOTHER
                    raise
                token = other
            except PanelError as error:
                error.message = f"{phone.name}: {error.message}"
                raise

    async def _complete(
        self, handset: Handset, phone: PhoneSettings, session: StoredSession
    ) -> StoredSession:
        """The SIM rows; what the panel does not take now is the controller's to ask again."""
        world = self._world

        async def complete() -> StoredSession:
            # From the vault: a row that was made before the panel became busy is not made again.
            known = world.vault.load(handset.device) or session
            return await complete_rows(world, handset, phone, known)

        try:
            return await self._patiently(phone, complete)
        except PanelError as error:
            world.tell("SIM rows are left to the controller", phone=phone.name, why=error.message)
            return world.vault.load(handset.device) or session

    async def _patiently(self, phone: PhoneSettings, call: Callable[[], Awaitable[T]]) -> T:
        """A call, again while the panel says that it is busy: it then did nothing."""
        pause = Pause(self._world.dice)
        for _ in range(BUSY_TRIES):
            try:
                return await call()
            except PanelBusy as busy:
                wait_s = pause.after_busy(busy.retry_after_s)
                self._world.tell("the panel is busy", phone=phone.name, again_in_s=round(wait_s))
                await self._world.clock.sleep(wait_s)
        return await call()
