"""`[pacing]` and `[quota]` of `devices.toml` as plain values, with a phone's and a slot's own."""

from dataclasses import replace

from droidrack.adapters.config_file import PacingTable, QuotaTable, WindowTable
from droidrack.core.settings import PaceWindow, Pacing, Per, Quota


def pacing_over(common: Pacing, own: PacingTable | None) -> Pacing:
    """The common pacing with the keys that a table names; windows replace all common ones."""
    if own is None:
        return common
    given = own.given()
    if "window" in given:
        given["window"] = tuple(_window(entry) for entry in given["window"])
    return replace(common, **given)


def quota_over(common: Quota, own: QuotaTable | None) -> Quota:
    """The common quota with the keys that a table names."""
    return common if own is None else replace(common, **own.given())


def _window(table: WindowTable) -> PaceWindow:
    given = table.given()
    if "per" in given:
        given["per"] = Per(given["per"])
    return PaceWindow(**given)
