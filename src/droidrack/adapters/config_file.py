"""The shape of `devices.toml`: which keys there are and what each may hold.

One table here is one table of the file. The `description` of a key completes the sentence
"expected …": it is what an operator reads after a mistake, so it stands beside the constraint that
it describes. Defaults stand in `core/settings.py` alone; a key that the file leaves out is absent
here. Rules that look at more than one key are in `config_rules.py`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ABSENT: Any = None
"""Stands where the file says nothing. Never read: `given` leaves these keys out."""

POLL_MIN_S = 5.0  # the panel asks for 5 to 15
POLL_MAX_S = 15.0
POLL_MIN_LOCAL_S = 0.2  # a panel on this machine is ours to load; a bench wants quick answers

_TEXT = r"^[^\x00-\x1f\x7f]+$"
# No comma and no space: names are listed on the command line and in file names.
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_NAME_WORDS = "a name of letters, digits, dots, dashes and underscores"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_PATH = r"^(~/|[^~\x00-\x1f\x7f])[^\x00-\x1f\x7f]*$"  # No `~user`: whose home is meant may change.


class Table(BaseModel):
    """A TOML table: no unknown keys, no conversions, no infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """The keys that the file holds, with their values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


_PREFIX = r"^(\+[0-9]{1,15}|[0-9*#]{1,15})$"
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _seconds(low: float, high: float) -> Any:
    return Field(ge=low, le=high, description=f"seconds from {low:g} to {high:g}")


def _celsius() -> Any:
    return Field(ge=20, le=80, description="degrees Celsius from 20 to 80")


class PanelTable(Table):
    """`[panel]`."""

    url: Annotated[str, Field(description="the panel's address, such as https://panel.example.com")]
    time_zone: Annotated[str, Field(description="a time zone such as Europe/Berlin")] = ABSENT
    deadline_s: Annotated[float, _seconds(1, 300)] = ABSENT
    ca_file: Annotated[
        str,
        Field(pattern=rf"{_PATH}|^$", description='the path of a PEM file with a CA, or ""'),
    ] = ABSENT
    allow_plain_http: Annotated[bool, Field(description="true or false")] = ABSENT


class IntervalsTable(Table):
    """`[intervals]`."""

    poll_s: Annotated[
        float,
        Field(
            ge=POLL_MIN_LOCAL_S,
            le=POLL_MAX_S,
            description=f"seconds from {POLL_MIN_S:g} to {POLL_MAX_S:g} "
            f"(from {POLL_MIN_LOCAL_S:g} where the panel is on this machine)",
        ),
    ] = ABSENT
    heartbeat_s: Annotated[float, _seconds(1, 3600)] = ABSENT
    report_s: Annotated[float, _seconds(0, 60)] = ABSENT


Prefix = Annotated[
    str,
    Field(pattern=_PREFIX, description="the start of a number, such as +4915 or 72"),
]
_PREFIXES = Field(description='a list of starts of numbers such as ["+49", "72"]')
_CLOCK = Field(pattern=_TIME, description="a time of the day such as 21:00")
_TTL = Field(ge=0, le=604_800, description="seconds from 0 (as message_ttl_s) to 604800 (a week)")


class PolicyTable(Table):
    """`[policy]`."""

    # 255: the count of parts is one octet in the user data header (3GPP TS 23.040 §9.2.3.24.1).
    max_segments: Annotated[
        int, Field(ge=1, le=255, description="a whole number from 1 to 255")
    ] = ABSENT
    message_ttl_s: Annotated[
        float, Field(ge=0, le=604_800, description="seconds from 0 (no expiry) to 604800 (a week)")
    ] = ABSENT
    high_ttl_s: Annotated[float, _TTL] = ABSENT
    normal_ttl_s: Annotated[float, _TTL] = ABSENT
    low_ttl_s: Annotated[float, _TTL] = ABSENT
    allow_service_codes: Annotated[bool, Field(description="true or false")] = ABSENT
    allow_premium: Annotated[bool, Field(description="true or false")] = ABSENT
    allow_prefixes: Annotated[list[Prefix], _PREFIXES] = ABSENT
    block_prefixes: Annotated[list[Prefix], _PREFIXES] = ABSENT
    quiet_from: Annotated[str, _CLOCK] = ABSENT
    quiet_until: Annotated[str, _CLOCK] = ABSENT
    quiet_classes: Annotated[
        list[Literal["high", "normal", "low"]],
        Field(description='a list of "high", "normal" and "low"'),
    ] = ABSENT
    time_zone: Annotated[str, Field(description="a time zone such as Europe/Berlin")] = ABSENT
    optout_confirm_s: Annotated[float, _seconds(0, 86_400)] = ABSENT
    sim_wait_s: Annotated[float, _seconds(0, 86_400)] = ABSENT
    quota_wait_s: Annotated[
        float,
        Field(ge=0, le=3_000_000, description="seconds from 0 (until it may go) to 3000000"),
    ] = ABSENT
    confirm_deadline_s: Annotated[float, _seconds(5, 3600)] = ABSENT
    unknown_hold_s: Annotated[float, _seconds(0, 86_400)] = ABSENT
    unknown_as: Annotated[
        Literal["failed", "sent", "hold"], Field(description='"failed", "sent" or "hold"')
    ] = ABSENT
    send_tries: Annotated[
        int, Field(ge=1, le=10, description="a whole number from 1 (never again) to 10")
    ] = ABSENT
    # Two days: shorter would forget what a heartbeat counts (messages in 24 hours).
    retention_days: Annotated[float, Field(ge=2, le=3650, description="days from 2 to 3650")] = (
        ABSENT
    )
    provision_days: Annotated[float, Field(ge=2, le=36500, description="days from 2 to 36500")] = (
        ABSENT
    )


class WindowTable(Table):
    """`[[pacing.window]]`."""

    segments: Annotated[
        int, Field(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")
    ]
    # A month: beyond that a quota counts, by the calendar.
    seconds: Annotated[float, _seconds(1, 31 * 86_400)]
    per: Annotated[Literal["phone", "sim"], Field(description='"phone" or "sim"')] = ABSENT


class HealthTable(Table):
    """`[health]`."""

    read_s: Annotated[float, _seconds(1, 3600)] = ABSENT
    warm_c: Annotated[float, _celsius()] = ABSENT
    hot_c: Annotated[float, _celsius()] = ABSENT
    low_percent: Annotated[float, Field(ge=0, le=100, description="percent from 0 to 100")] = ABSENT
    low_voltage_mv: Annotated[
        float, Field(ge=0, le=4500, description="millivolts from 0 (never) to 4500")
    ] = ABSENT
    full_days: Annotated[float, Field(gt=0, le=3650, description="days up to 3650")] = ABSENT
    storage_free_mb: Annotated[
        float, Field(ge=0, le=1_000_000, description="megabytes from 0 to 1000000")
    ] = ABSENT
    clock_offset_s: Annotated[float, _seconds(1, 86_400)] = ABSENT
    silence_s: Annotated[float, _seconds(10, 3600)] = ABSENT


class MetricsTable(Table):
    """`[metrics]`."""

    # Loopback only: the page has no password. A proxy in front can have one.
    listen: Annotated[
        str,
        Field(
            pattern=r"^((127\.[0-9.]+|localhost|\[::1\]):[0-9]{1,5})?$",
            description='an address of this machine such as "127.0.0.1:9464", or ""',
        ),
    ] = ABSENT


class PacingTable(Table):
    """`[pacing]`, and `[phones.pacing]` for one phone."""

    min_gap_s: Annotated[float, _seconds(0, 3600)] = ABSENT
    window_s: Annotated[float, _seconds(1, 86_400)] = ABSENT
    window_segments: Annotated[
        int, Field(ge=1, le=10_000, description="a whole number from 1 to 10000")
    ] = ABSENT
    jitter_s: Annotated[float, _seconds(0, 3600)] = ABSENT
    window: Annotated[
        list[WindowTable], Field(max_length=16, description="[[pacing.window]] tables, at most 16")
    ] = ABSENT


_CAP = Field(ge=0, le=10_000_000, description="a whole number from 0 (no limit) to 10000000")


class QuotaTable(Table):
    """`[quota]`, `[phones.quota]` for one phone and `[phones.slots.quota]` for one SIM slot."""

    segments_per_hour: Annotated[int, _CAP] = ABSENT
    segments_per_day: Annotated[int, _CAP] = ABSENT
    messages_per_month: Annotated[int, _CAP] = ABSENT
    recipients_per_day: Annotated[int, _CAP] = ABSENT
    recipients_per_month: Annotated[int, _CAP] = ABSENT
    reset_time: Annotated[str, _CLOCK] = ABSENT
    reset_day: Annotated[int, Field(ge=1, le=31, description="a day of the month, 1 to 31")] = (
        ABSENT
    )
    time_zone: Annotated[str, Field(description="a time zone such as Europe/Berlin")] = ABSENT


class WebhookTable(Table):
    """`[[inbound.webhooks]]`."""

    name: Annotated[str, Field(pattern=_NAME, description=_NAME_WORDS)]
    url: Annotated[
        str, Field(description="the receiver's address, such as https://crm.example.com/sms")
    ]
    secret_env: Annotated[
        str,
        Field(
            pattern=_VARIABLE,
            description="the name of an environment variable that holds the signing secret",
        ),
    ] = ABSENT
    secret_file: Annotated[
        str, Field(pattern=_PATH, description="the path of a file that holds the signing secret")
    ] = ABSENT
    deadline_s: Annotated[float, _seconds(1, 300)] = ABSENT
    ca_file: Annotated[
        str,
        Field(pattern=rf"{_PATH}|^$", description='the path of a PEM file with a CA, or ""'),
    ] = ABSENT
    allow_plain_http: Annotated[bool, Field(description="true or false")] = ABSENT


class HookTable(Table):
    """`[[inbound.hooks]]`."""

    name: Annotated[str, Field(pattern=_NAME, description=_NAME_WORDS)]
    command: Annotated[
        list[Annotated[str, Field(pattern=_TEXT)]],
        Field(min_length=1, description='a list such as ["/usr/local/bin/on-sms", "--queue"]'),
    ]
    deadline_s: Annotated[float, _seconds(1, 300)] = ABSENT


_WORDS = Field(description='a list of words such as ["stop", "enough"]')


class InboundTable(Table):
    """`[inbound]`."""

    enabled: Annotated[bool, Field(description="true or false")] = ABSENT
    poll_s: Annotated[float, _seconds(0.2, 3600)] = ABSENT
    history: Annotated[bool, Field(description="true or false")] = ABSENT
    give_up_days: Annotated[float, Field(gt=0, le=30, description="days, up to 30")] = ABSENT
    languages: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z]{2}$")]],
        Field(description='a list of languages such as ["en", "de"]; an empty one: all'),
    ] = ABSENT
    stop_words: Annotated[list[Annotated[str, Field(pattern=_TEXT, max_length=64)]], _WORDS] = (
        ABSENT
    )
    start_words: Annotated[list[Annotated[str, Field(pattern=_TEXT, max_length=64)]], _WORDS] = (
        ABSENT
    )
    webhooks: Annotated[list[WebhookTable], Field(description="[[inbound.webhooks]] tables")] = (
        ABSENT
    )
    hooks: Annotated[list[HookTable], Field(description="[[inbound.hooks]] tables")] = ABSENT


class AuditTable(Table):
    """`[audit]`."""

    numbers: Annotated[Literal["masked", "hashed"], Field(description='"masked" or "hashed"')] = (
        ABSENT
    )
    bodies: Annotated[Literal["masked", "hashed"], Field(description='"masked" or "hashed"')] = (
        ABSENT
    )
    retention_days: Annotated[float, Field(ge=2, le=3650, description="days from 2 to 3650")] = (
        ABSENT
    )


class AdbTable(Table):
    """`[[adb]]`."""

    host: Annotated[str, Field(pattern=r"^[^\s/@]+$", description="a host name or an address")] = (
        ABSENT
    )
    port: Annotated[int, Field(ge=0, le=65_535, description="a port from 0 to 65535")] = ABSENT
    own: Annotated[bool, Field(description="true or false")] = ABSENT
    connect: Annotated[
        list[Annotated[str, Field(pattern=r"^\S+:[0-9]{1,5}$")]],
        Field(description='a list of addresses such as ["192.0.2.7:5555"]'),
    ] = ABSENT
    key_dir: Annotated[str, Field(pattern=_PATH, description="the path of a directory")] = ABSENT


class RepairTable(Table):
    """`[repair]`."""

    enabled: Annotated[bool, Field(description="true or false")] = ABSENT
    patience_s: Annotated[float, _seconds(0.1, 3600)] = ABSENT
    per_hour: Annotated[int, Field(ge=1, le=60, description="a whole number from 1 to 60")] = ABSENT
    reboot: Annotated[bool, Field(description="true or false")] = ABSENT


_USB = Field(
    pattern=r"^[0-9]+-[0-9]+(\.[0-9]+)*$",
    description='a USB port path such as 1-2.3, without the "usb:" of `adb devices -l`',
)


class PortTable(Table):
    """`[[ports]]`."""

    usb: Annotated[str, _USB]
    label: Annotated[
        str, Field(pattern=_TEXT, max_length=64, description="a text of 1 to 64 characters")
    ]


class SlotTable(Table):
    """`[[phones.slots]]`."""

    # 3: no phone with more than four SIM slots is known.
    slot: Annotated[int, Field(ge=0, le=3, description="a SIM slot, counted from 0")]
    label: Annotated[
        str, Field(pattern=_TEXT, max_length=64, description="a text of 1 to 64 characters")
    ]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="two capitals such as DE")]
    quota: Annotated[QuotaTable, Field(description="a [phones.slots.quota] table")] = ABSENT


class PhoneTable(Table):
    """`[[phones]]`."""

    name: Annotated[str, Field(pattern=_NAME, description=_NAME_WORDS)]
    serial: Annotated[
        str, Field(pattern=r"^\S{1,128}$", description="a serial as `adb devices` shows it")
    ] = ABSENT
    usb: Annotated[str, _USB] = ABSENT
    slots: Annotated[list[SlotTable], Field(description="[[phones.slots]] tables")] = ABSENT
    token_env: Annotated[
        str,
        Field(
            pattern=_VARIABLE,
            description="the name of an environment variable that holds the pairing token",
        ),
    ] = ABSENT
    token_file: Annotated[
        str, Field(pattern=_PATH, description="the path of a file that holds the pairing token")
    ] = ABSENT
    pacing: Annotated[PacingTable, Field(description="a [phones.pacing] table")] = ABSENT
    # No comma: several labels are listed on the command line.
    labels: Annotated[
        list[Annotated[str, Field(pattern=r"^[^\s,]{1,64}$")]],
        Field(description='a list of words such as ["lab"]'),
    ] = ABSENT
    variables: Annotated[
        dict[str, Annotated[str, Field(max_length=1024)]],
        Field(description="a table of names and texts"),
    ] = ABSENT
    quota: Annotated[QuotaTable, Field(description="a [phones.quota] table")] = ABSENT


class DevicesFile(Table):
    """The whole file."""

    state_dir: Annotated[str, Field(pattern=_PATH, description="the path of a directory")] = ABSENT
    panel: Annotated[PanelTable, Field(description="a [panel] table")]
    intervals: Annotated[IntervalsTable, Field(description="an [intervals] table")] = ABSENT
    policy: Annotated[PolicyTable, Field(description="a [policy] table")] = ABSENT
    inbound: Annotated[InboundTable, Field(description="an [inbound] table")] = ABSENT
    pacing: Annotated[PacingTable, Field(description="a [pacing] table")] = ABSENT
    quota: Annotated[QuotaTable, Field(description="a [quota] table")] = ABSENT
    audit: Annotated[AuditTable, Field(description="an [audit] table")] = ABSENT
    health: Annotated[HealthTable, Field(description="a [health] table")] = ABSENT
    metrics: Annotated[MetricsTable, Field(description="a [metrics] table")] = ABSENT
    adb: Annotated[list[AdbTable], Field(min_length=1, description="[[adb]] tables")] = ABSENT
    repair: Annotated[RepairTable, Field(description="a [repair] table")] = ABSENT
    ports: Annotated[list[PortTable], Field(description="[[ports]] tables")] = ABSENT
    phones: Annotated[
        list[PhoneTable], Field(min_length=1, description="a [[phones]] table for each phone")
    ]
    groups: Annotated[
        dict[str, list[str]],
        Field(description='a [groups] table, such as shelf-1 = ["shelf-1-left", "shelf-1-right"]'),
    ] = ABSENT
