"""`dumpsys telephony.registry` in the three grammars that releases print.

21–25: a flat service state of bare words. 26–28: `mServiceState={…}` with the signal as a row of
numbers. 29 and later: registrations per domain and a signal per radio technology. Values that the
model does not have read 2147483647 or −1, as on a phone that does not know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from droidrack.virtual.sim_slots import ServiceState, SimSlot

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone

NONE = 2**31 - 1
API_26_BRACES, API_29_REGISTRATIONS = 26, 29


def telephony_registry(phone: VirtualPhone) -> str:
    """The whole dump."""
    api = phone.spec.api
    blocks = "".join(_block(phone, slot) for slot in phone.slots)
    return f"last known state:\n{blocks}{_tail(phone)}registrations: count=2\n" + "".join(
        f"  {{callingPackage={package} binder=android.os.BinderProxy@1a2b3c{index}"
        f" subId=2147483647 phoneId=-1 events={'1c1' if api < 30 else '[1]'}}}\n"
        for index, package in enumerate(("android", "com.android.systemui"))
    )


def _block(phone: VirtualPhone, slot: SimSlot) -> str:
    """The lines of one phone; the indent grew with 8.0."""
    api = phone.spec.api
    if api < API_26_BRACES:
        indent, lines = "  ", _flat_lines(slot, api)
    elif api < API_29_REGISTRATIONS:
        indent, lines = "    ", _braced_lines(slot, api)
    else:
        indent, lines = "    ", _modern_lines(slot, api)
    return f"  Phone Id={slot.index}\n" + "".join(f"{indent}{line}\n" for line in lines)


def _flat_lines(slot: SimSlot, api: int) -> list[str]:
    signal = _old_signal(slot)
    return [
        "mCallState=0",
        "mCallIncomingNumber=",
        f"mServiceState={_flat_state(slot, api)}",
        f"mSignalStrength=SignalStrength: {signal} gsm|lte",
        "mMessageWaiting=false",
        "mCallForwarding=false",
        "mDataActivity=0",
        f"mDataConnectionState={0 if slot.in_service else -1}",
        f"mDataConnectionPossible={_low(slot.in_service)}",
        "mDataConnectionReason=",
        "mDataConnectionApn=",
        "mDataConnectionLinkProperties=null",
        "mDataConnectionNetworkCapabilities=null",
        "mCellLocation=Bundle[mParcelledData.dataSize=64]",
        "mCellInfo=null",
    ]


def _flat_state(slot: SimSlot, api: int) -> str:
    """Both registration states, roaming, operator twice, technologies, CDMA leftovers."""
    state, card = int(slot.service), slot.card
    roam = "roaming" if slot.roaming else "home"
    if slot.in_service and card is not None:
        operator = f"{card.carrier} {card.carrier} {card.mcc}{card.mnc}"
        technology = "LTE LTE"
    else:
        operator, technology = "null null null", "Unknown Unknown"
    tail = (
        f"CSS not supported -1 -1 RoamInd=-1 DefRoamInd=-1 EmergOnly={_low(_emergency(slot))}"
        + (f" IsDataRoamingFromRegistration={_low(slot.roaming)}" if api >= 23 else "")
        + (" IsUsingCarrierAggregation=false" if api >= 25 else "")
    )
    if api == 21:
        return f"{state} {state} {roam} {operator} {operator}  {technology} {tail}"
    return f"{state} {state} voice {roam} data {roam} {operator} {operator}  {technology} {tail}"


def _braced_lines(slot: SimSlot, api: int) -> list[str]:
    lines = [
        "mCallState=0",
        "mCallIncomingNumber=",
        f"mServiceState={{{_braced_state(slot, api)}}}",
        "mVoiceActivationState= 0",
        "mDataActivationState= 0",
    ]
    lines += ["mUserMobileDataState= false"] if api >= 28 else []
    levels = (
        " 99 255 2147483647 gsm|lte use_rsrp_and_rssnr_for_lte_level "
        " [-128, -118, -108, -98] [-115, -105, -95, -85]"
        if api >= 28
        else " gsm|lte"
    )
    middle = " 0 2147483647" if api >= 28 else f" {NONE}"
    return [
        *lines,
        f"mSignalStrength=SignalStrength: {_old_signal(slot)}{middle}{levels}",
        "mMessageWaiting=false",
        "mCallForwarding=false",
        "mDataActivity=0",
        f"mDataConnectionState={0 if slot.in_service else -1}",
        "mCellLocation=Bundle[mParcelledData.dataSize=64]",
        "mCellInfo=null",
    ]


def _braced_state(slot: SimSlot, api: int) -> str:
    name = _state(slot)
    roam = "International Roaming" if slot.roaming else "home"
    operator = _operator(slot)
    technology = "14(LTE)" if slot.in_service else "0(Unknown)"
    channel = "mChannelNumber=1300, duplexMode()=1, mCellBandwidths=[], " if api >= 28 else ""
    return (
        f"mVoiceRegState={name}, mDataRegState={name}, {channel}"
        f"mVoiceRoamingType={roam}, mDataRoamingType={roam}, "
        f"mVoiceOperatorAlphaLong={operator}, mVoiceOperatorAlphaShort={operator}, "
        f"mDataOperatorAlphaLong={operator}, mDataOperatorAlphaShort={operator}, "
        "isManualNetworkSelection=false(automatic), "
        f"mRilVoiceRadioTechnology={technology}, mRilDataRadioTechnology={technology}, "
        "mCssIndicator=unsupported, mNetworkId=-1, mSystemId=-1, mCdmaRoamingIndicator=-1, "
        f"mCdmaDefaultRoamingIndicator=-1, mIsEmergencyOnly={_low(_emergency(slot))}, "
        f"mIsDataRoamingFromRegistration={_low(slot.roaming)}, mIsUsingCarrierAggregation=false, "
        "mLteEarfcnRsrpBoost=0" + (", mNetworkRegistrationStates=[]" if api >= 28 else "")
    )


def _modern_lines(slot: SimSlot, api: int) -> list[str]:
    calls = (
        "Ringing call state: -1, Foreground call state: -1, Background call state: -1,"
        " Disconnect cause: -1, Precise disconnect cause: -1"
    )
    return [
        "mCallState=0",
        "mRingingCallState=0",
        "mForegroundCallState=0",
        "mBackgroundCallState=0",
        f"mPreciseCallState={calls}",
        "mCallDisconnectCause=-1",
        "mCallIncomingNumber=",
        f"mServiceState={{{_modern_state(slot, api)}}}",
        "mVoiceActivationState= 0",
        "mDataActivationState= 0",
        "mUserMobileDataState= false",
        f"mSignalStrength=SignalStrength:{{{_modern_signal(slot, api)}}}",
        "mMessageWaiting=false",
        "mCallForwarding=false",
        "mDataActivity=0",
        f"mDataConnectionState={0 if slot.in_service else -1}",
        "mCellInfo=null",
        "mImsCallDisconnectCause=null",
        "mSrvccState=-1",
    ]


def _modern_state(slot: SimSlot, api: int) -> str:
    name, operator = _state(slot), _operator(slot)
    technology = "14(LTE)" if slot.in_service else "0(Unknown)"
    if api < 30:
        names = ("mVoiceOperatorAlpha", "mDataOperatorAlpha")
        operators = ", ".join(f"{n}Long={operator}, {n}Short={operator}" for n in names)
    else:
        operators = f"mOperatorAlphaLong={operator}, mOperatorAlphaShort={operator}"
    boost = "mLteEarfcnRsrpBoost" if api < 32 else "mArfcnRsrpBoost"
    raw = (
        f", mNrFrequencyRange=0, mOperatorAlphaLongRaw={operator},"
        f" mOperatorAlphaShortRaw={operator}, mIsDataRoamingFromRegistration=false,"
        " mIsIwlanPreferred=false"
    )
    space = ", mIsUsingNonTerrestrialNetwork=false" if api >= 35 else ""
    domains = ", ".join(_registration(slot, domain, api) for domain in ("CS", "PS"))
    return (
        f"mVoiceRegState={name}, mDataRegState={name}, "
        f"mChannelNumber={1300 if slot.in_service else -1}, duplexMode()=1, mCellBandwidths=[], "
        f"{operators}, isManualNetworkSelection=false(automatic), "
        f"getRilVoiceRadioTechnology={technology}, getRilDataRadioTechnology={technology}, "
        "mCssIndicator=unsupported, mNetworkId=-1, mSystemId=-1, mCdmaRoamingIndicator=-1, "
        f"mCdmaDefaultRoamingIndicator=-1, mIsEmergencyOnly={_low(_emergency(slot))}, "
        f"isUsingCarrierAggregation=false, {boost}=0, "
        f"mNetworkRegistrationInfos=[{domains}]" + (raw if api >= 30 else "") + space
    )


def _registration(slot: SimSlot, domain: str, api: int) -> str:
    served, card = slot.in_service, slot.card
    state = ("ROAMING" if slot.roaming else "HOME") if served else "NOT_REG_OR_SEARCHING"
    roaming = "INTERNATIONAL" if slot.roaming else "NOT_ROAMING"
    services = ("[VOICE,SMS,VIDEO]" if domain == "CS" else "[DATA]") if served else "[]"
    cell, plmn = "null", ""
    if served and card is not None:
        plmn = card.mcc + card.mnc
        cell = (
            f"CellIdentityLte:{{ mCi=1000{slot.index} mPci=18 mTac=2652 mEarfcn=1300"
            f" mBandwidth=10000 mMcc={card.mcc} mMnc={card.mnc} mAlphaLong={card.carrier}"
            f" mAlphaShort={card.carrier}}}"
        )
    second = f" networkRegistrationState={state}" if api >= 34 else ""
    tail = f" rRplmn={plmn} isUsingCarrierAggregation=false" if api >= 30 else ""
    ground = " isNonTerrestrialNetwork=TERRESTRIAL" if api >= 35 else ""
    return (
        f"NetworkRegistrationInfo{{ domain={domain} transportType=WWAN registrationState={state}"
        f"{second} roamingType={roaming} accessNetworkTechnology={'LTE' if served else 'UNKNOWN'}"
        f" rejectCause=0 emergencyEnabled={_low(_emergency(slot))} availableServices={services}"
        f" cellIdentity={cell} voiceSpecificInfo=null dataSpecificInfo=null"
        f" nrState={'NONE' if api < 31 else '****'}{tail}{ground}}}"
    )


def _modern_signal(slot: SimSlot, api: int) -> str:
    served = slot.in_service
    rsrp, rsrq = (slot.signal_dbm, -10) if served else (NONE, NONE)
    rssi, rssnr = (max(slot.signal_dbm + 30, -113), 12) if served else (NONE, NONE)
    table = f" cqiTableIndex={NONE}" if api >= 31 else ""
    used = " parametersUseForLevel=0" if api >= 30 else ""
    csi = f"csiCqiTableIndex = {NONE} csiCqiReport = []" if api >= 31 else f"csiSinr = {NONE}"
    nr_used = " parametersUseForLevel = 0" if api >= 30 else ""
    advance = f" timingAdvance = {NONE}" if api >= 34 else ""
    return (
        f"mCdma=CellSignalStrengthCdma: cdmaDbm={NONE} cdmaEcio={NONE} evdoDbm={NONE}"
        f" evdoEcio={NONE} evdoSnr={NONE} level=0,"
        f"mGsm=CellSignalStrengthGsm: rssi={NONE} ber={NONE} mTa={NONE} mLevel=0,"
        f"mWcdma=CellSignalStrengthWcdma: ss={NONE} ber={NONE} rscp={NONE} ecno={NONE} level=0,"
        f"mTdscdma=CellSignalStrengthTdscdma: rssi={NONE} ber={NONE} rscp={NONE} level=0,"
        f"mLte=CellSignalStrengthLte: rssi={rssi} rsrp={rsrp} rsrq={rsrq} rssnr={rssnr}{table}"
        f" cqi={NONE} ta={NONE} level={slot.level}{used},"
        f"mNr=CellSignalStrengthNr:{{ csiRsrp = {NONE} csiRsrq = {NONE} {csi} ssRsrp = {NONE}"
        f" ssRsrq = {NONE} ssSinr = {NONE} level = 0{nr_used}{advance} }},"
        "primary=CellSignalStrengthLte"
    )


def _old_signal(slot: SimSlot) -> str:
    """GSM, CDMA, EVDO, then LTE: asu, rsrp, rsrq, rssnr, cqi. The dump of 21 to 28."""
    if not slot.in_service:
        return f"99 -1 -1 -1 -1 -1 -1 99 {NONE} {NONE} {NONE} {NONE} {NONE}"
    asu = min(max((slot.signal_dbm + 30 + 113) // 2, 0), 31)
    return f"99 0 -120 -160 -120 -1 -1 {asu} {slot.signal_dbm} -10 120 {NONE} {NONE}"


def _tail(phone: VirtualPhone) -> str:
    if phone.spec.api < API_29_REGISTRATIONS:
        return ""
    default = phone.subscriptions.default
    active = -1 if default is None else default.sub_id
    radio = 0 if any(slot.service is ServiceState.POWER_OFF for slot in phone.slots) else 1
    return (
        f"  mCarrierNetworkChangeState=false\n  mActiveDataSubId={active}\n"
        f"  mRadioPowerState={radio}\n  mDefaultSubId={active}\n"
    )


def _state(slot: SimSlot) -> str:
    return f"{int(slot.service)}({slot.service.name})"


def _operator(slot: SimSlot) -> str:
    return slot.card.carrier if slot.in_service and slot.card is not None else "null"


def _emergency(slot: SimSlot) -> bool:
    """Without a usable card, or where only emergency calls are offered."""
    camped = slot.radio_on and slot.coverage is not ServiceState.OUT_OF_SERVICE
    return slot.service is ServiceState.EMERGENCY_ONLY or (camped and not slot.ready)


def _low(flag: bool) -> str:
    return str(flag).lower()
