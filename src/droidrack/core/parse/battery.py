"""`dumpsys battery`.

One `label: value` a line. Makers add lines, and Android 15 puts prose between them ("Time when the
latest updated value of the voltage was sent …: +3m12s"), so only exact labels count, and the first
line of a label wins: Samsung repeats some further down with another meaning.
"""

from droidrack.core.battery import Battery
from droidrack.core.parse.text import boolean, integer, lines_of, refusal

_LABELS = frozenset(
    (
        "AC powered",
        "USB powered",
        "Wireless powered",
        "Dock powered",
        "Max charging current",
        "Max charging voltage",
        "Charge counter",
        "status",
        "health",
        "present",
        "level",
        "scale",
        "voltage",
        "temperature",
        "technology",
    )
)


def parse_battery(text: str) -> Battery:
    """Read `dumpsys battery` of Android 5 to 16.

    Returns:
        The reading; `temperature_c` in degrees Celsius (the text has tenths).

    Raises:
        ParseError: none of the known lines is there. Nothing else, whatever the text.
    """
    values: dict[str, str] = {}
    for line in lines_of("dumpsys battery", text):
        label, colon, value = line.strip().partition(":")
        if colon and label in _LABELS:
            values.setdefault(label, value.strip())
    read = {label: integer(value) for label, value in values.items()}
    flags = {label: boolean(value) for label, value in values.items()}
    if all(value is None for value in (*read.values(), *flags.values())):
        raise refusal("dumpsys battery", "no line such as `level: 55` found", text)
    tenths = read.get("temperature")
    return Battery(
        level=read.get("level"),
        scale=read.get("scale"),
        status=read.get("status"),
        health=read.get("health"),
        present=flags.get("present"),
        ac_powered=flags.get("AC powered"),
        usb_powered=flags.get("USB powered"),
        wireless_powered=flags.get("Wireless powered"),
        dock_powered=flags.get("Dock powered"),
        max_charging_current_ua=read.get("Max charging current"),
        max_charging_voltage_uv=read.get("Max charging voltage"),
        charge_counter_uah=read.get("Charge counter"),
        voltage_mv=read.get("voltage"),
        temperature_c=None if tenths is None else tenths / 10,
        technology=values.get("technology") or None,
    )
