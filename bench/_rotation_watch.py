"""What happened to the pods and budgets of a cluster while its nodes were emptied: by a watch, and by samples."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from _big_cluster_fill import Writer
from _rotation_cluster import SPACE

from fleetkeeper.sim.control_plane.plane import ControlPlane

EVERY = 0.04  # seconds
BUDGETS = f"/apis/policy/v1/namespaces/{SPACE}/poddisruptionbudgets"
PODS = f"/api/v1/namespaces/{SPACE}/pods"


@dataclass(slots=True)
class Pod:
    """One pod by its uid. times are of this machine's monotonic clock."""

    owner: str
    node: str = ""
    evicted: bool = False
    ready_at: float | None = None
    left_at: float | None = None
    gone: bool = False
    is_first: bool = False


@dataclass(slots=True)
class Watched:
    """Everything seen between `begin` and the end of the block."""

    old: frozenset[str]
    pods: dict[str, Pod] = field(default_factory=dict)
    samples: int = 0
    violations: int = 0
    lowest: dict[str, int] = field(default_factory=dict)
    begun: float = 0.0
    sampled_for: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def sample(self, plane: ControlPlane) -> None:
        """Budgets as the disruption controller counts them: is a pod too many away?"""
        writer = Writer(plane)
        begun = following = time.monotonic()
        while not self.over.is_set():
            for budget in writer.send("GET", BUDGETS, {})["items"]:
                status, name = budget["status"], budget["metadata"]["name"]
                spare = status["currentHealthy"] - status["desiredHealthy"]
                self.lowest[name] = min(spare, self.lowest.get(name, spare))
                self.violations += spare < 0
            self.samples += 1
            following += EVERY
            time.sleep(max(0.0, following - time.monotonic()))
        self.sampled_for = time.monotonic() - begun

    def follow(self, plane: ControlPlane) -> None:
        with plane.stream(f"{PODS}?watch=true&timeoutSeconds=3000") as lines:
            for line in lines:
                if self.over.is_set():  # what comes now is of the next drain
                    return
                event = json.loads(line)
                self.see(event["type"], event["object"], time.monotonic())

    def see(self, kind: str, pod: dict[str, Any], now: float) -> None:
        metadata, status = pod["metadata"], pod.get("status", {})
        found = self.pods.setdefault(metadata["uid"], Pod(metadata["labels"]["app"], is_first=not self.begun))
        found.node = pod["spec"].get("nodeName", "")
        conditions = {each["type"]: each for each in status.get("conditions", ())}
        found.evicted |= "DisruptionTarget" in conditions
        if conditions.get("Ready", {}).get("status") == "True" and found.ready_at is None:
            found.ready_at = now
        if "deletionTimestamp" in metadata and found.left_at is None:
            found.left_at = now
        found.gone |= kind == "DELETED"

    @property
    def first(self) -> list[Pod]:
        return [each for each in self.pods.values() if each.is_first]

    @property
    def evictions(self) -> int:
        return sum(each.evicted for each in self.pods.values())

    @property
    def landed_again(self) -> int:
        return sum(not each.is_first and each.node in self.old for each in self.pods.values())

    def is_moved(self, expected: int) -> bool:
        """Nothing is on an old node any more, and everything is Ready again."""
        alive = [each for each in self.pods.values() if not each.gone and each.left_at is None]
        well = [each for each in alive if each.ready_at is not None and each.node not in self.old]
        going = any(not each.gone and each.left_at is not None for each in self.pods.values())
        return not going and len(well) == len(alive) == expected


@contextmanager
def watching(plane: ControlPlane, old: list[str], expected: int) -> Iterator[Watched]:
    watched = Watched(frozenset(old))
    threads = [threading.Thread(target=each, args=(plane,), daemon=True) for each in (watched.follow, watched.sample)]
    for each in threads:
        each.start()
    until(lambda: len([p for p in list(watched.pods.values()) if p.ready_at]) == expected, "the watch has every pod")
    watched.begun = time.monotonic()
    try:
        yield watched
    finally:
        watched.over.set()
        threads[1].join()


def until(holds: Any, what: str, seconds: float = 900.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:.0f} s: {what}")
        time.sleep(0.05)
