"""Who gives a command on this host, as far as the operating system knows."""

import os
import pwd
import socket


def operator() -> str:
    """`user@host`; with `sudo`, the user who became this one."""
    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:  # A container's user needs no name.
        name = f"uid {user}"
    before = os.environ.get("SUDO_USER", "")
    by = f" (sudo of {before})" if user == 0 and before.isprintable() and before else ""
    return f"{name}@{socket.gethostname()}{by}"
