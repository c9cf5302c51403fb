"""What sending a message would do, told without doing it.

The same rows, segments and words as a real send; only the phone is never asked. A barred row is
shown with its reason, because "why not" is what the operator wants to know.
"""

from dataclasses import dataclass

from droidrack.core.call import CallRow
from droidrack.core.errors import ProfileError
from droidrack.core.ids import Body, Msisdn, SubId
from droidrack.core.parcel import send_argv, send_call
from droidrack.core.profile import LEARN_HINT, Profile
from droidrack.core.sms import Segmentation, segment


@dataclass(frozen=True, slots=True)
class Explanation:
    """The call that would send a message. `argv` is unquoted and holds number and text."""

    argv: tuple[str, ...]
    profile: Profile
    row: CallRow
    segmentation: Segmentation

    @property
    def barred(self) -> str:
        """Why it would not be made; "" when it would."""
        return self.row.barred

    def __repr__(self) -> str:
        return f"Explanation({self.profile.name}, {self.row.name}, {self.segmentation!r})"

    def as_json(self) -> dict[str, object]:
        """The answer of `droidrack explain send --json`."""
        return {
            "argv": list(self.argv),
            "profile": self.profile.name,
            "layers": list(self.profile.layers),
            "row": {
                "name": self.row.name,
                "interface": self.row.interface,
                "method": self.row.method,
                "transaction": self.row.transaction,
                "source": self.row.source,
                "verified": self.row.verified,
            },
            "barred": self.row.barred or None,
            "encoding": self.segmentation.encoding.value,
            "units": self.segmentation.units,
            "segments": self.segmentation.count,
        }


def explain_send(
    profile: Profile, sub_id: SubId, number: Msisdn, body: Body, message_id: int = 0
) -> Explanation:
    """The call that would send this message.

    Args:
        profile: of the build in question; may be barred.
        sub_id: the subscription, 0 or more.
        number: the address as it would be dialled.
        body: the whole text; a long one becomes a multipart call.
        message_id: what Android 11 and later would repeat in the radio log; 0 is "none".

    Raises:
        ProfileError: this build has no such call at all.
        ValueError: number or text cannot go into a call (`send_argv`).
    """
    segmentation = segment(body.reveal())
    row = profile.row(send_call(segmentation.segments))
    if not row.transaction:
        raise ProfileError(f"{row.name}: {profile.name} has no such call", hint=LEARN_HINT)
    argv = send_argv(
        row,
        sub_id=sub_id,
        number=number.reveal(),
        parts=segmentation.segments,
        message_id=message_id,
    )
    return Explanation(argv, profile, row, segmentation)
