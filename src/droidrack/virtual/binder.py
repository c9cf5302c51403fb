"""Transactions: from a code and a parcel to a method, and from its result to a reply."""

from collections.abc import Callable, Mapping
from typing import Any

from droidrack.virtual.interfaces import Method, interface
from droidrack.virtual.parcel import UNKNOWN_TRANSACTION, ParcelReader, ParcelWriter, Reply
from droidrack.virtual.spec import PhoneSpec

INTERFACE_TRANSACTION = 1598968902  # '_NTF': answers with the descriptor.
PING_TRANSACTION = 1599098439  # '_PNG'
API_26_STACK_TRACE = 26  # From here an exception is followed by its (here empty) stack trace.
API_33_DRAINED = 33  # From here generated stubs refuse parcels with bytes left over.

SECURITY, BAD_PARCELABLE, ILLEGAL_ARGUMENT, NULL_POINTER = -1, -2, -3, -4

Arguments = Mapping[str, Any]
Call = Callable[[Arguments], Any]


class Thrown(Exception):
    """A Java exception that a method throws back to its caller."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BinderService:
    """One registered service: its methods in order, and what those do that the model knows.

    A method that exists but is not modelled answers as one that the shell may not call.
    """

    def __init__(
        self, name: str, descriptor: str, spec: PhoneSpec, calls: Mapping[str, Call]
    ) -> None:
        self.name = name
        self.descriptor = descriptor
        self._api = spec.api
        self._methods = interface(name, spec)
        self._calls = calls

    def transact(self, code: int, data: bytes) -> Reply:
        """Carry out a transaction; `data` begins after the interface token."""
        if code == INTERFACE_TRANSACTION:
            return Reply(bytes(ParcelWriter().string16(self.descriptor).data))
        if code == PING_TRANSACTION:
            return Reply()
        if not 1 <= code <= len(self._methods):
            return Reply(status=UNKNOWN_TRANSACTION)
        method = self._methods[code - 1]
        reply = ParcelWriter()
        try:
            result = self._invoke(method, ParcelReader(data, stability=self._api >= 30))
        except Thrown as thrown:
            reply.i32(thrown.code).string16(thrown.message)
            if self._api >= API_26_STACK_TRACE:
                reply.i32(0)
            return Reply(bytes(reply.data))
        _write(reply.i32(0), method.returns, result)
        return Reply(bytes(reply.data))

    def _invoke(self, method: Method, reader: ParcelReader) -> Any:
        call = self._calls.get(method.name)
        if call is None or method.parameters is None:
            raise Thrown(SECURITY, f"{method.name}: Neither user 2000 nor current process has it.")
        arguments = {
            parameter.name: _READERS[parameter.type](reader) for parameter in method.parameters
        }
        if self._api >= API_33_DRAINED and method.parameters and reader.remaining > 0:
            raise Thrown(
                BAD_PARCELABLE,
                f"Parcel data not fully consumed, unread size: {reader.remaining}",
            )
        return call(arguments)


_READERS: dict[str, Callable[[ParcelReader], Any]] = {
    "int": ParcelReader.i32,
    "boolean": lambda reader: reader.i32() != 0,
    "long": ParcelReader.i64,
    "String": ParcelReader.string16,
    "PendingIntent": ParcelReader.parcelable,
    "Uri": ParcelReader.parcelable,
    "List<String>": ParcelReader.string_list,
    "List<PendingIntent>": ParcelReader.parcelable_list,
    "byte[]": ParcelReader.byte_array,
}


def _write(reply: ParcelWriter, type_: str, value: Any) -> None:
    """Append a return value; None is Java's null."""
    if type_ in ("int", "boolean"):
        reply.i32(int(value))
    elif type_ == "long":
        reply.i64(value)
    elif type_ == "String":
        reply.string16(value)
    elif type_ in ("int[]", "long[]"):
        reply.i32(-1 if value is None else len(value))
        for item in value or ():
            _ = reply.i32(item) if type_ == "int[]" else reply.i64(item)
    elif type_ != "void":
        raise TypeError(f"no way to write a {type_}")
