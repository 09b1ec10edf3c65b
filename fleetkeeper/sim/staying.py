"""How long a simulator that runs as a process stays: until it is told to end, or is left alone."""

import os
import signal
import threading


def until_told() -> threading.Event:
    """Set on SIGTERM, SIGINT, or when stdin closes, so that a simulator never outlives the process that started it."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    threading.Thread(target=_wait_for_end_of_stdin, args=(over,), daemon=True).start()
    return over


def _wait_for_end_of_stdin(over: threading.Event) -> None:
    # Not sys.stdin: a daemon thread inside its lock makes the interpreter abort at exit.
    while os.read(0, 4096):
        pass
    over.set()
