"""Sends a watch as it happens: chunks of JSON lines until its time is over, it ends, or the client goes."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fleetkeeper.sim.kube.watching import Watch
from fleetkeeper.sim.loopback import Receive, Send

_LOOK = 1.0  # seconds of the wall; a write around the state is seen so late


@dataclass(frozen=True, slots=True)
class Stream:
    """A watch to be sent, the world's lock, and whether it breaks off now, which is asked whenever it looks."""

    watch: Watch
    lock: threading.RLock
    breaks: Callable[[], bool]


async def send_watch(stream: Stream, headers: dict[str, str], receive: Receive, send: Send) -> bool:
    """Send it to its end; answers whether it broke off instead, with the connection still open."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake(*_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closing
            loop.call_soon_threadsafe(woken.set)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})
    with stream.lock:
        end = stream.watch.objects.subscribe(wake, wake)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        broken = await _lines(stream, send, woken, gone)
    finally:
        gone.cancel()
        with stream.lock:
            end()
    if not broken and (not gone.done() or gone.cancelled()):
        await send({"type": "http.response.body", "body": b""})
    return broken


async def _lines(stream: Stream, send: Send, woken: asyncio.Event, gone: "asyncio.Future[None]") -> bool:
    """The lines as they come, until the end (False) or until it breaks (True)."""
    loop, watch = asyncio.get_running_loop(), stream.watch
    start, bookmarks = loop.time(), watch.bookmark_times()
    bookmark = next(bookmarks, None)
    with stream.lock:
        lines = watch.first()
    # Even an empty watch answers at once: its headers leave with the first chunk.
    await send({"type": "http.response.body", "body": b"".join(lines), "more_body": True})
    while not watch.ended and not gone.done():
        passed = loop.time() - start
        if passed >= watch.seconds:
            return False
        due = watch.seconds if bookmark is None else bookmark
        await _wait(woken, gone, min(_LOOK, max(0.0, due - passed)))
        with stream.lock:
            if stream.breaks():
                return True
            lines = watch.news()
            if bookmark is not None and loop.time() - start >= bookmark:
                lines.append(watch.bookmark())
                bookmark = next(bookmarks, None)
        if lines:
            await send({"type": "http.response.body", "body": b"".join(lines), "more_body": True})
    return False


async def _wait(woken: asyncio.Event, gone: "asyncio.Future[None]", seconds: float) -> None:
    """Until something happens, the client goes or the time is over."""
    waiting = asyncio.ensure_future(woken.wait())
    either: list[asyncio.Future[Any]] = [waiting, gone]
    await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    woken.clear()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
