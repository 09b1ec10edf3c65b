"""A healthy cluster to change one thing in: two old nodes that are closed and begun, and room on two new ones."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume, Marks, Room, Taint, Toleration
from fleetkeeper.core.model import ComputeKind, Node
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.rotation.marks import FENCE
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Seen

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BEGAN = NOW - MINUTE
US = "run-1/nodes"
FENCED = Taint(FENCE, "", "PreferNoSchedule")
EVERYTHING = Toleration(operator="Exists")
RULES = Rules(parallel=2, reserve=0.0, canary=False)


def node(name: str = "new-1", **other: Any) -> LiveNode:
    """zone, ready, schedulable are of the node itself, all else of what is seen of it."""
    own = Node(
        name, f"uid-{name}", "v1.36.0", "AL2023", "linux", "amd64", "containerd", "6.12", ComputeKind.MANAGED, "workers",
        other.pop("ready", True), other.pop("schedulable", True), "m7i.large", other.pop("zone", "a"),
        f"aws:///a/i-{name}", LONG_AGO,
    )  # fmt: skip
    return LiveNode(own, **{"room": Room(4000, 16 << 30, 20), **other})


def old(name: str = "old-1", **other: Any) -> LiveNode:
    """Fenced, closed by us and begun a minute ago."""
    usual: dict[str, Any] = {"schedulable": False, "taints": (FENCED,), "marks": Marks(US, BEGAN, True, True)}
    return node(name, **{**usual, **other})


def untouched(name: str = "old-1", **other: Any) -> LiveNode:
    return node(name, **other)


def waiting(name: str = "old-1", **other: Any) -> LiveNode:
    """Fenced and closed by us, and not begun."""
    return old(name, **{"marks": Marks(US, None, True), **other})


def pod(name: str = "web-1", at: str = "old-1", **other: Any) -> LivePod:
    """A pod of a Deployment that has been Ready for long."""
    usual: dict[str, Any] = {
        "labels": {"app": "web"},
        "controller": "Deployment/web",
        "uid": f"uid-{name}",
        "wants": Room(500, 1 << 30, 1),
        "created_at": LONG_AGO,
        "ready_since": LONG_AGO,
    }
    return LivePod(other.pop("namespace", "shop"), name, at, **{**usual, **other})


def unready(name: str = "web-2", at: str = "new-1", **other: Any) -> LivePod:
    return pod(name, at, **{"ready": False, "ready_since": None, "created_at": NOW - MINUTE, **other})


def replica(name: str, at: str = "new-1", **other: Any) -> LivePod:
    """One of a StatefulSet, whose volume is data-NAME."""
    usual = {"labels": {"app": "db"}, "controller": "StatefulSet/db", "claims": (f"data-{name}",)}
    return pod(name, at, **{**usual, **other})


def volume(of: str, at: tuple[str, ...] = ("old-1",), **other: Any) -> LiveVolume:
    return LiveVolume(f"pv-{of}", f"shop/data-{of}", attached_to=at, **other)


def budget(name: str = "web", **other: Any) -> Budget:
    """Of three pods, all healthy, of which one may go."""
    usual: dict[str, Any] = {
        "selector": Labels({"app": name}), "minimum": "2", "expected": 3, "desired": 2, "healthy": 3, "allowed": 1,
    }  # fmt: skip
    return Budget("shop", name, **{**usual, **other})


def three(at: str = "old-1", **other: Any) -> tuple[LivePod, ...]:
    """The pods of web: one on an old node, two on a new one."""
    return (pod("web-1", at, **other), pod("web-2", "new-1"), pod("web-3", "new-1"))


def seen(
    pods: tuple[LivePod, ...] = (),
    nodes: tuple[LiveNode, ...] = (),
    **other: Any,
) -> Seen:
    """Nodes whose names begin with old are those to be emptied."""
    nodes = nodes or (old("old-1"), old("old-2"), node("new-1"), node("new-2"))
    names = frozenset(each.name for each in nodes if each.name.startswith("old"))
    return Seen(NOW, US, names, nodes, pods, **other)


def merged(into: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A merge patch as the API server carries it out (RFC 7396)."""
    made = dict(into)
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, Mapping):
            made[key] = merged(made.get(key) or {}, value)
        else:
            made[key] = value
    return made
