"""Plays side by side, each in a process of its own that ends with this one (docs/decisions/0016)."""

import gc
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from fleetkeeper.rehearsal.machine import Limits
from fleetkeeper.rehearsal.players import Alone, Fault, Key, Lost, Outcome, Players
from fleetkeeper.rehearsal.playing import Course, Part, Room, play, seldom_collected

Settle = Callable[[str], None]
"""What is done first in each process, such as setting up logs: the name of its play is the argument. Can be pickled."""

_FROM_PEOPLE = (signal.SIGINT, signal.SIGHUP)
"""What a terminal sends to every process of a command: the one that waits decides what becomes of the others."""
_SIGNALS = (*_FROM_PEOPLE, signal.SIGTERM)
_LOOK = 0.5
"""Seconds: a signal that comes just before this process begins to wait is only seen when the wait is over."""
_LATER = 3
"""By so much nicer are plays that nobody waits for yet: two of them take one core's time beside one that is waited for,
so that what hangs on its end is known as early as if it had been played alone."""
_TEMPORARY = 60
"""Bytes of the path of the folder for temporary files, from which on a forkserver's socket may have no room in it: a
socket's path has 103 bytes (unix(7); 107 on Linux), and Python adds some 40."""
_BASE, _PER_POD = 60 * 2**20, 20 * 2**10
"""Bytes of a play beyond what it shares with this process, and for each pod."""


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    process: BaseProcess
    answer: Connection
    weight: int  # bytes


@contextmanager
def players(place: Room, limits: Limits, settle: Settle) -> Iterator[Players]:
    """Those that the limits allow. Nothing of them is left after the block, however it ends."""
    if limits.plays == 1:
        yield Alone(place)
        return
    found = Processes(place, limits, settle)
    try:
        yield found
    finally:
        found.close()


class Processes:
    def __init__(self, place: Room, limits: Limits, settle: Settle) -> None:
        self._place, self._limits, self._settle = place, limits, settle
        self._running: dict[Key, _Child] = {}

    @property
    def is_full(self) -> bool:
        return len(self._running) >= self._limits.plays

    def begin(self, key: Key, part: Part, urgent: bool) -> bool:
        weight = _BASE + _PER_POD * len(part.seed.placed.pods)
        taken = sum(each.weight for each in self._running.values())
        if self.is_full or (self._running and taken + weight > self._limits.memory):
            return False
        self._running[key] = self._start(part, weight, urgent)
        return True

    def give_up(self, key: Key) -> None:
        child = self._running.pop(key, None)
        if child is not None:
            child.process.kill()
            _bury(child)

    def ended(self) -> list[tuple[Key, Outcome]]:
        ready: list[Any] = []
        while self._running and not ready:
            ready = wait([each.answer for each in self._running.values()], _LOOK)
        over = [key for key, each in self._running.items() if each.answer in ready]
        return [(key, self._outcome(self._running.pop(key))) for key in over]

    def close(self) -> None:
        for each in self._running.values():
            each.process.kill()
        for each in self._running.values():
            _bury(each)
        self._running.clear()

    def _start(self, part: Part, weight: int, urgent: bool) -> _Child:
        context, name = _context(), f"{part.piece.member.name} ({part.luck.name.lower()} luck)"
        ours, theirs = context.Pipe(duplex=False)
        arguments = (theirs, self._place, part, name, urgent, self._settle)
        process = context.Process(target=_act, args=arguments, name=name, daemon=True)  # type: ignore[attr-defined]
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # else it could die before it is known, or twice
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # so that its end is the end of the pipe
        return _Child(name, process, ours, weight)

    def _outcome(self, child: _Child) -> Outcome:
        try:
            found: Course | Fault = child.answer.recv()
        except (EOFError, OSError):
            child.process.join()
            code = child.process.exitcode
            _bury(child)
            return Lost(_why_lost(child.name, code))
        _bury(child)
        return found


def _bury(child: _Child) -> None:
    child.process.join()
    child.process.close()
    child.answer.close()


def _why_lost(name: str, code: int | None) -> str:
    ended = f"was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"
    return (
        f"the process that played {name} {ended}, as happens when memory runs out: "
        "rehearse it again with --member and --processes 1, which takes the least"
    )


def _context() -> BaseContext:
    """fork where nothing else goes on in this process, for the child then has everything that is loaded here."""
    if sys.platform == "linux" and sum(1 for _ in Path("/proc/self/task").iterdir()) == 1:
        return multiprocessing.get_context("fork")
    if len(os.fsencode(tempfile.gettempdir())) > _TEMPORARY:
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__])
    return found


# ---- in a process of its own


def _act(answer: Connection, place: Room, part: Part, name: str, urgent: bool, settle: Settle) -> None:
    _begin_life(place.folder)
    if not urgent:
        os.nice(_LATER)
    try:
        settle(name)
        with seldom_collected():  # until it ends: a world that is played is full of circles, and goes with its process
            answer.send(play(place, part.seed, part.piece, part.luck))
    except Exception as error:
        answer.send(Fault(f"{name}: {type(error).__name__}: {error}", traceback.format_exc()))


def _begin_life(folder: Path) -> None:
    """Leave what was inherited alone, connections above all, and end with whoever began this."""
    gc.freeze()  # what is garbage by now is the parent's to close
    for number in _FROM_PEOPLE:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()


def _end_with_parent(folder: Path) -> None:
    """However it ended, kill -9 too: then nobody else removes the folder, and the last of us leaves it empty."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
