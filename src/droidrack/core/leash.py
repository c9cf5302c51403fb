"""A child process that ends with the process that started it, however that one ends."""

_LEASH = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("who started this is gone")
os.dup2(1, 3)
os.dup2(2, 1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def leashed(python: str, parent: int, binary: str) -> tuple[str, ...]:
    """What to start in place of `binary`; its arguments follow.

    Python runs before the binary in the same process. The kernel kills it with the thread that
    started it, which has to be the one that runs the event loop; the look at the parent covers one
    that died before. Then stdout becomes descriptor 3, on which adb says that it listens
    (`--reply-fd 3`), and everything else is log.
    """
    return (python, "-ISs", "-c", _LEASH, str(parent), binary)
