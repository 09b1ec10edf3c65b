"""Keeps an engine's threads on one core of the machine, which the kernel chooses anew now and then.

The interpreter runs one thread at a time. With several cores, a call that comes back wakes its thread on another one,
where it finds the interpreter taken, sleeps again, and runs in the end with a cold cache. On one core it is woken once.
"""

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from fleetkeeper.engine.pacing import Every

_log = structlog.get_logger("engine")

_CHOSEN_EVERY = 5.0
"""Seconds of wall time, after which the kernel may move the threads to a core with less to do."""

_THREAD = Path("/proc/thread-self/stat")
_PROCESSOR = 36
"""Its place in that file among what stands behind the program's name (proc_pid_stat(5), field 39)."""

_OWN = 0
"""What sched_setaffinity(2) calls the thread that asks."""

_WHOLE = frozenset(os.sched_getaffinity(_OWN)) if sys.platform == "linux" else frozenset()
"""The cores that this process was given."""


class OneCore:
    """For the thread that makes it and those with these ids of the kernel's, until the block is left.

    Elsewhere than on Linux, with a single core, or where it is not allowed, it does nothing.
    """

    def __init__(self, threads: Sequence[int]) -> None:
        self._threads = (_OWN, *threads)
        self._works = len(_WHOLE) > 1
        self._is_loose = True
        self._core = -1
        self._choices = Every(_CHOSEN_EVERY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._let_go()

    def settle(self) -> None:
        """Once in each turn: its thread is let go for a turn, and then the others follow it to where it was woken."""
        if not self._works:
            return
        try:
            if self._is_loose:
                self._follow(_core())
            elif self._choices.is_due():
                os.sched_setaffinity(_OWN, _WHOLE)
                self._is_loose = True
        except (OSError, ValueError, IndexError) as error:
            _log.info("engine_on_every_core", reason=str(error))
            self._let_go()

    def _follow(self, core: int) -> None:
        for thread in self._threads if core != self._core else (_OWN,):
            os.sched_setaffinity(thread, {core})
        self._core, self._is_loose = core, False

    def _let_go(self) -> None:
        if self._works:
            self._works = False
            for thread in self._threads:
                with suppress(OSError):
                    os.sched_setaffinity(thread, _WHOLE)


@contextmanager
def on_every_core() -> Iterator[None]:
    """What the calling thread starts in the block, a program above all, is not kept to the engine's core."""
    before = _affinity(_WHOLE)
    try:
        yield
    finally:
        _affinity(before)


def _affinity(cores: Collection[int]) -> Collection[int]:
    """Let the calling thread run on these cores only, where that can be told; those of before."""
    if not cores:
        return ()
    before = os.sched_getaffinity(_OWN)
    if before != cores:
        with suppress(OSError):
            os.sched_setaffinity(_OWN, cores)
    return before


def _core() -> int:
    """The one on which the calling thread runs."""
    return int(_THREAD.read_text().rpartition(")")[2].split()[_PROCESSOR])
