"""Recipes and what they bring along, on this host's disk: texts, files, secrets, variables, proof.

A path in a recipe counts from the file it stands in. Recipes that ship with the program are named
without a path and an ending.
"""

import csv
import hashlib
import os
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from droidrack.core.errors import ConfigError
from droidrack.core.provision.acts import Refusal
from droidrack.core.provision.apk import ApkFacts, UnreadableApk, read_apk
from droidrack.core.provision.recipe import LocalFile, Recipe, Secret
from droidrack.core.provision.recipe_load import load_recipe
from droidrack.core.provision.record import KeptFile

RECIPE_LIMIT_BYTES = 1 << 20
FILE_LIMIT_BYTES = 1 << 30
"""An app larger than this does not come as one APK."""

SECRET_LIMIT_BYTES = 4096
SHIPPED = "droidrack.recipes"


def shipped_names() -> tuple[str, ...]:
    """Recipes that come with the program."""
    names = (entry.name for entry in resources.files(SHIPPED).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def read_recipe(reference: str) -> tuple[Recipe, str]:
    """A recipe by path, or by the name of one that ships; and the name of its file.

    Raises:
        ConfigError: it is not there, or has mistakes (all of them).
    """
    name, text = _fetch(reference, "")
    return load_recipe(name, text, _fetch), name


def recipe_text(reference: str) -> str:
    """The text of one recipe file."""
    return _fetch(reference, "")[1]


def _fetch(reference: str, origin: str) -> tuple[str, str]:
    if reference in shipped_names():
        text = (resources.files(SHIPPED) / f"{reference}.toml").read_text("utf-8")
        return reference, text
    path = _beside(reference, origin)
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise ConfigError(
            f"{path}: {(exc.strerror or 'cannot be read').lower()}",
            hint=f"give a file, or one of {', '.join(shipped_names())}",
        ) from exc
    if len(content) > RECIPE_LIMIT_BYTES:
        raise ConfigError(f"{path}: larger than {RECIPE_LIMIT_BYTES} bytes; is it a recipe?")
    try:
        return str(path), content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise ConfigError(
            f"{path}: line {line}: expected UTF-8, seen byte 0x{content[exc.start]:02x}",
            hint="save the file as UTF-8",
        ) from exc


def _beside(path: str, origin: str) -> Path:
    base = Path(origin).parent if origin and ("/" in origin or origin.endswith(".toml")) else Path()
    return base / Path(path).expanduser()


class RecipeSupplies:
    """`ports_provisioning.Supplies` on this host's disk and environment."""

    def __init__(self, recipe: Recipe, origin: str) -> None:
        self._origin = origin
        self._sources = {source.name: source for source in recipe.secrets}
        self._known: dict[tuple[Path, int, int], LocalFile] = {}
        self._revealed: set[str] = set()

    def describe(self, path: str, origin: str) -> LocalFile:
        """See the port. A file that has not changed is read once."""
        place = _beside(path, origin)
        try:
            status = place.stat()
        except OSError as exc:
            raise Refusal(
                f"{place}: {(exc.strerror or 'cannot be read').lower()}",
                hint="paths count from the recipe's own file",
            ) from exc
        if not place.is_file() or status.st_size > FILE_LIMIT_BYTES:
            raise Refusal(f"{place}: expected a file of at most {FILE_LIMIT_BYTES} bytes")
        mark = (place.resolve(), status.st_mtime_ns, status.st_size)
        if mark not in self._known:
            self._known[mark] = _described(place)
        return self._known[mark]

    def content(self, file: LocalFile) -> bytes:
        """See the port."""
        content = Path(file.path).read_bytes()
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise Refusal(
                f"{file.name} changed while the recipe ran",
                hint="apply again with the file at rest",
            )
        return content

    def reveal(self, name: str) -> Secret:
        """See the port."""
        source = self._sources[name]
        if source.env:
            value, where = os.environ.get(source.env, ""), f"variable {source.env}"
        else:
            path = _beside(source.file, self._origin)
            value, where = _secret_file(path), f"file {path}"
        value = value.strip("\r\n")
        if not value or "\n" in value or "\0" in value:
            raise Refusal(
                f"the secret {name!r} is not in the {where}",
                hint="it must hold one line and nothing else",
            )
        self._revealed.add(value)
        return Secret(value)

    def scrub(self, text: str) -> str:
        """See the port. The longest first: one secret may be part of another."""
        for value in sorted(self._revealed, key=len, reverse=True):
            text = text.replace(value, str(Secret(value)))
        return text


def _secret_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode & 0o777
            content = stream.read(SECRET_LIMIT_BYTES)
    except OSError:
        return ""
    if mode & 0o077:
        raise Refusal(f"{path} can be read by others (mode {mode:04o})", hint=f"chmod 600 {path}")
    return content.decode("utf-8", "replace")


def _described(path: Path) -> LocalFile:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
        facts = ApkFacts("", None, ())
        if path.suffix == ".apk":
            try:
                facts = read_apk(stream)
            except UnreadableApk as exc:
                raise Refusal(f"{path}: {exc}", hint="is the file whole?") from exc
    return LocalFile(
        path=str(path),
        name=path.name,
        size_bytes=path.stat().st_size,
        sha256=digest.hexdigest(),
        package=facts.package,
        version_code=facts.version_code,
        signers=facts.signers,
    )


class EvidenceFolder:
    """`ports_provisioning.Evidence`: one folder per run, for the owner's eyes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, run: str) -> Path:
        """Where a run's files are."""
        return self._root / run

    def forget(self, run: str) -> None:
        """Remove what was kept of a run that the journal has forgotten."""
        shutil.rmtree(self.folder(run), ignore_errors=True)

    def keep(self, run: str, name: str, content: bytes) -> KeptFile:
        """See the port."""
        safe = "/".join(_safe(part) for part in name.split("/"))
        path = self.folder(run) / safe
        for folder in reversed(path.relative_to(self._root).parents):
            (self._root / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(path.name + ".part")
        part.write_bytes(content)
        part.chmod(0o600)
        part.replace(path)
        return KeptFile(safe, hashlib.sha256(content).hexdigest(), len(content))


def _safe(part: str) -> str:
    """A path component that stays one."""
    kept = "".join(char if char.isalnum() or char in "-_." else "_" for char in part)
    return kept.lstrip(".")[:100] or "_"


def read_variables(path: Path) -> Mapping[str, Mapping[str, str]]:
    """A CSV of variables: first column `phone` (its name or serial), one column per variable.

    Raises:
        ConfigError: every line that is amiss, with its number.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read as a UTF-8 CSV: {exc}") from exc
    rows = list(csv.reader(text.splitlines()))
    head = [name.strip() for name in rows[0]] if rows else []
    if not head or head[0] != "phone" or len(set(head)) != len(head):
        raise ConfigError(
            f"{path}:1: expected a first line such as `phone,zone,labels`, seen {head}",
            hint="the first column is the phone's name or serial; `labels` are split at blanks",
        )
    found: dict[str, Mapping[str, str]] = {}
    mistakes = []
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(head):
            mistakes.append(f"line {number}: expected {len(head)} columns, seen {len(row)}")
        elif row[0] in found:
            mistakes.append(f"line {number}: {row[0]!r} stands in an earlier line already")
        else:
            found[row[0].strip()] = dict(zip(head[1:], row[1:], strict=True))
    if mistakes:
        raise ConfigError(f"{path}: {len(mistakes)} mistake(s)", mistakes=tuple(mistakes))
    return found
