"""The rack trial: disturb half of a rack, and see what the other half and the panel notice.

    scripts/rack-trial                                60 phones, 100 disturbances: eight minutes
    scripts/rack-trial --phones 10 --disturbances 15  a smaller one

Phones and panel live in this process, the adb server is a real one, the controller is `droidrack
run`. First undisturbed, then the same traffic with disturbances. Exit code 0 only if no message was
lost, doubled or wrongly reported, every state was named right and each pulled cable seen in time.
docs/rack-trial.md says how it is judged.
"""

import argparse
import asyncio
import json
import logging
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trial_judge import Deed, percentile
from trial_plan import MOST_EACH, Kind, counts
from trial_run import Outcome, Terms, trial

USB_LIMIT_S = 10.0
P95_RATIO = 1.1


def main(arguments: Sequence[str]) -> int:
    """Try, tell; the exit code."""
    terms, options = _options(arguments)
    logging.getLogger("uvicorn.error").disabled = True  # A frozen phone is no news to the panel.
    started, load = time.monotonic(), os.getloadavg()[0]
    if options.keep:
        outcome = asyncio.run(trial(terms, Path(options.keep).resolve()))
    else:
        with tempfile.TemporaryDirectory(prefix="droidrack-trial-") as home:
            outcome = asyncio.run(trial(terms, Path(home)))
    facts = facts_of(outcome, terms) | {
        "seconds": round(time.monotonic() - started),
        "cores": os.cpu_count(),
        "load": {"start": round(load, 1)} | {k: round(v, 1) for k, v in outcome.loads.items()},
    }
    print(json.dumps(facts, ensure_ascii=False, indent=1) if options.json else told(facts))
    return 0 if facts["held"] else 1


def facts_of(outcome: Outcome, terms: Terms) -> dict[str, Any]:
    """Everything that is told, with `held`: whether the promises that end a trial well hold."""
    found = outcome.findings
    kills = len(outcome.kills) // terms.phones
    usb_s = [d.seen_s for d in outcome.deeds if d.act.kind is Kind.UNPLUG and d.seen_s is not None]
    usb_held = all(seen_s <= USB_LIMIT_S for seen_s in usb_s)
    return {
        "phones": terms.phones,
        "left_alone": outcome.left_alone,
        "seed": terms.seed,
        "disturbances": len(outcome.deeds) + kills,
        "messages": found.asked,
        "sent": found.sent,
        "failed": found.failed,
        "unknown": len(found.doubts),
        "corrected": found.corrected,
        "causes": _count(doubt.cause for doubt in found.doubts),
        "lost": found.lost,
        "doubled": found.doubled,
        "wrong": found.wrong,
        "troubles": found.troubles,
        "misnamed": outcome.misnamed,
        "usb_loss_seen_s": _rounded(max(usb_s, default=math.nan)),
        "by_kind": {kind: _of_kind(outcome, kind) for kind in terms.kinds},
        "on_air_s": _spread(outcome.on_air_s),
        "told_s": _spread(outcome.told_s),
        "also": dict(outcome.others),
        "held": found.clean and bool(found.asked) and not outcome.misnamed and usb_held,
    }


def _count(words: Any) -> dict[str, int]:
    tally: dict[str, int] = {}
    for word in words:
        tally[word] = tally.get(word, 0) + 1
    return tally


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 2)


def _of_kind(outcome: Outcome, kind: Kind) -> dict[str, Any]:
    deeds: list[Deed] = outcome.kills if kind is Kind.KILL else outcome.deeds
    mine = [deed for deed in deeds if deed.act.kind is kind]
    times = {
        "named_s": [deed.seen_s for deed in mine if deed.seen_s is not None],
        "back_s": [deed.back_s for deed in mine if deed.back_s is not None],
    }
    spreads = {
        name: {"p50": _rounded(percentile(values, 0.5)), "most": _rounded(percentile(values, 1))}
        for name, values in times.items()
    }
    return {"times": len(mine)} | spreads


def _spread(by_stage: dict[str, list[float]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        stage: {
            "messages": len(values),
            "p50": _rounded(percentile(values, 0.5)),
            "p95": _rounded(percentile(values, 0.95)),
            "most": _rounded(percentile(values, 1)),
        }
        for stage, values in by_stage.items()
    }
    calm, disturbed = (percentile(by_stage.get(s, []), 0.95) for s in ("calm", "disturbed"))
    ratio = disturbed / calm
    return told | {"p95_ratio": _rounded(ratio), "within": ratio <= P95_RATIO}


# --- What it says -----------------------------------------------------------------------------


def told(facts: dict[str, Any]) -> str:
    """The facts for a person."""
    lines = [
        f"{facts['disturbances']} disturbances in {facts['seconds']} s, seed {facts['seed']}; "
        f"{facts['phones']} phones, {facts['left_alone']} of them left alone; "
        f"{facts['cores']} cores, load {facts['load']}",
        "",
        f"{'':18}{'times':>6}{'named p50':>11}{'most, s':>9}{'back p50':>10}{'most, s':>9}",
    ]
    for kind, row in facts["by_kind"].items():
        cells = [row[name][part] for name in ("named_s", "back_s") for part in ("p50", "most")]
        lines.append(f"{kind:18}{row['times']:6}{cells[0]!s:>11}{cells[1]!s:>9}"
                     f"{cells[2]!s:>10}{cells[3]!s:>9}")  # fmt: skip
    lines.append("")
    for name, text in (("on_air_s", "queued → on the air"), ("told_s", "queued → told")):
        spread = facts[name]
        for stage in (stage for stage in spread if isinstance(spread[stage], dict)):
            row = spread[stage]
            lines.append(f"{text}, {stage}: p50 {row['p50']} s, p95 {row['p95']} s, most "
                         f"{row['most']} s, {row['messages']} messages")  # fmt: skip
        word = "within" if spread["within"] else "NOT within"
        lines.append(f"  p95 disturbed ÷ calm: {spread['p95_ratio']}, {word} 10 %")
    lines.append("")
    lines += [f"unknown: {count} × {cause}" for cause, count in facts["causes"].items()]
    for name in ("lost", "doubled", "wrong", "troubles", "misnamed"):
        lines += [f"{name}: {item}" for item in facts[name]]
    lines += [
        f"{facts['messages']} messages: sent {facts['sent']}, failed {facts['failed']}, unknown "
        f"{facts['unknown']} ({facts['corrected']} more were proven later); also {facts['also']}",
        f"lost {len(facts['lost'])}, doubled {len(facts['doubled'])}, wrongly reported "
        f"{len(facts['wrong'])}, troubles {len(facts['troubles'])}, misnamed "
        f"{len(facts['misnamed'])}; USB loss seen within {facts['usb_loss_seen_s']} s",
    ]
    return "\n".join(lines)


def _options(arguments: Sequence[str]) -> tuple[Terms, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="rack-trial", description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=60, help="half of them are left alone (60)")
    parser.add_argument("--disturbances", type=int, default=100, help="in all (100)")
    parser.add_argument("--seed", type=int, default=1, help="of traffic and disturbances (1)")
    parser.add_argument("--span", type=float, default=120.0, help="seconds of each run (120)")
    parser.add_argument("--every", type=float, default=6.0, help="seconds per message and phone")
    parser.add_argument("--poll", type=float, default=5.0, help="poll_s of the controller (5)")
    parser.add_argument("--kinds", default=",".join(Kind), help="which: " + ", ".join(Kind))
    parser.add_argument("--limit", type=float, default=1200.0, help="give up after so long (1200)")
    parser.add_argument("--keep", help="directory for configuration, journal and log")
    parser.add_argument("--json", action="store_true", help="JSON on standard output")
    options = parser.parse_args(arguments)
    try:
        kinds = tuple(Kind(word) for word in options.kinds.split(","))
    except ValueError as error:
        parser.error(str(error))
    terms = Terms(
        phones=options.phones,
        disturbances=options.disturbances,
        seed=options.seed,
        span_s=options.span,
        every_s=options.every,
        poll_s=options.poll,
        kinds=kinds,
        limit_s=options.limit,
    )
    wanted = counts(terms.disturbances, kinds)
    single = sum(count for kind, count in wanted.items() if kind is not Kind.KILL)
    if single > MOST_EACH * (terms.phones // 2):
        parser.error(f"at most {MOST_EACH} disturbances for each phone of one half: {single}")
    return terms, options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
