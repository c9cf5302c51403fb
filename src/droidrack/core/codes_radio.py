"""The radio's errors and Android's send results, as rows of `core/codes.py`.

Android persists a message as failed only after its own retries. A code is ambiguous where the modem
may have handed the message to the network before it gave up: time-outs, resets, and the generic
failure, behind which carriers hide both. Names and numbers: ril.h, SmsManager.java (API 21 to 36).
"""

RIL = """
RIL_SUCCESS A|The modem reports no error.|Nothing to do.
RIL_RADIO_NOT_AVAILABLE T|The modem is off or resetting.|Turn flight mode off; restart the phone.
RIL_GENERIC_FAILURE A|The modem failed without a reason; often credit, plan or network.\
|Check the SIM's plan.
RIL_GENERIC_ERROR A|The modem failed without a reason; often credit, plan or network.\
|Check the SIM's plan.
RIL_PASSWORD_INCORRECT P|The SIM's PIN is wrong.|Unlock the SIM.
RIL_SIM_PIN2 P|The SIM wants PIN2.|Unlock the SIM.
RIL_SIM_PUK2 P|The SIM wants PUK2.|Unlock the SIM.
RIL_REQUEST_NOT_SUPPORTED P|The modem cannot send messages this way.|Use another phone.
RIL_CANCELLED A|The request was cancelled.|Ask the recipient before sending it again.
RIL_OP_NOT_ALLOWED_DURING_VOICE_CALL T|A voice call is in the way.|End the call.
RIL_OP_NOT_ALLOWED_BEFORE_REG_NW T|The SIM is not registered on a network.|Check coverage.
RIL_SMS_SEND_FAIL_RETRY A|The network did not confirm; Android's own retries failed too.\
|Check coverage and plan.
RIL_SIM_ABSENT T|The slot is empty.|Insert the SIM.
RIL_SUBSCRIPTION_NOT_AVAILABLE T|The subscription is not available.\
|Reseat the SIM; restart the phone.
RIL_MODE_NOT_SUPPORTED P|The modem does not support this mode.|Use another phone.
RIL_FDN_CHECK_FAILURE P|The SIM permits fixed numbers only.|Turn fixed dialling numbers off.
RIL_ILLEGAL_SIM_OR_ME P|The network rejects this SIM or phone.|Ask the operator.
RIL_MISSING_RESOURCE T|The modem lacks a resource.|Restart the phone.
RIL_NO_SUCH_ELEMENT P|The SIM lacks an element.|Ask the operator.
RIL_NO_MEMORY T|The modem is out of memory.|Restart the phone.
RIL_INTERNAL_ERR A|The modem failed inside.|Restart the phone.
RIL_SYSTEM_ERR A|The modem's system failed.|Restart the phone.
RIL_MODEM_ERR A|The modem failed.|Restart the phone.
RIL_INVALID_STATE T|The modem was in no state to send.|Restart the phone if it happens again.
RIL_NO_RESOURCES T|The modem is out of resources.|Slow down; restart the phone.
RIL_SIM_ERR A|The SIM failed.|Reseat the SIM.
RIL_SIM_ERROR A|The SIM failed.|Reseat the SIM.
RIL_INVALID_ARGUMENTS P|The modem refuses the message.|Check number and text.
RIL_INVALID_SIM_STATE T|The SIM is not ready.|Unlock or reseat the SIM.
RIL_INVALID_MODEM_STATE T|The modem is not ready.|Restart the phone.
RIL_INVALID_CALL_ID P|The modem names a call that does not exist.|Restart the phone.
RIL_NO_SMS_TO_ACK P|The modem has nothing to acknowledge.|Restart the phone.
RIL_NETWORK_ERR A|The network failed or timed out.|Check coverage.
RIL_REQUEST_RATE_LIMITED T|The modem or network wants fewer messages.|Lower the SIM's pace.
RIL_SIM_BUSY T|The SIM is busy.|It may be sent later.
RIL_SIM_FULL T|The SIM's store is full.|Delete messages from the SIM.
RIL_NETWORK_REJECT P|The network rejects the message.|Check number, credit and the SIM's plan.
RIL_OPERATION_NOT_ALLOWED P|The modem or network does not allow it.|Check the SIM's plan.
RIL_EMPTY_RECORD P|The SIM's record is empty.|Check the SMSC number on the SIM.
RIL_INVALID_SMS_FORMAT P|The modem refuses the message's format.|Check number and text.
RIL_ENCODING_ERR P|The modem cannot encode the text.|Simplify the text.
RIL_INVALID_SMSC_ADDRESS P|The service centre's number is wrong.|Set the SMSC number on the SIM.
RIL_NO_SUCH_ENTRY P|The SIM lacks an entry.|Check the SMSC number on the SIM.
RIL_NETWORK_NOT_READY T|The network is not ready.|Check coverage.
RIL_NOT_PROVISIONED P|The SIM is not provisioned for messages.|Ask the operator.
RIL_NO_SUBSCRIPTION T|There is no subscription.|Reseat the SIM.
RIL_NO_NETWORK_FOUND T|No network was found.|Check coverage.
RIL_DEVICE_IN_USE T|The modem is in use.|It may be sent later.
RIL_ABORTED A|The request was aborted.|Ask the recipient before sending it again.
RIL_INVALID_RESPONSE A|The modem answered nonsense.|Restart the phone.
RIL_SIMULTANEOUS_SMS_AND_CALL_NOT_ALLOWED T|A voice call is in the way.|End the call.
RIL_ACCESS_BARRED T|The network bars access at present.|Wait; check the SIM's plan.
RIL_BLOCKED_DUE_TO_CALL T|A voice call is in the way.|End the call.
RIL_RF_HARDWARE_ISSUE T|The radio hardware reports a fault.|Have the phone checked.
RIL_NO_RF_CALIBRATION_INFO T|The radio is not calibrated.|Have the phone checked.
RIL_OTHER A|The modem gave an error of the maker's own.|See the detail; ask the maker.
"""

SMS_MANAGER = """
SMS_NONE A|Android reports no error.|Nothing to do.
SMS_GENERIC_FAILURE A|Android failed without a reason; often credit, plan or network.\
|Check the SIM's plan.
SMS_RADIO_OFF T|The radio is off.|Turn flight mode off.
SMS_NULL_PDU P|Android could not encode the message.|Check number and text.
SMS_NO_SERVICE T|The SIM has no network.|Check coverage and plan.
SMS_LIMIT_EXCEEDED P|Too many messages: the dialog was denied, or its queue was full.\
|Lower the pace.
SMS_FDN_CHECK_FAILURE P|The SIM permits fixed numbers only.|Turn fixed dialling numbers off.
SMS_SHORT_CODE_NOT_ALLOWED P|A premium number was denied on the screen.\
|Do not send to premium numbers.
SMS_SHORT_CODE_NEVER_ALLOWED P|Premium numbers are denied for good.|Do not send to premium numbers.
SMS_RADIO_NOT_AVAILABLE T|The modem is off or resetting.|Turn flight mode off; restart the phone.
SMS_NETWORK_REJECT P|The network rejects the message.|Check number, credit and plan.
SMS_INVALID_ARGUMENTS P|Android refuses an argument.|Check number and text.
SMS_INVALID_STATE T|The modem was in no state to send.|Restart the phone if it happens again.
SMS_NO_MEMORY T|The phone is out of memory.|Restart the phone.
SMS_INVALID_SMS_FORMAT P|The message's format is refused.|Check number and text.
SMS_SYSTEM_ERROR A|The phone's system failed.|Restart the phone.
SMS_MODEM_ERROR A|The modem failed.|Restart the phone.
SMS_NETWORK_ERROR A|The network failed or timed out.|Check coverage.
SMS_ENCODING_ERROR P|The text cannot be encoded.|Simplify the text.
SMS_INVALID_SMSC_ADDRESS P|The service centre's number is wrong.|Set the SMSC number on the SIM.
SMS_OPERATION_NOT_ALLOWED P|The operation is not allowed.|Check the SIM's plan.
SMS_INTERNAL_ERROR A|The phone failed inside.|Restart the phone.
SMS_NO_RESOURCES T|The phone is out of resources.|Slow down; restart the phone.
SMS_CANCELLED A|The request was cancelled.|Ask the recipient before sending it again.
SMS_REQUEST_NOT_SUPPORTED P|The phone cannot send messages this way.|Use another phone.
SMS_NO_BLUETOOTH_SERVICE P|Android wanted to send over Bluetooth.\
|Unpair the phone's Bluetooth devices.
SMS_INVALID_BLUETOOTH_ADDRESS P|Android wanted to send over Bluetooth.\
|Unpair the phone's Bluetooth devices.
SMS_BLUETOOTH_DISCONNECTED A|Android wanted to send over Bluetooth.\
|Unpair the phone's Bluetooth devices.
SMS_UNEXPECTED_EVENT_STOP_SENDING A|Android stopped in the middle.|Restart the phone.
SMS_BLOCKED_DURING_EMERGENCY T|An emergency call is in the way.|Wait for its end.
SMS_SEND_RETRY_FAILED A|Android's own retries failed.|Check coverage and plan.
SMS_REMOTE_EXCEPTION A|A part of the phone's system died.|Restart the phone.
SMS_NO_DEFAULT_SMS_APP P|The phone has no default SMS app.|Choose one in the phone's settings.
SMS_USER_NOT_ALLOWED P|The phone's user may not use this SIM.\
|Check profiles and policies on the phone.
SMS_OTHER A|Android gave a result of the maker's own.|See the detail; ask the maker.
"""

SMS_MANAGER_RESULTS = {
    0: "SMS_NONE",
    1: "SMS_GENERIC_FAILURE",
    2: "SMS_RADIO_OFF",
    3: "SMS_NULL_PDU",
    4: "SMS_NO_SERVICE",
    5: "SMS_LIMIT_EXCEEDED",
    6: "SMS_FDN_CHECK_FAILURE",
    7: "SMS_SHORT_CODE_NOT_ALLOWED",
    8: "SMS_SHORT_CODE_NEVER_ALLOWED",
    9: "SMS_RADIO_NOT_AVAILABLE",
    10: "SMS_NETWORK_REJECT",
    11: "SMS_INVALID_ARGUMENTS",
    12: "SMS_INVALID_STATE",
    13: "SMS_NO_MEMORY",
    14: "SMS_INVALID_SMS_FORMAT",
    15: "SMS_SYSTEM_ERROR",
    16: "SMS_MODEM_ERROR",
    17: "SMS_NETWORK_ERROR",
    18: "SMS_ENCODING_ERROR",
    19: "SMS_INVALID_SMSC_ADDRESS",
    20: "SMS_OPERATION_NOT_ALLOWED",
    21: "SMS_INTERNAL_ERROR",
    22: "SMS_NO_RESOURCES",
    23: "SMS_CANCELLED",
    24: "SMS_REQUEST_NOT_SUPPORTED",
    25: "SMS_NO_BLUETOOTH_SERVICE",
    26: "SMS_INVALID_BLUETOOTH_ADDRESS",
    27: "SMS_BLUETOOTH_DISCONNECTED",
    28: "SMS_UNEXPECTED_EVENT_STOP_SENDING",
    29: "SMS_BLOCKED_DURING_EMERGENCY",
    30: "SMS_SEND_RETRY_FAILED",
    31: "SMS_REMOTE_EXCEPTION",
    32: "SMS_NO_DEFAULT_SMS_APP",
    33: "SMS_USER_NOT_ALLOWED",
    100: "RIL_RADIO_NOT_AVAILABLE",
    101: "RIL_SMS_SEND_FAIL_RETRY",
    102: "RIL_NETWORK_REJECT",
    103: "RIL_INVALID_STATE",
    104: "RIL_INVALID_ARGUMENTS",
    105: "RIL_NO_MEMORY",
    106: "RIL_REQUEST_RATE_LIMITED",
    107: "RIL_INVALID_SMS_FORMAT",
    108: "RIL_SYSTEM_ERR",
    109: "RIL_ENCODING_ERR",
    110: "RIL_INVALID_SMSC_ADDRESS",
    111: "RIL_MODEM_ERR",
    112: "RIL_NETWORK_ERR",
    113: "RIL_INTERNAL_ERR",
    114: "RIL_REQUEST_NOT_SUPPORTED",
    115: "RIL_INVALID_MODEM_STATE",
    116: "RIL_NETWORK_NOT_READY",
    117: "RIL_OPERATION_NOT_ALLOWED",
    118: "RIL_NO_RESOURCES",
    119: "RIL_CANCELLED",
    120: "RIL_SIM_ABSENT",
    121: "RIL_SIMULTANEOUS_SMS_AND_CALL_NOT_ALLOWED",
    122: "RIL_ACCESS_BARRED",
    123: "RIL_BLOCKED_DUE_TO_CALL",
    124: "RIL_GENERIC_ERROR",
    125: "RIL_INVALID_RESPONSE",
    126: "RIL_SIM_PIN2",
    127: "RIL_SIM_PUK2",
    128: "RIL_SUBSCRIPTION_NOT_AVAILABLE",
    129: "RIL_SIM_ERROR",
    130: "RIL_INVALID_SIM_STATE",
    131: "RIL_NO_SMS_TO_ACK",
    132: "RIL_SIM_BUSY",
    133: "RIL_SIM_FULL",
    134: "RIL_NO_SUBSCRIPTION",
    135: "RIL_NO_NETWORK_FOUND",
    136: "RIL_DEVICE_IN_USE",
    137: "RIL_ABORTED",
}
"""SmsManager.RESULT_*, by number."""
