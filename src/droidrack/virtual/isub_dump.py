"""`dumpsys isub`: subscriptions and their slots, release by release."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone
    from droidrack.virtual.sim_slots import Subscription

RULE = "++++++++++++++++++++++++++++++++\n"
API_22_MAP, API_34_SERVICE = 22, 34


def isub(phone: VirtualPhone) -> str:
    """The whole dump."""
    return _service(phone) if phone.spec.api >= API_34_SERVICE else _controller(phone)


def _controller(phone: VirtualPhone) -> str:
    """5.0 to 13: SubscriptionController."""
    api = phone.spec.api
    default = phone.subscriptions.default
    sub_id = -1 if default is None else default.sub_id
    slot = None if default is None else phone.subscriptions.slot_of(default.sub_id)
    phone_id = -1 if slot is None else slot.index
    lines = ["SubscriptionController:"]
    if api >= 28:
        registered = int(phone.booted_at.timestamp() * 1000)
        lines.append(f" mLastISubServiceRegTime={registered}")
    lines += [f" {name}SubId={sub_id}" for name in _KINDS]
    lines += [f" {name}PhoneId={phone_id}" for name in _KINDS[1:]]
    lines += [_slot_line(phone, index) for index in range(len(phone.slots))]
    active = "\n".join(f"  {_entry(phone, entry)}" for entry in phone.subscriptions.active)
    known = "\n".join(f"  {_entry(phone, entry)}" for entry in phone.subscriptions)
    return (
        "\n".join(line for line in lines if line)
        + f"\n{RULE} ActiveSubInfoList:{' is null' if not active else ''}\n"
        + (f"{active}\n" if active else "")
        + f"{RULE} AllSubInfoList:{' is null' if not known else ''}\n"
        + (f"{known}\n" if known else "")
        + f"{RULE}{_history(phone)}{RULE}"
    )


_KINDS = ("default", "defaultData", "defaultVoice", "defaultSms")


def _slot_line(phone: VirtualPhone, index: int) -> str:
    """The line that maps a slot; "" where it is empty or the release prints none."""
    api = phone.spec.api
    found = phone.subscriptions.in_slot(index)
    if found is None or api < API_22_MAP:
        return ""
    if api >= 29:
        return f" sSlotIndexToSubId[{index}]: subIds=0=[{found.sub_id}]"
    name = "mSlotIdToSubIdMap" if api == 22 else "sSlotIdxToSubId" if api < 26 else None
    return f" {name or 'sSlotIndexToSubId'}[{index}]: subId={found.sub_id}"


def _entry(phone: VirtualPhone, entry: Subscription) -> str:
    """One `{id=…}` of 5.0 to 13."""
    api, card = phone.spec.api, entry.card
    slot = phone.subscriptions.slot_of(entry.sub_id)
    iccid, index = _masked(card.iccid, api), -1 if slot is None else slot.index
    bitmap = f"android.graphics.Bitmap@a548ba{entry.sub_id % 16:x}"
    if api < 29:
        number = f" number={card.msisdn}" if api < 24 else ""
        embedded = " isEmbedded false accessRules null" if api >= 26 else ""
        return (
            f"{{id={entry.sub_id}, iccId={iccid} simSlotIndex={index} displayName={card.carrier}"
            f" carrierName={card.carrier} nameSource=0 iconTint=-16746133{number} dataRoaming=0"
            f" iconBitmap={bitmap} mcc {int(card.mcc)} mnc {int(card.mnc)}{embedded}}}"
        )
    port = " portIndex=0" if api >= 33 else ""
    usage = " usageSetting=0" if api >= 33 else ""
    return (
        f"{{id={entry.sub_id} iccId={iccid} simSlotIndex={index} carrierId=1"
        f" displayName={card.carrier} carrierName={card.carrier} nameSource=0 iconTint=-16746133"
        f" number=[****] dataRoaming=0 iconBitmap={bitmap} mcc={card.mcc} mnc={card.mnc}"
        f" countryIso={card.country} isEmbedded=false nativeAccessRules=null cardString={iccid}"
        f" cardId=0{port} isOpportunistic=false groupUUID=null isGroupDisabled=false"
        f" profileClass=-1 ehplmns=[] hplmns=[{card.mcc}{card.mnc}] subscriptionType=0"
        f" groupOwner=null carrierConfigAccessRules=null areUiccApplicationsEnabled=true{usage}}}"
    )


def _masked(iccid: str, api: int) -> str:
    if api < 24:
        return iccid
    return iccid[:9] + ("XXXXXXXXXXX" if api == 24 else "[****]")


def _history(phone: VirtualPhone) -> str:
    at = phone.booted_at
    if phone.spec.api >= 29:
        return f"{at:%Y-%m-%dT%H:%M:%S}.230 - [SubscriptionController] init by Context\n"
    return f"0: {at:%m-%d %H:%M:%S} pid=1500 tid=1500 [SubscriptionController] init by Context\n"


def _service(phone: VirtualPhone) -> str:
    """14 and later: SubscriptionManagerService."""
    default = phone.subscriptions.default
    sub_id = -1 if default is None else default.sub_id
    lines = ["SubscriptionManagerService:", "  Active modem count=" + str(len(phone.slots))]
    lines.append("  Logical SIM slot sub id mapping:")
    for slot in phone.slots:
        found = phone.subscriptions.in_slot(slot.index)
        lines.append(f"    Logical SIM slot {slot.index}: subId={found.sub_id if found else -1}")
    lines.append("  ICCID:")
    for slot in phone.slots:
        iccid = _masked(slot.card.iccid, phone.spec.api) if slot.card else ""
        lines.append(f"    slot {slot.index}: {iccid}, port index=0")
    lines += [
        "",
        f"  defaultSubId={sub_id}",
        f"  defaultVoiceSubId={sub_id}",
        f"  defaultDataSubId={sub_id}",
        f"  activeDataSubId={sub_id}",
        f"  defaultSmsSubId={sub_id}",
        "",
        "  Active subscriptions:",
        *(f"    {_internal(phone, entry)}" for entry in phone.subscriptions.active),
        "",
        "  All subscriptions:",
        *(f"    {_internal(phone, entry)}" for entry in phone.subscriptions),
    ]
    return "\n".join(lines) + "\n"


def _internal(phone: VirtualPhone, entry: Subscription) -> str:
    card, iccid = entry.card, _masked(entry.card.iccid, phone.spec.api)
    slot = phone.subscriptions.slot_of(entry.sub_id)
    index = -1 if slot is None else slot.index
    return (
        f"[SubscriptionInfoInternal: id={entry.sub_id} iccId={iccid} simSlotIndex={index}"
        f" portIndex=0 isEmbedded=0 isRemovableEmbedded=0 carrierId=1 displayName={card.carrier}"
        f" carrierName={card.carrier} isOpportunistic=0 displayNameSource=CARRIER_ID"
        f" iconTint=-16746133 number=[****] dataRoaming=0 mcc={card.mcc} mnc={card.mnc} ehplmns="
        f" hplmns={card.mcc}{card.mnc} cardString={iccid} cardId=0 countryIso={card.country}]"
    )
