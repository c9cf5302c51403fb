"""The audit of a living controller: one line per decision, and no commit more for it."""

import asyncio

from sim_disk import Memory
from sim_scenario import NUMBER, event, happened, phones, ready, told_by
from sim_world import Site

from droidrack.core.audit import Pen, Verifier


def decisions(disk: Memory) -> list[tuple[str, str, str]]:
    """(what, rule, code) of every decision at the door."""
    facts = [line.facts() for line in disk.disk.audit.lines]
    return [
        (fact["what"], fact.get("rule", ""), fact.get("code", ""))
        for fact in facts
        if fact["kind"] == "decision"
    ]


def sound(disk: Memory) -> None:
    """The chain holds from its first line to its anchor."""
    verifier = Verifier(Pen())
    verifier.expect(disk.disk.audit.anchor)
    assert [] == [*verifier.check(disk.disk.audit.lines), *verifier.end(), *verifier.gaps]


def test_message_that_goes_has_its_line_in_the_commit_of_its_attempt() -> None:
    """Going costs no commit of its own, and the line tells who and on which card."""
    disk = Memory()

    async def story(site: Site) -> None:
        await ready(site)
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await event(site, "status")

    site = told_by(story, disk=disk)

    assert [("go", "", "")] == decisions(disk)
    assert 0 == sum(line[3] == "audit" for line in site.score.lines if line[1] == "commit")
    sound(disk)


def test_refused_message_has_its_line_with_rule_and_code() -> None:
    """What never goes is on record with the rule that said so."""
    disk = Memory()

    async def story(site: Site) -> None:
        await ready(site)
        await site.ask(site.phones[0], 0, "abc", "hello")
        await event(site, "status")

    told_by(story, disk=disk)

    assert [("refuse", "number", "NUMBER_INVALID")] == decisions(disk)
    sound(disk)


def test_message_that_is_held_has_one_line_however_long_it_waits() -> None:
    """The door is asked every few seconds; the audit is not."""
    disk = Memory()

    async def story(site: Site) -> None:
        await ready(site)
        phone = site.phones[0]
        phone.model.remove_sim(0)
        await site.ask(phone, 0, NUMBER, "hello")
        await event(site, "status")

    told_by(story, disk=disk)

    held = [each for each in decisions(disk) if each[0] == "hold"]
    assert 1 == len(held)
    assert ("refuse", "sim") == decisions(disk)[-1][:2]
    sound(disk)


def test_chain_goes_on_over_kills() -> None:
    """Each life writes on where the last one stopped."""
    disk = Memory()

    async def story(site: Site) -> None:
        await ready(site)
        for index in range(3):
            await site.ask(site.phones[0], 0, f"{NUMBER[:-1]}{index}", "hello")
            await event(site, "submit", index + 1)
            site.kill("again")
            await event(site, "crash", index + 1)
            await asyncio.sleep(5)
        await event(site, "status", 3)

    site = told_by(story, specs=phones(34), disk=disk)

    assert 3 == happened(site, "crash")
    assert 3 == sum(what == "go" for what, _, _ in decisions(disk))
    sound(disk)
