"""The DEX reader against files that the simulator's writer makes; they share no code."""

import struct

import pytest

from droidrack.core.dex import HEADER_BYTES, read_classes
from droidrack.core.dex_archive import DEX_LIMIT_BYTES, dex_files
from droidrack.core.errors import ParseError
from droidrack.virtual.dex_writer import ClassSpec, Signature, write_dex
from droidrack.virtual.framework_jar import make_jar

STUB = "Lorg/example/IThing$Stub;"
THING = "Lorg/example/IThing;"
STRING = "Ljava/lang/String;"


def one_class(*constants: tuple[str, int], computed: bool = False) -> bytes:
    """A file with one stub."""
    return write_dex([ClassSpec(STUB, constants, computed=computed)])


CODES = (("TRANSACTION_a", 1), ("TRANSACTION_b", 7), ("TRANSACTION_c", 300), ("D", 70000))
ODD = (("E", -8), ("F", -1), ("G", 5 << 16), ("H", -40000), ("I", 2**31 - 1), ("J", -(2**31)))


@pytest.mark.parametrize("computed", [False, True], ids=["static values", "<clinit>"])
def test_constants_in_either_form_are_read_with_their_sign(computed: bool) -> None:
    """All widths of an int, as a static value or as a store of straight-line code."""
    dex = one_class(*CODES, *ODD, computed=computed)
    assert dict((*CODES, *ODD)) == read_classes(dex, [STUB])[STUB].constants


def test_constants_behind_unknown_code_are_not_guessed() -> None:
    """The walk through `<clinit>` ends at the first word that does more than store a constant."""
    dex = bytearray(one_class(("A", 1), ("B", 2), ("C", 3), computed=True))
    second = bytes([0x12, 0x20, 0x67, 0x00])  # const/4 v0, 2; sput v0
    at = dex.find(second)
    dex[at : at + 2] = b"\x6e\x00"  # invoke-virtual
    assert {"A": 1} == read_classes(bytes(dex), [STUB])[STUB].constants


def test_methods_have_descriptors_with_overloads_kept_apart() -> None:
    """Parameters and results of every kind, in the order of the source."""
    methods = (
        Signature("send", "V", ("I", STRING, "[B", "Ljava/util/List;", "J", "Z")),
        Signature("ask", "[I", ("I",)),
        Signature("ask", "I", ()),
    )
    dex = write_dex([ClassSpec(THING, methods=methods, is_interface=True)])
    found = read_classes(dex, [THING])[THING].methods
    assert (f"(I{STRING}[BLjava/util/List;JZ)V",) == found["send"]
    assert {"(I)[I", "()I"} == set(found["ask"])


def test_class_is_found_by_its_whole_name() -> None:
    """A name that only begins or ends like another is another class."""
    names = ["Lorg/example/IThing;", "Lorg/example/IThing2;", "Lnorg/example/IThing;"]
    dex = write_dex([ClassSpec(name, methods=(Signature(f"m{len(name)}"),)) for name in names])
    assert ["m20"] == list(read_classes(dex, [THING])[THING].methods)


def test_class_that_is_only_referred_to_is_not_defined() -> None:
    """A parameter's type is no class of this file."""
    dex = write_dex([ClassSpec(THING, methods=(Signature("f", "V", (STUB,)),))])
    assert {} == read_classes(dex, [STUB])


@pytest.mark.parametrize("version", [b"035", b"037", b"038", b"039", b"040"])
def test_known_versions_are_read(version: bytes) -> None:
    """What Android 5 to 16 ships."""
    dex = write_dex([ClassSpec(STUB, (("A", 1),))], version=version)
    assert {"A": 1} == read_classes(dex, [STUB])[STUB].constants


@pytest.mark.parametrize(
    ("at", "content"),
    [
        (0, b"cdex"),
        (4, b"041\0"),
        (4, b"036"[::-1]),
        (36, struct.pack("<I", 0x78)),
        (40, b"\x12\x34\x56\x78"),
        (56, struct.pack("<I", 0xFFFFFFFF)),
        (100, struct.pack("<I", 0xFFFFFFF0)),
    ],
    ids=["magic", "container", "version", "header", "byte order", "too many strings", "offset"],
)
def test_file_that_contradicts_itself_is_refused(at: int, content: bytes) -> None:
    """Every count and every offset of the header is looked at."""
    dex = bytearray(one_class(("A", 1)))
    dex[at : at + len(content)] = content
    with pytest.raises(ParseError, match="DEX file"):
        read_classes(bytes(dex), [STUB])


@pytest.mark.parametrize("size", [0, 4, HEADER_BYTES - 1, HEADER_BYTES, 200])
def test_cut_file_is_refused(size: int) -> None:
    """Nothing of a part is believed."""
    with pytest.raises(ParseError, match="DEX file"):
        read_classes(one_class(*CODES)[:size], [STUB])


# --- Archives -------------------------------------------------------------------------------------


def test_jar_gives_its_dex_files_in_the_order_of_the_class_loader() -> None:
    """classes.dex, classes2.dex … classes10.dex; nothing else is one."""
    names = ["classes10.dex", "classes2.dex", "classes.dex", "classes03x.dex", "lib/classes4.dex"]
    jar = make_jar({name: name.encode() for name in names})
    found = list(dex_files("x.jar", jar))
    assert ["classes.dex", "classes2.dex", "classes10.dex"] == [name for name, _ in found]
    assert all(name.encode() == content for name, content in found)


def test_jar_without_classes_has_no_dex_files() -> None:
    """Production builds of Android 5 to 8 keep them elsewhere: that is no error."""
    assert [] == list(dex_files("x.jar", make_jar({})))


def test_dex_files_within_a_compiled_file_are_found_whole() -> None:
    """ART's files hold them as they were; the magic alone makes none."""
    first, second = one_class(("A", 1)), one_class(("B", 2))
    oat = b"\x7fELF" + bytes(60) + first + b"dex\n035\0 by chance" + bytes(200) + second + b"\0"
    assert [first, second] == [content for _, content in dex_files("boot.oat", oat)]


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x03\x04 and no more", b"#!/system/bin/sh\n", b"PK\5\6" + bytes(18)]
)
def test_file_that_is_no_archive_is_refused_or_empty(content: bytes) -> None:
    """A phone may serve anything under the name of a jar."""
    try:
        assert [] == list(dex_files("x.jar", content))
    except ParseError as error:
        assert "x.jar" in error.message  # noqa: PT017 - either end is right


def test_dex_file_that_unpacks_to_too_much_is_refused() -> None:
    """A bomb of zeros is 1000 times smaller than what it unpacks to."""
    jar = make_jar({"classes.dex": bytes(DEX_LIMIT_BYTES + 1)})
    with pytest.raises(ParseError, match="too large"):
        list(dex_files("x.jar", jar))
