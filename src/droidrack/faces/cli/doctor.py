"""`droidrack doctor`: what is in force, what was seen, and what to do about it."""

import asyncio
import platform
from pathlib import Path

import click

from droidrack import __version__
from droidrack.core.checkup import Finding, Severity, failing, fine, worst
from droidrack.core.errors import ConfigError, RackError
from droidrack.faces.cli.options import config_option, json_option, plain, print_json, print_table

WARNED = 3
"""Not 2, which says that the command line or the configuration is wrong."""

COLOURS = {Severity.OK: "green", Severity.WARN: "yellow", Severity.ERROR: "red"}


@click.command()
@config_option
@json_option
@click.option("--strict", is_flag=True, help="Exit code 3 where there are warnings and no error.")
@click.option("--quiet", is_flag=True, help="Warnings and errors only, without the configuration.")
def doctor(config: Path, as_json: bool, strict: bool, quiet: bool) -> None:
    """Check configuration, host, journal, panel, adb servers and phones; say what to do.

    Nothing is sent or paired, no phone is changed, and it may run beside a controller. Each
    finding is `ok`, `warn` or `error`, with what was seen and an exact remedy. Exit code 1 if there
    is an error, else 0; with --strict, 3 if there are warnings only. For example:

        droidrack doctor --quiet
    """
    from droidrack import compose, diagnosis

    findings = _host()
    values: list[dict[str, str]] = []
    try:
        settings = compose.load_settings(config)
        findings.append(fine("configuration", f"{config}: {len(settings.phones)} phone(s)"))
        values = diagnosis.effective_values(config)
    except ConfigError as error:
        findings.append(failing("configuration", error))
    else:
        findings += asyncio.run(diagnosis.examine(settings))
    if as_json:
        print_json(
            {
                "values": values,
                "findings": [diagnosis.finding_json(finding) for finding in findings],
            }
        )
    else:
        if not quiet:
            _print_values(values)
        _print_findings(findings, quiet=quiet)
    raise SystemExit(_exit_code(worst(findings), strict=strict))


def _exit_code(severity: Severity, *, strict: bool) -> int:
    if severity is Severity.ERROR:
        return 1
    return WARNED if strict and severity is Severity.WARN else 0


def _host() -> list[Finding]:
    from droidrack import diagnosis

    findings = [
        fine("droidrack", f"{__version__}, Python {platform.python_version()}, {platform.system()}")
    ]
    try:
        findings.append(fine("adb program", diagnosis.adb_program()))
    except RackError as error:
        findings.append(failing("adb program", error))
    return findings


def _print_values(values: list[dict[str, str]]) -> None:
    """Each value in force; what a phone leaves to the defaults is in --json only."""
    rows = [
        row.values()
        for row in values
        if row["origin"] == "file" or not row["key"].startswith("phones[")
    ]
    if rows:
        print_table("Values in force", ("key", "value", "origin"), rows)


def _print_findings(findings: list[Finding], *, quiet: bool) -> None:
    for finding in findings:
        if quiet and finding.severity is Severity.OK:
            continue
        word = click.style(f"{finding.severity.value:<5}", fg=COLOURS[finding.severity], bold=True)
        first, *more = finding.seen.splitlines() or [""]
        click.echo(f"{word}  {plain(finding.subject)}: {plain(first)}")
        for line in more:
            click.echo(f"         {plain(line)}")
        if finding.remedy:
            click.echo(f"       → {plain(finding.remedy)}")
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    warnings = sum(finding.severity is Severity.WARN for finding in findings)
    click.echo(f"{errors} error(s), {warnings} warning(s)")
