"""Waiting for what a real program does in its own time: the one place where tests sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

PATIENCE = 60.0  # seconds: for a machine under load; nothing that works takes so long
PAUSE = 0.02  # seconds between two looks


def wait_until(
    condition: Callable[[], T | None],
    why: str,
    told: Callable[[], str] = str,
    patience: float = PATIENCE,
    pause: float = PAUSE,
) -> T:
    """What the condition gave once it was true; fails the test with `why`, and with what is told, when it never was."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(pause)
    pytest.fail(f"waited {patience:.0f} s until {why}\n{told()}")
