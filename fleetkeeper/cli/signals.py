"""SIGTERM and SIGINT (of some commands SIGHUP): the first asks to end in order, the second ends at once."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it


@contextmanager
def listening(at_first: Callable[[], None]) -> Iterator[None]:
    """Call at_first, in a thread of its own, at the first signal that comes during the block.

    The system's handler writes the signal's number into a pipe, which the thread reads. A handler in Python would not
    do: one that runs while the main thread takes a lock may need that very lock, and one whose signal comes just before
    the main thread begins to wait does not run until the wait is over (seen with 3.11: a SIGTERM that had no effect).
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = {number: signal.signal(number, _leave_to_the_pipe) for number in _SIGNALS}
    pipe_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=_listen, args=(reader, at_first), name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(pipe_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)
        thread.join()
        os.close(reader)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """At SIGTERM or SIGHUP the block ends as it does at Ctrl-C, with all that it opened; the second ends at once.

    For commands in one thread that wait for little else than their own processes, and for those briefly: unlike
    `listening` it needs no thread, beside which no process can be forked safely. What is ignored stays so (nohup).
    """
    numbers = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _exit) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


def _leave_to_the_pipe(_number: int, _frame: object) -> None:
    """Python asks for a handler; the thread that reads the pipe has seen the signal already."""


def _listen(reader: int, at_first: Callable[[], None]) -> None:
    told = False
    while number := os.read(reader, 1):  # nothing once the block is over
        if number[0] not in _SIGNALS:
            continue
        if told:
            os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + b"fleetkeeper: ended at once\n")
            os._exit(128 + number[0])
        told = True
        at_first()
