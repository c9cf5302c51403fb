"""Everything that may befall a site, each as a small story with its own dice.

A story is drawn with its time before the run begins, so that no event shifts the chance of another.
After the last one `heal` puts the world in order: what the promises say about the end is judged
from there.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from sim_disk import undecided
from sim_process import Process
from sim_world import Site, SitePhone

from droidrack.core.errors import JournalBusy
from droidrack.virtual.faults import SENT, Fate, Outcome, Row
from droidrack.virtual.panel.faults import Fault, FaultKind
from droidrack.virtual.sim_slots import ServiceState, SimSlot

Story = Callable[[Site, SitePhone, Random], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Event:
    """A story at a time."""

    at: float
    name: str
    phone: int
    seed: int


# --- The cable and the adb server -----------------------------------------------------------------


async def cut(site: Site, phone: SitePhone, dice: Random) -> None:
    """Answers are cut, before or after the command ran."""
    for _ in range(dice.randint(1, 3)):
        after = dice.choice(["open", "executed"])
        match = dice.choice(["service call isms", "service call isms", "content query", ""])
        phone.handset.link.cut_next(after, match=match, reset=dice.random() < 0.3)


async def slow(site: Site, phone: SitePhone, dice: Random) -> None:
    """Commands start late, some after their callers gave up."""
    phone.handset.link.latency_s = dice.choice([0.5, 5.0, 19.0, 35.0])
    await asyncio.sleep(dice.uniform(5, 120))
    phone.handset.link.latency_s = 0.0


async def freeze(site: Site, phone: SitePhone, dice: Random) -> None:
    """The phone stops answering and later goes on with all that piled up."""
    phone.handset.link.freeze()
    await asyncio.sleep(dice.choice([2.0, 15.0, 45.0, 300.0]))
    phone.handset.link.thaw()


async def unplug(site: Site, phone: SitePhone, dice: Random) -> None:
    """The cable is pulled and comes back."""
    await phone.handset.link.unplug()
    await asyncio.sleep(dice.choice([0.5, 5.0, 60.0, 600.0]))
    await phone.handset.link.replug()


async def flap(site: Site, phone: SitePhone, dice: Random) -> None:
    """A bad plug: every two seconds."""
    for _ in range(dice.randint(3, 10)):
        await phone.handset.link.unplug()
        await asyncio.sleep(2.0)
        await phone.handset.link.replug()
        await asyncio.sleep(dice.uniform(0.1, 3.0))


async def drop(site: Site, phone: SitePhone, dice: Random) -> None:
    """The connection is reset."""
    phone.handset.link.drop()


async def offline(site: Site, phone: SitePhone, dice: Random) -> None:
    """The adb server shows the phone as offline for a while."""
    await phone.handset.link.silence()
    await asyncio.sleep(dice.uniform(5, 100))
    await phone.handset.link.silence(silent=False)


async def deny(site: Site, phone: SitePhone, dice: Random) -> None:
    """Somebody revokes the debugging authorisation and gives it back."""
    await phone.handset.link.deny()
    await asyncio.sleep(dice.uniform(5, 100))
    await phone.handset.link.allow()


async def reboot(site: Site, phone: SitePhone, dice: Random) -> None:
    """The phone restarts."""
    phone.handset.begin_reboot()


async def phone_process(site: Site, phone: SitePhone, dice: Random) -> None:
    """com.android.phone dies and comes back, without the messages that it had in hand."""
    site.blind(phone)
    await phone.model.restart_phone_process()


async def server(site: Site, phone: SitePhone, dice: Random) -> None:
    """The adb server dies; all phones are gone until it is back."""
    site.bus.stop_server()
    await asyncio.sleep(dice.choice([0.2, 3.0, 60.0]))
    site.bus.start_server()


API_29_STORE_READABLE = 29

# --- The radio ------------------------------------------------------------------------------------

_ERRORS = (
    "GENERIC_FAILURE",
    "SMS_SEND_FAIL_RETRY",
    "NETWORK_REJECT",
    "NO_MEMORY",
    "MODEM_ERR",
    "RADIO_NOT_AVAILABLE",
    "REQUEST_RATE_LIMITED",
    "INVALID_STATE",
)


def _fate(dice: Random, phone: SitePhone, *, patient: bool) -> Fate:
    """One course of a message. `patient`: it may wait in the phone, for minutes or for a person.

    Up to Android 9 the log is the only witness and names nobody; there a word may come late only
    behind a dialog, which the controller can see. Later ones have no cure, and are not drawn.
    """
    kinds = [Outcome.SENT, Outcome.RIL_ERROR, Outcome.LOST, Outcome.ANSWER_LOST]
    outcome = dice.choice([*kinds, Outcome.DIALOG] if patient else kinds)
    long_s = 40.0 if patient and outcome is not Outcome.RIL_ERROR else 8.0
    late = [60.0, 600.0] if patient and phone.model.spec.api >= API_29_STORE_READABLE else [0.0]
    return Fate(
        outcome=outcome,
        ril_error=dice.choice(_ERRORS),
        error_code=dice.choice([-1, 21, 38]),
        fails=dice.choice([None, None, 1, 2, 3]),
        failing_part=dice.choice([None, None, 0, 1]),
        latency_s=dice.choice([None, None, 0.05, 8.0, long_s]),
        row=dice.choice([Row.KEPT, Row.KEPT, Row.KEPT, Row.NEVER, Row.DELETED]),
        row_delay_s=dice.choice([0.0, 0.0, 1.0, 5.0, *late]),
        silent=dice.random() < 0.25,
    )


async def radio(site: Site, phone: SitePhone, dice: Random) -> None:
    """The next messages take odd courses."""
    patient = not site.swaps(phone)
    for slot in phone.slots:
        fates = [_fate(dice, phone, patient=patient) for _ in range(dice.randint(1, 4))]
        phone.model.radio.faults.script(*fates, slot=slot)


async def radio_down(site: Site, phone: SitePhone, dice: Random) -> None:
    """Every message of a while takes the same odd course."""
    phone.model.radio.faults.always(_fate(dice, phone, patient=not site.swaps(phone)))
    await asyncio.sleep(dice.uniform(10, 200))
    phone.model.radio.faults.always(SENT)


async def dialog(site: Site, phone: SitePhone, dice: Random) -> None:
    """Messages wait behind Android's dialog until a person comes by."""
    if site.swaps(phone):
        return  # Android would carry what waits on the new card; nobody can prevent that.
    phone.model.radio.faults.script(Fate(outcome=Outcome.DIALOG))
    await asyncio.sleep(dice.choice([20.0, 120.0, 900.0]))
    while phone.model.radio.dialogs:
        phone.model.radio.answer_dialog(allow=dice.random() < 0.6)
        await asyncio.sleep(1.0)


async def mute(site: Site, phone: SitePhone, dice: Random) -> None:
    """The radio log says nothing for a while."""
    site.blind(phone)
    phone.model.logs.silenced.add("radio")
    await asyncio.sleep(dice.uniform(10, 300))
    phone.model.logs.silenced.discard("radio")


async def clear_store(site: Site, phone: SitePhone, dice: Random) -> None:
    """Somebody empties the SMS store."""
    site.blind(phone)
    phone.model.store.clear()


# --- Cards and networks ---------------------------------------------------------------------------


def _cut_off(site: Site, *slots: SimSlot) -> None:
    """Note that cards are without a network for a while."""
    site.fortunes.unserved.update(slot.card.iccid for slot in slots if slot.card)


async def no_service(site: Site, phone: SitePhone, dice: Random) -> None:
    """Airplane mode, no coverage, emergency calls only, or roaming."""
    kind = dice.choice(["airplane", "none", "emergency", "roaming"])
    slots = [phone.model.slots[index] for index in phone.slots]
    if kind != "roaming":
        _cut_off(site, *slots)
    if kind == "airplane":
        phone.model.set_airplane(on=True)
    for slot in slots:
        if kind == "roaming":
            slot.roaming = True
        elif kind != "airplane":
            none = kind == "none"
            slot.coverage = ServiceState.OUT_OF_SERVICE if none else ServiceState.EMERGENCY_ONLY
    await asyncio.sleep(dice.choice([5.0, 60.0, 400.0]))
    _serve(phone)


def _serve(phone: SitePhone) -> None:
    phone.model.set_airplane(on=False)
    for slot in phone.model.slots:
        slot.coverage, slot.roaming, slot.pin_required = ServiceState.IN_SERVICE, False, False


async def pin(site: Site, phone: SitePhone, dice: Random) -> None:
    """A card asks for its PIN."""
    slot = phone.model.slots[dice.choice(phone.slots)]
    _cut_off(site, slot)
    slot.pin_required = True
    await asyncio.sleep(dice.choice([5.0, 60.0, 400.0]))
    slot.pin_required = False


async def pull_card(site: Site, phone: SitePhone, dice: Random) -> None:
    """A card is taken out and put back."""
    if site.disk.bound(phone.device) < len(phone.slots):
        return
    slot = dice.choice(phone.slots)
    if phone.model.slots[slot].card is None:
        return
    _cut_off(site, phone.model.slots[slot])
    card = phone.model.remove_sim(slot)
    await asyncio.sleep(dice.choice([2.0, 60.0, 400.0]))
    if card is not None and phone.model.slots[slot].card is None:
        phone.model.insert_sim(slot, card)


async def swap(site: Site, phone: SitePhone, dice: Random) -> None:
    """The two cards change places, and later change back."""
    if len(phone.slots) < 2 or site.disk.bound(phone.device) < len(phone.slots):
        return
    if any(slot.card is None for slot in phone.model.slots):
        return
    for wait_s in (dice.choice([30.0, 200.0]), 0.0):
        _cut_off(site, *phone.model.slots)
        first, second = phone.model.remove_sim(0), phone.model.remove_sim(1)
        await asyncio.sleep(dice.choice([0.0, 3.0, 20.0]))
        if first is None or second is None:
            return
        phone.model.insert_sim(0, second)
        phone.model.insert_sim(1, first)
        await asyncio.sleep(wait_s)


# --- The panel ------------------------------------------------------------------------------------

_PANEL = (
    Fault(FaultKind.STATUS, status=500),
    Fault(FaultKind.STATUS, status=500, taken=True),
    Fault(FaultKind.STATUS, status=502),
    Fault(FaultKind.STATUS, status=503),
    Fault(FaultKind.STATUS, status=503, retry_after="30"),
    Fault(FaultKind.STATUS, status=429, retry_after="20"),
    Fault(FaultKind.STATUS, status=429),
    Fault(FaultKind.STATUS, status=408),
    Fault(FaultKind.STATUS, status=404),
    Fault(FaultKind.HANG),
    Fault(FaultKind.HANG, taken=True),
    Fault(FaultKind.DROP),
    Fault(FaultKind.DROP, taken=True),
    Fault(FaultKind.RESET),
    Fault(FaultKind.HALF),
    Fault(FaultKind.SLOW, delay_s=1.0),
    Fault(FaultKind.HTML),
    Fault(FaultKind.EMPTY),
    Fault(FaultKind.CUT_JSON),
    Fault(FaultKind.FAILURE),
    Fault(FaultKind.REDIRECT),
)


async def panel(site: Site, phone: SitePhone, dice: Random) -> None:
    """The panel misbehaves at one kind of request, or at all, for some time."""
    endpoint = dice.choice(["*", "pending", "report", "heartbeat", "register", "report"])
    fault = dice.choice(_PANEL)
    if fault.status == 404 and endpoint in ("*", "report"):
        fault = Fault(FaultKind.STATUS, status=502)  # For good on reports: `refusal` has it.
    times = dice.choice([1, 3, 10, None])
    site.faults.add(endpoint, fault, times=times, probability=dice.choice([0.3, 1.0]))
    await asyncio.sleep(dice.choice([10.0, 60.0, 300.0]))
    site.faults.clear()


async def offers(site: Site, phone: SitePhone, dice: Random) -> None:
    """The panel offers again what it ever offered, changed texts, or items that are none."""
    kind = dice.choice([FaultKind.REPEAT, FaultKind.CHANGED, FaultKind.MALFORMED])
    site.faults.add("pending", Fault(kind), times=dice.randint(1, 4))


async def revoke(site: Site, phone: SitePhone, dice: Random) -> None:
    """The session is closed for good; a person mints a new token some time later."""
    site.faults.add("*", Fault(FaultKind.REVOKED), times=1)
    await asyncio.sleep(dice.choice([20.0, 200.0]))
    site.mint_again()


# --- The host -------------------------------------------------------------------------------------


async def crash(site: Site, phone: SitePhone, dice: Random) -> None:
    """A kill -9 some turns from now, and perhaps again while the next life recovers."""
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        site.fuse = dice.choice([0, dice.randrange(30), dice.randrange(300)])
        await asyncio.sleep(dice.choice([0.5, 2.0, 6.0, 12.0]))


async def crash_at_commit(site: Site, phone: SitePhone, dice: Random) -> None:
    """A kill -9 around one of the next commits of a kind, or a few turns after it."""
    unit = dice.choice(["attempt", "attempt", "settle", "accept", "reported", ""])
    wanted, phase = dice.choice([1, 1, 2, 4]), dice.choice(["before", "after"])
    turns = dice.choice([None, None, 0, 1, 2, 5, 10])
    count = 0

    def watch(seen: str, units: tuple[str, ...]) -> None:
        nonlocal count
        if seen != phase or not (unit == "" or unit in units):
            return
        count += 1
        if count != wanted:
            return
        site.before_commit = None
        if turns is None:
            site.kill(f"{phase} commit of {'+'.join(units)}", back_in_s=dice.uniform(1, 5))
        else:
            site.fuse = turns

    site.before_commit = watch
    await asyncio.sleep(120)
    if site.before_commit is watch:
        site.before_commit = None


async def disk_full(site: Site, phone: SitePhone, dice: Random) -> None:
    """No write succeeds for a while."""

    def full(seen: str, units: tuple[str, ...]) -> None:
        if seen == "before":
            raise OSError(errno.ENOSPC, "No space left on device")

    site.before_commit = full
    await asyncio.sleep(dice.choice([0.5, 10.0, 120.0]))
    if site.before_commit is full:
        site.before_commit = None


async def clock_jump(site: Site, phone: SitePhone, dice: Random) -> None:
    """The host's date jumps, and perhaps back."""
    hours = dice.choice([1, -1, 24, -24, 0.01, -0.01, 24 * -20000, 2])
    site.turn_clock(timedelta(hours=hours))
    await asyncio.sleep(dice.uniform(1, 200))
    if dice.random() < 0.7:
        site.turn_clock(timedelta())


async def phone_clock(site: Site, phone: SitePhone, dice: Random) -> None:
    """The phone's date is wrong by years."""
    phone.model.clock_skew = timedelta(days=dice.choice([-12000, -400, 1, 3000]))


async def second_controller(site: Site, phone: SitePhone, dice: Random) -> None:
    """Somebody starts the program twice: the second one must refuse."""
    first = site.process
    if first is None or not first.alive:
        return
    second = Process(site)
    second.start()
    if second.main is None:
        raise AssertionError("a started process has a main task")
    done, _ = await asyncio.wait({second.main}, timeout=30)
    if done and first is site.process and first.alive:
        with site.judging():
            refusal = second.main.exception()
            assert isinstance(refusal, JournalBusy), f"a second controller: {refusal!r}"
    elif not done:
        second.alive = False  # The first one died meanwhile, so the second was in its right.
        second.cut_off()
        await second.unwound()
        site.disk.died(second.journal)


async def drain(site: Site, phone: SitePhone, dice: Random) -> None:
    """SIGTERM: calls in flight end, then the process does; it is started again."""
    process = site.process
    if process is None or not process.alive:
        return
    site.note("drain", "", "")
    await process.rack.drain(8.0)
    if process is site.process and process.alive:
        site.kill("stopped", back_in_s=dice.uniform(1, 30))


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        cut, slow, freeze, unplug, flap, drop, offline, deny, reboot, phone_process, server,
        radio, radio_down, dialog, mute, clear_store, no_service, pin, pull_card, swap,
        panel, offers, revoke, crash, crash_at_commit, disk_full, clock_jump, phone_clock,
        second_controller, drain,
    )
}  # fmt: skip

WEIGHTS: dict[str, int] = {
    "cut": 6, "radio": 8, "crash": 8, "crash_at_commit": 8, "panel": 8, "unplug": 4, "freeze": 4,
    "slow": 4, "reboot": 3, "dialog": 3, "offers": 4, "server": 3,
}  # fmt: skip
"""How often against 2 for all others: what may double or lose a message comes more often."""


def schedule(dice: Random, phones: int, start_s: float, end_s: float, count: int) -> list[Event]:
    """Draw the events of a run, in order."""
    names = list(STORIES)
    weights = [WEIGHTS.get(name, 2) for name in names]
    times = sorted(dice.uniform(start_s, end_s) for _ in range(count))
    return [
        Event(at, name, dice.randrange(phones), dice.getrandbits(32))
        for at, name in zip(times, dice.choices(names, weights, k=count), strict=True)
    ]


async def play(site: Site, events: list[Event]) -> None:
    """Let them happen."""
    for event in events:
        await asyncio.sleep(max(event.at - site.loop.time(), 0.0))
        phone = site.phones[event.phone]
        site.note("fault", phone.name, event.name)
        site.stories.append(
            site.loop.create_task(STORIES[event.name](site, phone, Random(event.seed)))
        )


async def heal(site: Site) -> None:
    """Put everything in order: from here on the world is a good one."""
    for task in site.stories:
        task.cancel()
    for outcome in await asyncio.gather(*site.stories, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    site.note("healed", "", "")
    site.before_commit = site.fuse = None
    site.faults.clear()
    site.mint_again()
    site.bus.start_server()
    for phone in site.phones:
        await _heal_phone(phone)
        if phone.model.spec.api < 29 and undecided(site.disk) and not site.patient:
            # Its log names no message, so a doubt keeps it waiting for an hour, or for this.
            phone.handset.begin_reboot()
        for device, reason in ((phone.device, site.notebook.quarantine(phone.device)),):
            if reason:
                site.note("quarantine", phone.name, reason)
            site.notebook.set_quarantine(device, "")


async def _heal_phone(phone: SitePhone) -> None:
    link, model = phone.handset.link, phone.model
    link._cuts.clear()
    link.latency_s = 0.0
    link.thaw()
    link.silent = False
    for slot, card in enumerate(phone.cards):
        if model.slots[slot].card is not card and model.slots[slot].card is not None:
            model.remove_sim(slot)
    for slot, card in enumerate(phone.cards):
        if card is not None and model.slots[slot].card is not card:
            model.insert_sim(slot, card)
    _serve(phone)
    model.logs.silenced.clear()
    model.radio.faults.__init__(model.spec.slots)  # type: ignore[misc]
    while model.radio.dialogs:
        model.radio.answer_dialog(allow=True)
    restart = phone.handset._restart
    if restart is not None and not restart.done():
        await asyncio.wait({restart})
    await link.allow()
    if not link.plugged:
        await link.replug()
