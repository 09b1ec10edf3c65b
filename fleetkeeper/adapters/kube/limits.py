"""How much and how long we read from one API server, and the time that says so."""

import time
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from fleetkeeper.config import KubernetesSettings

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; all of them hold against a hostile server. answer_bytes counts decoded bytes of one page."""

    request_seconds: float = 30.0
    connect_seconds: float = 10.0
    list_seconds: float = 300.0  # a whole list, or part of a snapshot, with its pages, retries and waits
    answer_bytes: int = 64 * MIB
    error_bytes: int = 64 << 10
    page_items: int = 500
    pages: int = 1_000
    items: int = 250_000  # 5,000 nodes of 30 pods are 150,000
    attempts: int = 4
    longest_wait: float = 30.0  # a Retry-After past this is a refusal

    @classmethod
    def of(cls, settings: KubernetesSettings) -> "Limits":
        return cls(
            request_seconds=settings.timeout_seconds,
            connect_seconds=min(10.0, settings.timeout_seconds),
            list_seconds=10 * settings.timeout_seconds,
            answer_bytes=settings.max_answer_mib * MIB,
            page_items=settings.page_size,
        )


class Pace(Protocol):
    """Monotonic time, and waits that a shutdown ends."""

    def monotonic(self) -> float: ...

    def wait(self, seconds: float) -> None:
        """Wait, or less when cancelled."""
        ...

    def cancelled(self) -> bool: ...


class WallPace:
    """The machine's own time; `cancel` is set on SIGTERM."""

    def __init__(self, cancel: Event) -> None:
        self._cancel = cancel

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        self._cancel.wait(seconds)

    def cancelled(self) -> bool:
        return self._cancel.is_set()
