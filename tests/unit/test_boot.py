"""When a boot is complete."""

from dataclasses import replace

import pytest

from droidrack.core.boot import REGISTER_S, BootReading, unfinished
from droidrack.core.standing import PhoneState
from droidrack.core.telephony import SimState

UP = BootReading(
    boot_id="second",
    completed=True,
    user_state="RUNNING_UNLOCKED\n",
    uptime_s=30.0,
    sims=(SimState.LOADED, SimState.ABSENT),
    registered=(True, False),
)


def test_boot_with_every_proof_is_complete() -> None:
    """New boot id, completed, unlocked, SIM ready, registered."""
    assert unfinished(UP, left_boot="first") is None


@pytest.mark.parametrize(
    ("change", "state", "cause"),
    [
        ({"boot_id": "first"}, PhoneState.BOOTING, "former boot"),
        ({"completed": False}, PhoneState.BOOTING, "not finished"),
        ({"user_state": "RUNNING_LOCKED\n"}, PhoneState.LOCKED, "RUNNING_LOCKED"),
        ({"user_state": "RUNNING_UNLOCKING\n"}, PhoneState.LOCKED, "RUNNING_UNLOCKING"),
        ({"sims": (SimState.NOT_READY, SimState.ABSENT)}, PhoneState.BOOTING, "being read"),
        ({"registered": (False, False)}, PhoneState.BOOTING, "not registered"),
    ],
)
def test_boot_without_one_of_its_proofs_is_not_complete(
    change: dict[str, object], state: PhoneState, cause: str
) -> None:
    """Each proof is needed, and its lack is named."""
    lacking = unfinished(replace(UP, **change), left_boot="first")  # type: ignore[arg-type]
    assert lacking is not None
    assert state is lacking[0]
    assert cause in lacking[1]


@pytest.mark.parametrize("word", ["", "Error: unknown command 'get-started-user-state'\n"])
def test_phone_without_user_states_is_not_held(word: str) -> None:
    """Before Android 7 storage is not locked by user, and the command does not exist."""
    assert unfinished(replace(UP, user_state=word), left_boot="") is None


@pytest.mark.parametrize("state", [SimState.PIN_REQUIRED, SimState.PUK_REQUIRED, SimState.ABSENT])
def test_sim_that_waits_for_a_person_holds_no_boot(state: SimState) -> None:
    """The phone's other SIM works meanwhile."""
    reading = replace(UP, sims=(SimState.LOADED, state), registered=(True, False))
    assert unfinished(reading, left_boot="") is None


def test_phone_long_up_without_service_is_not_booting() -> None:
    """After a minute a lack of network is a lack of network."""
    assert (
        unfinished(replace(UP, registered=(False, False), uptime_s=REGISTER_S), left_boot="")
        is None
    )
