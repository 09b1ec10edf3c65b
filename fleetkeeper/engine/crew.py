"""The threads in which an engine looks at tasks."""

import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol, Self

import structlog

_log = structlog.get_logger("engine")


class Pool(Protocol):
    """Does work in threads; concurrent.futures has one too."""

    def submit(self, work: Callable[..., object], /, *arguments: Any) -> object: ...


class Crew:
    """So many threads from one queue. Leaving the block waits until all that was given is done.

    Unlike ThreadPoolExecutor without a Future for each piece of work: nobody asks for it, and with its locks it cost as
    much as half a look at a task.
    """

    def __init__(self, size: int, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._serve, name=f"{name}_{place}") for place in range(size)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    @property
    def ids(self) -> list[int]:
        """What the kernel calls its threads, while the block lasts."""
        return [thread.native_id for thread in self._threads if thread.native_id is not None]

    def __exit__(self, *_: object) -> None:
        for _each in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def submit(self, work: Callable[..., object], /, *arguments: Any) -> None:
        self._work.put((work, arguments))

    def _serve(self) -> None:
        while (given := self._work.get()) is not None:
            work, arguments = given
            try:
                work(*arguments)
            except Exception:  # a thread that ends is missed by all work that follows
                _log.exception("work_failed", work=work.__qualname__)
            del given, work, arguments  # or the last claim would be kept while the thread waits
