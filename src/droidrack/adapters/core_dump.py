"""Keeps this process's memory, which holds session tokens and texts, out of core dumps."""

import ctypes
import os
import resource

from droidrack.core.errors import ConfigError

PR_SET_DUMPABLE = 4  # <linux/prctl.h>


def forbid_core_dumps() -> None:
    """No core file of this process, and no other process of the same user reads its memory.

    The limit holds for files and is inherited by the adb server. Where the kernel pipes a dump to a
    program (`kernel.core_pattern` with `|`, as systemd-coredump sets it) it ignores the limit;
    there the process must not be dumpable. A program that it starts is dumpable again.

    Raises:
        ConfigError: the kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise ConfigError(
            f"core dumps cannot be switched off: {os.strerror(number).lower()}",
            hint="a seccomp filter around droidrack forbids prctl(PR_SET_DUMPABLE): allow it",
        )
