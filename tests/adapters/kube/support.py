"""Readers on the scripted server, with time that tests own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Credential, Fixed
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.adapters.kube.limits import Limits
from fleetkeeper.adapters.kube.reading import Reader
from tests.adapters.kube.server import ApiServer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NO_PROXY = Proxy("", bypass=False)


@dataclass(slots=True)
class StillClock:
    """A wall clock that moves only when told."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def move(self, **delta: float) -> None:
        self.time += timedelta(**delta)


@dataclass(slots=True)
class TestPace:
    """Each look at the time moves it by `step`; waits take no time and are remembered."""

    __test__ = False

    step: float = 0.0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    cancel_after: int | None = None  # waits
    stopped: bool = False

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds
        if self.cancel_after is not None and len(self.waits) >= self.cancel_after:
            self.stopped = True

    def cancelled(self) -> bool:
        return self.stopped


@contextmanager
def reading(
    server: ApiServer,
    limits: Limits | None = None,
    pace: TestPace | None = None,
    credential: Credential | None = None,
    proxy: Proxy = NO_PROXY,
) -> Iterator[Reader]:
    connection = Connection(
        Endpoint(server.url, server.authority.ca, proxy=proxy), credential or Fixed(User(token="secret"))
    )
    reader = Reader(connection, limits or Limits(), pace or TestPace(step=0.001), StillClock())
    try:
        yield reader
    finally:
        reader.close()


def meta(name: str, namespace: str = "team", **more: object) -> Mapping[str, object]:
    return {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": "5", **more}
