"""A child that ends with its parent, however the parent ends."""

import os
import sys
from collections.abc import Sequence

# Runs in the child before the program: on Linux the kernel kills it with the thread that started
# it; the look at the parent covers one that was gone before.
_LEASH = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


def leashed(argv: Sequence[str]) -> tuple[str, ...]:
    """The command line that runs `argv` on a leash; the descriptors it inherits stay open."""
    return (sys.executable, "-ISs", "-c", _LEASH, str(os.getpid()), *argv)
