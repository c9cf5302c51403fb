"""What provisioning needs of the world beyond `ports.py`: journal, leases, files, screen.

The same rules: contracts are numbered, errors are those of `core/errors.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from droidrack.core.provision.recipe import LocalFile, Secret
from droidrack.core.provision.record import (
    KeptFile,
    Lease,
    PhoneRecord,
    Purpose,
    RunRecord,
    StepRecord,
)


class RunJournal(Protocol):
    """The durable memory of provisioning.

    1. Every writing call MUST be on disk, whole, when it returns.
    2. `write_step` MUST replace the record of the same run, device and step.
    3. `last_step` MUST find the newest record of a key on a device that says what became of it
       (APPLYING, DONE, SATISFIED, FAILED or NEEDS_HUMAN), over all runs.
    4. It MUST be usable beside a running controller, which holds the journal's lock.
    """

    async def open(self) -> None:
        """Make the tables if need be."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...

    async def write_run(self, record: RunRecord) -> None:
        """Insert or update a run."""
        ...

    async def write_phone(self, record: PhoneRecord) -> None:
        """Insert or update a phone's part."""
        ...

    async def write_step(self, record: StepRecord) -> None:
        """Insert or update a step."""
        ...

    async def last_step(self, device: str, key: str) -> StepRecord | None:
        """What is known of this thing on this phone."""
        ...

    async def applied_under(self, device: str, boot_id: str) -> bool:
        """Whether a step changed (or may have changed) the phone since it last started."""
        ...

    async def runs(self, *, recipe: str = "", limit: int = 50) -> tuple[RunRecord, ...]:
        """Newest first."""
        ...

    async def phones(self, run: str) -> tuple[PhoneRecord, ...]:
        """The phones of a run, by name."""
        ...

    async def steps(self, run: str) -> tuple[StepRecord, ...]:
        """The steps of a run, by device and position."""
        ...

    async def latest(self, recipe: str) -> tuple[tuple[str, StepRecord], ...]:
        """Name of the phone and record, for each phone and step of a recipe, over all runs.

        The newest that tells what became of it; where none tells, the newest. By step and name.
        """
        ...

    async def last_good(self, recipe: str) -> tuple[tuple[PhoneRecord, datetime], ...]:
        """Each phone's newest part that ended DONE in any run of this recipe, and when it began."""
        ...

    async def builds_seen(self) -> Mapping[str, str]:
        """Device → the newest build that anybody saw on it: a run, or a controller."""
        ...

    async def prune(self, before: datetime) -> tuple[str, ...]:
        """Forget runs that began earlier; their uids, so that their evidence can go as well.

        A run that holds the last word about anything on a phone MUST stay, whole: a step that must
        not happen twice is known by it.
        """
        ...


class Leases(Protocol):
    """Who may use a phone.

    1. `take` MUST be atomic: of two holders one gets the phone, whatever their hosts. It MUST
       succeed for the holder of the lease (and renew it), and where the lease has expired.
    2. Where it fails it MUST leave a note that the holder asks, and return the lease in the way.
    3. A lease MUST be refused to whoever does not ask while another's request is fresh.
    4. A lease MUST NOT bind longer than `LEASE_LIMIT_S` from now, whatever expiry it carries: a
       host's clock may have been set back since, and its holder be dead.
    """

    async def take(
        self, device: str, purpose: Purpose, holder: str, *, now: datetime, ttl_s: float
    ) -> Lease:
        """Take or renew; the lease that stands afterwards, ours if its holder is `holder`."""
        ...

    async def release(self, device: str, holder: str) -> None:
        """Give it back. Idempotent."""
        ...

    async def bury(self, purpose: Purpose, heir: str) -> None:
        """End every lease to `purpose` of anybody but `heir`.

        Only for whoever knows that the others are dead: the journal's lock is proof for sending.
        """
        ...

    async def leases(self) -> tuple[Lease, ...]:
        """All that stand, expired ones included."""
        ...


class Supplies(Protocol):
    """What a recipe brings along from this host."""

    def describe(self, path: str, origin: str) -> LocalFile:
        """The file that a step of the recipe file `origin` names.

        Raises:
            Refusal: it is not there, too large or unreadable.
        """
        ...

    def content(self, file: LocalFile) -> bytes:
        """Its bytes; Refusal where they are no longer those that were described."""
        ...

    def reveal(self, name: str) -> Secret:
        """A secret by its name in the recipe; Refusal where its source is empty."""
        ...

    def scrub(self, text: str) -> str:
        """A text of a phone, with every secret that was revealed so far masked."""
        ...


class Evidence(Protocol):
    """Where pictures and files of a run are kept."""

    def keep(self, run: str, name: str, content: bytes) -> KeptFile:
        """Write a file, whole, for the owner's eyes."""
        ...


class Screen(Protocol):
    """One phone's screen.

    1. Every call MUST end by its deadline, even where the phone hangs.
    2. `tap` and `type` MUST act on the one element that the selector finds at that moment, and
       MUST raise PhoneRefused, touching nothing, where it finds none.
    3. Typed text MUST NOT appear in any log or error.
    """

    async def hierarchy(self, *, deadline_s: float) -> str:
        """The view hierarchy as XML."""
        ...

    async def exists(self, selector: Mapping[str, str], *, deadline_s: float) -> bool:
        """Whether an element is on the screen now."""
        ...

    async def tap(self, selector: Mapping[str, str], *, deadline_s: float) -> None:
        """Tap an element."""
        ...

    async def type(self, selector: Mapping[str, str], text: str, *, deadline_s: float) -> None:
        """Replace a text field's content."""
        ...

    async def checked(self, selector: Mapping[str, str], *, deadline_s: float) -> bool:
        """Whether a switch is on."""
        ...

    async def scroll_to(self, selector: Mapping[str, str], *, deadline_s: float) -> bool:
        """Scroll until an element shows; whether it does."""
        ...

    async def press(self, key: str, *, deadline_s: float) -> None:
        """Press "back" or "home"."""
        ...

    async def screenshot(self, *, deadline_s: float) -> bytes:
        """The screen as PNG."""
        ...

    async def close(self) -> None:
        """End what runs on the phone for it. Idempotent."""
        ...
