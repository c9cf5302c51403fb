"""What a phone is, and which binder calls its build understands.

Android releases and makers differ in data, not in code: TOML layers `base → android → platform →
maker → model → site`, where a later layer overrides fields of rows the base declares. A wrong
transaction code calls another telephony method, so nothing is guessed: no layer for a release is an
error, two layers of one rank that match are an error, and a row whose code is ambiguous is *barred*
with its reason until the phone's own codes are known. Codes are never tried one after another.

This is the only module that compares releases, makers, models or chips.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Any, Self

from droidrack.core.call import CallRow
from droidrack.core.errors import ProfileError

LEARN_HINT = "let droidrack read the phone's own codes (`droidrack probe`), or add a site profile"


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """A build, as its system properties name it. Unknown properties are empty strings."""

    sdk: int  # API level
    release: str = ""
    maker: str = ""  # ro.product.manufacturer
    brand: str = ""
    model: str = ""
    device: str = ""
    fingerprint: str = ""
    platform: str = ""  # ro.board.platform, such as "msm8996"
    hardware: str = ""  # ro.hardware, such as "qcom"

    @classmethod
    def from_props(cls, props: Mapping[str, str]) -> Self:
        """The identity in the output of `getprop`.

        Raises:
            ProfileError: `ro.build.version.sdk` is absent or not a number.
        """
        sdk = props.get("ro.build.version.sdk", "").strip()
        if not (sdk.isascii() and sdk.isdigit()):
            raise ProfileError(
                f"ro.build.version.sdk: expected an API level, saw {sdk[:20]!r}",
                hint="check `getprop` on the phone: without its API level nothing can be sent",
            )
        named = {
            "release": "ro.build.version.release",
            "maker": "ro.product.manufacturer",
            "brand": "ro.product.brand",
            "model": "ro.product.model",
            "device": "ro.product.device",
            "fingerprint": "ro.build.fingerprint",
            "platform": "ro.board.platform",
            "hardware": "ro.hardware",
        }
        return cls(int(sdk), **{key: props.get(name, "").strip() for key, name in named.items()})

    def __str__(self) -> str:
        name = " ".join(part for part in (self.maker, self.model) if part) or "unnamed phone"
        return f"{name}, API {self.sdk}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What else the app must know about a build. All are about the shell user (uid 2000)."""

    exit_codes: bool = False  # adbd passes a command's exit code on (shell v2).
    identity_readable: bool = False  # iphonesubinfo answers the shell.
    store_readable: bool = False  # `content query --uri content://sms` answers the shell.
    radio_message_id: bool = False  # The radio log repeats our messageId.
    radio_verdict: bool = False  # The radio log says "Persist SMS into SENT" or "FAILED".
    isub_slot_map: bool = False  # `dumpsys isub` prints which subscription sits in which slot.
    rows_by_slot: bool = False  # `sub_id` of a row in the SMS store may be the slot's number.
    surplus_refused: bool = False  # A parcel with bytes left over is refused, nothing is done.


class Rank(IntEnum):
    """Order of the layers: a higher one wins."""

    BASE = 0
    ANDROID = 1
    PLATFORM = 2
    MAKER = 3
    MODEL = 4
    SITE = 5


@dataclass(frozen=True, slots=True)
class Match:
    """Which builds a layer is for. Every criterion given must hold; globs ignore case."""

    sdk: tuple[int, int] | None = None  # first and last API level
    manufacturer: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    fingerprint: tuple[str, ...] = ()
    platform: tuple[str, ...] = ()  # against ro.board.platform and ro.hardware

    def fits(self, identity: DeviceIdentity) -> bool:
        """Whether a build is one of these."""
        return (
            (self.sdk is None or self.sdk[0] <= identity.sdk <= self.sdk[1])
            and _any_glob(self.manufacturer, identity.maker)
            and _any_glob(self.model, identity.model)
            and _any_glob(self.fingerprint, identity.fingerprint)
            and _any_glob(self.platform, identity.platform, identity.hardware)
        )


def _any_glob(globs: tuple[str, ...], *values: str) -> bool:
    return not globs or any(
        fnmatchcase(value.lower(), glob.lower()) for glob in globs for value in values
    )


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: which builds it is for, and the fields of rows and facts it overrides."""

    name: str
    rank: Rank
    match: Match
    rows: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Profile:
    """The rows and facts of one build, after all layers."""

    layers: tuple[str, ...]
    rows: Mapping[str, CallRow] = field(repr=False)
    facts: Facts

    @property
    def name(self) -> str:
        """The layers it was made of, such as `android-26 + samsung[3]`."""
        return " + ".join(self.layers[1:])

    @property
    def barred(self) -> str:
        """Why nothing may be sent through this phone; "" when single messages may."""
        return self.rows["isms.send_text"].barred

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Calls that the phone's own codes would permit."""
        return tuple(name for name, row in self.rows.items() if row.barred)

    def row(self, name: str) -> CallRow:
        """A row whatever its standing, to be shown; KeyError for a call nobody declared."""
        return self.rows[name]

    def call(self, name: str) -> CallRow:
        """A row that may be called.

        Raises:
            ProfileError: this build has no such call, or it is barred.
        """
        row = self.rows[name]
        if not row.transaction:
            raise ProfileError(f"{name}: {self.name} has no such call", hint=LEARN_HINT)
        if row.barred:
            raise ProfileError(f"{name}: barred on {self.name}: {row.barred}", hint=LEARN_HINT)
        return row

    def with_learnt(self, rows: Iterable[CallRow], source: str) -> "Profile":
        """This profile with rows read from the phone itself (see `CallRow.learnt`).

        Raises:
            ProfileError: a row is none of this profile's.
        """
        merged = dict(self.rows)
        for row in rows:
            if row.name not in merged:
                raise ProfileError(f"{source}: {row.name} is not a call that droidrack makes")
            merged[row.name] = row
        return replace(self, layers=(*self.layers, source), rows=merged)


@dataclass(frozen=True, slots=True)
class ProfileTable:
    """All layers that ship with the program, and the site's."""

    base: Layer
    layers: tuple[Layer, ...]

    def resolve(self, identity: DeviceIdentity) -> Profile:
        """The profile of a build.

        Raises:
            ProfileError: no layer knows this release (unsupported), or two of one rank fit.
        """
        chosen = [self.base]
        for rank in list(Rank)[1:]:
            fitting = [x for x in self.layers if x.rank is rank and x.match.fits(identity)]
            if len(fitting) > 1:
                names = ", ".join(layer.name for layer in fitting)
                raise ProfileError(
                    f"{identity}: {len(fitting)} {rank.name.lower()} profiles fit: {names}",
                    hint="narrow the match of one of them; the choice is never made silently",
                )
            if not fitting and rank is Rank.ANDROID:
                raise ProfileError(
                    f"{identity}: unsupported: no profile for this API level",
                    hint="droidrack knows Android 5.0 to 16 (API 21 to 36)",
                )
            chosen += fitting
        return _merge(chosen)


def _merge(layers: list[Layer]) -> Profile:
    rows: dict[str, dict[str, Any]] = {name: dict(row) for name, row in layers[0].rows.items()}
    facts: dict[str, bool] = {}
    for layer in layers:
        facts |= layer.facts
        for name, overrides in layer.rows.items():
            rows[name] |= overrides
    return Profile(
        layers=tuple(layer.name for layer in layers),
        rows={name: CallRow(name, **row) for name, row in rows.items()},
        facts=Facts(**facts),
    )
