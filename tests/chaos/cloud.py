"""A small cloud in a process of its own, which outlives what happens to the engine, and counts what is done to it.

Operations are started by a token, take their time, and end. The weather is what a test makes of it: throttling, errors,
slow answers, connections that are cut after the effect. It speaks just enough HTTP/1.1 for its purpose, so that a
benchmark measures the engine and not the cloud.

    POST /<worker>/start  {"member", "step", "takes"}, Idempotency-Key: TOKEN   starts an operation, or sees it started
    GET  /<worker>/state?token=TOKEN   none, running or done
    POST /<worker>/undo   Idempotency-Key: TOKEN   takes it back
    POST /weather         a JSON object of Weather: from now on
    GET  /journal         every call: a JSON list of rows of Call
"""

import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

ONCE, AGAIN, REFUSED = "start", "start again", "refused"


@dataclass(frozen=True, slots=True)
class Weather:
    """Shares of calls (0 to 1) that meet something. latency: seconds of every answer; slow: of a slow one.

    cut: the effect happens, the answer is lost.
    """

    latency: float = 0.005
    throttled: float = 0.0
    failing: float = 0.0
    cut: float = 0.0
    slow_share: float = 0.0
    slow: float = 1.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call that reached the cloud, at seconds since 1970. what: start, start again, state, undo or refused."""

    at: float
    worker: str
    what: str
    token: str
    member: str = ""
    step: int = 0
    ends: float = 0.0


@dataclass(slots=True)
class Cloud:
    """Everything that was done, by token."""

    seed: int
    weather: Weather = field(default_factory=Weather)
    started: dict[str, Call] = field(default_factory=dict)
    journal: list[Call] = field(default_factory=list)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def answer(self, target: str, token: str, body: bytes) -> tuple[int, bytes, float]:
        """Status, body, and the seconds until it is sent; status 0: never, the connection is cut."""
        split = urlsplit(target)
        worker, _, verb = split.path.strip("/").rpartition("/")
        if verb == "journal":
            return 200, json.dumps([tuple(asdict(call).values()) for call in self.journal]).encode(), 0.0
        if verb == "weather":
            self.weather = Weather(**json.loads(body))
            return 200, b"{}", 0.0
        return self._worked(worker, verb, token or split.query.removeprefix("token="), body)

    def _worked(self, worker: str, verb: str, token: str, body: bytes) -> tuple[int, bytes, float]:
        weather, now = self.weather, time.time()
        wait = weather.slow if self.chance.random() < weather.slow_share else weather.latency
        drawn = self.chance.random()
        if drawn < weather.throttled + weather.failing:
            self.journal.append(Call(now, worker, REFUSED, token))
            return (429, b'{"error":"slow down"}', wait) if drawn < weather.throttled else (503, b"{}", wait)
        if verb == "start":
            wanted = json.loads(body)
            what = AGAIN if token in self.started else ONCE
            call = Call(now, worker, what, token, wanted["member"], wanted["step"], now + wanted["takes"])
            self.started.setdefault(token, call)
        else:
            call = Call(now, worker, verb, token)
        self.journal.append(call)
        if self.chance.random() < weather.cut:
            return 0, b"", wait
        return 200, self._state(token, now) if verb == "state" else b"{}", wait

    def _state(self, token: str, now: float) -> bytes:
        begun = self.started.get(token)
        if begun is None:
            return b'{"state":"none"}'
        return b'{"state":"done"}' if now >= begun.ends else b'{"state":"running"}'


class _Connection(asyncio.Protocol):
    """One client's connection: requests one after another."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ended, rest = self._received.partition(b"\r\n\r\n")
        if not ended:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(fields.get("content-length", "0"))
        if len(rest) < length:
            return
        self._received = rest[length:]
        target = first.split(" ", 2)[1]
        status, content, wait = self._cloud.answer(target, fields.get("idempotency-key", ""), rest[:length])
        if wait:
            asyncio.get_running_loop().call_later(wait, self._send, status, content)
        else:
            self._send(status, content)

    def _send(self, status: int, content: bytes) -> None:
        if not status:
            self._transport.abort()
            return
        head = f"HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self._transport.write(head.encode() + content)


async def _serve(seed: int) -> None:
    cloud, loop = Cloud(seed), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(cloud), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    loop.add_reader(sys.stdin, over.set)  # its end is the end of whoever started this
    await over.wait()


@dataclass(frozen=True, slots=True)
class Sky:
    """The cloud as its tests see it."""

    url: str

    def journal(self) -> list[Call]:
        with urllib.request.urlopen(f"{self.url}/journal") as answer:
            return [Call(*row) for row in json.load(answer)]

    def becomes(self, weather: Weather) -> None:
        body = json.dumps(asdict(weather)).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/weather", body)):
            pass


@contextmanager
def running(seed: int = 0, weather: Weather | None = None) -> Iterator[Sky]:
    """A cloud for the time of the block; its port is the system's choice."""
    command = [sys.executable, "-m", "tests.chaos.cloud", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            sky = Sky(f"http://127.0.0.1:{int(child.stdout.readline())}")
            if weather:
                sky.becomes(weather)
            yield sky
        finally:
            child.stdin.close()
            child.wait(30)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
