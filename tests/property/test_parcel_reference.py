"""Every call of every release and listed maker, read back by a phone that shares no table."""

from typing import Any

import pytest
from binder_reader import LEVELS, REFERENCE, Stub, methods, tool

from droidrack.adapters.profile_files import profile_table
from droidrack.core.ids import SubId
from droidrack.core.parcel import call_argv, send_argv
from droidrack.core.profile import DeviceIdentity

TABLE = profile_table()
CALLS = tuple(TABLE.base.rows)
RETURNS = {
    "void": "void",
    "int": "i32",
    "long": "i64",
    "boolean": "bool",
    "int[]": "i32[]",
    "long[]": "i64[]",
    "String": "s16",
}
MAKERS = {
    "unknown (Qualcomm CAF based)": "QUALCOMM",
    "MediaTek tablet (Dcha libraries)": "unknown",
    "OPlus (OPPO/OnePlus/realme)": "OPPO",
    "XPeng car unit (Qualcomm)": "XPeng",
    "Ksw car unit (Qualcomm)": "Ksw",
}
DUMPS = [
    pytest.param(dump, id=f"{dump['vendor']}-{dump['api']}-{dump['interface']}-{number}")
    for number, dump in enumerate(REFERENCE["oem_variants"])
    if dump["api"] is not None
]
BODY = "it's “fine” \N{PILE OF POO}"
PARTS = ("part one, ", "part two 'quoted'", "\N{PILE OF POO}")


def _sent(api: int, argv: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """Which method the reference's AOSP build of a level runs, and with what."""
    service, code, body = tool(api, argv)
    named = [(n, m) for n, m in methods(api, service).items() if m["code"] == code]
    assert 1 == len(named), f"{service} {code}"
    name, method = named[0]
    return name, Stub(body).read(method["params"])


def _value(values: dict[str, Any], *names: str) -> Any:
    return next(values[name] for name in names if name in values)


@pytest.mark.parametrize("api", LEVELS)
def test_send_text_of_every_level_runs_the_right_method_with_the_exact_text(api: int) -> None:
    """A single message arrives at sendTextForSubscriber with every argument in its place."""
    row = TABLE.resolve(DeviceIdentity(api)).row("isms.send_text")
    argv = send_argv(row, sub_id=SubId(3), number="+15550100", parts=(BODY,), message_id=1 << 61)
    name, values = _sent(api, argv)
    assert "sendTextForSubscriber" == name
    assert 3 == values["subId"]
    assert "com.android.shell" == _value(values, "callingPackage", "callingPkg")
    assert None is values.get("callingAttributionTag")
    assert ("+15550100", None, BODY) == (values["destAddr"], values["scAddr"], values["text"])
    assert values.get("persistMessageForNonDefaultSmsApp", api < 23)
    assert (1 << 61 if api >= 30 else None) == values.get("messageId")


@pytest.mark.parametrize("api", LEVELS)
def test_send_multipart_of_every_level_carries_the_parts_in_order(api: int) -> None:
    """A long message arrives at sendMultipartTextForSubscriber, part by part."""
    row = TABLE.resolve(DeviceIdentity(api)).row("isms.send_multipart")
    argv = send_argv(row, sub_id=SubId(70000), number="+15550100", parts=PARTS, message_id=7)
    name, values = _sent(api, argv)
    assert "sendMultipartTextForSubscriber" == name
    assert 70000 == values["subId"]
    assert "+15550100" == _value(values, "destAddr", "destinationAddress")
    assert list(PARTS) == values["parts"]
    assert values.get("persistMessageForNonDefaultSmsApp", api < 23)
    assert (7 if api >= 30 else None) == values.get("messageId")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("api", LEVELS)
def test_row_of_every_level_has_the_reference_code_shape_and_descriptor(
    api: int, name: str
) -> None:
    """Code, parameters and result of each row are those of the AIDL."""
    row = TABLE.resolve(DeviceIdentity(api)).row(name)
    method = methods(api, row.service)[row.method]
    assert method["code"] == row.transaction
    assert RETURNS[method["returns"]] == row.returns
    assert len(method["params"]) == len(row.arguments)


@pytest.mark.parametrize("api", LEVELS)
def test_read_only_calls_of_every_level_are_read_whole(api: int) -> None:
    """Slot and subscription arrive; nothing is missing and nothing is left over."""
    profile = TABLE.resolve(DeviceIdentity(api))
    for name in CALLS:
        row = profile.row(name)
        wanted = {a.name for a in row.arguments} & {"slot", "sub_id"}
        if name.startswith("isms.send"):
            continue
        method, values = _sent(api, call_argv(row, dict.fromkeys(wanted, 2)))
        assert row.method == method
        assert len(wanted) == sum(value == 2 for value in values.values())


@pytest.mark.parametrize("dump", DUMPS)
def test_row_of_listed_maker_has_the_code_of_its_build(dump: dict[str, Any]) -> None:
    """What was read from a maker's build is what the profile calls on such a phone."""
    maker = MAKERS.get(dump["vendor"], dump["vendor"])
    profile = TABLE.resolve(DeviceIdentity(dump["api"], maker=maker))
    service = {"ISms": "isms", "ISub": "isub", "IPhoneSubInfo": "iphonesubinfo"}[dump["interface"]]
    rows = [row for row in profile.rows.values() if row.service == service]
    seen = {row.method: row.transaction for row in rows}
    wanted = {m: code for m, code in dump["key_codes"].items() if m in seen}
    assert wanted
    assert wanted == {method: seen[method] for method in wanted}
