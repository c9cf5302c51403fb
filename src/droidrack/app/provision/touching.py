"""One action on the screen. Before each, the whole screen is read: a prompt ends the flow."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from droidrack.app.arrival import Arrival
from droidrack.app.provision.bench import Bench
from droidrack.core.errors import ParseError, PhoneError
from droidrack.core.provision.acts import Refusal, Touch
from droidrack.core.provision.flow import WAIT_S, verb_of
from droidrack.core.provision.screen_tree import prompt_on, read_tree, screen_text
from droidrack.core.shell import command_line
from droidrack.ports.provisioning import Screen

LOOK_S = 0.5
DUMP_FILE = "/data/local/tmp/droidrack-screen.xml"

Selector = Mapping[str, str]


async def touch(
    bench: Bench, arrival: Arrival, screen: Screen, act: Touch, *, left_s: float
) -> None:
    """Do one action of a flow.

    Raises:
        Refusal: the element is not there, or a prompt is on the screen; a person is needed.
        PhoneError: the way to the phone failed, or the screen server did.
    """
    verb = verb_of(act.action)
    value = act.action[verb]
    if verb == "open":
        await _open(arrival, value, left_s)
        return
    await _refuse_prompt(screen, left_s)
    if verb == "press":
        await screen.press(value, deadline_s=left_s)
        return
    wait_s = min(float(act.action.get("wait_s", WAIT_S)), left_s)
    await _VERBS[verb](_Eye(bench, screen, value, wait_s, left_s), act)


class _Eye:
    """Finds one of several candidates."""

    def __init__(
        self, bench: Bench, screen: Screen, wanted: tuple[Selector, ...], wait_s: float,
        left_s: float,
    ) -> None:  # fmt: skip
        self.bench = bench
        self.screen = screen
        self.wanted = wanted
        self.wait_s = wait_s
        self.left_s = left_s

    async def look(self) -> Selector | None:
        """The first candidate that is on the screen now."""
        for selector in self.wanted:
            if await self.screen.exists(selector, deadline_s=self.left_s):
                return selector
        return None

    async def find(self) -> Selector:
        """The same, waiting for it; Refusal where none comes."""
        until = self.bench.clock.monotonic() + self.wait_s
        while True:
            found = await self.look()
            if found is not None:
                # It may have come with a prompt while it was waited for.
                await _refuse_prompt(self.screen, self.left_s)
                return found
            if self.bench.clock.monotonic() >= until:
                raise Refusal(
                    f"no element {_named(self.wanted)} on the screen",
                    hint="look at the picture; add a selector for this maker and build",
                    human=True,
                )
            await self.bench.clock.sleep(LOOK_S)


async def _tap(eye: _Eye, act: Touch) -> None:
    await eye.screen.tap(await eye.find(), deadline_s=eye.left_s)


async def _expect(eye: _Eye, act: Touch) -> None:
    await eye.find()


async def _gone(eye: _Eye, act: Touch) -> None:
    until = eye.bench.clock.monotonic() + eye.wait_s
    while await eye.look() is not None:
        if eye.bench.clock.monotonic() >= until:
            raise Refusal(f"{_named(eye.wanted)} is still on the screen", human=True)
        await eye.bench.clock.sleep(LOOK_S)


async def _scroll(eye: _Eye, act: Touch) -> None:
    for selector in eye.wanted:
        if await eye.screen.scroll_to(selector, deadline_s=eye.left_s):
            await _refuse_prompt(eye.screen, eye.left_s)
            return
    raise Refusal(
        f"no element {_named(eye.wanted)} in the list",
        hint="look at the picture; add a selector for this maker and build",
        human=True,
    )


async def _type(eye: _Eye, act: Touch) -> None:
    text = act.secret.reveal() if act.secret else str(act.action["text"])
    await eye.screen.type(await eye.find(), text, deadline_s=eye.left_s)


async def _switch(eye: _Eye, act: Touch) -> None:
    """Tap only where it stands otherwise, and see that it turned."""
    selector, wanted = await eye.find(), bool(act.action["on"])
    if await eye.screen.checked(selector, deadline_s=eye.left_s) is wanted:
        return
    await eye.screen.tap(selector, deadline_s=eye.left_s)
    await _refuse_prompt(eye.screen, eye.left_s)
    if await eye.screen.checked(await eye.find(), deadline_s=eye.left_s) is not wanted:
        raise Refusal(f"the switch {_named(eye.wanted)} did not turn", human=True)


_VERBS: Mapping[str, Callable[[_Eye, Touch], Awaitable[None]]] = {
    "tap": _tap,
    "expect": _expect,
    "gone": _gone,
    "scroll_to": _scroll,
    "type": _type,
    "switch": _switch,
}


async def _open(arrival: Arrival, target: str, left_s: float) -> None:
    words = ["-n", target] if "/" in target else ["-a", target]
    answer = await arrival.phone.run(command_line(["am", "start", "-W", *words]), deadline_s=left_s)
    text = answer.text + answer.stderr.decode("utf-8", "replace")
    if "Error" in text or "Exception" in text or answer.exit_code not in (0, None):
        raise Refusal(
            f"{target} cannot be opened on this phone",
            hint="name another screen for this maker",
            human=True,
        )


async def _refuse_prompt(screen: Screen, left_s: float) -> None:
    if reason := prompt_on(read_tree(await screen.hierarchy(deadline_s=left_s))):
        raise Refusal(
            f"{reason} is on the screen, which no recipe may answer",
            hint="decide on the phone, then apply again",
            human=True,
        )


def _named(wanted: Any) -> str:
    return " or ".join(
        "/".join(f"{key}={value!r}" for key, value in selector.items()) for selector in wanted
    ) or "(no selector is for this phone)"  # fmt: skip


async def read_screen(arrival: Arrival, *, deadline_s: float) -> tuple[str, str]:
    """What a phone shows, for a failure: its text, and the prompt on it ("" where none is).

    By the phone's own `uiautomator`, so that a failed install can tell even where the screen
    library is not installed.
    """
    try:
        dump = await arrival.phone.run(
            f"uiautomator dump {DUMP_FILE} >/dev/null 2>&1; cat {DUMP_FILE}; rm -f {DUMP_FILE}",
            deadline_s=deadline_s,
        )
        nodes = read_tree(dump.text)
    except (PhoneError, ParseError):
        return "", ""
    return screen_text(nodes), prompt_on(nodes)
