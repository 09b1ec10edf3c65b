"""The arithmetic of PodDisruptionBudgets: how many pods may go, and which budgets can never let one go.

The formulas are those of the disruption controller (kubernetes/kubernetes, pkg/controller/disruption/disruption.go,
getExpectedPodCount and updatePdbStatus, 1.36): percentages are rounded up, of minAvailable and of maxUnavailable alike.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleetkeeper.core.model import Pods, Workload
from fleetkeeper.core.observed import Budget

SYNC_FAILED = "SyncFailed"
SCALED = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})
"""Kinds whose size the disruption controller reads, and that bring an evicted pod back elsewhere."""
PASSING = frozenset({"Job", "CronJob"})
"""Kinds whose pods end by themselves, so that a drain may outlast them."""


def scaled(limit: str, expected: int) -> int | None:
    """A limit as a number of pods; None for a text that is no limit."""
    if limit.endswith("%") and limit[:-1].isdecimal():
        return -(-int(limit[:-1]) * expected // 100)
    return int(limit) if limit.isdecimal() else None


def desired_healthy(budget: Budget, expected: int) -> int:
    """How many pods must stay healthy. A limit that is absent or cannot be read lets none go."""
    if budget.maximum_unavailable:
        unavailable = scaled(budget.maximum_unavailable, expected)
        return expected if unavailable is None else max(0, expected - unavailable)
    minimum = scaled(budget.minimum, expected)
    return expected if minimum is None else minimum


def allowed(budget: Budget, expected: int, healthy: int) -> int:
    """How many pods may go now. Where nothing is expected nothing may, whatever the limits say."""
    return max(0, healthy - desired_healthy(budget, expected)) if expected > 0 else 0


def counts_controllers(budget: Budget) -> bool:
    """Whether expected is the size of the pods' controllers; else it is the number of pods, whoever owns them."""
    return bool(budget.maximum_unavailable) or budget.minimum.endswith("%")


def limit_text(budget: Budget) -> str:
    if budget.maximum_unavailable:
        return f"maxUnavailable {budget.maximum_unavailable}"
    return f"minAvailable {budget.minimum}" if budget.minimum else "neither minAvailable nor maxUnavailable"


@dataclass(frozen=True, slots=True)
class Guard:
    """A budget with what its selector takes: the workloads of its namespace, and the pods that no controller owns."""

    budget: Budget
    workloads: tuple[Workload, ...] = ()
    bare: tuple[Workload, ...] = ()

    @property
    def is_drained(self) -> bool:
        """False where it takes nothing but pods of DaemonSets, which no drain evicts."""
        return bool(self.bare) or not self.workloads or any(each.kind != "DaemonSet" for each in self.workloads)

    @property
    def passes(self) -> bool:
        """Whether all of its pods end by themselves."""
        return bool(self.workloads) and not self.bare and all(each.kind in PASSING for each in self.workloads)

    @property
    def is_trusted(self) -> bool:
        """Whether the controller has seen the budget as it is and could count its pods."""
        return self.budget.observed and self.budget.reason != SYNC_FAILED

    @property
    def expected(self) -> int:
        """What the controller expects once no rollout is under way; its own count where a size is not known.

        By number of pods a rollout's surge is counted in, so that the sizes of the workloads are what to go by.
        """
        sizes = [each.replicas for each in self.workloads if each.kind in SCALED]
        known = [size for size in sizes if size is not None]
        if not known or len(known) < len(self.workloads) or (counts_controllers(self.budget) and self.budget.expected):
            return self.budget.expected
        return sum(known) + (0 if counts_controllers(self.budget) else len(self.bare))

    @property
    def allowed_at_best(self) -> int:
        """How many may go when every pod is healthy."""
        return self._allowed_of(self.expected)

    @property
    def allowed_at_minimum(self) -> int | None:
        """How many may go when every autoscaler is at its minimum; None where none of them scales these pods."""
        if all(each.minimum is None for each in self.workloads):
            return None
        less = sum(max(0, (each.replicas or 0) - each.minimum) for each in self.workloads if each.minimum is not None)
        return self._allowed_of(max(0, self.expected - less))

    @property
    def never(self) -> bool:
        """Whether it lets no pod go even when all are healthy. The server's own count, when it allows one, wins."""
        return self.is_trusted and self.expected > 0 and not self.budget.allowed and not self.allowed_at_best

    def _allowed_of(self, expected: int) -> int:
        unmanaged = len(self.bare) if counts_controllers(self.budget) else 0
        return allowed(self.budget, expected, expected + unmanaged)


def guards(budgets: Iterable[Budget], workloads: Iterable[Workload], pods: Pods | None) -> tuple[Guard, ...]:
    """Every budget with what it takes."""
    owned, bare = _by_label(workloads), _by_label(pods.ownerless if pods else ())
    return tuple(Guard(each, _taken(each, owned), _taken(each, bare)) for each in budgets)


def _by_label(workloads: Iterable[Workload]) -> Mapping[tuple[str, ...], list[Workload]]:
    """Those of a namespace, and those of a namespace with one label: a selector then looks at few of them."""
    found: defaultdict[tuple[str, ...], list[Workload]] = defaultdict(list)
    for each in workloads:
        if each.template is None:
            continue
        found[each.namespace,].append(each)
        for key, value in each.template.labels.items():
            found[each.namespace, key, value].append(each)
    return found


def _taken(budget: Budget, workloads: Mapping[tuple[str, ...], list[Workload]]) -> tuple[Workload, ...]:
    selector = budget.selector
    if selector is None:
        return ()
    label = next(iter(selector.equal.items()), ())
    near = workloads.get((budget.namespace, *label), ())
    return tuple(each for each in near if each.template and selector.accepts(each.template.labels))
