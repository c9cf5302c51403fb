"""Applying on phones that resist: prompts, silent reverts, refusals, restarts, people, leases."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from bench_kit import LoopClock, Workshop, in_virtual_time, phone_of, recipe_of

from droidrack.app.provision.bench import Target
from droidrack.core.identity import device_uuid
from droidrack.core.ids import DeviceUuid
from droidrack.core.provision.recipe import Recipe
from droidrack.core.provision.record import PhoneFate, Purpose, RunKind, StepRecord, StepState
from droidrack.core.settings import PhoneSettings
from droidrack.virtual.apk_build import build_apk
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.console import Console
from droidrack.virtual.estate import HabitQuirks
from droidrack.virtual.handset import Handset

APP = '[[steps]]\nname = "app"\ntype = "apk"\nfile = "a.apk"\ndeadline_s = 40\n'
SCREEN = '[[steps]]\nname = "screen"\ntype = "screen"\ntimeout_s = 60\n'
PERMISSION = "android.permission.READ_SMS"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with an APK."""
    apk = build_apk("org.example.a", version_code=2, permissions=[PERMISSION])
    (tmp_path / "a.apk").write_bytes(apk)
    return tmp_path


def recipe_in(home: Path, text: str) -> Recipe:
    """A recipe whose files lie in `home`."""
    return recipe_of(text, name=str(home / "recipe.toml"))


def phone(api: int = 34, habits: HabitQuirks | None = None, index: int = 0) -> Handset:
    """A phone of this level with these habits."""
    handset = phone_of(make_spec(index, api=api))
    handset.model.estate.adopt(habits or HabitQuirks())
    return handset


def device_of(handset: Handset) -> DeviceUuid:
    """Its device uuid."""
    return device_uuid(handset.model.spec.serial, None)


def one(home: Path, text: str, handset: Handset, kind: RunKind = RunKind.APPLY) -> StepRecord:
    """The only step of a run on one phone."""
    shop = Workshop([handset], home)
    outcome = in_virtual_time(lambda: shop.go(recipe_in(home, text), kind))
    (step,) = outcome.phones[0].steps
    return step


def test_install_that_waits_for_a_tap_fails_by_its_deadline_and_delays_nobody(home: Path) -> None:
    """The prompt is named and pictured, never tapped; the other phones end as without it."""
    waiting = phone(34, HabitQuirks(install_prompt=True))
    others = [phone(33, index=n) for n in range(1, 12)]

    async def timed(handsets: list[Handset]) -> tuple[list[StepRecord], dict[str, float]]:
        shop = Workshop(handsets, home)
        start = LoopClock().now()
        outcome = await shop.go(recipe_in(home, APP))
        ended = {
            p.phone.name: (p.phone.ended_at - start).total_seconds()
            for p in outcome.phones
            if p.phone.ended_at is not None
        }
        return [p.steps[0] for p in outcome.phones], ended

    steps, ended = in_virtual_time(lambda: timed([waiting, *others]))
    alone, calm = in_virtual_time(lambda: timed([phone(33, index=n) for n in range(1, 12)]))
    assert StepState.FAILED is steps[0].state
    assert "com.miui.securitycenter waits for a person" in steps[0].cause
    assert "Install via USB" in steps[0].screen
    assert ["failed.png"] == [f.name.rpartition("/")[2] for f in steps[0].files]
    assert [] == waiting.screen.touches
    assert 40 <= ended[waiting.model.spec.serial] <= 41
    assert {StepState.DONE} == {step.state for step in (*steps[1:], *alone)}
    assert calm == {name: ended[name] for name in calm}


def test_setting_that_is_silently_ignored_fails_its_verify(home: Path) -> None:
    """The command succeeds, the phone reads back something else: failed, with both values."""
    step = one(home, SCREEN, phone(habits=HabitQuirks(ignored=frozenset({"screen_off_timeout"}))))
    assert StepState.FAILED is step.state
    assert "screen_off_timeout=30000 instead of" in step.cause.replace("system/", "")


def test_setting_that_is_reverted_later_is_caught_before_the_end_and_by_verify(home: Path) -> None:
    """A maker sets it back after seconds: the last look of the run sees it, and so does verify."""
    habits = HabitQuirks(reverted=frozenset({"screen_off_timeout"}), revert_s=2.0)
    text = SCREEN + '[[steps]]\nname = "restart"\ntype = "restart"\n'
    shop = Workshop([phone(habits=habits)], home)

    async def story() -> None:
        outcome = await shop.go(recipe_in(home, text))
        assert StepState.FAILED is outcome.phones[0].steps[0].state
        assert PhoneFate.FAILED is outcome.phones[0].phone.fate
        verified = await shop.go(recipe_in(home, text), RunKind.VERIFY)
        assert StepState.FAILED is verified.phones[0].steps[0].state

    in_virtual_time(story)


def test_setting_that_does_not_survive_the_restart_is_told(home: Path) -> None:
    """After the restart every step before it is asked again."""
    habits = HabitQuirks(forgotten=frozenset({"screen_off_timeout"}))
    text = SCREEN + '[[steps]]\nname = "restart"\ntype = "restart"\n'
    shop = Workshop([phone(habits=habits)], home)
    outcome = in_virtual_time(lambda: shop.go(recipe_in(home, text)))
    screen, restart = outcome.phones[0].steps
    assert (StepState.FAILED, StepState.DONE) == (screen.state, restart.state)
    assert "did not survive the restart" in screen.cause


def test_restart_happens_once_and_only_after_a_change(home: Path) -> None:
    """One change, one restart; nothing to change, none."""
    handset = phone()
    text = SCREEN + '[[steps]]\nname = "restart"\ntype = "restart"\n'
    shop = Workshop([handset], home)

    async def story() -> None:
        await shop.go(recipe_in(home, text))
        await shop.go(recipe_in(home, text))
        assert 1 == handset.model.estate.changes.count("reboot")

    in_virtual_time(story)


def test_refused_grant_asks_for_a_person_with_the_switch_to_turn(home: Path) -> None:
    """MIUI denies the shell the right to grant: needs human, and the hint names the switch."""
    text = APP + (
        '[[steps]]\nname = "grant"\ntype = "permission"\npackage = "org.example.a"\n'
        f'permissions = ["{PERMISSION}"]\n'
    )
    shop = Workshop([phone(habits=HabitQuirks(grants_refused=True))], home)
    outcome = in_virtual_time(lambda: shop.go(recipe_in(home, text)))
    grant = outcome.phones[0].steps[1]
    assert StepState.NEEDS_HUMAN is grant.state
    assert "Security settings" in grant.hint


@pytest.mark.parametrize(
    ("old", "fields", "cause"),
    [
        ({"signer": b"somebody else"}, "", "signed by another key"),
        ({"version_code": 9}, "", "newer version"),
        ({}, 'signer = "' + "0" * 64 + '"\n', "the recipe demands"),
        ({}, 'sha256 = "' + "0" * 64 + '"\n', "the recipe demands"),
    ],
)
def test_install_is_refused_with_its_reason(
    home: Path, old: dict[str, object], fields: str, cause: str
) -> None:
    """Another signer, a downgrade, a file that is not the one: a named cause, nothing installed."""
    handset = phone()
    given = {"version_code": 1, "signer": b"invented certificate"} | old
    other = build_apk("org.example.a", **given)  # type: ignore[arg-type] # mixed values
    handset.files.write("/data/local/tmp/old.apk", other)

    async def story() -> StepRecord:
        if old:
            await handset.toolbox.run(["pm", "install", "/data/local/tmp/old.apk"], Silent())
        outcome = await Workshop([handset], home).go(recipe_in(home, APP + fields))
        return outcome.phones[0].steps[0]

    step = in_virtual_time(story)
    assert step.state in (StepState.FAILED, StepState.NEEDS_HUMAN)
    assert cause in step.cause


class Silent:
    """A console nobody reads."""

    async def read(self, size: int) -> bytes:
        return b""

    async def stdout(self, data: bytes) -> None:
        pass

    async def stderr(self, data: bytes) -> None:
        pass


def test_split_apk_is_installed_in_one_session(home: Path) -> None:
    """Base and splits arrive together, and the second run finds all digests."""
    (home / "b.apk").write_bytes(build_apk("org.example.a", version_code=2, split="config.de"))
    handset = phone()
    text = APP + 'splits = ["b.apk"]\n'

    async def story() -> None:
        shop = Workshop([handset], home)
        assert (await shop.go(recipe_in(home, text))).good
        shop.forget_writes()
        assert (await shop.go(recipe_in(home, text))).good
        assert [] == shop.writes()

    in_virtual_time(story)
    package = handset.model.estate.live("org.example.a")
    assert package is not None
    assert 2 == len(package.paths)


def test_once_in_doubt_is_left_to_a_person(home: Path) -> None:
    """The answer to a step that must not run twice is lost: it is not run again unasked."""
    handset = phone()
    runs: list[int] = []

    async def enrol(argv: list[str], console: Console) -> int:
        runs.append(1)
        return 0

    handset.toolbox.add("enrol", enrol)
    text = (
        '[[steps]]\nname = "enrol"\ntype = "once"\ncheck = "test -f /data/local/tmp/x"\n'
        'apply = "enrol"\n'
    )
    handset.link.cut_next("executed", match="enrol")
    shop = Workshop([handset], home)

    async def story() -> None:
        for _ in range(3):
            outcome = await shop.go(recipe_in(home, text))
            assert StepState.NEEDS_HUMAN is outcome.phones[0].steps[0].state
        assert [1] == runs
        await shop.go(recipe_in(home, text), again=frozenset({"enrol"}))
        assert [1, 1] == runs

    in_virtual_time(story)


def test_human_step_sees_by_itself_when_it_is_done(home: Path) -> None:
    """The step waits; a person takes the cards out; it goes on."""
    handset = phone()
    text = (
        '[[steps]]\nname = "cards"\ntype = "human"\ninstructions = "take the SIM cards out"\n'
        'check = "getprop gsm.sim.state"\nmatches = "^(ABSENT|,)*$"\ndeadline_s = 100\n'
    )
    shop = Workshop([handset], home)

    def take() -> None:
        for slot in range(handset.model.spec.slots):
            handset.model.remove_sim(slot)

    async def story() -> None:
        asyncio.get_running_loop().call_later(30, take)
        outcome = await shop.go(recipe_in(home, text))
        assert StepState.SATISFIED is outcome.phones[0].steps[0].state

    in_virtual_time(story)


def test_human_step_without_a_check_waits_for_a_name(home: Path) -> None:
    """It needs a person until somebody confirms; afterwards the journal's word stands."""
    text = '[[steps]]\nname = "label"\ntype = "human"\ninstructions = "stick a label on it"\n'
    shop = Workshop([phone()], home)

    async def story() -> None:
        first = (await shop.go(recipe_in(home, text))).phones[0].steps[0]
        assert (StepState.NEEDS_HUMAN, "stick a label on it") == (first.state, first.cause)
        await shop.journal.write_step(replace(first, state=StepState.DONE, by="Robin"))
        second = (await shop.go(recipe_in(home, text))).phones[0].steps[0]
        assert (StepState.SATISFIED, "Robin") == (second.state, second.by)

    in_virtual_time(story)


def test_phone_that_moves_to_another_port_goes_on_where_it_stopped(home: Path) -> None:
    """Pulled in the middle and plugged in again: the same steps, no step twice."""
    handset = phone()
    text = SCREEN + '[[steps]]\nname = "animations"\ntype = "animations"\n'
    shop = Workshop([handset], home)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        handset.link.latency_s = 0.2
        loop.call_later(1.1, lambda: asyncio.ensure_future(handset.link.unplug()))
        loop.call_later(60.0, lambda: asyncio.ensure_future(handset.link.replug()))
        outcome = await shop.go(recipe_in(home, text))
        assert outcome.good

    in_virtual_time(story)
    puts = [change for change in handset.model.estate.changes if change.startswith("settings")]
    assert len(set(puts)) == len(puts)


def test_phone_that_stays_away_fails_and_names_the_way_on(home: Path) -> None:
    """Absent for too long: failed with what to do; its step stays open in the journal."""
    handset = phone()
    shop = Workshop([handset], home)

    async def story() -> None:
        handset.link.latency_s = 0.2
        asyncio.get_running_loop().call_later(
            1.0, lambda: asyncio.ensure_future(handset.link.unplug())
        )
        outcome = await shop.go(recipe_in(home, SCREEN), absent_s=30)
        assert PhoneFate.FAILED is outcome.phones[0].phone.fate
        assert "away for 30 s" in outcome.phones[0].phone.cause

    in_virtual_time(story)


def test_failed_canary_holds_all_other_phones(home: Path) -> None:
    """The first phone fails: nothing is written on any other."""
    bad = phone(habits=HabitQuirks(ignored=frozenset({"screen_off_timeout"})))
    others = [phone(33, index=n) for n in range(1, 6)]
    shop = Workshop([bad, *others], home)
    outcome = in_virtual_time(lambda: shop.go(recipe_in(home, SCREEN), canary=1))
    assert [PhoneFate.HELD] * 5 == [p.phone.fate for p in outcome.phones[1:]]
    assert [] == [change for h in others for change in h.model.estate.changes]


def test_failure_rate_stops_what_has_not_begun(home: Path) -> None:
    """Five of five failed: the phones that wait for their turn stay untouched."""
    habits = HabitQuirks(ignored=frozenset({"screen_off_timeout"}))
    handsets = [phone(33, habits, index=n) for n in range(12)]
    for late in handsets[6:]:
        late.link.latency_s = 5.0
    shop = Workshop(handsets, home)
    outcome = in_virtual_time(
        lambda: shop.go(recipe_in(home, SCREEN), stop_rate=0.5, arrive_s=100.0)
    )
    fates = [p.phone.fate for p in outcome.phones]
    assert [PhoneFate.FAILED] * 6 == fates[:6]
    assert PhoneFate.HELD in fates[6:]


def test_phone_leased_to_sending_is_left_alone_until_it_is_released(home: Path) -> None:
    """Never both: provisioning waits, asks, and only then begins."""
    handset = phone()
    shop = Workshop([handset], home)
    device = device_of(handset)

    async def story() -> None:
        clock = LoopClock()
        await shop.journal.take(device, Purpose.SENDING, "rack", now=clock.now(), ttl_s=600)
        refused = await shop.go(recipe_in(home, SCREEN), lease_wait_s=5)
        assert PhoneFate.LEASED is refused.phones[0].phone.fate
        assert [] == shop.writes()
        run = asyncio.ensure_future(shop.go(recipe_in(home, SCREEN), lease_wait_s=60))
        await asyncio.sleep(5)
        lease = await shop.journal.take(device, Purpose.SENDING, "rack", now=clock.now(), ttl_s=600)
        assert lease.asked_by
        await shop.journal.release(device, "rack")
        assert (await run).good

    in_virtual_time(story)


def test_variables_and_labels_choose_what_each_phone_gets(home: Path) -> None:
    """Values come from the phone's line; a phone without one that is needed fails alone."""
    text = (
        "[variables.zone]\n"
        '[[steps]]\nname = "zone"\ntype = "time-zone"\nzone = "${zone}"\n'
        '[[steps]]\nname = "dark"\ntype = "screen"\nwhen = { labels = ["night"] }\n'
    )
    handsets = [phone(34, index=n) for n in range(3)]
    shop = Workshop(handsets, home)
    night = frozenset({"night"})
    extras = (
        {"variables": {"zone": "Europe/Paris"}},
        {"variables": {"zone": "Asia/Tokyo"}, "labels": night},
        {},
    )
    targets = [
        Target(PhoneSettings(name=h.model.spec.serial, serial=h.model.spec.serial), **extra)
        for h, extra in zip(handsets, extras, strict=True)
    ]
    outcome = in_virtual_time(lambda: shop.go(recipe_in(home, text), targets=targets))
    assert ["Europe/Paris", "Asia/Tokyo", None] == [h.model.estate.zone for h in handsets]
    assert "no value for the variable 'zone'" in outcome.phones[2].phone.cause
    assert StepState.SKIPPED is outcome.phones[0].steps[1].state


def test_wifi_key_reaches_the_phone_and_nothing_else(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quotes, blanks and $ pass unchanged; the key is in no record, log or kept file."""
    key = "p$ss 'w\"rd` \\ 42"
    monkeypatch.setenv("RACK_WIFI", key)
    handset = phone(34)
    handset.model.estate.wifi.networks["Rack 5 $GHz"] = key
    text = (
        '[secrets.wifi]\nenv = "RACK_WIFI"\n[[steps]]\nname = "wifi"\ntype = "wifi"\n'
        'ssid = "Rack 5 $GHz"\nkey = { secret = "wifi" }\nvalidated = true\n'
    )
    shop = Workshop([handset], home)
    outcome = in_virtual_time(lambda: shop.go(recipe_in(home, text)))
    assert outcome.good
    assert "Rack 5 $GHz" == handset.model.estate.wifi.connected
    told = f"{outcome}{shop.events}{shop.log}"
    assert key not in told
    assert 'w\\"rd' not in told


# --- Tries and deadlines ----------------------------------------------------------------------


def tool(handset: Handset, name: str, codes: list[int], *, s: float = 0.0) -> list[int]:
    """A command of the phone that takes `s` seconds and ends with these codes in turn, then 0."""
    runs: list[int] = []

    async def run(argv: list[str], console: Console) -> int:
        runs.append(len(runs))
        await asyncio.sleep(s)
        code = codes[runs[-1]] if runs[-1] < len(codes) else 0
        if not code:
            handset.files.write("/data/local/tmp/done", b"")
        return code

    handset.toolbox.add(name, run)
    return runs


OWN = (
    '[[steps]]\nname = "own"\ntype = "shell"\ncheck = "test -f /data/local/tmp/done"\n'
    'apply = "brew"\ndeadline_s = 20\n'
)


@pytest.mark.parametrize(
    ("retries", "state", "tries"),
    [(0, StepState.FAILED, 1), (1, StepState.FAILED, 2), (2, StepState.DONE, 3)],
)
def test_step_is_tried_again_as_often_as_it_says(
    home: Path, retries: int, state: StepState, tries: int
) -> None:
    """Two refusals: `retries` decides whether the third try comes about."""
    handset = phone()
    runs = tool(handset, "brew", [1, 1])
    step = one(home, OWN + f"retries = {retries}\n", handset)
    assert (state, tries, tries) == (step.state, step.tries, len(runs))


def test_step_that_hangs_ends_by_its_deadline_and_each_try_has_its_own(home: Path) -> None:
    """20 s per try, one retry: 40 s, with a picture, and the next step is blocked."""
    handset = phone()
    tool(handset, "brew", [], s=500.0)
    shop = Workshop([handset], home)

    async def story() -> None:
        outcome = await shop.go(recipe_in(home, OWN + "retries = 1\n" + SCREEN))
        own, screen = outcome.phones[0].steps
        assert (StepState.FAILED, StepState.BLOCKED) == (own.state, screen.state)
        assert "no end within 20 s" in own.cause
        assert ["failed.png"] == [file.name.rpartition("/")[2] for file in own.files]
        assert 40 <= LoopClock().monotonic() < 45

    in_virtual_time(story)


def test_absence_of_the_phone_is_no_part_of_a_deadline(home: Path) -> None:
    """Away for 60 s within a step of 20 s: it goes on as if nothing had been."""
    handset = phone()
    runs = tool(handset, "brew", [], s=3.0)
    shop = Workshop([handset], home)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(1.0, lambda: asyncio.ensure_future(handset.link.unplug()))
        loop.call_later(61.0, lambda: asyncio.ensure_future(handset.link.replug()))
        assert (await shop.go(recipe_in(home, OWN))).good

    in_virtual_time(story)
    assert len(runs) in (1, 2)


def test_good_canary_lets_the_others_go_and_goes_first(home: Path) -> None:
    """No other phone is touched before the canary is done; then all are."""
    handsets = [phone(33, index=n) for n in range(5)]
    shop = Workshop(handsets, home)
    outcome = in_virtual_time(lambda: shop.go(recipe_in(home, SCREEN), canary=1))
    assert outcome.good
    canary = outcome.phones[0].phone
    assert canary.ended_at is not None
    starts = [p.phone.started_at for p in outcome.phones[1:] if p.phone.started_at]
    assert all(canary.ended_at <= start for start in starts)


def test_failures_under_the_rate_stop_nothing(home: Path) -> None:
    """One of ten fails at a rate of 0.3: the nine others are done."""
    habits = HabitQuirks(ignored=frozenset({"screen_off_timeout"}))
    handsets = [phone(33, habits), *(phone(33, index=n) for n in range(1, 10))]
    shop = Workshop(handsets, home)
    outcome = in_virtual_time(lambda: shop.go(recipe_in(home, SCREEN), stop_rate=0.3))
    fates = [p.phone.fate for p in outcome.phones]
    assert [PhoneFate.FAILED] + [PhoneFate.DONE] * 9 == fates


def test_lease_lost_in_the_middle_of_a_step_writes_nothing_more(home: Path) -> None:
    """Another holder took the phone over: the run ends there, and says who has it."""
    handset = phone()
    tool(handset, "brew", [], s=100.0)
    shop = Workshop([handset], home)
    text = OWN.replace("= 20", "= 300") + SCREEN

    async def story() -> None:
        run = asyncio.ensure_future(shop.go(recipe_in(home, text)))
        await asyncio.sleep(2)
        late = LoopClock().now() + timedelta(seconds=60)
        device = device_of(handset)
        await shop.journal.take(device, Purpose.SENDING, "rack", now=late, ttl_s=120)
        outcome = await run
        assert PhoneFate.LEASED is outcome.phones[0].phone.fate
        assert "leased to sending by rack" in outcome.phones[0].phone.cause
        assert LoopClock().monotonic() < 20

    in_virtual_time(story)
    assert not any("screen_off" in change for change in handset.model.estate.changes)
