"""Sends a watch as it happens: chunks of JSON lines until its time is over, it ends, or the client goes."""

import asyncio
import contextlib
import threading
from typing import Any

from fleetkeeper.sim.kube.watching import Watch
from fleetkeeper.sim.loopback import Receive, Send

_LOOK = 1.0  # seconds of the wall; a write around the state is seen so late


async def send_watch(watch: Watch, lock: threading.RLock, receive: Receive, send: Send) -> None:
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake(*_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closing
            loop.call_soon_threadsafe(woken.set)

    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-cache, private")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    with lock:
        end = watch.objects.subscribe(wake, wake)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await _lines(watch, lock, send, woken, gone)
    finally:
        gone.cancel()
        with lock:
            end()
    if not gone.done() or gone.cancelled():
        await send({"type": "http.response.body", "body": b""})


async def _lines(
    watch: Watch, lock: threading.RLock, send: Send, woken: asyncio.Event, gone: "asyncio.Future[None]"
) -> None:
    loop = asyncio.get_running_loop()
    start, bookmarks = loop.time(), watch.bookmark_times()
    bookmark = next(bookmarks, None)
    with lock:
        lines = watch.first()
    # Even an empty watch answers at once: its headers leave with the first chunk.
    await send({"type": "http.response.body", "body": b"".join(lines), "more_body": True})
    while not watch.ended and not gone.done():
        passed = loop.time() - start
        if passed >= watch.seconds:
            return
        due = watch.seconds if bookmark is None else bookmark
        await _wait(woken, gone, min(_LOOK, max(0.0, due - passed)))
        with lock:
            lines = watch.news()
            if bookmark is not None and loop.time() - start >= bookmark:
                lines.append(watch.bookmark())
                bookmark = next(bookmarks, None)
        if lines:
            await send({"type": "http.response.body", "body": b"".join(lines), "more_body": True})


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
