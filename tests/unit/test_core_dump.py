"""A crash of the controller leaves no core dump with tokens in it."""

import subprocess
import sys

PROBE = """
import ctypes, os, resource, signal
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
from droidrack.adapters.core_dump import forbid_core_dumps
before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
forbid_core_dumps()
print(before, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_forbid_core_dumps_ends_files_and_pipes() -> None:
    """The limit is zero for good, and the process is not dumpable, for the limit stops no pipe."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=30, check=True
    )
    assert "1 0 (0, 0)\n" == done.stdout


def test_forbid_core_dumps_says_so_to_a_waiting_parent(tmp_path: object) -> None:
    """A process that aborts afterwards is reported as ended by the signal, without a core."""
    code = PROBE + "\nos.abort()\n"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=30, check=False
    )
    assert -6 == done.returncode
