"""A run's certificate as one HTML page that needs nothing else but its evidence folder."""

from html import escape
from typing import Any
from urllib.parse import quote

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;
padding:0 1rem;color:#1c2430}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2.2rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid #d8dee6;vertical-align:top}th{font-weight:600}
.done,.satisfied{color:#1a7f37}.failed{color:#b3261e}.needs-human,.held,.leased{color:#9a6700}
.skipped,.blocked,.absent{color:#6b7785}code{font-size:.85em}
.facts td:first-child{color:#6b7785;width:12rem}
img{max-width:9rem;border:1px solid #d8dee6;margin:.2rem .4rem .2rem 0}
@media print{body{margin:0}h2{break-before:auto}tr{break-inside:avoid}}
"""


def page(document: dict[str, Any], *, evidence: str = "") -> str:
    """The page. `evidence` is the folder of the run's files, as a relative address."""
    recipe = document["recipe"]
    title = f"{recipe['name']} {recipe['version']}: {document['kind']} {document['run']}"
    facts = [
        ("Outcome", document["outcome"]),
        ("Recipe", f"{recipe['name']} {recipe['version']}"),
        ("Recipe SHA-256", recipe["sha256"]),
        ("Operator", document["operator"]),
        ("Host", document["host"]),
        ("Began", document["started_at"]),
        ("Ended", document["ended_at"] or "cut short"),
    ]
    phones = "".join(_phone(phone, evidence) for phone in document["phones"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{_facts(facts)}"
        f"{_summary(document['phones'])}{phones}</body></html>\n"
    )


def _facts(facts: list[tuple[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(str(value or ''))}</td></tr>"
        for name, value in facts
    )
    return f'<table class="facts">{rows}</table>'


def _summary(phones: list[dict[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td><a href="#{quote(p["name"])}">{escape(p["name"])}</a></td>'
        f"<td>{escape(p['maker'])} {escape(p['model'])}</td><td>{_state(p['fate'])}</td>"
        f"<td>{escape(p['cause'])}</td></tr>"
        for p in phones
    )
    head = "<tr><th>Phone</th><th>Model</th><th>Fate</th><th>Cause</th></tr>"
    return f"<h2>Phones</h2><table>{head}{rows}</table>"


def _phone(phone: dict[str, Any], evidence: str) -> str:
    rows = "".join(_step(step, evidence) for step in phone["steps"])
    head = (
        "<tr><th>Step</th><th>State</th><th>Before</th><th>Wanted</th><th>After</th>"
        "<th>Cause and evidence</th></tr>"
    )
    return (
        f'<h2 id="{quote(phone["name"])}">{escape(phone["name"])}</h2>'
        f"<p>{escape(phone['maker'])} {escape(phone['model'])}, serial "
        f"<code>{escape(phone['serial'])}</code><br><code>{escape(phone['fingerprint'])}</code></p>"
        f"<table>{head}{rows}</table>"
    )


def _step(step: dict[str, Any], evidence: str) -> str:
    notes = [
        step["cause"],
        step["hint"],
        step["screen"] and f"Screen: {step['screen']}",
        step["confirmed_by"] and f"Confirmed by {step['confirmed_by']}",
    ]
    text = "<br>".join(escape(note) for note in notes if note)
    files = "".join(_file(entry, evidence) for entry in step["evidence"])
    cells = "".join(f"<td>{escape(step[key])}</td>" for key in ("before", "wanted", "after"))
    return (
        f"<tr><td>{escape(step['step'])}</td><td>{_state(step['state'])}</td>{cells}"
        f"<td>{text}<div>{files}</div></td></tr>"
    )


def _file(entry: dict[str, Any], evidence: str) -> str:
    address = quote(f"{evidence}/{entry['name']}" if evidence else entry["name"])
    label = f"{escape(entry['name'])}, SHA-256 {entry['sha256']}"
    if entry["name"].endswith(".png"):
        return f'<a href="{address}"><img src="{address}" alt="{label}" title="{label}"></a>'
    return f'<a href="{address}" title="{label}">{escape(entry["name"])}</a> '


def _state(word: str) -> str:
    return f'<span class="{escape(word.replace(" ", "-"))}">{escape(word)}</span>'
