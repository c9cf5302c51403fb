"""What the metrics tell of repairs and hubs, from a picture of the rack."""

from typing import Any

from droidrack.faces.metrics import FAMILIES

SAMPLES = {family.name: family.samples for family in FAMILIES}


def picture(**changes: Any) -> dict[str, Any]:
    """A rack whose second phone is ill."""
    ill = {"ailment": "silent", "given_up": False}
    phones = [{"phone": "bay-1", "repair": None}, {"phone": "bay-2", "repair": ill}]
    return {"phones": phones, "hubs_lost": [], "servers_lost": [], "panel_lost": None, **changes}


def test_phone_that_is_well_has_no_repair_sample() -> None:
    """Only the ill one is there, with what it suffers from."""
    assert [(("bay-2", "silent", "trying"), 1.0)] == list(SAMPLES["droidrack_repair"](picture()))


def test_phone_that_was_given_up_says_so() -> None:
    """That is when a person is needed, and what an alert asks for."""
    answer = picture(
        phones=[{"phone": "bay-2", "repair": {"ailment": "offline", "given_up": True}}]
    )
    assert [(("bay-2", "offline", "given up"), 1.0)] == list(SAMPLES["droidrack_repair"](answer))


def test_lost_hub_counts_its_phones() -> None:
    """One sample per hub, by its place."""
    answer = picture(hubs_lost=[{"hub": "shelf 1 (1-2)", "phones": ["bay-1", "bay-2"]}])
    assert [(("shelf 1 (1-2)",), 2)] == list(SAMPLES["droidrack_hub_lost_phones"](answer))


def test_lost_adb_server_counts_its_phones() -> None:
    """One sample per server, by its address."""
    answer = picture(servers_lost=[{"server": "127.0.0.1:5037", "phones": ["bay-1", "bay-2"]}])
    samples = list(SAMPLES["droidrack_adb_server_lost_phones"](answer))
    assert [(("127.0.0.1:5037",), 2)] == samples


def test_lost_panel_is_one_sample_for_all_phones() -> None:
    """It is 0 while the panel answers, so that a rule can tell that from no controller."""
    samples = SAMPLES["droidrack_panel_lost"]
    assert [((), 0.0)] == list(samples(picture()))
    assert [((), 1.0)] == list(samples(picture(panel_lost={"phones": ["bay-1"]})))
