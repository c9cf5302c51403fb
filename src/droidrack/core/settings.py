"""What an operator may set, as plain values.

`adapters/config.py` reads them from `devices.toml`; nothing else in the program knows that file.
Every default has its reason beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from droidrack.core.ids import Slot
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


@dataclass(frozen=True, slots=True)
class Pacing:
    """How fast one phone may send. Counted in segments, because Android counts them."""

    min_gap_s: float = 3.0  # per segment, between sends of one phone
    window_s: float = 60.0  # Android's own guard: 30 parts per 60 s and package, both SIMs
    window_segments: int = 25  # under Android's 30, so that its dialog never shows


@dataclass(frozen=True, slots=True)
class Policy:
    """What may go out at all, and how doubt is told."""

    max_segments: int = 6
    message_ttl_s: float = 0.0  # 0: no expiry of our own
    sim_wait_s: float = 120.0  # a message waits so long for its SIM, then fails with the reason
    confirm_deadline_s: float = 240.0  # four tries of the radio and the pauses between take 186 s
    unknown_hold_s: float = 600.0  # UNKNOWN is told to the panel only after so long
    unknown_as: UnknownAs = UnknownAs.FAILED
    send_tries: int = 2  # attempts per message; only proven failures that pass count on a second
    retention_days: float = 30.0  # what is settled and told is kept so long; its uid for good


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
    labels: tuple[str, ...] = ()  # words by which commands choose phones


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of `devices.toml`."""

    panel: PanelSettings
    phones: tuple[PhoneSettings, ...]
    state_dir: PurePath
    intervals: Intervals = field(default_factory=Intervals)
    policy: Policy = field(default_factory=Policy)
    health: HealthSettings = field(default_factory=HealthSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    adb: tuple[AdbSettings, ...] = (AdbSettings(),)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # phones' names by group
    repair: RepairSettings = field(default_factory=RepairSettings)
    ports: tuple[PortSettings, ...] = ()
