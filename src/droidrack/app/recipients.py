"""What the door asks about recipients: the SIM's country, and who asked for no more messages.

The list is read for all messages of a look together, and once more for the one that goes, when its
attempt is on disk and nothing but the call is left: a STOP may arrive on any phone meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from droidrack.app.world import World
from droidrack.core.case import Case, Verdict, failed
from droidrack.core.door import last_word
from droidrack.core.ids import Msisdn
from droidrack.core.optout import OptOut
from droidrack.core.recipient import country_at, list_key
from droidrack.core.settings import PhoneSettings


class Recipients:
    """The recipients of one phone's messages."""

    def __init__(self, world: World, settings: PhoneSettings) -> None:
        self._world = world
        self._settings = settings
        self._listed: Mapping[Msisdn, OptOut] = {}

    def placed(self, case: Case) -> Case:
        """The case with its SIM's country."""
        if case.binding is None:
            return case
        return replace(case, country=country_at(self._settings, case.binding.slot, case.sims))

    async def look_up(self, cases: Iterable[Case]) -> None:
        """Read the list for these."""
        keys = {key_of(case) for case in cases}
        self._listed = await self._world.journal.optouts.among(keys)

    def known(self, case: Case) -> Case:
        """The case with its entry, as last looked up."""
        return replace(case, opt_out=self._listed.get(key_of(case)))

    async def last_word(self, case: Case) -> Verdict | None:
        """What keeps a message back at the last moment: its time, its recipient's word or night.

        A message that may go as the one that confirms an opt-out takes that allowance here.
        """
        optouts, key = self._world.journal.optouts, key_of(case)
        entry = (await optouts.among([key])).get(key)
        verdict = last_word(replace(case, opt_out=entry, now=self._world.clock.now()))
        if verdict is not None or entry is None:
            return verdict
        if await optouts.confirm(key, case.message.uid):
            return None
        return failed("OPTED_OUT", "another message confirms it already")


def key_of(case: Case) -> Msisdn:
    """The recipient as lists know him, however the panel wrote his number."""
    return list_key(case.message.number, case.country)
