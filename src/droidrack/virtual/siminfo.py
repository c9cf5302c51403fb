"""The rows of `content://telephony/siminfo`: every card the phone has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone


def siminfo_rows(phone: VirtualPhone) -> list[dict[str, object]]:
    """One row per card with the columns of the release; `sim_id` −1: not inserted now."""
    return [
        {name: value for since, name, value in _columns(phone, index) if since <= phone.spec.api}
        for index, _ in enumerate(phone.subscriptions)
    ]


def _columns(phone: VirtualPhone, index: int) -> list[tuple[int, str, object]]:
    """(level that brought the column, name, value)."""
    subscription = list(phone.subscriptions)[index]
    card = subscription.card
    slot = phone.subscriptions.slot_of(subscription.sub_id)
    return [
        (21, "_id", subscription.sub_id),
        (21, "icc_id", card.iccid),
        (21, "sim_id", -1 if slot is None else slot.index),
        (21, "display_name", card.carrier),
        (22, "carrier_name", card.carrier),
        (21, "name_source", 0),
        (21, "color", -16746133),
        (21, "number", card.msisdn),
        (21, "display_number_format", 1),
        (21, "data_roaming", 0),
        (21, "mcc", int(card.mcc)),
        (21, "mnc", int(card.mnc)),
        (29, "mcc_string", card.mcc),
        (29, "mnc_string", card.mnc),
        (29, "ehplmns", None),
        (29, "hplmns", card.mcc + card.mnc),
        (24, "sim_provisioning_status", 0),
        (26, "is_embedded", 0),
        (29, "card_id", card.iccid),
        (26, "access_rules", None),
        (30, "access_rules_from_carrier_configs", None),
        (26, "is_removable", 0),
        (24, "enable_cmas_extreme_threat_alerts", 1),
        (24, "enable_cmas_severe_threat_alerts", 1),
        (24, "enable_cmas_amber_alerts", 1),
        (28, "volte_vt_enabled", -1),
        (28, "wfc_ims_enabled", -1),
        (29, "is_opportunistic", 0),
        (29, "group_uuid", None),
        (29, "is_metered", 1),
        (29, "iso_country_code", card.country),
        (29, "carrier_id", 1),
        (29, "profile_class", -1),
        (29, "subscription_type", 0),
        (30, "imsi", card.imsi),
        (30, "uicc_applications_enabled", 1),
        (31, "allowed_network_types", -1),
    ]
