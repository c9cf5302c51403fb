"""A binder call as a row of data: where it goes, what it takes, what it returns.

The argument kinds are what Android's `service` tool can write, not Java types: a null String and a
null PendingIntent are different words in the parcel, and the tool's own `null` is neither.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """How an argument goes into the parcel. A `?` kind is null unless a value is given."""

    I32 = "i32"
    BOOL = "bool"
    I64 = "i64"
    I64_AS_I32S = "i64-as-i32s"  # Low word, then high word: the tool has no i64 before API 23.
    S16 = "s16"
    S16_OR_NULL = "s16?"
    S16_LIST = "s16[]"
    PARCELABLE_OR_NULL = "parcelable?"  # Only ever null.
    LIST_OR_NULL = "list?"  # Only ever null.


class Returns(StrEnum):
    """What follows the exception word of a good reply."""

    VOID = "void"
    I32 = "i32"
    BOOL = "bool"
    I64 = "i64"
    I32_ARRAY = "i32[]"
    I64_ARRAY = "i64[]"
    S16 = "s16"


_DESCRIPTOR = {
    Kind.I32: "I",
    Kind.BOOL: "Z",
    Kind.I64: "J",
    Kind.I64_AS_I32S: "J",
    Kind.S16: "Ljava/lang/String;",
    Kind.S16_OR_NULL: "Ljava/lang/String;",
    Kind.S16_LIST: "Ljava/util/List;",
    Kind.PARCELABLE_OR_NULL: "Landroid/app/PendingIntent;",
    Kind.LIST_OR_NULL: "Ljava/util/List;",
}
_RETURN_DESCRIPTOR = {
    Returns.VOID: "V",
    Returns.I32: "I",
    Returns.BOOL: "Z",
    Returns.I64: "J",
    Returns.I32_ARRAY: "[I",
    Returns.I64_ARRAY: "[J",
    Returns.S16: "Ljava/lang/String;",
}


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter in wire order; `constant` is the value every call passes (None: the caller's).

    Written in TOML as `"KIND NAME"` or `"KIND NAME=CONSTANT"`.
    """

    kind: Kind
    name: str
    constant: str | None = None

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the TOML form; ValueError when it is not one."""
        kind, _, rest = text.partition(" ")
        name, equals, constant = rest.partition("=")
        if not name.isidentifier():
            raise ValueError(f"argument {text!r}: expected 'KIND NAME' or 'KIND NAME=CONSTANT'")
        return cls(Kind(kind), name, constant if equals else None)


@dataclass(frozen=True, slots=True)
class CallRow:
    """One binder call of one build.

    `transaction` 0: this build has no such call. `barred`: why it must not be called although a
    code stands here ("" when it may be). `verified` only with a `capture` in tests/corpus.
    """

    name: str  # "isms.send_text"
    interface: str
    method: str
    transaction: int = 0
    arguments: tuple[Argument, ...] = ()
    returns: Returns = Returns.VOID
    barred: str = ""
    source: str = ""
    verified: bool = False
    capture: str = ""

    @property
    def service(self) -> str:
        """The name under which the phone's service manager knows the interface."""
        return self.name.partition(".")[0]

    @property
    def descriptor(self) -> str:
        """The Java method descriptor that the arguments and the reply of this row imply."""
        arguments = "".join(_DESCRIPTOR[argument.kind] for argument in self.arguments)
        return f"({arguments}){_RETURN_DESCRIPTOR[self.returns]}"

    def learnt(self, transaction: int, descriptor: str, source: str) -> Self:
        """This row with the phone's own code.

        A method whose parameters are not the ones this row encodes stays barred: the arguments
        would be read as something else.
        """
        differs = descriptor != self.descriptor
        reason = f"the phone's method is {descriptor}, the table's {self.descriptor}"
        return replace(
            self,
            transaction=transaction,
            barred=reason if differs else "",
            source=source,
            verified=False,
            capture="",
        )
