"""The phone's own codes beside the table."""

import pytest

from droidrack.adapters.profile_files import profile_table
from droidrack.core.dex import DexClass, read_classes
from droidrack.core.dex_archive import dex_files
from droidrack.core.errors import ParseError
from droidrack.core.learn import (
    Agreement,
    Codes,
    LearntInterface,
    LearntMethod,
    assemble,
    class_names,
    compare,
    from_json,
    jar_paths,
    taught,
    to_json,
)
from droidrack.core.profile import DeviceIdentity, Profile
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.framework_jar import framework_jar
from droidrack.virtual.spec import PhoneSpec, spec_with

ISMS = "com.android.internal.telephony.ISms"
INTERFACES = [
    f"com.android.internal.telephony.{name}" for name in ("ISms", "ISub", "IPhoneSubInfo")
]


def profile_of(spec: PhoneSpec) -> Profile:
    """What the table alone knows of a phone."""
    identity = DeviceIdentity(
        spec.api, maker=spec.maker, model=spec.model, fingerprint=spec.fingerprint
    )
    return profile_table().resolve(identity)


def read(jar: bytes) -> Codes:
    """What a phone's framework teaches."""
    found: dict[str, tuple[str, DexClass]] = {}
    for name, dex in dex_files("framework.jar", jar):
        for descriptor, cls in read_classes(dex, class_names(INTERFACES)).items():
            found.setdefault(descriptor, (f"framework.jar {name}", cls))
    return Codes(assemble(found))


@pytest.mark.parametrize("api", range(21, 37))
def test_aosp_build_of_each_level_agrees_with_the_table(api: int) -> None:
    """Two tables that share nothing, and descriptors as AIDL compiles them, for all ten calls."""
    spec = spec_with(make_spec(api=api), maker="Google", qualcomm_options=False)
    rows = compare(profile_of(spec), read(framework_jar(spec)))
    assert {Agreement.AGREES} == {row.agreement for row in rows}
    assert len(rows) >= 10


def test_build_with_inserted_methods_is_learnt_with_its_differences() -> None:
    """Qualcomm's 7.1: multipart is 10, not 9; the table's code would have injected a PDU."""
    spec = spec_with(make_spec(api=25), qualcomm_options=True)
    profile, codes = profile_of(spec), read(framework_jar(spec))
    differing = {
        row.call: (row.table, row.phone)
        for row in compare(profile, codes)
        if row.agreement is Agreement.DIFFERS
    }
    assert {
        "isms.send_multipart": (9, 10),
        "isms.is_ims_sms_supported": (18, 20),
        "isms.get_preferred_subscription": (20, 22),
    } == differing
    row = taught(profile, codes).call("isms.send_multipart")
    assert (10, "", False) == (row.transaction, row.barred, row.verified)
    assert "framework.jar classes2.dex" in row.source


def test_barred_build_may_send_once_its_own_codes_are_known() -> None:
    """A 5.1 phone of an unknown maker is barred by the table and freed by its framework."""
    spec = spec_with(make_spec(api=22), maker="alps", model="P8", qualcomm_options=True)
    profile = profile_of(spec)
    assert profile.barred
    learnt = taught(profile, read(framework_jar(spec)))
    assert "" == learnt.barred
    assert 12 == learnt.call("isms.send_text").transaction
    assert "the phone's own framework" in learnt.name


def with_method(name: str, method: LearntMethod | None) -> Codes:
    """An ISms with one method, or with none of the calls we make."""
    methods = {"somethingElse": LearntMethod(1, "()V")} | ({name: method} if method else {})
    return Codes({ISMS: LearntInterface("framework.jar classes.dex", methods)})


def test_method_with_other_parameters_is_barred() -> None:
    """The row's arguments would be read as something else, however right the code is."""
    codes = with_method("sendTextForSubscriber", LearntMethod(5, "(ILjava/lang/String;)V"))
    profile = profile_of(make_spec(api=34))
    (row,) = [r for r in compare(profile, codes) if r.call == "isms.send_text"]
    assert Agreement.OTHER_PARAMETERS is row.agreement
    assert "the phone's method is (ILjava/lang/String;)V" in taught(profile, codes).barred


def test_method_that_the_phone_has_not_is_barred() -> None:
    """The table's code belongs to another method there."""
    profile = profile_of(make_spec(api=34))
    codes = with_method("sendTextForSubscriber", None)
    (row,) = [r for r in compare(profile, codes) if r.call == "isms.send_text"]
    assert (Agreement.NO_SUCH_METHOD, None) == (row.agreement, row.phone)
    assert f"the phone's {ISMS} has no sendTextForSubscriber" == taught(profile, codes).barred


def test_interface_that_was_not_found_leaves_the_table_standing() -> None:
    """Nothing learnt changes nothing."""
    profile = profile_of(make_spec(api=34))
    assert profile == taught(profile, Codes())
    assert {Agreement.NOT_READ} == {row.agreement for row in compare(profile, Codes())}


def assembled(constants: dict[str, int], methods: dict[str, tuple[str, ...]]) -> Codes:
    """Codes of one interface."""
    stub, interface = "Lx/IThing$Stub;", "Lx/IThing;"
    return Codes(
        assemble(
            {
                stub: ("a.jar", DexClass(stub, constants, {})),
                interface: ("b.jar", DexClass(interface, {}, methods)),
            }
        )
    )


def test_numbered_fields_lose_their_number_and_true_names_keep_theirs() -> None:
    """`TRANSACTION_send_5 = 6` is `send`; a method that is called `slot_1` is not `slot`."""
    codes = assembled(
        {"TRANSACTION_send_5": 6, "TRANSACTION_slot_1": 2, "TRANSACTION_get_7": 7},
        {"send": ("()V",), "slot_1": ("()I",), "get_7": ("()I",)},
    )
    assert {
        "send": LearntMethod(6, "()V"),
        "slot_1": LearntMethod(2, "()I"),
        "get_7": LearntMethod(7, "()I"),
    } == codes.interfaces["x.IThing"].methods


def test_constants_that_are_no_codes_are_left_out() -> None:
    """Zero, negative and huge numbers, and other fields; an overload's descriptor is not chosen."""
    codes = assembled(
        {"TRANSACTION_a": 0, "TRANSACTION_b": -1, "TRANSACTION_c": 1 << 24, "DESCRIPTOR": 3},
        {},
    )
    assert {} == codes.interfaces
    overloaded = assembled({"TRANSACTION_f": 4}, {"f": ("()V", "(I)V")})
    assert LearntMethod(4, "") == overloaded.interfaces["x.IThing"].methods["f"]


def test_jars_are_asked_in_the_likeliest_order() -> None:
    """The boot class path names them where they live; AOSP's places are asked in any case."""
    path = (
        "/apex/com.android.art/javalib/core-oj.jar:/system/framework/ext.jar"
        ":/system/framework/telephony-common.jar:/system/framework/framework.jar"
        ":/apex/com.android.telephony/javalib/telephony-core.jar:/system/framework/framework2.jar\n"
    )
    assert (
        "/system/framework/framework.jar",
        "/system/framework/framework2.jar",
        "/system/framework/telephony-common.jar",
        "/apex/com.android.telephony/javalib/telephony-core.jar",
        "/system/framework/ext.jar",
    ) == jar_paths(path)
    assert "/system/framework/framework.jar" == jar_paths("")[0]


def test_codes_outlive_a_file() -> None:
    """What is kept is what is read back."""
    codes = Codes(read(framework_jar(make_spec(api=30))).interfaces, ("ext.jar holds no classes",))
    assert codes == from_json(to_json(codes))


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"interfaces": {}}, {"notes": [], "interfaces": {"x": {"source": "s"}}}]
    + [
        {"notes": [], "interfaces": {"x": {"source": "s", "methods": {"m": pair}}}}
        for pair in ([0, ""], [True, ""], ["5", ""], [5], 5)
    ],
)
def test_kept_codes_that_were_tampered_with_are_refused(value: object) -> None:
    """A code of 0 or of another type would reach a phone."""
    with pytest.raises(ParseError, match="learnt codes"):
        from_json(value)
