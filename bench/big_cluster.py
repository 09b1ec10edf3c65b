"""One cluster of 2,000 nodes, 14,000 pods and 1,000 Helm releases on a real API server (1.36): what a tick costs.

The whole product reads it from one process, as `serve` does, into SQLite: a first tick, then steady ticks with 1 % of
nodes, pods, deployments and releases changed before each, on a clock that goes on by 15 minutes a tick: what changes
slowly is read at every third. The deployments are as Helm writes them; applied by kubectl, with last-applied, a steady
tick took 5.06 MiB and 0.39 s (2026-11, by a changed fill). Bytes are counted by a TCP relay, with TLS.
etcd is filled once (four minutes; a tenth with --quick: 15 s) and kept in the cache folder, without controllers: what
they and the kubelets write is written by the benchmark.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common import MIB, Figure, main

MINOR = "1.36"
STEADY_TICKS = 6
EVERY = timedelta(minutes=15)
NONE: Mapping[str, tuple[float | None, str]] = {}
GOALS = {
    "requests": (None, "24 requests"),
    "wire": (4.0, "3.3 MiB"),
    "decoded": (None, "50 MiB"),
    "CPU": (0.5, "3.1 s"),
}
"""Of a steady tick: the goal, None where there is none, and what a published peer needed."""
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: big
clusters: [{{name: big, cluster: {{server: "{server}", certificate-authority: "{ca}"}}}}]
users: [{{name: admin, user: {{token: "{token}"}}}}]
contexts: [{{name: big, context: {{cluster: big, user: admin}}}}]
"""
CONFIG = """
[store]
url = "sqlite:///{folder}/bench.db"

[observe]
helm_secrets = true

[[kubernetes.clusters]]
name = "big"
kubeconfig = "{folder}/kubeconfig"
context = "big"
"""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick took: requests, decoded and received bytes, seconds of CPU and wall, and peak memory in bytes."""

    requests: int
    decoded: int
    cpu: float
    wall: float
    peak: int
    wire: int = 0


def measure(quick: bool) -> list[Figure]:
    from _big_cluster_fill import ALONE, Writer, churn, filled, heartbeats  # noqa: PLC0415 - not in the child
    from _big_cluster_objects import QUICK, WHOLE  # noqa: PLC0415
    from one_cluster import Relay  # noqa: PLC0415

    from fleetkeeper.sim.control_plane.plane import ControlPlane  # noqa: PLC0415

    size = QUICK if quick else WHOLE
    kept = filled(size, MINOR)
    with (
        tempfile.TemporaryDirectory(prefix="fleetkeeper-bench-") as folder,
        ControlPlane(MINOR, replace(ALONE, etcd_archive=kept)) as plane,
    ):
        writer, relay = Writer(plane), Relay(urlsplit(plane.server).port or 0)
        environ = configured(Path(folder), relay.url, str(plane.folder / "ca.pem"), plane.admin_token)
        with ticking(environ, relay) as child:
            imports = child.answer()["imports"]
            ticks = [child.tick()]
            for round in range(STEADY_TICKS):
                churn(writer, size, round)
                ticks.append(child.tick())
            heartbeats(writer, size)
            ticks += [child.tick(), child.tick()]
        relay.listener.close()
    beside = f"{size.nodes} nodes, {size.pods} pods, {size.deployments} deployments, {size.releases} Helm releases"
    return [*figures(ticks, beside, imports)]


def figures(ticks: list[Tick], beside: str, imports: int) -> Iterator[Figure]:
    first, *steady, beat, after = ticks
    yield from tick_figures("first tick", first, beside)
    told = f"1 % changed; mean of {len(steady)}; the published peer on its hardware: {{}}"
    yield from tick_figures("steady tick", mean(steady), told, GOALS)
    yield from tick_figures("the most of a steady tick", most(steady), f"each the most of {len(steady)} ticks")
    peak = max(tick.peak for tick in steady) / MIB
    told = f"of the whole process, {imports / MIB:.0f} MiB after imports; the published peer: 85"
    yield Figure("steady tick: peak RSS", peak, "MiB", 85, "lower", told)
    growth = (steady[-1].peak - steady[0].peak) / MIB
    yield Figure("growth of the peak over the steady ticks", growth, "MiB", 2, "lower", f"{len(steady)} ticks")
    yield from tick_figures("tick after every node's heartbeat", beat, "as real kubelets send every 5 minutes")
    yield from tick_figures("and the tick after that", after, "nothing changed, but the nodes are read whole once more")


def tick_figures(
    name: str, tick: Tick, beside: str, goals: Mapping[str, tuple[float | None, str]] = NONE
) -> Iterator[Figure]:
    values = {"requests": tick.requests, "wire": tick.wire / MIB, "decoded": tick.decoded / MIB, "CPU": tick.cpu}
    units = {"requests": "", "wire": "MiB", "decoded": "MiB", "CPU": "s"}
    for what, value in values.items():
        goal, peer = goals.get(what, (None, ""))
        yield Figure(f"{name}: {what}", value, units[what], goal, "lower", beside.format(peer))
    yield Figure(f"{name}: wall", tick.wall, "s", None, "lower", "noisy; the server shares the machine")


def mean(ticks: list[Tick]) -> Tick:
    """The mean of each measure: a median would hide the ticks in which what rests comes due."""
    return Tick(**{each.name: statistics.mean(getattr(tick, each.name) for tick in ticks) for each in fields(Tick)})


def most(ticks: list[Tick]) -> Tick:
    return Tick(**{each.name: max(getattr(tick, each.name) for tick in ticks) for each in fields(Tick)})


def configured(folder: Path, server: str, ca: str, token: str) -> dict[str, str]:
    (folder / "kubeconfig").write_text(KUBECONFIG.format(server=server, ca=ca, token=token), encoding="utf-8")
    (folder / "fleetkeeper.toml").write_text(CONFIG.format(folder=folder), encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FLEETKEEPER_"))}
    environ = kept | {"FLEETKEEPER_CONFIG": str(folder / "fleetkeeper.toml"), "NO_PROXY": "127.0.0.1"}
    subprocess.run(
        [sys.executable, "-m", "fleetkeeper", "db", "upgrade"], env=environ, check=True, stdout=subprocess.DEVNULL
    )
    return environ


@dataclass(frozen=True, slots=True)
class Child:
    """The process that is measured. It does a tick for each line that it is given."""

    running: "subprocess.Popen[str]"
    relay: Any

    def answer(self) -> dict[str, Any]:
        assert self.running.stdout is not None
        line = self.running.stdout.readline()
        if not line:
            raise SystemExit(f"the measured process ended with {self.running.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def tick(self) -> Tick:
        assert self.running.stdin is not None
        before = self.relay.received
        self.running.stdin.write("tick\n")
        self.running.stdin.flush()
        told = Tick(**self.answer())
        return replace(told, wire=self.relay.received - before)


@contextmanager
def ticking(environ: dict[str, str], relay: Any) -> Iterator[Child]:
    command = [sys.executable, __file__, "--ticks"]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        yield Child(running, relay)  # leaving the block closes its stdin, which ends it


def ticks() -> None:
    """What the measured process does: a Keeper as `serve` has it, and a tick for each line on stdin."""
    from fleetkeeper import wiring  # noqa: PLC0415
    from fleetkeeper.adapters.kube import body, reading  # noqa: PLC0415
    from fleetkeeper.core.selector import Selector  # noqa: PLC0415
    from fleetkeeper.engine.observe import Progress  # noqa: PLC0415
    from fleetkeeper.settings.load import load  # noqa: PLC0415

    counted, clock = Counted(body.read_body), Turned()
    vars(reading)["read_body"] = counted
    vars(wiring)["clock_of"] = lambda _text: clock
    settings = load(None, os.environ)
    with wiring.keeper(settings, "warning", rests=True) as keeper:
        print(json.dumps({"imports": memory("VmRSS")}), flush=True)
        for _ in sys.stdin:
            forget_peak()
            counted.requests, counted.decoded = 0, 0
            cpu, wall = time.process_time(), time.monotonic()
            outcome = keeper.observe(Selector(), Progress())
            tick = (time.process_time() - cpu, time.monotonic() - wall, memory("VmHWM"))
            if not outcome.complete:
                raise SystemExit(f"not everything was seen: {outcome}")
            print(json.dumps(asdict(Tick(counted.requests, counted.decoded, *tick))), flush=True)
            clock.ahead += EVERY


@dataclass(slots=True)
class Turned:
    """The machine's clock, and so much ahead of it."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(slots=True)
class Counted:
    """Stands before the reading of each answer's body, and counts."""

    inner: Any
    requests: int = 0
    decoded: int = 0

    def __call__(self, *asked: Any) -> Any:
        body = self.inner(*asked)
        self.requests += 1
        self.decoded += len(body)
        return body


def memory(which: str) -> int:
    """Bytes of this process's memory as Linux counts them: VmRSS now, VmHWM at its peak."""
    found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))
    return int(found.split()[1]) * 1024


def forget_peak() -> None:
    """Let the peak start again from now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ticks"]:
        ticks()
    else:
        main(measure)
