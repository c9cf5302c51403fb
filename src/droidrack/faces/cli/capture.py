"""`droidrack capture`: a phone's outputs without the identities in them, for tests and reports."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack import __version__
from droidrack.core.errors import ConfigError, RackError
from droidrack.faces.cli.options import (
    config_option,
    make_folder,
    note,
    phone_named,
    plain,
    the_one_of,
)

if TYPE_CHECKING:
    from droidrack.app.arrival import Arrival
    from droidrack.app.capturing import Sample
    from droidrack.core.settings import PhoneSettings, Settings


@click.command()
@config_option
@click.option("--phone", help="The phone, by its name in devices.toml.")
@click.option("--serial", help="Or any attached phone, by its serial.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory to write to: one folder per family, nothing is overwritten.",
)
def capture(config: Path, phone: str | None, serial: str | None, out: Path) -> None:
    """Write what a phone prints, in the form of tests/corpus, without the identities in it.

    Numbers, ICCIDs, IMSIs, IMEIs, serials, cell identities and network addresses are replaced by
    invented ones of the same shape. Texts of messages are never read. Operator names, MCC and MNC
    and what names the build stay: look through the files before you give them away.
    """
    from droidrack import compose
    from droidrack.core.settings import PhoneSettings

    the_one_of("--phone and --serial", phone is not None, serial is not None)
    settings = compose.load_settings(config)
    wanted = phone_named(settings, phone) if phone else PhoneSettings(str(serial), str(serial))
    make_folder(out)  # Before the phone is asked for what could not be kept.
    arrival, samples = asyncio.run(_capture(settings, wanted))
    for sample in samples:
        path = _write(out, arrival, sample)
        understood = "" if sample.expected is not None else f"  ({plain(sample.note)})"
        click.echo(f"{path}{understood}")


async def _capture(
    settings: "Settings", wanted: "PhoneSettings"
) -> "tuple[Arrival, Sequence[Sample]]":
    from droidrack import compose
    from droidrack.app import capturing
    from droidrack.app.finding import find

    async with (
        compose.open_world(settings, note) as world,
        compose.open_buses(settings, note) as buses,
    ):
        arrival = (await find(buses, [wanted]))[wanted.name]
        if isinstance(arrival, RackError):
            raise arrival
        return arrival, await capturing.capture(world, arrival)


def _write(out: Path, arrival: "Arrival", sample: "Sample") -> Path:
    """Put a sample down under the first free number."""
    maker = arrival.properties.get("ro.product.manufacturer") or "unknown"
    stem = "-".join(map(_slug, (maker, arrival.model or "unknown", arrival.release or "unknown")))
    folder = out / sample.family
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while (path := folder / f"{stem}-{number}.txt").exists():
            number += 1
        path.write_bytes(sample.text.encode("utf-8", "surrogatepass"))
        described = json.dumps(_describe(arrival, maker, sample), ensure_ascii=False, indent=1)
        path.with_suffix(".json").write_text(described + "\n", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{folder}: {(exc.strerror or 'cannot be written').lower()}") from exc
    return path


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "_", text.lower()).strip("_.") or "unknown"


def _describe(arrival: "Arrival", maker: str, sample: "Sample") -> dict[str, Any]:
    sdk = arrival.properties.get("ro.build.version.sdk") or ""
    described: dict[str, Any] = {
        "command": sample.command,
        "android_release": arrival.release or None,
        "android_release_basis": "stated: ro.build.version.release",
        "api": int(sdk) if sdk.isascii() and sdk.isdigit() else None,
        "maker": maker,
        "model": arrival.model or None,
        "source": f"captured by droidrack {__version__}",
        "origin": "captured",
        "anonymised": True,
        "expected": sample.expected,
    }
    return described | ({"note": sample.note} if sample.note else {})
