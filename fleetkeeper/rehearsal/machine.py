"""What this machine gives a rehearsal: how many plays may go on side by side, and how much memory they may take."""

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_SHARE = 2
"""Of the memory that is free by now every so manieth part is left to others."""


@dataclass(frozen=True, slots=True)
class Limits:
    """plays: at most so many at a time; with 1 they are played in the process itself. memory: bytes, of all of them."""

    plays: int
    memory: int = sys.maxsize


def limits(plays: int | None = None) -> Limits:
    """Those of this machine and of the container that this is in; plays: what somebody asked for instead."""
    return Limits(plays or at_a_time(cores()), free_memory() // _SHARE)


def at_a_time(cores: int) -> int:
    """Half as many plays again as cores: three that take equally long then take one and a half plays' time on two
    cores, for the system shares them out; one after the other on each core they would take two."""
    return cores if cores < 2 else cores * 3 // 2


def cores() -> int:
    """Those that this process may run on, and no more than its container has time of."""
    found = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min([found, *(_whole_cores(_said(group, "cpu.max")) for group in _groups())]))


def free_memory() -> int:
    """Bytes that can be had without swapping, and no more than what is left to the container."""
    return max(0, min([_free_of_machine(), *map(_left, _groups())]))


def _left(group: Path) -> int:
    """What the working set of a control group leaves of its limit.

    Pages of files that nobody used lately are not of it: the kernel takes them back before it ends a process, and a
    container that has read much is full of them.
    """
    most = _said(group, "memory.max")
    if not most.isdigit():
        return sys.maxsize
    counts = dict(line.split(maxsplit=1) for line in _said(group, "memory.stat").splitlines())
    working_set = int(_said(group, "memory.current") or 0) - int(counts.get("inactive_file", 0))
    return int(most) - max(0, working_set)


def _whole_cores(quota: str) -> int:
    """`MICROSECONDS PERIOD` as `cpu.max` has it; `max` is no limit."""
    time, _, period = quota.partition(" ")
    return math.ceil(int(time) / int(period)) if time.isdigit() and period.isdigit() else sys.maxsize


def _free_of_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:  # not Linux: what is free is not told in one word, so the half of all counts
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    named = dict(line.split(":", 1) for line in lines)
    return int(named["MemAvailable"].split()[0]) * 1024


def _groups() -> Iterator[Path]:
    """This process's control group (v2) and those around it, innermost first."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in own:
        if line.startswith("0::/"):
            inner = _CGROUPS / line.removeprefix("0::/").strip()
            yield from (inner, *(each for each in inner.parents if each.is_relative_to(_CGROUPS)))


def _said(group: Path, name: str) -> str:
    """What a control group says in a file; "" where it has none."""
    file = group / name
    return file.read_text(encoding="ascii").strip() if file.is_file() else ""
