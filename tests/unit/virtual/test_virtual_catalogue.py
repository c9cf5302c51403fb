"""The catalogue: phones that could be real, with identities that cannot."""

from virtual_bench import ALL_LEVELS

from droidrack.virtual.catalogue import MODELS, make_spec, specs
from droidrack.virtual.interfaces import interface
from droidrack.virtual.spec import luhn_digit


def test_catalogue_covers_every_level():
    """Each API level has a model, and some makers repeat."""
    assert set(ALL_LEVELS) == {model.api for model in MODELS}
    assert 16 <= len(MODELS)


def test_phones_of_a_large_rack_share_nothing():
    """Serials, ICCIDs and IMSIs are unique over 500 phones."""
    rack = specs(500)
    cards = [card for spec in rack for card in spec.sims if card is not None]
    assert 500 == len({spec.serial for spec in rack})
    assert len(cards) == len({card.iccid for card in cards}) == len({card.imsi for card in cards})


def test_identities_are_invented_and_well_formed():
    """ICCID 8901… with a valid check digit, IMSI of its network in 001, number +1555…."""
    for spec in specs(40):
        for card in filter(None, spec.sims):
            assert ("8901", 19) == (card.iccid[:4], len(card.iccid))
            assert luhn_digit(card.iccid[:-1]) == card.iccid[-1]
            assert ("001" + card.mnc, 15) == (card.imsi[:5], len(card.imsi))
            assert ("+1555", 12) == (card.msisdn[:5], len(card.msisdn))


def test_check_digit_of_known_card():
    """The emulator's constant ICCID ends in its check digit."""
    assert "0" == luhn_digit("8901410321111851072")


def test_make_spec_with_cards_leaves_the_other_slots_empty():
    """`sims` is how many cards are inserted."""
    assert [True, False] == [card is not None for card in make_spec(api=33, sims=1).sims]


def test_every_interface_has_signatures_that_parse():
    """No row of the table is malformed, on any phone of the catalogue."""
    for spec in specs(len(MODELS)):
        for service in ("isms", "isub", "iphonesubinfo"):
            methods = interface(service, spec)
            assert len(methods) == len({method.name for method in methods})
            assert any(method.parameters for method in methods)
