"""The closed list of codes under which droidrack names what went wrong.

A code is stable: panels, scripts and the journal hold it. Its kind decides what may follow:

- `permanent`: it certainly was not sent, and trying again as it is would fail again;
- `temporary`: it certainly was not sent; the same may succeed later. Only these may be tried again;
- `ambiguous`: it may have been sent, or may still be. Never tried again by itself.

docs/error-codes.md is printed from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from droidrack.core.codes_radio import RIL, SMS_MANAGER, SMS_MANAGER_RESULTS


class CodeKind(StrEnum):
    """What may follow a code."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Code:
    """One code: what it means, and what the operator can do about it, one line each."""

    name: str
    kind: CodeKind
    text: str
    remedy: str


_KINDS = {
    "P": CodeKind.PERMANENT,
    "T": CodeKind.TEMPORARY,
    "A": CodeKind.AMBIGUOUS,
}

_MESSAGE = """
NUMBER_INVALID P|It is no number: digits are wanted, with or without a leading +.\
|Correct the number in the panel.
NUMBER_IMPOSSIBLE P|No country has a number like this.|Correct the number in the panel.
NUMBER_NEEDS_COUNTRY P|A number without + needs the SIM's country, which is not known.\
|Write it with + and country code, or set the slot's country.
NUMBER_NOT_NATIONAL P|It is no number as it is dialled in the SIM's country.\
|Write it with + and country code.
NUMBER_SERVICE_CODE P|It holds * or #, which can switch services of the SIM.\
|Remove it, or set allow_service_codes.
NUMBER_EMERGENCY P|It reaches an emergency service.|Remove it: droidrack never sends there.
NUMBER_PREMIUM P|It is of a premium rate: each text would cost its price.\
|Remove it, or set allow_premium.
NUMBER_BLOCKED P|A prefix of the site's block list fits.|Remove it, or change block_prefixes.
NUMBER_NOT_ALLOWED P|No prefix of the site's allow list fits.|Remove it, or change allow_prefixes.
BODY_EMPTY P|The message has no text.|Send it again with a text.
BODY_INVALID P|The text holds characters that no phone can take.|Remove NUL and broken characters.
TOO_MANY_SEGMENTS P|The text needs more segments than the site permits.\
|Shorten it, or raise the limit.
EXPIRED P|Its time ran out before it could be handed to a phone.|Send it again if it still matters.
CANCELLED P|It was taken back before it was handed to a phone.|Nothing to do.
OPTED_OUT P|The recipient asked for no more messages.|Do not send; take the number off your lists.
QUIET_HOURS T|It is within the quiet hours where the recipient is.|It goes out afterwards.
QUIET_ALWAYS P|At every hour it is quiet in some zone of the recipient.\
|Shorten the quiet hours, or send it in another class.
PACE_LIMIT T|The SIM has used up its pace for now.|It goes out when the window has moved on.
QUOTA_USED T|The SIM has used up its quota.|Wait for the next period, or raise the quota.
OUTCOME_UNKNOWN A|No witness said whether it was sent.|Ask the recipient before sending it again.
DEADLINE A|No witness spoke in time.|Look at the phone's screen: a dialog may be waiting.
REBOOT A|The phone restarted before a witness spoke.|Ask the recipient before sending it again.
LIMIT_DIALOG A|Android asks on the screen whether so many messages are wanted.\
|Answer it on the phone.
WRONG_SIM A|It left from another SIM than asked.\
|The phone is stopped: check its SIMs, then resume it.
STORE_FAILED P|The phone's message store shows it as failed.|Check the SIM's credit and service.
RADIO_FAILED P|The phone's radio gave up on it.|Check the SIM's credit and service.
"""

_SIM = """
SIM_UNKNOWN P|The panel names a SIM row that this phone does not have.|Synchronise the SIM rows.
SIM_ABSENT T|The slot is empty.|Insert the SIM, or correct the row in the panel.
SIM_NOT_READY T|The SIM is locked, still starting or does not tell who it is.\
|Unlock or reseat the SIM.
SIM_CHANGED T|Another SIM sits in the slot than the panel's row means.|Put it back, or bind it anew.
NO_SERVICE T|The SIM has no network.|Check coverage, antenna and plan.
PHONE_ASKS T|The phone asks somebody on its screen, and what is sent now would wait behind that.\
|Answer it on the phone; nothing is confirmed by droidrack.
SIM_HELD T|The SIM failed several times for the same reason and is held.\
|Find the reason, then resume it.
"""

_PHONE = """
PHONE_UNSUPPORTED P|No profile fits this phone, or it is barred.\
|Run `droidrack probe`, or add a profile.
PHONE_UNPROVEN T|The phone has not passed the read-only probe on this build.|Run `droidrack probe`.
PHONE_GONE T|The phone is not attached, offline or not authorised.\
|Check cable, power and the prompt.
PHONE_LEASED T|Another process works on the phone.|Wait for it, or stop that process.
PHONE_TIMEOUT A|The phone did not answer in time.|Check load and cable; the outcome is looked for.
PHONE_REFUSED P|The phone said no.|See the message for its own reason.
PHONE_ERROR A|The phone or the way to it failed.|See the message.
ANSWER_CUT A|The connection ended in the middle of an answer.|Check cable and hub.
ANSWER_EMPTY A|The phone's service tool printed nothing.|The outcome is looked for.
ANSWER_NULL A|The phone's service returned an empty reply.\
|Run `droidrack probe`: the code may be wrong.
ANSWER_SHAPE A|The phone's service returned something else than it should.|Run `droidrack probe`.
ANSWER_UNREADABLE A|The reply has an unknown layout.|Keep it with `droidrack capture` and report it.
SERVICE_MISSING T|The phone has no such service, or it has not started yet.\
|Wait for the boot, or check it.
SERVICE_TOOL_MISSING P|The phone has no `service` tool for the shell.|This phone cannot be used.
SERVICE_TOOL_REFUSED P|The phone's `service` tool did not take the command.\
|Report it with the output.
ADB_SERVER_DOWN T|The adb server does not answer.\
|It is restarted; check that no other adb interferes.
DUMP_UNKNOWN P|The phone printed an unknown layout.|Keep it with `droidrack capture` and report it.
"""

_EXCEPTIONS = """
EXCEPTION_SECURITY P|Android denies the shell this call.\
|Check the maker's USB debugging security switch.
EXCEPTION_BAD_PARCELABLE P|The arguments do not fit the method.\
|Run `droidrack probe`: wrong profile.
EXCEPTION_ILLEGAL_ARGUMENT P|Android refuses an argument.|Check number and text.
EXCEPTION_NULL_POINTER A|The telephony service failed inside.|Restart the phone if it happens again.
EXCEPTION_ILLEGAL_STATE A|The telephony service was in no state to do it.|Restart the phone.
EXCEPTION_NETWORK_MAIN_THREAD A|The telephony service failed inside.|Restart the phone.
EXCEPTION_UNSUPPORTED_OPERATION P|This phone cannot do it.|Use another phone.
EXCEPTION_SERVICE_SPECIFIC A|The telephony service gave an error of its own.|See the message.
EXCEPTION_PARCELABLE A|The telephony service gave an error of its own.|See the message.
EXCEPTION_OTHER A|The telephony service threw something unknown.|Report it with the output.
BINDER_NOT_PERMITTED A|The call was not permitted on the way.|Check the phone's security switches.
BINDER_NAME_NOT_FOUND A|The call found no receiver.|Restart the phone.
BINDER_BAD_VALUE A|The call was malformed on the way.|Run `droidrack probe`.
BINDER_DEAD_OBJECT A|The phone process died during the call.|The outcome is looked for.
BINDER_UNKNOWN_TRANSACTION A|No such method, or it failed in an unusual way.|Run `droidrack probe`.
BINDER_FAILED_TRANSACTION A|The call was too large, or the process died.|The outcome is looked for.
BINDER_ERROR A|The call failed on the way.|Restart the phone if it happens again.
"""

_CONTROLLER = """
RACK_ERROR A|Something foreseen went wrong.|See the message.
CONFIG_INVALID P|The configuration or the command line has mistakes.|Correct what the message lists.
PANEL_ERROR T|The panel, or the way to it, failed.|See the message.
PANEL_UNAVAILABLE T|The panel does not answer as it should.|It is asked again; check the panel.
PANEL_BUSY T|The panel asks for fewer requests.|It is asked again when it permits.
PANEL_REFUSED P|The panel will not take this request.|See its field errors in the message.
NEEDS_PAIRING P|The session is over.|Pair the phone again with a new token from the panel.
GATEWAY_CHANGED P|The panel gave the phone another gateway.|Look at its account and its devices.
JOURNAL_ERROR T|The journal cannot be used; nothing is sent.|See the message.
JOURNAL_BUSY T|Another controller has the journal.|Stop the other one.
JOURNAL_DAMAGED T|The journal cannot be written or read; nothing is sent.|Check disk and file.
STATE_DENIED T|This user may not use the state directory, or a file in it.\
|Run it as the user of the controller, or correct owner and mode.
ENDPOINT_FAILED T|A webhook or hook command did not take a text.\
|It is offered again; check the receiver.
CONTROLLER_ABSENT T|No controller answers here.|Start it with `droidrack run`.
CONTROLLER_REFUSED P|The running controller did not do it.|See its own words in the message.
VAULT_ERROR P|The store of session tokens cannot be trusted.|Correct its owner and mode as told.
"""

SECTIONS: Mapping[str, str] = {
    "Messages": _MESSAGE,
    "SIMs": _SIM,
    "Phones": _PHONE,
    "Exceptions and binder errors": _EXCEPTIONS,
    "Controller, panel, journal": _CONTROLLER,
    "Radio errors (RIL)": RIL,
    "Android's send results (SmsManager)": SMS_MANAGER,
}


def _parse(table: str) -> list[Code]:
    codes = []
    for line in table.strip().splitlines():
        head, text, remedy = line.split("|")
        name, letter = head.split()
        codes.append(Code(name, _KINDS[letter], text, remedy))
    return codes


_BY_SECTION = {title: _parse(table) for title, table in SECTIONS.items()}

CODES: Mapping[str, Code] = MappingProxyType(
    {code.name: code for codes in _BY_SECTION.values() for code in codes}
)
"""Every code, by name."""


def ril_code(name: str) -> str:
    """The code for a RIL error as the radio log names it, such as `NETWORK_REJECT`."""
    code = f"RIL_{name.strip().upper()}"
    return code if code in CODES else "RIL_OTHER"


def sms_result_code(result: int) -> str:
    """The code for one of SmsManager's numeric results."""
    return SMS_MANAGER_RESULTS.get(result, "SMS_OTHER")


def codes_table_markdown() -> str:
    """The whole of docs/error-codes.md."""
    lines = [
        "# Error codes",
        "",
        "Printed from `droidrack.core.codes`. *Permanent*: certainly not sent, and the same would",
        "fail again. *Temporary*: certainly not sent, may be tried again. *Ambiguous*: may have",
        "been sent or may still be; droidrack never sends it again by itself.",
    ]
    for title, codes in _BY_SECTION.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| code | kind | meaning | what to do |",
            "|---|---|---|---|",
        ]
        lines += [f"| `{c.name}` | {c.kind} | {c.text} | {c.remedy} |" for c in codes]
    return "\n".join(lines) + "\n"
