"""What a phone's own framework says about its binder calls, set beside the table.

AIDL compiles an interface `ISms` into the interface itself, whose methods carry the descriptors,
and a class `ISms$Stub`, whose static fields `TRANSACTION_method` are the codes. Read from the
phone's files they are its truth: they replace the table's row, lift a bar, or raise one, where the
phone has no such method or one with other parameters than the row would send.

Some builds number the field's name as well (`TRANSACTION_getImsSmsFormat_64 = 65`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from posixpath import basename

from droidrack.core.call import CallRow
from droidrack.core.dex import DexClass
from droidrack.core.errors import ParseError
from droidrack.core.profile import Profile

PREFIX = "TRANSACTION_"
LAST_CODE = 0xFFFFFF  # IBinder.LAST_CALL_TRANSACTION

JARS = (
    "/system/framework/framework.jar",
    "/system/framework/telephony-common.jar",
    "/system/framework/ext.jar",
)
"""Where AOSP has the telephony interfaces: the first; makers moved them to the others."""

COMPILED = tuple(
    f"/system/framework/{abi}/{name}"
    for name in ("boot-framework.vdex", "boot-framework.oat", "boot.oat")
    for abi in ("arm64", "arm", "x86_64", "x86")
)
"""Where ART keeps the classes of jars that hold none: Android 8, 7, and 5 to 6."""

_ORDER = ("framework", "telephony", "ext")


@dataclass(frozen=True, slots=True)
class LearntMethod:
    """One transaction of an interface."""

    transaction: int
    descriptor: str  # "" where the interface does not say, or says several


@dataclass(frozen=True, slots=True)
class LearntInterface:
    """An AIDL interface as the phone's files have it."""

    source: str  # "/system/framework/framework.jar classes2.dex"
    methods: Mapping[str, LearntMethod]


@dataclass(frozen=True, slots=True)
class Codes:
    """What was read of one build: interfaces by Java name, and what was looked into in vain."""

    interfaces: Mapping[str, LearntInterface] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Agreement(StrEnum):
    """How a row of the table stands beside the phone's own code."""

    AGREES = "agrees"
    DIFFERS = "differs"  # Another code; the phone's is used.
    OTHER_PARAMETERS = "other parameters"  # The row would be read as something else: barred.
    NO_SUCH_METHOD = "no such method"  # The table's code is another method's: barred.
    NOT_READ = "not read"  # The interface was not found; the table stands.


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row beside the phone's own code."""

    call: str
    agreement: Agreement
    table: int
    phone: int | None
    source: str = ""


def jar_paths(bootclasspath: str) -> tuple[str, ...]:
    """Jars in which the telephony interfaces may be, likeliest first.

    Args:
        bootclasspath: `$BOOTCLASSPATH` of the phone's shell; "" where it has none.
    """
    named = [path for path in bootclasspath.strip().split(":") if path.endswith(".jar")]
    found = [path for path in named if basename(path).startswith(_ORDER)]
    found.sort(key=lambda path: [basename(path).startswith(word) for word in _ORDER], reverse=True)
    return tuple(dict.fromkeys((*found, *JARS)))


def class_names(interfaces: Iterable[str]) -> tuple[str, ...]:
    """Descriptors of the classes to read: each interface and its stub."""
    return tuple(name for java in interfaces for name in (_descriptor(java), _stub(java)))


def assemble(found: Mapping[str, tuple[str, DexClass]]) -> dict[str, LearntInterface]:
    """Interfaces of which the stub was found.

    Args:
        found: class descriptor → where it was read, and the class.
    """
    learnt = {}
    for name, (source, stub) in found.items():
        if not name.endswith("$Stub;"):
            continue
        java = name[1 : -len("$Stub;")].replace("/", ".")
        interface = found.get(_descriptor(java))
        methods = interface[1].methods if interface else {}
        codes = _codes(stub.constants, methods)
        if codes:
            learnt[java] = LearntInterface(source, codes)
    return learnt


def _codes(
    constants: Mapping[str, int], methods: Mapping[str, tuple[str, ...]]
) -> dict[str, LearntMethod]:
    codes = {}
    for name, number in constants.items():
        if not name.startswith(PREFIX) or not 1 <= number <= LAST_CODE:
            continue
        method = name.removeprefix(PREFIX)
        plain = method.removesuffix(f"_{number - 1}")
        if method not in methods and (plain in methods or not methods):
            method = plain
        overloads = methods.get(method, ())
        codes[method] = LearntMethod(number, overloads[0] if len(overloads) == 1 else "")
    return codes


def _descriptor(java: str) -> str:
    return f"L{java.replace('.', '/')};"


def _stub(java: str) -> str:
    return f"L{java.replace('.', '/')}$Stub;"


# --- Beside the table -----------------------------------------------------------------------------


def compare(profile: Profile, codes: Codes) -> tuple[Comparison, ...]:
    """Every row of the table beside the phone's own code."""
    return tuple(_compare(row, codes) for row in profile.rows.values())


def _compare(row: CallRow, codes: Codes) -> Comparison:
    interface = codes.interfaces.get(row.interface)
    if interface is None:
        return Comparison(row.name, Agreement.NOT_READ, row.transaction, None)
    method = interface.methods.get(row.method)
    if method is None:
        agreement = Agreement.NO_SUCH_METHOD
    elif method.descriptor != row.descriptor:
        agreement = Agreement.OTHER_PARAMETERS
    elif method.transaction != row.transaction:
        agreement = Agreement.DIFFERS
    else:
        agreement = Agreement.AGREES
    number = method.transaction if method else None
    return Comparison(row.name, agreement, row.transaction, number, interface.source)


def taught(profile: Profile, codes: Codes) -> Profile:
    """The profile with the phone's own codes in place of the table's, where they were read."""
    rows = [
        row for name in profile.rows if (row := _taught_row(profile.row(name), codes)) is not None
    ]
    return profile.with_learnt(rows, "the phone's own framework") if rows else profile


def _taught_row(row: CallRow, codes: Codes) -> CallRow | None:
    interface = codes.interfaces.get(row.interface)
    if interface is None:
        return None
    source = f"the phone's own {interface.source}"
    method = interface.methods.get(row.method)
    if method is None:
        reason = f"the phone's {row.interface} has no {row.method}"
        return replace(row, barred=reason, source=source, verified=False, capture="")
    return row.learnt(method.transaction, method.descriptor, source)


# --- To be kept -----------------------------------------------------------------------------------


def to_json(codes: Codes) -> dict[str, object]:
    """Plain values for a file."""
    return {
        "notes": list(codes.notes),
        "interfaces": {
            java: {
                "source": interface.source,
                "methods": {
                    name: [method.transaction, method.descriptor]
                    for name, method in interface.methods.items()
                },
            }
            for java, interface in codes.interfaces.items()
        },
    }


def from_json(value: object) -> Codes:
    """What `to_json` gave.

    Raises:
        ParseError: it is something else.
    """
    try:
        return _read(value)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ParseError("learnt codes", f"not as droidrack keeps them: {exc!r}") from exc


def _read(value: object) -> Codes:
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    interfaces = {}
    for java, entry in value["interfaces"].items():
        methods = {}
        for name, (transaction, descriptor) in entry["methods"].items():
            if type(transaction) is not int or not 1 <= transaction <= LAST_CODE:
                raise ValueError(f"{name}: no transaction code")
            methods[name] = LearntMethod(transaction, str(descriptor))
        interfaces[java] = LearntInterface(str(entry["source"]), methods)
    return Codes(interfaces, tuple(map(str, value["notes"])))
