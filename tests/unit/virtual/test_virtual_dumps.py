"""The dumps of the virtual phone, read by the controller's parsers: two independent readings."""

import asyncio

import pytest
from virtual_bench import ALL_LEVELS, NUMBER, in_virtual_time, phone, run, send_line

from droidrack.core.parse.battery import parse_battery
from droidrack.core.parse.getprop import parse_getprop
from droidrack.core.parse.isub import parse_isub
from droidrack.core.parse.radio_log import RadioKind, parse_radio_line
from droidrack.core.parse.service_call import parse_service_call
from droidrack.core.parse.telephony_registry import parse_telephony_registry
from droidrack.virtual.faults import Fate, Outcome
from droidrack.virtual.interfaces import interface
from droidrack.virtual.sim_slots import ServiceState


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_telephony_registry_reads_back_service_and_signal(api):
    """Registration, operator and RSRP of each slot as the model has them."""

    async def main():
        target = phone(api)
        text = (await run(target, "dumpsys telephony.registry")).out
        phones = parse_telephony_registry(text).phones
        assert len(target.slots) == len(phones)
        for slot, seen in zip(target.slots, phones, strict=True):
            if slot.card is None:
                assert ("OUT_OF_SERVICE", True) == (seen.service.voice, seen.service.emergency_only)
                continue
            assert ("IN_SERVICE", slot.card.carrier) == (
                seen.service.voice,
                seen.service.operator_long,
            )
            assert slot.signal_dbm == seen.signal.dbm

    in_virtual_time(main)


@pytest.mark.parametrize("api", ALL_LEVELS)
@pytest.mark.parametrize("state", [ServiceState.OUT_OF_SERVICE, ServiceState.POWER_OFF])
def test_telephony_registry_without_service_has_no_signal(api, state):
    """Nothing is measured where nothing is received."""

    async def main():
        target = phone(api)
        target.slots[0].coverage = state
        text = (await run(target, "dumpsys telephony.registry")).out
        seen = parse_telephony_registry(text).phones[0]
        assert (state.name, None) == (seen.service.voice, seen.signal and seen.signal.dbm)

    in_virtual_time(main)


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_isub_reads_back_subscriptions(api):
    """Ids by slot, also of a card that is no longer inserted; ICCIDs in full up to 6 only."""

    async def main():
        target = phone(api)
        first = target.remove_sim(0)
        seen = parse_isub((await run(target, "dumpsys isub")).out)
        assert len(list(target.subscriptions)) == len(seen.subscriptions)
        gone = seen.subscriptions[0]
        assert (1, None, False, first.carrier) == (
            gone.sub_id,
            gone.slot,
            gone.active,
            gone.carrier,
        )
        assert (api < 24) == (gone.iccid is not None)
        mapped = {slot: ids[0] for slot, ids in seen.slot_to_sub.items() if ids}
        active = {s.index: target.subscriptions.in_slot(s.index) for s in target.slots}
        expected = {slot: found.sub_id for slot, found in active.items() if found}
        assert (expected if api > 21 else {}) == {k: v for k, v in mapped.items() if v > 0}

    in_virtual_time(main)


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_battery_reads_back(api):
    """Level, temperature and voltage in the units of the dump."""

    async def main():
        target = phone(api)
        target.battery.temperature_c = 41.5
        seen = parse_battery((await run(target, "dumpsys battery")).out)
        assert (87, 41.5, 4210, True) == (
            seen.level,
            seen.temperature_c,
            seen.voltage_mv,
            seen.usb_powered,
        )

    in_virtual_time(main)


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_getprop_reads_back(api):
    """Every line is one property."""

    async def main():
        target = phone(api)
        seen = parse_getprop((await run(target, "getprop")).out)
        assert str(api) == seen.values["ro.build.version.sdk"]
        assert target.properties() == dict(seen.values)

    in_virtual_time(main)


@pytest.mark.parametrize("api", range(22, 37))
@pytest.mark.parametrize("fails", [False, True])
def test_radio_log_reads_back_the_verdict(api, fails):
    """The last event about a message is its verdict, and the name of the error from 11 on."""

    async def main():
        target = phone(api)
        if fails:
            target.radio.faults.script(Fate(Outcome.RIL_ERROR))
        await run(target, send_line(api, 1, NUMBER, "hi"))
        await asyncio.sleep(10)
        text = (await run(target, "logcat -b radio -v threadtime -d")).out
        events = [event for event in map(parse_radio_line, text.splitlines()) if event]
        verdict = RadioKind.PERSISTED_FAILED if fails else RadioKind.PERSISTED_SENT
        kinds = [event.kind for event in events if event.kind is not RadioKind.SEND_FAILED]
        assert verdict is kinds[-1]
        assert (api >= 30) == any(event.message_id == 7 for event in events)

    in_virtual_time(main)


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_exception_reply_reads_back(api):
    """An exception has its code and its text in every layout."""

    async def main():
        target = phone(api)
        names = [method.name for method in interface("isms", target.spec)]
        code = names.index("setPremiumSmsPermission") + 1
        answer = await run(target, f"service call isms {code} s16 x i32 1")
        seen = parse_service_call(answer.out)
        assert (-1, "Disallowed call for uid 2000") == (seen.exception.code, seen.exception.message)

    in_virtual_time(main)
