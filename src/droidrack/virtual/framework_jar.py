"""The jar of a phone's framework, with the telephony interfaces of its build in it.

Made from the simulator's own table: whoever reads the codes from this file learns what this phone
really does, and nothing of what the client believes.
"""

import io
import zipfile
from functools import lru_cache

from droidrack.virtual.dex_writer import ClassSpec, Signature, write_dex
from droidrack.virtual.interfaces import Method, interface
from droidrack.virtual.spec import PhoneSpec

PATH = "/system/framework/framework.jar"
PACKAGE = "com/android/internal/telephony"
INTERFACES = {"isms": "ISms", "isub": "ISub", "iphonesubinfo": "IPhoneSubInfo"}

_DESCRIPTORS = {
    "void": "V",
    "int": "I",
    "boolean": "Z",
    "long": "J",
    "String": "Ljava/lang/String;",
    "byte[]": "[B",
    "int[]": "[I",
    "long[]": "[J",
    "PendingIntent": "Landroid/app/PendingIntent;",
    "Uri": "Landroid/net/Uri;",
}


def framework_classes(
    spec: PhoneSpec, *, computed: bool = False, numbered: bool = False
) -> list[ClassSpec]:
    """The interfaces and stubs of a phone's build.

    Args:
        spec: the phone.
        computed: the stubs' constants are stored by code.
        numbered: their names end in the code less one, as on some Android 7 builds.
    """
    classes = []
    for service, name in INTERFACES.items():
        methods = interface(service, spec)
        path = f"L{PACKAGE}/{name}"
        constants = tuple(
            (f"TRANSACTION_{method.name}" + (f"_{code - 1}" if numbered else ""), code)
            for code, method in enumerate(methods, 1)
        )
        signatures = tuple(_signature(method) for method in methods)
        classes.append(ClassSpec(f"{path};", methods=signatures, is_interface=True))
        classes.append(ClassSpec(f"{path}$Stub;", constants, computed=computed))
    return classes


@lru_cache(maxsize=64)
def framework_jar(spec: PhoneSpec) -> bytes:
    """The file at `PATH`: the interfaces stand in its second DEX, as on most releases."""
    if spec.quirks.odexed:
        return make_jar({})
    decoy = ClassSpec("Landroid/app/Activity;", methods=(Signature("onCreate"),))
    return make_jar(
        {
            "classes.dex": write_dex([decoy]),
            "classes2.dex": write_dex(
                framework_classes(spec, numbered=spec.quirks.numbered_stubs),
                version=b"039" if spec.api >= 28 else b"035",
            ),
        }
    )


def make_jar(entries: dict[str, bytes]) -> bytes:
    """A jar of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, content in {
            "META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n",
            **entries,
        }.items():
            # A fixed date: the same phone has the same file.
            jar.writestr(zipfile.ZipInfo(name, (2009, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def _signature(method: Method) -> Signature:
    parameters = method.parameters or ()
    return Signature(
        method.name,
        _descriptor(method.returns),
        tuple(_descriptor(parameter.type) for parameter in parameters),
    )


def _descriptor(aidl: str) -> str:
    if aidl.startswith("List<"):
        return "Ljava/util/List;"
    return _DESCRIPTORS.get(aidl, f"Landroid/telephony/{aidl};")
