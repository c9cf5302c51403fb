"""What droidrack needs of the world, as contracts.

Each port is a Protocol whose docstring numbers what an implementation MUST and MAY do; the
contract suites in `tests/contract` check these numbers against every implementation. Errors are
those of `core/errors.py` and nothing else; cancelling the calling task is always allowed and
leaves what the contract says a cut call leaves.
"""

from droidrack.ports.audit import Audit
from droidrack.ports.bus import Bus, Outage, Sighting
from droidrack.ports.chance import Clock, Dice
from droidrack.ports.journal import (
    Accepted,
    Event,
    Journal,
    Life,
    OutboxRow,
    PhoneRecord,
    SimRecord,
    StateChange,
    Tally,
)
from droidrack.ports.mender import Mender
from droidrack.ports.notebook import Notebook
from droidrack.ports.panel import (
    Panel,
    PanelSim,
    Pending,
    RefusedItem,
    Registration,
    Session,
    SimPulse,
)
from droidrack.ports.phone import Completed, Phone, PhoneFiles
from droidrack.ports.usage import HoldRecord, Send, Usage
from droidrack.ports.vault import StoredSession, Vault

__all__ = [
    "Accepted",
    "Audit",
    "Bus",
    "Clock",
    "Completed",
    "Dice",
    "Event",
    "HoldRecord",
    "Journal",
    "Life",
    "Mender",
    "Notebook",
    "Outage",
    "OutboxRow",
    "Panel",
    "PanelSim",
    "Pending",
    "Phone",
    "PhoneFiles",
    "PhoneRecord",
    "RefusedItem",
    "Registration",
    "Send",
    "Session",
    "Sighting",
    "SimPulse",
    "SimRecord",
    "StateChange",
    "StoredSession",
    "Tally",
    "Usage",
    "Vault",
]
