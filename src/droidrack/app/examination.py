"""Everything that is known of one attached phone's build, for the operator: `droidrack probe`.

The same profile, codes and questions as before traffic, with the sources of each, also for a phone
that is barred.
"""

from dataclasses import dataclass

from droidrack.app.arrival import Arrival
from droidrack.app.handset import Handset
from droidrack.app.learning import codes_of_phone, learn
from droidrack.app.probing import keep_proof, probe
from droidrack.app.world import World
from droidrack.core.capability import Capability, Standing
from droidrack.core.errors import ProfileError
from droidrack.core.evidence import Witnesses
from droidrack.core.ids import DeviceUuid
from droidrack.core.learn import Codes, Comparison, compare, taught
from droidrack.core.profile import DeviceIdentity, Profile

NO_WITNESS = Witnesses(store=False, radio=False, message_ids=False)


@dataclass(frozen=True, slots=True)
class Examination:
    """One phone. `device` None: it could not be met. `quarantine`: "" where it may send."""

    identity: DeviceIdentity
    table: Profile
    profile: Profile
    codes: Codes
    comparisons: tuple[Comparison, ...]
    capability: Capability
    device: DeviceUuid | None
    quarantine: str


async def examine(world: World, arrival: Arrival, *, again: bool, resume: bool) -> Examination:
    """Ask a phone everything that can be asked without sending.

    Args:
        world: its notebook keeps what is learnt and proven.
        arrival: the phone.
        again: read the phone's own codes even if the table knows its build.
        resume: lift a quarantine once the phone is proven.

    Raises:
        ProfileError: nobody knows this build: there is no table to hold it against.
        PhoneError, ParseError: it left, or does not answer as a phone does.
    """
    identity = DeviceIdentity.from_props(arrival.properties.values)
    table = world.profiles.resolve(identity)
    if again:
        codes = await learn(world, arrival, table, again=True)
    else:
        codes = await codes_of_phone(world, arrival, table)
    device = None
    try:
        handset = await Handset.meet(world, arrival, codes=codes)
    except ProfileError as barred:
        capability = Capability(Standing.BARRED, barred.message, (), NO_WITNESS, cards=False)
    else:
        device = handset.device
        capability = await probe(handset)
        keep_proof(world, handset, capability)
        if resume and capability.standing is Standing.PROVEN:
            world.notebook.set_quarantine(device, "")
    return Examination(
        identity=identity,
        table=table,
        profile=taught(table, codes),
        codes=codes,
        comparisons=compare(table, codes),
        capability=capability,
        device=device,
        quarantine=world.notebook.quarantine(device) if device else "",
    )
