"""How a rotation goes about its work: what the operator may set."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Force:
    """When a pod may be deleted past its budget: only with a recorded approval, and only when all of this is so.

    The ages are those of Zalando's cluster-lifecycle-manager (cluster-lifecycle-manager, docs, 2026): the drain of the
    node runs so long, the pod is so old, its siblings are Ready for so long or not ready for so long, and no other
    pod was deleted by force within `apart`.
    """

    approved_by: str
    drain: timedelta = timedelta(hours=6)
    pod: timedelta = timedelta(hours=72)
    siblings_ready: timedelta = timedelta(hours=1)
    siblings_unready: timedelta = timedelta(hours=6)
    apart: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Rules:
    """parallel: nodes that are emptied side by side. reserve: the share of all requests that stays free on new nodes
    for replicas that come in mid-drain. unbudgeted: the share of a workload without a budget that moves at once, at
    least one pod. canary: the first node is emptied alone. settle: a pause of good health between two batches.

    bare: pods without a controller, which nothing brings back, are evicted like others.

    patience: after that a pod that does not go is somebody's to see to. quarantine: after that its node is left, and
    the rest goes on. jobs: how long a Job may take to end before its pod counts as one that does not go.
    """

    parallel: int = 1
    reserve: float = 0.1
    unbudgeted: float = 0.25
    canary: bool = True
    settle: timedelta = timedelta(0)
    patience: timedelta = timedelta(minutes=5)
    quarantine: timedelta = timedelta(minutes=30)
    jobs: timedelta = timedelta(hours=1)
    honours_do_not_disrupt: bool = True
    bare: bool = False
    force: Force | None = None
