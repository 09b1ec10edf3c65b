"""How many pods may be missing at once: one pool for each budget, across all nodes, and one for each workload.

A token comes back when a replacement is Ready. That is seen, not remembered: pods that terminate, and pods that are not
Ready, are the tokens that are out. ReplicaSets replace a pod while it terminates, StatefulSets only after it is gone.
"""

from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.budgets import SYNC_FAILED, allowed, desired_healthy
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.observed import Budget

REPLACED_AT_ONCE = frozenset({"Deployment", "ReplicaSet", "ReplicationController", "Rollout"})
"""Kinds whose controllers make the next pod while the last one still terminates."""


@dataclass(slots=True, eq=False)
class Pool:
    """A tally of the pods of one budget, or of one workload, filled while the cluster is read once.

    young: those that are not Ready and have not been there for long. moving: those on old nodes that do not leave yet.
    changed_at: when a pod of it last came, became Ready or was asked to leave. size: the replicas that the workload
    wants, None where nobody knows. unsettled: what of its volumes is still on its way, "" for nothing.
    """

    namespace: str
    name: str  # of the budget, or Kind/name of the workload
    budget: Budget | None = None
    size: int | None = None
    live: int = 0
    ready: int = 0
    young: int = 0
    leaving: int = 0
    moving: int = 0
    changed_at: datetime | None = None
    unsettled: str = ""
    tokens: int = 0
    out: int = 0
    """Pods that were chosen to go in this turn."""

    @property
    def place(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def missing(self) -> int:
        """Pods that are leaving, or gone, and whose replacements are not there yet. Where the size is not known and
        the workload replaces at once, the replacements that are not Ready yet stand for those that leave."""
        if self.size is not None:
            return max(0, self.size - self.live)
        if self.replaces_at_once:
            return max(0, self.leaving - self.young)
        return self.leaving

    @property
    def replaces_at_once(self) -> bool:
        return self.name.partition("/")[0] in REPLACED_AT_ONCE

    @property
    def never(self) -> bool:
        """Whether its budget lets no pod go even when all are Ready; the server's own count, if it has one, wins."""
        budget = self.budget
        if budget is None or not budget.observed or budget.allowed > 0:
            return False
        return budget.reason == SYNC_FAILED or not allowed(budget, budget.expected, budget.expected)

    def at_best(self, share: float) -> int:
        """How many may be missing at once when all of them are well; at least one, for what never goes is told."""
        if self.budget is not None:
            return max(1, allowed(self.budget, self.budget.expected, self.budget.expected))
        return max(1, int(self._wanted * share))

    def fill(self, share: float) -> None:
        """Reckon the tokens of this turn. share: of a workload without a budget what may be missing at once."""
        if self.budget is not None:
            self.tokens = self._of_budget(self.budget)
        else:
            self.tokens = max(0, max(1, int(self._wanted * share)) - self.missing - self.young)

    def lets_unready_go(self) -> bool:
        """Whether an unready pod goes without a token, by the rules of the eviction subresource.

        Of a workload without a budget it does: it serves nobody where it is.
        """
        budget = self.budget
        if budget is None or budget.unhealthy_policy == "AlwaysAllow":
            return True
        desired = max(budget.desired, desired_healthy(budget, budget.expected))
        return budget.observed and desired > 0 and min(self.ready, budget.healthy) >= desired

    def spare(self, pod: LivePod) -> bool:
        """Whether a pod may go now as far as this pool goes."""
        return self.tokens > 0 or asks_nothing(pod, self)

    def spend(self, pod: LivePod) -> None:
        if not asks_nothing(pod, self):
            self.tokens -= 1

    @property
    def _wanted(self) -> int:
        if self.size is not None:
            return self.size
        return self.live if self.replaces_at_once else self.live + self.leaving

    def _of_budget(self, budget: Budget) -> int:
        """The lesser of what the server would give and what the pods say that are seen now: either may be the older."""
        if not budget.observed or budget.reason == SYNC_FAILED:
            return 0
        desired = max(budget.desired, desired_healthy(budget, budget.expected))
        return max(0, min(budget.allowed, self.ready - desired))


def asks_nothing(pod: LivePod, pool: Pool) -> bool:
    """A pod that has not started asks no budget; one that is not Ready only some."""
    return pod.phase == "Pending" or (not pod.ready and pool.lets_unready_go())
