"""The panel's JSON and the core's values, in both directions.

Reading is lenient where nothing can go wrong (unknown fields are ignored, optional ones may be
missing) and strict where a wrong guess would send a text to somebody else: an entry of `pending`
whose uid, number, body or SIM is not exactly a string is refused, alone. A field that is given
twice has no value that one could trust, so the entry is refused, too; so is one with NaN or half a
surrogate pair, which is no text at all.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from droidrack.core.ids import Body, MessageUid, Msisdn, Slot, Token
from droidrack.core.message import Message, Priority
from droidrack.core.report import StatusReport, WireStatus
from droidrack.ports import PanelSim, Pending, RefusedItem, Registration, Session, SimPulse

RETRY_AFTER_CEILING_S = 3_600.0
"""A panel that asks for more is asked again after an hour: a typing error of a day stops a rack."""


class NotOurAnswer(Exception):
    """The answer is not the documented one. Its text quotes nothing of the answer."""


class _Doubtful(dict[str, Any]):
    """A JSON object in which a field was given twice."""


class _NotANumber:
    """NaN or Infinity, which JSON does not have."""


def _one_value_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else _Doubtful(fields)


def read_json(body: bytes) -> object:
    """The JSON of an answer, or NotOurAnswer. A byte order mark is tolerated, as PHP files have."""
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_one_value_each,
            parse_constant=lambda _: _NotANumber(),
        )
    # The decoder is recursive: brackets nested thousands deep end in RecursionError. The cause is
    # left out, for it holds the whole answer.
    except (ValueError, RecursionError):
        raise NotOurAnswer("not JSON") from None


def open_envelope(body: bytes) -> object:
    """What stands under `data`, None where that is absent; NotOurAnswer without a clear success."""
    answer = read_json(body)
    if not isinstance(answer, dict) or isinstance(answer, _Doubtful):
        raise NotOurAnswer("no envelope")
    if answer.get("success") is not True:
        raise NotOurAnswer("no success")
    return answer.get("data")


# --- Shapes -----------------------------------------------------------------------------------


def _whole_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair") from None
    return text


def _identifier(text: str) -> str:
    # It becomes part of a path, of log lines and of the journal.
    if not text.isprintable() or not text.strip() or text in (".", ".."):
        raise ValueError("not an identifier")
    return text


Text = Annotated[str, Field(strict=True), AfterValidator(_whole_text)]
Identifier = Annotated[Text, Field(max_length=255), AfterValidator(_identifier)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _PendingItem(_Wire):
    uid: Identifier
    number: Text
    body: Text
    sim_uid: Identifier
    priority: Any = "normal"


class _SimRow(_Wire):
    # Databases without a boolean type answer 0 and 1; pydantic reads those.
    uid: Identifier
    slot: Annotated[int, Field(ge=0, le=7)]
    label: str | None = ""
    active: bool = True


class _User(_Wire):
    name: str = ""


class _Registered(_Wire):
    # What a header can carry: an odd character would make every later call fail in the library.
    session_token: Annotated[str, Field(strict=True, pattern=r"^[!-~]{1,8192}$")]
    gateway_uid: Identifier
    user: Any = None
    sims: Any = ()


Shape = TypeVar("Shape", bound=_Wire)


# --- Answers ----------------------------------------------------------------------------------


def session_from(answer: object) -> Session:
    """The answer to register-session.

    A SIM row that cannot be read is left out: refusing the whole would cost the pairing token.
    """
    wire = _read(_Registered, answer)
    rows = wire.sims if isinstance(wire.sims, list) else []
    sims = tuple(sim for row in rows if (sim := _sim_or_none(row)) is not None)
    return Session(Token(wire.session_token), wire.gateway_uid, _user_name(wire.user), sims)


def sim_from(answer: object) -> PanelSim:
    """A SIM row."""
    wire = _read(_SimRow, answer)
    return PanelSim(wire.uid, Slot(wire.slot), wire.label or "", wire.active)


def pending_from(answer: object, now: datetime) -> Pending:
    """The entries of `pending`, each judged alone."""
    if not isinstance(answer, list):
        raise NotOurAnswer("data is not a list")
    messages: list[Message] = []
    refused: list[RefusedItem] = []
    for entry in answer:
        try:
            messages.append(_message(entry, now))
        except NotOurAnswer as exc:
            refused.append(RefusedItem(_uid_of(entry), str(exc)))
    return Pending(tuple(messages), tuple(refused))


def retry_after_s(value: str | None, *, answered_at: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, within 0 and an hour; None: it says nothing.

    Args:
        value: the header: whole seconds or an HTTP date.
        answered_at: the answer's Date header. The difference of two times of the panel's clock
            holds whatever ours shows.
        now: our time, used where there is no Date.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Ten digits are past the ceiling; thousands of them would be refused by int().
        return min(float(text[:10]), RETRY_AFTER_CEILING_S)
    until = _http_date(text)
    if until is None:
        return None
    since = _http_date(answered_at or "") or now
    return min(max(0.0, (until - since).total_seconds()), RETRY_AFTER_CEILING_S)


def field_errors(body: bytes) -> tuple[tuple[str, str], ...]:
    """The panel's own sentences in a 4xx: (field, sentence), "" for the summary; at most 20."""
    try:
        answer = read_json(body)
    except NotOurAnswer:
        return ()
    if not isinstance(answer, dict):
        return ()
    errors = answer.get("errors")
    pairs: list[tuple[str, str]] = []
    if isinstance(errors, dict):
        for name, sentences in errors.items():
            several = sentences if isinstance(sentences, list) else [sentences]
            pairs += [(name, sentence) for sentence in several if isinstance(sentence, str)]
    if not pairs and isinstance(answer.get("message"), str):
        pairs = [("", answer["message"])]
    return tuple(pairs[:20])


# --- Requests ---------------------------------------------------------------------------------


def registration_body(registration: Registration) -> dict[str, object]:
    """The body of register-session."""
    return {
        "pairing_token": registration.pairing_token.reveal(),
        "device_name": registration.device_name,
        "device_uuid": registration.device_uuid,
        "android_version": registration.android_version,
        "app_version": registration.app_version,
    }


def pulse_body(pulse: SimPulse) -> dict[str, object]:
    """The body of sim/update-status. What could not be read is left out."""
    fields: dict[str, object] = {
        "sim_uid": pulse.sim_uid,
        "active": pulse.active,
        "signal_strength": pulse.signal_dbm,
        "messages_sent_24h": pulse.messages_sent_24h,
        "imsi": pulse.imsi.reveal() if pulse.imsi else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def statuses_body(reports: Sequence[StatusReport], zone: tzinfo) -> dict[str, object]:
    """The body of update-statuses; `delivered_at` on the panel's wall clock."""
    return {"statuses": [_status_line(report, zone) for report in reports]}


# --- Helpers ----------------------------------------------------------------------------------


def _status_line(report: StatusReport, zone: tzinfo) -> dict[str, str]:
    line: dict[str, str] = {"uid": report.uid, "status": report.status.value}
    if report.status is WireStatus.SENT:
        # In the hour that a clock is set back the text is ambiguous; the format has no offset.
        line["delivered_at"] = report.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    else:
        line["error"] = report.error
    return line


def _message(entry: object, now: datetime) -> Message:
    wire = _read(_PendingItem, entry)
    return Message(
        uid=MessageUid(wire.uid),
        number=Msisdn(wire.number),
        body=Body(wire.body),
        sim_uid=wire.sim_uid,
        priority=Priority.from_wire(wire.priority),
        received_at=now,
    )


def _read(shape: type[Shape], answer: object) -> Shape:
    if not isinstance(answer, dict):
        raise NotOurAnswer(f"expected an object, saw {type(answer).__name__}")
    if isinstance(answer, _Doubtful):
        raise NotOurAnswer("a field is given twice")
    try:
        return shape.model_validate(answer)
    except ValidationError as exc:
        # Its own text may quote numbers and bodies; field names and reasons are enough.
        reasons = [
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            for error in exc.errors(include_input=False, include_context=False, include_url=False)
        ]
    raise NotOurAnswer("; ".join(reasons))


def _uid_of(entry: object) -> str:
    """The uid of a refused entry, if that much is certain."""
    if not isinstance(entry, dict) or isinstance(entry, _Doubtful):
        return ""
    uid = entry.get("uid")
    try:
        return _identifier(_whole_text(uid)) if isinstance(uid, str) and len(uid) <= 255 else ""
    except ValueError:
        return ""


def _sim_or_none(row: object) -> PanelSim | None:
    try:
        return sim_from(row)
    except NotOurAnswer:
        return None


def _user_name(user: object) -> str:
    try:
        return _read(_User, user).name
    except NotOurAnswer:
        return ""


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
