"""Profile layers from TOML text.

A file is one layer, or several variants of one rank:

    layer = "maker"                     # base, android, platform, maker, model or site
    [[variant]]
    match = { manufacturer = ["samsung"], sdk = [23, 23] }
    [variant.isub.get_default_sms_sub_id]
    transaction = 25
    source = "where the number comes from"
    verified = false

A layer may override only rows and fields that the base declares, and says where each number comes
from; `verified` is allowed only with a `capture` in tests/corpus. Mistakes are ConfigErrors that
name the file and the key: the reader may be an operator with a site profile.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from droidrack.core.call import Argument, Returns
from droidrack.core.errors import ConfigError
from droidrack.core.profile import Facts, Layer, Match, ProfileTable, Rank

SITE_PREFIX = "site/"
"""Names of the operator's own files begin so; they and only they are of rank `site`."""

_FACTS = frozenset(item.name for item in fields(Facts))
_FIELDS: dict[str, type] = {
    "interface": str,
    "method": str,
    "transaction": int,
    "arguments": list,
    "returns": str,
    "barred": str,
    "source": str,
    "verified": bool,
    "capture": str,
}
_ORIGIN = ("source", "verified", "capture")
_GLOBS = ("manufacturer", "model", "fingerprint", "platform")


def load_profiles(texts: Mapping[str, str]) -> ProfileTable:
    """All layers, by name without `.toml`; exactly one of them is the base.

    Raises:
        ConfigError: a text is not a profile, or there is not exactly one base.
    """
    layers = [layer for name, text in sorted(texts.items()) for layer in _layers(name, text)]
    bases = [layer for layer in layers if layer.rank is Rank.BASE]
    if len(bases) != 1:
        raise ConfigError(f"profiles: expected one base layer, saw {len(bases)}")
    table = ProfileTable(bases[0], tuple(x for x in layers if x.rank is not Rank.BASE))
    for layer in table.layers:
        unknown = sorted(layer.rows.keys() - table.base.rows.keys())
        if unknown:
            raise ConfigError(f"{layer.name}: {unknown[0]}: the base declares no such call")
    return table


def _layers(name: str, text: str) -> list[Layer]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"profile {name}: not TOML: {exc}") from exc
    word = document.pop("layer", None)
    if not isinstance(word, str) or word.upper() not in Rank.__members__:
        raise ConfigError(f"profile {name}: layer: expected one of {_words(Rank)}, saw {word!r}")
    rank = Rank[word.upper()]
    if (rank is Rank.SITE) != name.startswith(SITE_PREFIX):
        raise ConfigError(
            f"profile {name}: layer {word!r}: a site's files, and only they, are 'site'"
        )
    variants = document.pop("variant", None)
    if variants is None:
        return [_layer(name, rank, document)]
    if document or not isinstance(variants, list):
        raise ConfigError(f"profile {name}: beside [[variant]] only `layer` may stand")
    return [_layer(f"{name}[{number}]", rank, one) for number, one in enumerate(variants, 1)]


def _layer(name: str, rank: Rank, table: Mapping[str, Any]) -> Layer:
    where = f"profile {name}"
    match = _match(where, table.get("match", {}))
    if rank is Rank.ANDROID and "sdk" not in table.get("match", {}):
        raise ConfigError(f"{where}: match.sdk: an android layer needs its API levels")
    facts = _facts(f"{where}: facts", table.get("facts"))
    rows = {}
    for service, calls in table.items():
        if service in ("match", "facts"):
            continue
        if not isinstance(calls, dict):
            raise ConfigError(f"{where}: {service}: expected a table of calls")
        for call, row in calls.items():
            key = f"{service}.{call}"
            rows[key] = _row(f"{where}: {key}", row)
    return Layer(name, rank, match, rows, facts)


def _match(where: str, table: Any) -> Match:
    if not isinstance(table, dict) or not table.keys() <= {"sdk", *_GLOBS}:
        raise ConfigError(f"{where}: match: expected only sdk, {', '.join(_GLOBS)}")
    sdk = table.get("sdk")
    if sdk is not None and not (_is_list(sdk, int) and len(sdk) == 2 and sdk[0] <= sdk[1]):
        raise ConfigError(f"{where}: match.sdk: expected [first, last], saw {sdk!r}")
    for key in _GLOBS:
        if key in table and not (_is_list(table[key], str) and table[key]):
            raise ConfigError(f"{where}: match.{key}: expected a list of globs")
    globs = {key: tuple(table.get(key, ())) for key in _GLOBS}
    return Match(sdk=(sdk[0], sdk[1]) if sdk else None, **globs)


def _facts(where: str, table: Any) -> dict[str, bool]:
    if table is None:
        return {}
    _check_origin(where, table)
    facts = {key: value for key, value in table.items() if key not in _ORIGIN}
    for key, value in facts.items():
        if key not in _FACTS or not isinstance(value, bool):
            raise ConfigError(f"{where}.{key}: expected a boolean of {', '.join(sorted(_FACTS))}")
    return facts


def _row(where: str, row: Any) -> dict[str, Any]:
    _check_origin(where, row)
    for key, value in row.items():
        expected = _FIELDS.get(key)
        if expected is None:
            raise ConfigError(f"{where}.{key}: not a field of a call")
        if type(value) is not expected:
            raise ConfigError(f"{where}.{key}: expected {expected.__name__}, saw {value!r}")
    fields_ = dict(row)
    if "transaction" in fields_ and not 1 <= fields_["transaction"] <= 0xFFFFFF:
        raise ConfigError(f"{where}.transaction: a code is 1 to 16777215")
    if fields_.get("barred") == "" and "transaction" not in fields_:
        # Else the code of whatever layer lies below would be let loose.
        raise ConfigError(f"{where}.barred: lifting a bar needs the `transaction` it is lifted for")
    try:
        if "arguments" in fields_:
            fields_["arguments"] = tuple(map(Argument.from_text, fields_["arguments"]))
        if "returns" in fields_:
            fields_["returns"] = Returns(fields_["returns"])
    except (ValueError, AttributeError) as exc:
        raise ConfigError(f"{where}: {exc}") from exc
    return fields_


def _check_origin(where: str, table: Any) -> None:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected a table")
    if not table.get("source") or not isinstance(table.get("verified"), bool):
        raise ConfigError(f"{where}: needs `source` (where it comes from) and `verified`")
    if table["verified"] and not table.get("capture"):
        raise ConfigError(f"{where}: verified only with a `capture` in tests/corpus")


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)


def _words(ranks: type[Rank]) -> str:
    return ", ".join(rank.name.lower() for rank in ranks)
