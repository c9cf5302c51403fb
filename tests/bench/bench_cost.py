"""What a process has used, by the kernel's own books."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds since its start, and resident memory in MB now."""

    cpu_s: float
    memory_mb: float


def cost(pid: int) -> Cost:
    """Of one process; its ended children count for its CPU."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return Cost(ticks * _TICK_S, int(resident) / 1024)


def machine() -> str:
    """The machine's size and present load, in a sentence."""
    cores = len(os.sched_getaffinity(0))
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    load = os.getloadavg()[0]
    return f"{cores} cores, {pages * size / 2**30:.0f} GiB, load average {load:.1f} at the start"
