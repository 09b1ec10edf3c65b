"""The adapter over a simulated AWS, and a server that answers whatever a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import AwsAccount, AwsSettings, Secret
from fleetkeeper.core.model import Account, Scope
from fleetkeeper.sim.aws import AwsServer
from tests.sim.worlds import EXTERNAL_ID, PROD, REGION

SCOPE = Scope(PROD, REGION)


class Patience(threading.Event):
    """A cancel event whose waits pass at once and are written down."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


def settings(url: str, **other: Any) -> AwsSettings:
    """The one account PROD in one region, with the right external id, and a rate that no test waits for."""
    accounts = (AwsAccount(PROD, "prod", external_id=Secret(EXTERNAL_ID)),)
    usual = AwsSettings(regions=(REGION,), accounts=accounts, endpoint_url=url, requests_per_second=100_000)
    return replace(usual, **other)


def clouds(url: str, cancel: threading.Event | None = None, **other: Any) -> EksClouds:
    return EksClouds(settings(url, **other), SystemClock(), cancel or Patience())


def cloud(url: str, cancel: threading.Event | None = None, **other: Any) -> EksCloud:
    """The first scope of `clouds`."""
    found = clouds(url, cancel, **other).open()[0][0]
    assert isinstance(found, EksCloud)
    return found


def bare_cloud(url: str, cancel: threading.Event | None = None, **other: Any) -> EksCloud:
    """A cloud that signs with the process's own keys, without any role."""
    sessions = Sessions(settings(url, **other), cancel or Patience())
    return EksCloud(sessions, sessions.base(), SCOPE, Account(PROD))


def asked(server: AwsServer, operation: str) -> int:
    """How often the simulator was asked for it, such as eks:ListClusters, over all scopes."""
    return sum(count for asking, count in server.stats().items() if asking.operation == operation)


@dataclass(frozen=True, slots=True)
class Call:
    """operation is as AWS calls it, such as ListRoots; for EKS it is the path. query is that of the address."""

    operation: str
    query: dict[str, str]
    body: str

    @property
    def params(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body or "{}")
        return found


@dataclass(slots=True)
class Stub:
    """An HTTP server on loopback: `answer` gives the body (None: hangs up), everything asked is in `calls`."""

    answer: Callable[[Call], object]
    calls: list[Call] = field(default_factory=list)
    url: str = ""
    targets: list[str] = field(default_factory=list)


@contextmanager
def stub(answer: Callable[[Call], object], status: int = 200) -> Iterator[Stub]:
    """Serves until the block ends. An answer of str goes out as it is, anything else as JSON."""
    found = Stub(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            where = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            action = parse_qs(body).get("Action", [""])[0] if not target else ""
            query = {name: values[0] for name, values in parse_qs(where.query).items()}
            found.targets.append(self.path)
            found.calls.append(Call(target or action or where.path, query, body))
            said = found.answer(found.calls[-1])
            if said is None:
                self.close_connection = True
                return
            content = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815  # http.server names it

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
