"""What an operator may set, as plain values.

`adapters/config.py` reads them from `devices.toml`; nothing else in the program knows that file.
Every default has its reason beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import PurePath

from droidrack.core.audit import Veil
from droidrack.core.ids import Slot
from droidrack.core.inbound_settings import InboundSettings
from droidrack.core.message import Priority
from droidrack.core.quiet import QuietHours
from droidrack.core.report import UnknownAs


@dataclass(frozen=True, slots=True)
class PanelSettings:
    """Where the panel is and how to speak to it."""

    url: str  # with scheme; a path prefix is allowed
    time_zone: str = "UTC"  # IANA name: `delivered_at` is written in it
    deadline_s: float = 20.0  # for one whole call; a loaded panel was seen to need 10 s
    ca_file: str = ""  # extra certificate authority, PEM; "": the system's
    allow_plain_http: bool = False  # http to anything but loopback


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often things are done, in seconds."""

    poll_s: float = 10.0  # the panel asks for 5 to 15
    heartbeat_s: float = 30.0
    report_s: float = 2.0  # longest time a report waits for company in its batch


class Per(StrEnum):
    """Whose sends a window counts. A SIM's windows follow the card to another phone."""

    PHONE = "phone"
    SIM = "sim"


@dataclass(frozen=True, slots=True)
class PaceWindow:
    """At most so many segments within so many seconds."""

    segments: int
    seconds: float
    per: Per = Per.SIM  # what a network counts are cards


@dataclass(frozen=True, slots=True)
class Pacing:
    """How fast one phone may send. Counted in segments, because Android counts them."""

    min_gap_s: float = 3.0  # per segment, between sends of one phone
    window_s: float = 60.0  # Android's own guard: 30 parts per 60 s and package, both SIMs
    window_segments: int = 25  # under Android's 30, so that its dialog never shows
    jitter_s: float = 0.0  # added to a gap by chance; nothing of Android's needs it
    window: tuple[PaceWindow, ...] = ()  # more windows, all at once; none is known that all need


@dataclass(frozen=True, slots=True)
class Quota:
    """How much one SIM may send; 0: without limit. Plans differ, so there is no default."""

    segments_per_hour: int = 0  # in any 60 minutes
    segments_per_day: int = 0
    messages_per_month: int = 0
    recipients_per_day: int = 0  # distinct numbers
    recipients_per_month: int = 0  # plans of 99 to 250 a month are usual
    reset_time: str = "00:00"  # when a day begins, in `time_zone`
    reset_day: int = 1  # when a month begins; where it has no such day: its last
    time_zone: str = "UTC"  # IANA name


@dataclass(frozen=True, slots=True)
class Policy:
    """What may go out at all, and how doubt is told."""

    max_segments: int = 6  # phones take 20 to 30 parts, networks and recipients fewer
    message_ttl_s: float = 0.0  # 0: no expiry of our own
    high_ttl_s: float = 0.0  # of this class instead; 0: as message_ttl_s
    normal_ttl_s: float = 0.0
    low_ttl_s: float = 0.0
    allow_service_codes: bool = False  # `*` and `#` can reach the network's switches
    allow_premium: bool = False  # each text would cost its own price
    allow_prefixes: tuple[str, ...] = ()  # empty: every number that no other rule refuses
    block_prefixes: tuple[str, ...] = ()
    quiet_from: str = "21:00"  # what US law (47 CFR 64.1200) asks of solicitations …
    quiet_until: str = "08:00"  # … by the recipient's clock
    quiet_classes: tuple[Priority, ...] = ()  # none: only the site knows what can wait till morning
    time_zone: str = "UTC"  # IANA name: where a recipient is of whom no zone is known
    optout_confirm_s: float = 0.0  # one text may confirm a STOP so soon after it; 0: none
    sim_wait_s: float = 120.0  # a message waits so long for its SIM, then fails with the reason
    quota_wait_s: float = 0.0  # 0: what a quota stops waits until it may go, or expires
    confirm_deadline_s: float = 240.0  # four tries of the radio and the pauses between take 186 s
    unknown_hold_s: float = 600.0  # UNKNOWN is told to the panel only after so long
    unknown_as: UnknownAs = UnknownAs.FAILED
    send_tries: int = 2  # attempts per message; only proven failures that pass count on a second
    retention_days: float = 30.0  # what is settled and told is kept so long; its uid for good
    provision_days: float = 365.0  # runs and their proof: a sale or an audit asks within a year

    def ttl_s(self, priority: Priority) -> float:
        """Seconds after which a message of a class expires; 0: never by us."""
        own = {
            Priority.HIGH: self.high_ttl_s,
            Priority.NORMAL: self.normal_ttl_s,
            Priority.LOW: self.low_ttl_s,
        }[priority]
        return own or self.message_ttl_s

    @property
    def quiet_hours(self) -> QuietHours:
        """The quiet hours of each recipient's own clock."""
        return QuietHours(time.fromisoformat(self.quiet_from), time.fromisoformat(self.quiet_until))


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """How the audit is kept. Neither numbers nor texts ever stand in it as they are."""

    numbers: Veil = Veil.HASHED  # answers "was this number ever written to?" to who has the key
    bodies: Veil = Veil.MASKED  # a short text's hash could be found by trying texts
    retention_days: float = 90.0  # longer than the texts, for complaints that come late


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """When a phone's condition is worth an alarm."""

    read_s: float = 60.0  # one combined command; a question per minute costs a phone nothing
    warm_c: float = 40.0  # charging above ages a lithium cell at twice its pace
    hot_c: float = 45.0  # the limit to which makers let cells be charged; sending waits
    low_percent: float = 20.0  # a phone on a hub that falls so low is not being charged
    low_voltage_mv: float = 3600.0  # a charged cell under load stays above
    full_days: float = 3.0  # a cell held full for days swells
    storage_free_mb: float = 500.0  # Android itself warns at about 500 MB
    clock_offset_s: float = 120.0  # dates of rows and logs mislead a person beyond
    silence_s: float = 300.0  # work without a proof; longer than a message may take to be judged


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where metrics are served for Prometheus."""

    listen: str = ""  # HOST:PORT; "": nowhere, because a port is opened only on request


@dataclass(frozen=True, slots=True)
class RepairSettings:
    """What may be done to a phone that is not well, and how often."""

    enabled: bool = True  # False: troubles are named, and nothing is touched
    patience_s: float = 30.0  # each attempt's time; farms that tried faster saw phones fall again
    per_hour: int = 6  # rungs per phone; a phone that needs more needs a person
    reboot: bool = False  # ends what a person may be doing on the phone, and locks its storage


@dataclass(frozen=True, slots=True)
class AdbSettings:
    """The adb server to use."""

    host: str = "127.0.0.1"
    port: int = 0  # own server: 0 takes a free one; given server: its port
    own: bool = True  # False: a given server, which is never started and never killed
    connect: tuple[str, ...] = ()  # `host:port` of phones on the network
    key_dir: PurePath | None = None  # own server: where its private key lives; None: the state dir


@dataclass(frozen=True, slots=True)
class SlotSettings:
    """One SIM slot that the operator wants to use."""

    slot: Slot
    label: str
    country: str  # ISO 3166, two capitals; what a national number is read in
    quota: Quota | None = None  # None: the phone's


@dataclass(frozen=True, slots=True)
class PortSettings:
    """What is written beside a USB socket of the rack."""

    usb: str  # port path such as 1-2.3, as `droidrack map` shows it
    label: str


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """One phone of the rack."""

    name: str
    serial: str = ""  # ro.serialno or the adb serial; "" where only the USB path counts
    usb: str = ""  # port path such as 1-2.3
    slots: tuple[SlotSettings, ...] = ()  # empty: every slot that has a SIM
    token_env: str = ""  # where the pairing token comes from: an environment variable …
    token_file: str = ""  # … or a file
    pacing: Pacing = field(default_factory=Pacing)
    labels: tuple[str, ...] = ()  # words by which commands and a recipe's guard choose phones
    variables: Mapping[str, str] = field(default_factory=dict)  # what differs in recipes
    quota: Quota = field(default_factory=Quota)

    def country_of(self, slot: Slot) -> str:
        """The country of the SIM in a slot, ISO 3166, two capitals; "" where nobody says."""
        return next((entry.country for entry in self.slots if entry.slot == slot), "")

    def quota_of(self, slot: Slot) -> Quota:
        """What the SIM in a slot may send."""
        own = next((entry.quota for entry in self.slots if entry.slot == slot), None)
        return own or self.quota


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of `devices.toml`."""

    panel: PanelSettings
    phones: tuple[PhoneSettings, ...]
    state_dir: PurePath
    intervals: Intervals = field(default_factory=Intervals)
    policy: Policy = field(default_factory=Policy)
    inbound: InboundSettings = field(default_factory=InboundSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    adb: tuple[AdbSettings, ...] = (AdbSettings(),)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # phones' names by group
    repair: RepairSettings = field(default_factory=RepairSettings)
    ports: tuple[PortSettings, ...] = ()
