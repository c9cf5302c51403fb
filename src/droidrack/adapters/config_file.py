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
_PATH = r"^(~/|[^~\x00-\x1f\x7f])[^\x00-\x1f\x7f]*$"  # No `~user`: whose home is meant may change.


class Table(BaseModel):
    """A TOML table: no unknown keys, no conversions, no infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """The keys that the file holds, with their values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


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


class PolicyTable(Table):
    """`[policy]`."""

    # 255: the count of parts is one octet in the user data header (3GPP TS 23.040 §9.2.3.24.1).
    max_segments: Annotated[
        int, Field(ge=1, le=255, description="a whole number from 1 to 255")
    ] = ABSENT
    message_ttl_s: Annotated[
        float, Field(ge=0, le=604_800, description="seconds from 0 (no expiry) to 604800 (a week)")
    ] = ABSENT
    sim_wait_s: Annotated[float, _seconds(0, 86_400)] = ABSENT
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


class PhoneTable(Table):
    """`[[phones]]`."""

    # No comma and no space: names are listed on the command line and in file names.
    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            description="a name of letters, digits, dots, dashes and underscores",
        ),
    ]
    serial: Annotated[
        str, Field(pattern=r"^\S{1,128}$", description="a serial as `adb devices` shows it")
    ] = ABSENT
    usb: Annotated[str, _USB] = ABSENT
    slots: Annotated[list[SlotTable], Field(description="[[phones.slots]] tables")] = ABSENT
    token_env: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
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


class DevicesFile(Table):
    """The whole file."""

    state_dir: Annotated[str, Field(pattern=_PATH, description="the path of a directory")] = ABSENT
    panel: Annotated[PanelTable, Field(description="a [panel] table")]
    intervals: Annotated[IntervalsTable, Field(description="an [intervals] table")] = ABSENT
    policy: Annotated[PolicyTable, Field(description="a [policy] table")] = ABSENT
    pacing: Annotated[PacingTable, Field(description="a [pacing] table")] = ABSENT
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
