"""A phone's session with the panel: pairing, keeping it, losing it.

A session is over when the panel says 401 or 403. It is then forgotten here, the journal is kept,
and the phone waits for a new pairing token; a token the panel refused is not tried again.
"""

import asyncio
from collections.abc import Callable

from droidrack.app.handset import Handset
from droidrack.app.pairing import complete_rows, register
from droidrack.app.pause import Pause
from droidrack.app.world import World
from droidrack.core.errors import PanelBusy, PanelRefused, PanelUnavailable, SessionOver
from droidrack.core.ids import DeviceUuid, Slot, Token
from droidrack.core.settings import PhoneSettings
from droidrack.ports import StoredSession

TOKEN_CHECK_S = 5.0
"""How often a phone without a session looks whether a new pairing token was laid down, and one with
a session whether an operator's command changed it. The look costs some 0.1 ms."""


class SessionKeeper:
    """The session of one phone, shared by its rooms."""

    def __init__(self, world: World, settings: PhoneSettings) -> None:
        self._world = world
        self._settings = settings
        self._device: DeviceUuid | None = None
        self._current: StoredSession | None = None
        self._changed = asyncio.Event()
        self._refused: Token | None = None
        self._answer_lost = False
        self._pairing = asyncio.Lock()
        self._complete_for: tuple[Handset, frozenset[Slot]] | None = None
        self.complaint = ""
        self.on_change: Callable[[], None] = lambda: None  # It began or ended.
        self.since = world.clock.now()  # Of the present session, or of being without one.

    @property
    def current(self) -> StoredSession | None:
        """The session, if there is one."""
        return self._current

    def recall(self, device: DeviceUuid) -> None:
        """Take up the session that the vault holds for this phone, if any."""
        if device != self._device:  # Another phone never speaks under its predecessor's session.
            self._device, self._current, self._refused = device, None, None
            self._answer_lost, self.complaint = False, ""
            self.on_change()
        stored = self._world.vault.load(device)
        if stored is not None and stored != self._current:
            self._set(stored)

    async def changed_beside(self, device: DeviceUuid) -> StoredSession:
        """The session, as soon as an operator's command (`pair`, `sims`) has changed it."""
        while True:
            before = self._current
            await self._world.clock.sleep(TOKEN_CHECK_S)
            if before is not None and self._current is before:
                self.recall(device)
                if self._current is not before:
                    return self._current

    async def valid(self) -> StoredSession:
        """The session, as soon as there is one."""
        while self._current is None:
            self._changed.clear()
            await self._changed.wait()
        return self._current

    def over(self, token: Token, reason: SessionOver) -> None:
        """The panel refused this token. Idempotent; an older token's end changes nothing."""
        if self._current is None or self._current.token != token or self._device is None:
            return
        self._current = None
        stored = self._world.vault.load(self._device)
        if stored is not None and stored.token != token:
            self._set(stored)  # Paired anew meanwhile, by `droidrack pair`.
            return
        self._world.vault.forget(self._device)
        self.complaint, self.since = reason.message, self._world.clock.now()
        self.on_change()
        self._world.tell("session over", phone=self._settings.name, reason=reason.message)

    async def pair(self, handset: Handset) -> StoredSession:
        """The session of this phone: the vault's, or a new one as soon as a token allows it.

        The panel was asked for a row of each card in it.
        """
        async with self._pairing:  # Several rooms may find at once that the session is over.
            pause = Pause(self._world.dice)
            while True:
                session = await self._pair(handset)
                if self._complete_for == (handset, handset.carded):
                    return session
                await self._complete(handset, session, pause)

    async def _complete(self, handset: Handset, session: StoredSession, pause: Pause) -> None:
        """See that each card has its row; once per session, arrival of the phone and new card."""
        carded = handset.carded
        try:
            stored = await complete_rows(self._world, handset, self._settings, session)
        except SessionOver as over:
            self.over(session.token, over)
        except (PanelUnavailable, PanelBusy) as error:
            self.complaint = error.message
            self._world.tell("SIM rows postponed", phone=self._settings.name, why=error.message)
            retry_after_s = error.retry_after_s if isinstance(error, PanelBusy) else None
            await self._world.clock.sleep(pause.after_busy(retry_after_s))
        else:
            self._set(stored)
            self._complete_for = handset, carded

    async def _pair(self, handset: Handset) -> StoredSession:
        self.recall(handset.device)
        pause = Pause(self._world.dice)
        while self._current is None:
            token = self._world.pairing_token(self._settings)
            if token is None or token == self._refused:
                self.complaint = self.complaint or (
                    "no pairing token is laid down (token_env, token_file, or `droidrack pair`)"
                )
                await self._world.clock.sleep(TOKEN_CHECK_S)
                self.recall(handset.device)  # `droidrack pair` may have been run meanwhile.
                continue
            try:
                await self._register(handset, token)
            except asyncio.CancelledError:  # Such as a pulled cable: the panel may have answered.
                self._answer_lost = True
                raise
            except PanelRefused as refusal:
                self._refuse(token, refusal)
            except (PanelUnavailable, PanelBusy, SessionOver) as error:
                self._answer_lost = self._answer_lost or isinstance(error, PanelUnavailable)
                self.complaint = error.message
                self._world.tell("pairing postponed", phone=self._settings.name, why=error.message)
                retry_after_s = error.retry_after_s if isinstance(error, PanelBusy) else None
                await self._world.clock.sleep(pause.after_busy(retry_after_s))
        return self._current

    def _refuse(self, token: Token, refusal: PanelRefused) -> None:
        self._refused = token
        spent = (
            " An earlier answer was lost, so this token may be spent: mint a new one; the panel "
            "re-links the same phone, so no second gateway appears."
            if self._answer_lost
            else " Mint a new pairing token in the panel."
        )
        said = refusal.message.rstrip(".")  # It ends with the panel's own sentence.
        self.complaint = f"the panel refused the pairing token: {said}.{spent}"
        self._world.tell("pairing refused", phone=self._settings.name, reason=self.complaint)

    async def _register(self, handset: Handset, token: Token) -> None:
        stored = await register(self._world, handset, self._settings, token)
        self._set(stored)
        self._complete_for = None
        self._world.tell("paired", phone=self._settings.name, gateway=stored.gateway_uid)

    def _set(self, session: StoredSession) -> None:
        self._current = session
        self.since = self._world.clock.now()
        self._refused = None
        self._answer_lost = False
        self.complaint = ""
        self._changed.set()
        self.on_change()
