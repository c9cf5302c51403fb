"""Phones to build a rack from: real models of every release, with invented serials and SIMs.

The first sixteen entries cover API 21 to 36 once each; what follows repeats levels where makers
differ in a way that a controller must survive.
"""

from dataclasses import dataclass

from droidrack.virtual.spec import RELEASES, PhoneSpec, Quirks, SimCard, make_sim

AOSP = Quirks()


@dataclass(frozen=True, slots=True)
class Model:
    """One shop model on one release."""

    api: int
    maker: str
    brand: str
    model: str
    device: str
    product: str
    build: str
    slots: int = 1
    sims: int = 1
    quirks: Quirks = AOSP


MODELS: tuple[Model, ...] = (
    Model(21, "samsung", "samsung", "SM-G900F", "klte", "kltexx", "LRX21T", quirks=Quirks(bits=32)),
    Model(22, "samsung", "samsung", "SM-G928F", "zenlte", "zenltexx", "LMY47X"),
    Model(
        23, "motorola", "motorola", "Moto G (4)", "athene", "athene", "MPJ24.139-64", 2, 2,
        Quirks(bits=32, qualcomm_options=True),
    ),
    Model(24, "samsung", "samsung", "SM-G935F", "hero2lte", "hero2ltexx", "NRD90M"),
    Model(
        25, "vivo", "vivo", "vivo X9", "PD1616", "PD1616", "N2G47H", 2, 2,
        Quirks(qualcomm_options=True),
    ),
    Model(26, "samsung", "samsung", "SM-G950F", "dreamlte", "dreamltexx", "R16NW", 2, 1),
    Model(
        27, "Xiaomi", "xiaomi", "Redmi Note 5", "whyred", "whyred", "OPM1.171019.011", 2, 2,
        Quirks(qualcomm_options=True),
    ),
    Model(28, "HUAWEI", "HUAWEI", "VOG-L29", "HWVOG", "VOG-L29EEA", "HUAWEIVOG-L29", 2, 2),
    Model(29, "Google", "google", "Pixel 2 XL", "taimen", "taimen", "QP1A.190711.020"),
    Model(30, "OnePlus", "OnePlus", "KB2003", "OnePlus8T", "OnePlus8T", "RP1A.201005.001", 2, 2),
    Model(
        31, "Google", "google", "Pixel 5", "redfin", "redfin", "SP1A.210812.015",
        quirks=Quirks(ims_sms=True),
    ),
    Model(32, "Google", "google", "Pixel 4a", "sunfish", "sunfish", "SP2A.220505.002"),
    Model(
        33, "motorola", "motorola", "motorola edge 20", "berlin", "berlin_g", "T1RGS33.116-33-3",
        2, 2,
    ),
    Model(34, "Xiaomi", "Redmi", "23043RP34G", "star", "star_global", "UKQ1.230804.001", 2, 2),
    Model(
        35, "samsung", "samsung", "SM-S921B", "e1s", "e1sxeea", "AP3A.240905.015.A2", 2, 2,
        Quirks(ims_sms=True),
    ),
    Model(36, "Google", "google", "Pixel 9", "tokay", "tokay", "BP2A.250605.031", 2, 1),
    Model(29, "samsung", "samsung", "SM-A505FN", "a50", "a50xx", "QP1A.190711.020", 2, 2),
    Model(30, "Xiaomi", "Redmi", "M2101K7AG", "sweet", "sweet_global", "RKQ1.200826.002", 2, 2),
    Model(33, "Google", "google", "Pixel 6a", "bluejay", "bluejay", "TQ3A.230805.001", 2, 1),
    Model(34, "OnePlus", "OnePlus", "CPH2449", "OP594DL1", "CPH2449EEA", "UKQ1.230924.001", 2, 2),
)  # fmt: skip
"""Build ids have the shape of the maker's; no entry claims to be a particular firmware."""

CARRIERS = (("Test Mobile", "01"), ("Bench Wireless", "02"), ("Rack Telecom", "03"))


def specs(count: int, *, first: int = 0) -> tuple[PhoneSpec, ...]:
    """`count` phones, walking through the catalogue again and again from entry `first`."""
    return tuple(make_spec(index) for index in range(first, first + count))


def make_spec(index: int = 0, *, api: int | None = None, sims: int | None = None) -> PhoneSpec:
    """The phone with this index: same index, same phone, and no two share a serial or a card.

    Args:
        index: 0 to 999,999; chooses the catalogue's entry (unless `api` does) and all identities.
        api: the first entry of this level instead.
        sims: cards inserted, from 0; a phone with more cards than its model has slots gets slots.
    """
    model = MODELS[index % len(MODELS)] if api is None else _first_of(api)
    return _spec_of(model, index, model.sims if sims is None else sims)


def _first_of(api: int) -> Model:
    return next(model for model in MODELS if model.api == api)


def _spec_of(model: Model, index: int, cards: int) -> PhoneSpec:
    release = RELEASES[model.api]
    tags = f"{release}/{model.build}/{8000000 + index}:user/release-keys"
    inserted: list[SimCard | None] = [_card(index, slot) for slot in range(cards)]
    empty: list[SimCard | None] = [None] * (max(model.slots, 1) - cards)
    return PhoneSpec(
        serial=f"{model.device[:2].upper()}{model.api}{index:06d}",
        maker=model.maker,
        brand=model.brand,
        model=model.model,
        device=model.device,
        product=model.product,
        api=model.api,
        release=release,
        fingerprint=f"{model.brand}/{model.product}/{model.device}:{tags}",
        sims=(*inserted, *empty),
        quirks=model.quirks,
    )


def _card(index: int, slot: int) -> SimCard:
    carrier, mnc = CARRIERS[(index + slot) % len(CARRIERS)]
    return make_sim(index * 2 + slot + 1000, carrier=carrier, mnc=mnc)
