"""SIGTERM and SIGINT: the first asks to end in order, the second ends at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it


class Told:
    """What this process was told. A SimpleQueue, for it is the one thing of ours that a handler may touch: a signal
    that comes while an Event is being waited for would find its lock held, by the very thread that it interrupts.
    """

    def __init__(self) -> None:
        self._heard: SimpleQueue[int] = SimpleQueue()
        self._again = False

    def wait(self) -> int:
        """Wait for a signal: its number, 0 when there is nothing more to wait for."""
        return self._heard.get()

    def release(self) -> None:
        """End the wait without a signal."""
        self._heard.put(0)

    def hear(self, number: int, _frame: object) -> None:
        if self._again:
            os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + b"fleetkeeper: ended at once\n")
            os._exit(128 + number)
        self._again = True
        self._heard.put(number)


@contextmanager
def listening() -> Iterator[Told]:
    """Hear both signals for the time of the block."""
    told = Told()
    before = {number: signal.signal(number, told.hear) for number in _SIGNALS}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        told.release()


@contextmanager
def ending(cancel: threading.Event, notice: str) -> Iterator[None]:
    """Set cancel at the first signal, and say so on stderr."""
    with listening() as told:
        threading.Thread(target=_pass_on, args=(told, cancel, notice), name="signals", daemon=True).start()
        yield


def _pass_on(told: Told, cancel: threading.Event, notice: str) -> None:
    if told.wait():
        from fleetkeeper.cli.output import say

        cancel.set()
        say(notice)
