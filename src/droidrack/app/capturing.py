"""Captures what a phone prints, in the form of the corpus, without the identities in it.

The outputs of the commands that droidrack itself uses, one sample each, and beside each what the
parser of its family makes of it. A layout that no parser knows is the most wanted sample of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.app.arrival import Arrival
from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.anonymise import Anonymiser
from droidrack.core.capability import READS
from droidrack.core.decode import Json, decode
from droidrack.core.errors import ParseError, PhoneRefused, ProfileError
from droidrack.core.parcel import Value, call_argv
from droidrack.core.reply import Reply, Returned, read_reply
from droidrack.core.shell import command_line

CAPTURE_DEADLINE_S = 30.0
"""For one dump; the slowest seen in the field took 8 s."""

SMS_COLUMNS = "_id:date:type:sub_id:error_code:address"
SMS_ROWS = 20

DUMPS = {
    "telephony_registry": "dumpsys telephony.registry",
    "isub": "dumpsys isub",
    "siminfo": "content query --uri content://telephony/siminfo",
    "getprop": "getprop",
    "content_sms": f"content query --uri content://sms --projection {SMS_COLUMNS} "
    f"| head -n {SMS_ROWS}",
    "battery": "dumpsys battery",
}
"""Family of the corpus → command. Texts of messages are never asked for."""

IDENTITIES = ("iphonesubinfo.imsi", "iphonesubinfo.iccid", "iphonesubinfo.line1")

PROPERTY_PREFIXES = (
    "[gsm.",
    "[ro.board.platform]",
    "[ro.build.",
    "[ro.hardware]",
    "[ro.product.",
    "[ro.telephony.",
    "[sys.boot_completed]",
    "[telephony.",
)
"""Telephony and build: what parsers and profiles read. The others say who owns the phone."""

MEASURES = frozenset({"battery", "getprop"})
"""Families whose long numbers are measures and build numbers; only known values are replaced."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One output. `expected` None: no parser knows this layout; `note` then says why."""

    family: str
    command: str
    text: str
    expected: Json | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    """A reply of a call that only reads; `name` is the profile's."""

    name: str
    command: str
    text: str
    reply: Reply


async def capture(world: World, arrival: Arrival) -> list[Sample]:
    """Every family's sample of one phone, without identities.

    Raises:
        PhoneError: the phone left or did not answer.
        PhoneRefused: an identity could not be taken out; nothing is given away then.
    """
    handset = await _met(world, arrival)
    calls = await _read_calls(handset) if handset is not None else []
    told = _identities(calls)
    anonymiser = Anonymiser(
        world.dice.getrandbits(256).to_bytes(32, "big"),
        iccids=told["iphonesubinfo.iccid"],
        imsis=told["iphonesubinfo.imsi"],
        others=[*told["iphonesubinfo.line1"], *_serials(arrival)],
    )
    samples = []
    for family, command in DUMPS.items():
        answer = await arrival.phone.run(f"{command} 2>&1", deadline_s=CAPTURE_DEADLINE_S)
        text = _kept(answer.text) if family == "getprop" else answer.text
        clean = anonymiser.known_only(text) if family in MEASURES else anonymiser.text(text)
        samples.append(_sample(family, command, clean))
    for call in calls:
        clean = anonymiser.service_call(call.text)
        samples.append(_sample("service_call", call.command, clean))
    for sample in samples:
        if anonymiser.leaks(sample.text):
            raise PhoneRefused(
                f"{arrival.sighting.serial}: {sample.family}: an identity is still in the output",
                serial=arrival.sighting.serial,
                hint="nothing was written; report this without the output",
            )
    return [sample for sample in samples if sample.text.strip()]


async def _met(world: World, arrival: Arrival) -> Handset | None:
    """The phone with a profile; None where there is none: then no code may be called."""
    try:
        return await Handset.meet(world, arrival)
    except (ProfileError, ParseError):
        return None


async def _read_calls(handset: Handset) -> list[_Call]:
    sub = next((sim.sub_id for sim in handset.sims if sim.sub_id is not None), None)
    calls = []
    for name, slot, who in [
        *(("isub.get_sub_id", sim.slot, sim.sub_id) for sim in handset.sims),
        *((name, None, sub) for name in (*READS, "isub.get_default_sms_sub_id")),
        *((name, None, sim.sub_id) for sim in handset.sims for name in IDENTITIES),
    ]:
        row = handset.profile.row(name)
        values: dict[str, Value] = {"slot": slot, "sub_id": who}
        taken = {argument.name for argument in row.arguments} & values.keys()
        if not row.transaction or row.barred or any(values[key] is None for key in taken):
            continue
        command = command_line(call_argv(row, {key: values[key] for key in taken}))
        answer = await handset.phone.run(f"{command} 2>&1", deadline_s=CAPTURE_DEADLINE_S)
        reply = read_reply(row, answer.text, answer.exit_code)
        calls.append(_Call(name, command, answer.text, reply))
    return calls


def _identities(calls: Sequence[_Call]) -> dict[str, list[str]]:
    """What the phone told about its cards, by call."""
    found: dict[str, list[str]] = {name: [] for name in IDENTITIES}
    for call in calls:
        told = call.reply.value if isinstance(call.reply, Returned) else None
        if call.name in found and isinstance(told, str) and told:
            found[call.name].append(told)
    return found


def _serials(arrival: Arrival) -> list[str]:
    names = ("ro.serialno", "ro.boot.serialno", "ril.serialnumber")
    found = [arrival.properties.get(name) or "" for name in names]
    return [*found, arrival.sighting.serial]


def _kept(properties: str) -> str:
    """The lines of `getprop` that parsers and profiles read."""
    lines = properties.splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith(PROPERTY_PREFIXES))


def _sample(family: str, command: str, text: str) -> Sample:
    try:
        return Sample(family, command, text, decode(family, text))
    except ParseError as error:
        return Sample(family, command, text, None, f"not understood: {error.reason}")
