"""The documented metrics are the exported ones, and the examples use no others."""

import json
import re
from pathlib import Path

import pytest

from droidrack.core.vitals import ALARMS
from droidrack.faces.metrics import FAMILIES

DOCS = Path(__file__).parents[2] / "docs"
EXPORTED = {family.name + "_total" * (family.kind == "counter"): family for family in FAMILIES}
LABELS = {"version", "phone", "state", "kind", "severity", "slot", "outcome"}
LABELS |= {"ailment", "stage", "hub", "server"}

_ROW = re.compile(r"^\| `(droidrack_\w+)` \| (\w+) \| (.*?) \| (.+) \|$", re.MULTILINE)


def test_page_lists_every_metric_and_no_other() -> None:
    """Name, type, labels and meaning stand in docs/metrics.md as they are exported."""
    rows = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)), text)
        for name, kind, labels, text in _ROW.findall((DOCS / "metrics.md").read_text("utf-8"))
    }
    assert {
        name: (family.kind, family.labels, family.text) for name, family in EXPORTED.items()
    } == rows


def test_labels_are_names_and_closed_lists() -> None:
    """A label that could hold a number, a serial or a card does not exist."""
    assert LABELS >= {label for family in FAMILIES for label in family.labels}


@pytest.mark.parametrize("name", ["prometheus-alerts.yml", "grafana-dashboard.json"])
def test_examples_use_exported_metrics(name: str) -> None:
    """No rule and no panel asks for what is not there."""
    text = (DOCS / name).read_text("utf-8")
    used = set(re.findall(r"\bdroidrack_\w+", text))
    assert used
    assert set() == used - EXPORTED.keys()


def test_alerts_name_alarms_that_exist() -> None:
    """A rule for a kind of alarm rings for a kind that can ring."""
    text = (DOCS / "prometheus-alerts.yml").read_text("utf-8")
    kinds = {k for found in re.findall(r'kind=~?"([^"]+)"', text) for k in found.split("|")}
    assert kinds
    assert kinds <= ALARMS.keys()


def test_dashboard_is_json_with_panels() -> None:
    """It can be imported: each panel has a place and a question."""
    board = json.loads((DOCS / "grafana-dashboard.json").read_text("utf-8"))
    assert board["panels"]
    assert all(panel["targets"] and panel["gridPos"] for panel in board["panels"])
