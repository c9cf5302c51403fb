"""Profile texts: those that ship with the program, and the site's own."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from droidrack.core.errors import ConfigError
from droidrack.core.profile import ProfileTable
from droidrack.core.profile_load import SITE_PREFIX, load_profiles

SITE_LIMIT_BYTES = 256 * 1024
"""A profile is a few kilobytes; a larger file is not one."""


def profile_table(site: Path | None = None) -> ProfileTable:
    """The table of all profiles; `site` is a directory of the operator's `*.toml`, or None.

    Raises:
        ConfigError: the directory or a file cannot be read, or a text is not a profile.
    """
    return _packaged() if site is None else load_profiles({**packaged_texts(), **_site_texts(site)})


def packaged_texts() -> dict[str, str]:
    """The texts in the package, by file name without `.toml`."""
    return {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in files("droidrack").joinpath("profiles").iterdir()
        if entry.name.endswith(".toml")
    }


@cache
def _packaged() -> ProfileTable:
    return load_profiles(packaged_texts())


def _site_texts(site: Path) -> dict[str, str]:
    try:
        paths = [path for path in site.iterdir() if path.suffix == ".toml"]
        return {f"{SITE_PREFIX}{path.stem}": _text(path) for path in paths}
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"site profiles: {site}: {exc}") from exc


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(SITE_LIMIT_BYTES + 1)
    if len(content) > SITE_LIMIT_BYTES:
        raise ConfigError(f"site profiles: {path}: larger than {SITE_LIMIT_BYTES} bytes")
    return content.decode("utf-8")
