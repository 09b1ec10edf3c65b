"""Nodes and pods as an API server has them at this moment: what a drain meets, and who owns what stands in its way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fleetkeeper.core.model import ComputeKind, Node
from fleetkeeper.core.node_pools import minor_of
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class Room:
    """What pods ask for and nodes have: millicores, bytes, and places for pods."""

    cpu: int = 0
    memory: int = 0
    pods: int = 0

    def __add__(self, other: "Room") -> "Room":
        return Room(self.cpu + other.cpu, self.memory + other.memory, self.pods + other.pods)

    def __sub__(self, other: "Room") -> "Room":
        return Room(self.cpu - other.cpu, self.memory - other.memory, self.pods - other.pods)

    def holds(self, other: "Room") -> bool:
        return self.cpu >= other.cpu and self.memory >= other.memory and self.pods >= other.pods


@dataclass(frozen=True, slots=True)
class Taint:
    """effect: NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str = ""
    effect: str = ""


_OWN = frozenset(
    f"node.kubernetes.io/{name}"
    for name in (
        *("unschedulable", "not-ready", "unreachable"),
        *("memory-pressure", "disk-pressure", "pid-pressure", "network-unavailable"),
    )
)
"""Keys of the taints that the node lifecycle controller sets and takes off by itself (taints and tolerations, 2026)."""


def parted(taints: Iterable[Taint]) -> tuple[tuple[Taint, ...], tuple[Taint, ...]]:
    """Those that somebody set, and those of Kubernetes itself."""
    found = tuple(taints)
    return tuple(t for t in found if t.key not in _OWN), tuple(t for t in found if t.key in _OWN)


@dataclass(frozen=True, slots=True)
class Marks:
    """What fleetkeeper wrote on a node, and may take off again. rotation: whose work it is in, "" for nobody's.

    began_at is the drain's clock, which outlives every executor. cordoned, excluded: it was us who made the node
    unschedulable, and kept it from external load balancers. quarantined: why the drain left it, "" while it has not.
    keeps_until: until when we keep the autoscaler from removing it. kept_by_others: somebody else does.
    """

    rotation: str = ""
    began_at: datetime | None = None
    cordoned: bool = False
    excluded: bool = False
    quarantined: str = ""
    keeps_until: datetime | None = None
    kept_by_others: bool = False


@dataclass(frozen=True, slots=True)
class LiveNode:
    """A node with what says how it is disrupted. stays: the annotation by which it asks Karpenter to leave it.

    room is what it can allocate. taints are without those that Kubernetes itself sets for cordons and conditions, which
    are in own_taints: whoever writes the list of taints has to keep both.
    """

    node: Node
    stays: str = ""
    leaving: bool = False  # it has a deletionTimestamp
    room: Room = field(default_factory=Room)
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    marks: Marks = field(default_factory=Marks)
    resource_version: str = ""
    ready_since: datetime | None = None  # of its Ready condition, while that is True
    own_taints: tuple[Taint, ...] = ()

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def is_of_pool(self) -> bool:
        """Whether Karpenter or Auto Mode made it."""
        return self.node.kind in (ComputeKind.KARPENTER, ComputeKind.AUTO_MODE)

    def is_behind(self, to: Minor) -> bool:
        """Whether its kubelet is older; one whose version cannot be read counts as older."""
        minor = minor_of(self.node.kubelet)
        return minor is None or minor < to


@dataclass(frozen=True, slots=True)
class Toleration:
    """key "" with operator Exists takes every taint; effect "" takes every effect."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class LiveVolume:
    """A bound PersistentVolume. claim is namespace/name. zones: none is any. nodes: those of a local volume.

    attached_to: the nodes that a VolumeAttachment of it names, also while it is being detached.
    """

    name: str
    claim: str
    zones: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    attached_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LivePod:
    """A pod on a node. controller is the workload at its top (the Deployment, not its ReplicaSet), "" for none.

    leaving_since: when its deletion was asked for; after its grace it should be gone. claims: also those that the
    volumes of the pod alone make. wants: see core/requests.py. stays: the annotation by which it asks Karpenter not to
    disrupt it, "" when it does not. static: a mirror of a file on the node, which no eviction moves. tolerant: it
    tolerates every taint, so that it comes back to a cordoned node. around: canonical JSON of its spec's affinity and
    topologySpreadConstraints as the API has them, "" for neither: what a copy of it is placed by. unplaced: why the
    scheduler finds no node for it, in its own words, "" while it has one or was not tried yet.
    """

    namespace: str
    name: str
    node: str
    labels: Mapping[str, str] = field(default_factory=dict)
    controller: str = ""  # Kind/name
    owner: Mapping[str, str] = field(default_factory=dict)
    phase: str = "Running"
    ready: bool = True
    stays: str = ""
    leaving_since: datetime | None = None
    finalizers: tuple[str, ...] = ()
    static: bool = False
    tolerant: bool = False
    uid: str = ""
    wants: Room = field(default_factory=Room)
    priority: int = 0
    claims: tuple[str, ...] = ()  # its PersistentVolumeClaims, by name in its namespace
    grace: int = 30  # seconds
    created_at: datetime | None = None
    ready_since: datetime | None = None
    unready_since: datetime | None = None  # None also for one that has never been looked at by its kubelet
    tolerates: tuple[Toleration, ...] = ()
    selects: Mapping[str, str] = field(default_factory=dict)  # its nodeSelector
    scheduled_at: datetime | None = None  # when it got its node
    around: str = ""
    unplaced: str = ""

    @property
    def place(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def kind(self) -> str:
        return self.controller.partition("/")[0]

    @property
    def has_ended(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    @property
    def is_drained(self) -> bool:
        """Whether a drain has to move it: not what is of a DaemonSet or of the node itself, nor what has ended."""
        return self.kind != "DaemonSet" and not self.static and not self.has_ended
