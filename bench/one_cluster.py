"""One cluster with 2,000 deployments of about 10 KB on a real API server (1.36): our reader beside the typed client.

Each reader is a process of its own, which connects, lists an empty namespace, and notes its CPU time before and after
it reads: what starting costs is told beside, and so is what the whole process used (wait4), and one that only starts.
"""

import http.client
import json
import os
import socket
import ssl
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common import MIB, Figure, Usage, main, measured

DEPLOYMENTS, QUICK_DEPLOYMENTS = 2_000, 500
MINOR = "1.36"
WRITERS = 8
GOAL = 20.0  # typed client's CPU / ours
PAGE = 500
EMPTY_NAMESPACE = "kube-public"
READERS = ("ours", "typed", "typed pages")
EMPTY = {"ours": "ours empty", "typed": "typed empty", "typed pages": "typed empty"}
WHAT = {
    "ours": "deployments as KubeReader.workloads reads them, gzip, pages of 500",
    "typed": "kubernetes AppsV1Api, one list",
    "typed pages": "kubernetes AppsV1Api, pages of 500",
}


@dataclass(slots=True)
class Relay:
    """A loopback TCP relay in front of the API server that counts what comes back."""

    target: int
    received: int = 0
    listener: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 18):
                if counted:
                    self.received += len(chunk)
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)


@dataclass(frozen=True, slots=True)
class Told:
    """What a child says: deployments that it read, CPU seconds until it began to read, and what reading took."""

    count: int
    startup: float
    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: what the child said and used, bytes that it received, CPU seconds of the API server meanwhile."""

    told: Told
    usage: Usage
    wire: int
    server_cpu: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The medians of some runs of one reader. cpu and wall are of the reading alone, whole and peak of the process."""

    cpu: float
    wall: float
    startup: float
    whole: float
    peak: int
    wire: float
    server_cpu: float


def measure(quick: bool) -> list[Figure]:
    from fleetkeeper.sim.control_plane.plane import ControlPlane, Options  # noqa: PLC0415 - not in the readers

    count = QUICK_DEPLOYMENTS if quick else DEPLOYMENTS
    with ControlPlane(MINOR, Options(controllers=False, scheduler=False, kwok=False)) as plane:
        size = fill(plane.server, plane.ca_pem, plane.admin_token, count)
        relay = Relay(urlsplit(plane.server).port or 0)
        environ = {**os.environ, "BENCH_SERVER": relay.url, "BENCH_TOKEN": plane.admin_token}
        environ["BENCH_CA"] = str(plane.folder / "ca.pem")
        environ["BENCH_COUNT"] = str(count)
        pid = plane.pids["api-server"]
        found = read_all(environ, 3 if quick else 7, relay, pid)
        relay.listener.close()
    return list(figures(found, count, size))


def figures(found: dict[str, Reading], count: int, size: float) -> Iterator[Figure]:
    ours = found["ours"]
    beside = f"{count} deployments of {size / 1000:.1f} kB"
    typed = found["typed"]
    for name in READERS[1:]:
        goal = GOAL if name == "typed" else None
        ratio = found[name].cpu / ours.cpu
        yield Figure(f"CPU ratio {name}/ours", ratio, "×", goal, "higher", f"{WHAT[name]}; {beside}")
    yield Figure("CPU ratio of whole processes", typed.whole / ours.whole, "×", None, "higher", "typed/ours by wait4")
    yield Figure("peak memory ratio typed/ours", typed.peak / ours.peak, "×", None, "higher", "whole processes")
    for name in READERS:
        yield from figures_of(name, found[name], found[EMPTY[name]])


def figures_of(name: str, reading: Reading, empty: Reading) -> Iterator[Figure]:
    started = f"{WHAT[name]}; start-up {reading.startup * 1000:.0f} ms more"
    whole = f"by wait4; a process that only starts: {empty.whole * 1000:.0f} ms"
    yield Figure(f"{name}: client CPU", reading.cpu * 1000, "ms", None, "lower", started)
    yield Figure(f"{name}: CPU of the whole process", reading.whole * 1000, "ms", None, "lower", whole)
    yield Figure(f"{name}: wall", reading.wall * 1000, "ms", None, "lower", "noisy; without start-up")
    peak = f"{empty.peak / MIB:.0f} MiB when only started"
    yield Figure(f"{name}: peak memory", reading.peak / MIB, "MiB", None, "lower", peak)
    yield Figure(f"{name}: received", reading.wire / MIB, "MiB", None, "lower", "counted by a TCP relay, with TLS")
    if reading.server_cpu:
        yield Figure(f"{name}: API server CPU", reading.server_cpu * 1000, "ms", None, "lower", "kube-apiserver")


def read_all(environ: dict[str, str], rounds: int, relay: Relay, server: int) -> dict[str, Reading]:
    """Rounds of every reader in turn, so that a busy minute of the machine meets all of them."""
    names = (*dict.fromkeys(EMPTY.values()), *READERS)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            samples[name].append(sample(name, environ, relay, server))
    return {name: reading(taken) for name, taken in samples.items()}


def sample(name: str, environ: dict[str, str], relay: Relay, server: int) -> Sample:
    received, busy = relay.received, process_cpu(server)
    usage, text = measured([sys.executable, __file__, "--read", name], environ)
    told = Told(**json.loads(text))
    if told.count != (0 if name.endswith("empty") else int(environ["BENCH_COUNT"])):
        raise SystemExit(f"{name} read {told.count} deployments")
    return Sample(told, usage, relay.received - received, process_cpu(server) - busy)


def reading(taken: list[Sample]) -> Reading:
    return Reading(
        cpu=statistics.median(s.told.cpu for s in taken),
        wall=statistics.median(s.told.wall for s in taken),
        startup=statistics.median(s.told.startup for s in taken),
        whole=statistics.median(s.usage.cpu for s in taken),
        peak=int(statistics.median(s.usage.peak for s in taken)),
        wire=statistics.median(s.wire for s in taken),
        server_cpu=statistics.mean(s.server_cpu for s in taken),  # the kernel counts in hundredths of a second
    )


def process_cpu(pid: int) -> float:
    """Seconds of CPU that a process has used; 0 where the system does not tell by /proc."""
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return 0.0
    columns = path.read_text().rpartition(")")[2].split()
    return (int(columns[11]) + int(columns[12])) / os.sysconf("SC_CLK_TCK")


def fill(server: str, ca_pem: str, token: str, count: int) -> float:
    """Create the deployments from many threads; the mean size in bytes as the server answers them."""
    shares = [range(start, count, WRITERS) for start in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        sizes = pool.map(lambda share: create(server, ca_pem, token, share), shares)
        return sum(sizes) / count


def create(server: str, ca_pem: str, token: str, numbers: range) -> int:
    where = urlsplit(server)
    context = ssl.create_default_context(cadata=ca_pem)
    connection = http.client.HTTPSConnection(str(where.hostname), where.port, context=context, timeout=60)
    # kubectl's name, for managedFields; its field manager is told in the query.
    path = "/apis/apps/v1/namespaces/default/deployments?fieldManager=kubectl-client-side-apply"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    size = 0
    for number in numbers:
        connection.request("POST", path, json.dumps(deployment(number)), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 201:
            raise SystemExit(f"create: {answer.status} {body[:500]!r}")
        size += len(body)
    connection.close()
    return size


def deployment(number: int) -> dict[str, Any]:
    """A deployment as kubectl apply makes it: with its own manifest once more in an annotation."""
    name = f"app-{number:05}"
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop", "team": f"team-{number % 40}"}
    spec = {
        "replicas": 3,
        "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [main_container(number), proxy(number)]}},
    }
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": spec,
    }
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(manifest)}
    return {**manifest, "metadata": {"name": name, "labels": labels, "annotations": applied}}


def main_container(number: int) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 5, "periodSeconds": 10}
    return {
        "name": "main",
        "image": f"registry.example.com/shop/app-{number:05}:1.{number % 30}.{number % 7}",
        "env": [{"name": f"SETTING_{n:02}", "value": f"value-of-{number}-{n}"} for n in range(22)],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "livenessProbe": probe,
        "readinessProbe": probe,
    }


def proxy(number: int) -> dict[str, Any]:
    return {
        "name": "proxy",
        "image": "registry.example.com/mesh/proxy:2.14.1",
        "args": ["--log-level=info", f"--service=app-{number:05}", "--admin-port=9901"],
        "env": [{"name": f"PROXY_{n}", "value": f"{number * n}"} for n in range(9)],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    }


def read_as(name: str) -> Told:
    """What a child process does: connect and read an empty namespace, then read, unless it is one that only starts."""
    look = ours() if name.startswith("ours") else typed(pages=name.endswith("pages"))
    look(EMPTY_NAMESPACE)
    startup, begun = time.process_time(), time.monotonic()
    count = 0 if name.endswith("empty") else look("")
    return Told(count, startup, time.process_time() - startup, time.monotonic() - begun)


def ours() -> Callable[[str], int]:
    """The part of KubeReader.workloads that reads deployments."""
    from fleetkeeper.adapters.kube import convert, endpoints  # noqa: PLC0415
    from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy  # noqa: PLC0415
    from fleetkeeper.adapters.kube.credentials import Fixed  # noqa: PLC0415
    from fleetkeeper.adapters.kube.kubeconfig import User  # noqa: PLC0415
    from fleetkeeper.adapters.kube.limits import Limits, WallPace  # noqa: PLC0415
    from fleetkeeper.adapters.kube.reading import Reader  # noqa: PLC0415
    from fleetkeeper.clock import SystemClock  # noqa: PLC0415

    endpoint = Endpoint(os.environ["BENCH_SERVER"], Path(os.environ["BENCH_CA"]).read_text(), proxy=Proxy(""))
    connection = Connection(endpoint, Fixed(User(token=os.environ["BENCH_TOKEN"])))
    reader = Reader(connection, Limits(), WallPace(threading.Event()), SystemClock())
    kind = endpoints.DEPLOYMENTS
    keep = partial(convert.templated, kind.kind)
    return lambda namespace: len(reader.list(kind, keep, namespace).items)


def typed(pages: bool) -> Callable[[str], int]:
    from kubernetes import client  # noqa: PLC0415

    configuration = client.Configuration(host=os.environ["BENCH_SERVER"])
    configuration.ssl_ca_cert = os.environ["BENCH_CA"]
    configuration.api_key["authorization"] = f"Bearer {os.environ['BENCH_TOKEN']}"
    api = client.AppsV1Api(client.ApiClient(configuration))

    def listed(namespace: str, **how: Any) -> Any:
        if namespace:
            return api.list_namespaced_deployment(namespace, **how)
        return api.list_deployment_for_all_namespaces(**how)

    return partial(typed_pages, listed) if pages else lambda namespace: len(listed(namespace).items)


def typed_pages(listed: Callable[..., Any], namespace: str) -> int:
    count, token = 0, ""
    while True:
        page = listed(namespace, limit=PAGE, _continue=token)
        count += len(page.items)
        token = page.metadata._continue
        if not token:
            return count


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        print(json.dumps(asdict(read_as(sys.argv[2]))))
    else:
        main(measure)
