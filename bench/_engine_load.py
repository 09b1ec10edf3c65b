"""What bench/engine.py measures, in a process of its own: the real executor over one database, until a run ends.

Prints one JSON object. Its client of the cloud is as small as one can be, for the engine is measured and not urllib3.
"""

import gc
import json
import resource
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fleetkeeper.adapters import allocator
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.run import Run
from fleetkeeper.engine.execute import Executor
from fleetkeeper.engine.world import Answer
from fleetkeeper.errors import Unreachable
from tests.chaos.worker import Order, executor

_OK = b"HTTP/1.1 200"


class BareHooks:
    """One connection per thread, kept open; answers are small and come in one piece."""

    def __init__(self, url: str, name: str) -> None:
        split = urlsplit(url)
        self._address = (split.hostname, split.port)
        self._name = name
        self._own = threading.local()

    def call(self, name: str, body: Mapping[str, object], token: str) -> Answer:
        content = json.dumps(body)
        head = (
            f"POST /{self._name}/{name} HTTP/1.1\r\nidempotency-key: {token}\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        return self._sent(head + content)

    def ask(self, name: str, query: Mapping[str, str]) -> Answer:
        return self._sent(f"GET /{self._name}/{name}?token={query['token']} HTTP/1.1\r\n\r\n")

    def _sent(self, text: str) -> Answer:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = socket.create_connection(self._address)
        connection.sendall(text.encode())
        head, _, content = connection.recv(4096).partition(b"\r\n\r\n")
        if not head.startswith(_OK):
            raise Unreachable(f"the cloud answered {head[:30]!r}")
        return Answer(200, json.loads(content), "")


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for on the command line, as JSON."""

    database: str
    cloud: str
    threads: int


def _run_to_its_end(runs: SqlRuns, engine: Executor) -> Run:
    """The engine works until its run is over; a look now and then is all that this costs."""
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    while runs.runs(over=False):
        time.sleep(0.5)
    stop.set()
    thread.join()
    return runs.runs()[0]


def _peak() -> int:
    """Bytes of memory at most. ru_maxrss would do, but on Linux it begins with what the parent had at the fork."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    load = Load(**json.loads(sys.argv[1]))
    runs = SqlRuns(StoreSettings(load.database))
    order = Order("bench", load.database, load.cloud, lease=30.0, poll=1.0, threads=load.threads)
    hooks: Any = BareHooks(load.cloud, order.name)
    engine = executor(order, hooks)
    allocator.share_arenas()  # these three as `serve` does when it starts
    gc.collect()
    gc.freeze()
    before, begun = resource.getrusage(resource.RUSAGE_SELF), datetime.now(UTC)
    ended = _run_to_its_end(runs, engine)
    assert ended.ended_at is not None
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "wall": (ended.ended_at - begun).total_seconds(),
                "cpu": used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime,
                "peak": _peak(),
                "state": ended.state.value,
            }
        )
    )
    runs.close()


if __name__ == "__main__":
    main()
