"""All pods of a cluster moved to new nodes on a real control plane (1.36, KWOK): ours, and `kubectl drain` beside it.

30 nodes, 300 pods: Deployments and StatefulSets with disks, percent and absolute budgets, some without one. The new
nodes are there, so that what is compared is the drain. A pod is Ready 4 to 5 s after it was scheduled, and gone 1 s
after its deletion; a disk attaches and detaches in 0.5 s. Ours is the product as it is operated: `serve`, and `nodes
drain` of all old nodes; the peer is `kubectl drain` of one node after the other, as runbooks have it. Budgets are
sampled 25 times a second. Before it begins the drain is rehearsed, from what the cluster shows.
"""

import json
import math
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from _rotation_cluster import QUICK, WHOLE, Size, attaching, fill
from _rotation_watch import Watched, until, watching
from common import Figure, main

from fleetkeeper.sim.control_plane import cache
from fleetkeeper.sim.control_plane.kwok import PodPace
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options

MINOR = "1.36"
PACE = PodPace(ready=8000, end=1000, jitter=1000)
BRISK = PodPace(ready=1500, end=500)

Drains = Callable[[ControlPlane, list[str]], Iterator[None]]
"""Is ready where it first yields, begins to empty the nodes where it yields again, and ends when that is done."""


@dataclass(frozen=True, slots=True)
class Result:
    """wall: until everything is Ready on new nodes. bound: the least that it could have been, in seconds."""

    wall: float
    bound: float
    watched: Watched
    pods: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """How long it took from the end of a pod of these workloads until one in its place was Ready."""

    works: str
    seconds: float


@dataclass(slots=True)
class Foretold:
    """What the rehearsal said of the drain, in seconds; its length is None where it came to no end."""

    low: float = 0.0
    usual: float = 0.0
    high: float = 0.0
    took: float = 0.0


def measure(quick: bool) -> list[Figure]:
    size, pace = (QUICK, BRISK) if quick else (WHOLE, PACE)
    with ControlPlane(MINOR, Options(pods=pace)) as plane, attaching(plane):
        old, new = fill(plane, size)
        foretold = Foretold()
        ours = emptied(plane, size, old, partial(ours_drains, foretold))
        for name in old:  # what was drained takes pods again: the peer moves everything back
            uncordon = {"spec": {"unschedulable": None}}
            plane.request("PATCH", f"/api/v1/nodes/{name}", uncordon, content_type="application/merge-patch+json")
        theirs = emptied(plane, size, new, kubectl_drains)
    goals = Goals(ratio=None if quick else 1.3)  # where pods are Ready at once, the looks in between are most of it
    told = [*figures("nodes drain", ours, goals), rehearsed(ours, foretold)]
    return [*told, *figures("kubectl drain", theirs), *beside(ours, theirs)]


def emptied(plane: ControlPlane, size: Size, nodes: list[str], drains: Drains) -> Result:
    draining = drains(plane, nodes)
    next(draining)
    with watching(plane, nodes, size.pods) as watched:
        for _ in draining:
            watched.begun = time.monotonic()
        until(lambda: watched.is_moved(size.pods), "everything is Ready on other nodes")
        wall = time.monotonic() - watched.begun
    return Result(wall, bound(size, watched), watched, size.pods)


def bound(size: Size, watched: Watched) -> float:
    """The longest of the chains that budgets make: the rounds of each, times what one of its pods took."""
    took: dict[str, list[float]] = {}
    for each in replaced(watched):
        took.setdefault(each.works, []).append(each.seconds)
    return max(rounds(each.replicas, each.limit) * statistics.median(took[each.prefix]) for each in size.works)


def replaced(watched: Watched) -> Iterator[Replaced]:
    """Each pod that left, with the next of its workload to become Ready after it."""
    left, ready = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for pod in watched.pods.values():
        if pod.left_at is not None:
            left[pod.owner].append(pod.left_at)
        if not pod.is_first and pod.ready_at is not None:
            ready[pod.owner].append(pod.ready_at)
    for owner, times in left.items():
        for went, came in zip(sorted(times), sorted(ready[owner]), strict=False):
            yield Replaced(owner.rpartition("-")[0], came - went)


def rounds(replicas: int, limit: dict[str, object] | None) -> int:
    """How often its pods have to go one after the other; a limit's percentage is rounded up, as the server does."""
    if limit is None:
        return 1
    kind, value = next(iter(limit.items()))
    number = math.ceil(replicas * int(str(value)[:-1]) / 100) if str(value).endswith("%") else int(str(value))
    return math.ceil(replicas / (number if kind == "maxUnavailable" else replicas - number))


def kubectl_drains(plane: ControlPlane, old: list[str]) -> Iterator[None]:
    """One node after the other, as it is written in runbooks."""
    yield
    yield
    kubeconfig = plane.folder / "bench.kubeconfig"
    kubeconfig.write_text(plane.kubeconfig())
    for name in old:
        command = [str(cache.kubectl_program()), f"--kubeconfig={kubeconfig}", "drain", name]
        subprocess.run(
            [*command, "--ignore-daemonsets", "--delete-emptydir-data"], check=True, stdout=subprocess.DEVNULL
        )


def ours_drains(foretold: Foretold, plane: ControlPlane, old: list[str]) -> Iterator[None]:
    """The product in two processes: `serve`, and the command of who drains; rehearsed before it is approved, and begun
    once the approval is stored."""
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-bench-") as folder:
        environ = configured(Path(folder), plane)
        fleetkeeper(environ, "db", "upgrade")
        fleetkeeper(environ, "observe")
        command = [sys.executable, "-m", "fleetkeeper", "nodes", "drain", "big", *old, "--parallel", "100%", "--yes"]
        with (
            serving(environ),
            subprocess.Popen(
                [*command, "--as", "ann"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ) as running,
        ):
            assert running.stdout is not None
            told = next((line for line in running.stdout if "run approve" in line), "")
            if not told:
                raise SystemExit("nodes drain asked for no approval")
            plan = told.split()[-1]
            rehearse(environ, plan, foretold)
            yield
            approving = [sys.executable, "-m", "fleetkeeper", "run", "approve", plan, "--as", "bob"]
            with subprocess.Popen(approving, env=environ, stdout=subprocess.DEVNULL) as approval:
                until(lambda: is_approved(Path(folder) / "bench.db"), "the approval is stored")
                yield
            if approval.returncode:
                raise SystemExit(f"run approve ended with {approval.returncode}")
            rest = running.stdout.read()
            if running.wait():
                raise SystemExit(f"nodes drain ended with {running.returncode}: {rest[-3000:]}")


def rehearse(environ: dict[str, str], plan: str, foretold: Foretold) -> None:
    """By what the cluster itself shows; nobody told it the delays of this control plane."""
    begun = time.monotonic()
    found = json.loads(fleetkeeper(environ, "rehearse", plan, "-o", "json"))["items"][0]
    foretold.took = time.monotonic() - begun
    if found["length"] is None:
        raise SystemExit(f"the rehearsal came to no end: {found['why']}")
    foretold.low, foretold.usual, foretold.high = (float(found["length"][name]) for name in ("low", "usual", "high"))


def is_approved(database: Path) -> bool:
    """Whether somebody has said so; whether they may is for the engine to judge."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT 1 FROM command WHERE verb = 'approve'").fetchone() is not None


CONFIG = """
[store]
url = "sqlite:///{folder}/bench.db"

[serve]
listen = "127.0.0.1:0"

[[kubernetes.clusters]]
name = "big"
kubeconfig = "{folder}/kubeconfig"
executor_context = "plane"

[approvals]
local = true

[approvals.people]
ann = "approver"
bob = "approver"

[[engine.direct]]
"""


def configured(folder: Path, plane: ControlPlane) -> dict[str, str]:
    (folder / "kubeconfig").write_text(plane.kubeconfig())
    (folder / "fleetkeeper.toml").write_text(CONFIG.format(folder=folder))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FLEETKEEPER_"))}
    return kept | {"FLEETKEEPER_CONFIG": str(folder / "fleetkeeper.toml"), "NO_PROXY": "127.0.0.1", "USER": "ann"}


def fleetkeeper(environ: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "fleetkeeper", *words]
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(words[:2])} ended with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        )
    return done.stdout


@contextmanager
def serving(environ: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "fleetkeeper", "serve"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            yield
        finally:
            running.terminate()


@dataclass(frozen=True, slots=True)
class Goals:
    """What is asked of us; of the peer nothing is."""

    ratio: float | None = None
    evictions: float | None = 1.0
    none: float | None = 0.0
    samples: float | None = 20.0


NO_GOALS = Goals(None, None, None, None)


def figures(name: str, result: Result, goals: Goals = NO_GOALS) -> Iterator[Figure]:
    watched, bound = result.watched, f"bound {result.bound:.1f} s"
    rate = watched.samples / watched.sampled_for if watched.sampled_for else 0.0
    moved = max(1, len([each for each in watched.first if each.left_at]))
    yield Figure(f"{name}: wall clock", result.wall, "s", None, "lower", f"{result.pods} pods")
    yield Figure(f"{name}: × the lower bound", result.wall / result.bound, "×", goals.ratio, "lower", bound)
    yield Figure(f"{name}: evictions per moved pod", watched.evictions / moved, "", goals.evictions, "lower", "")
    yield Figure(f"{name}: landed on an old node again", watched.landed_again, "pods", goals.none, "lower", "")
    sampled = f"{watched.samples} samples"
    yield Figure(f"{name}: budgets violated", watched.violations, "samples", goals.none, "lower", sampled)
    yield Figure(f"{name}: samples of the budgets", rate, "/s", goals.samples, "higher", "")


def rehearsed(result: Result, foretold: Foretold) -> Figure:
    """How far the drain was outside of the range that was foretold; 0 is within it."""
    outside = max(foretold.low - result.wall, result.wall - foretold.high, 0.0)
    told = (
        f"foretold {foretold.low:.0f} to {foretold.high:.0f} s, usually {foretold.usual:.0f}, in {foretold.took:.1f} s"
    )
    return Figure("nodes drain: outside of its rehearsal", outside, "s", 0.0, "lower", told)


def beside(ours: Result, theirs: Result) -> Iterator[Figure]:
    told = "in one run, node after node"
    yield Figure("kubectl drain ÷ nodes drain", theirs.wall / ours.wall, "×", None, "higher", told)


if __name__ == "__main__":
    main(measure)
