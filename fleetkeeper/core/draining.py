"""What keeps pods on their nodes: which pod, which budget or annotation, whose it is, and what would free it.

The rules are those of the eviction subresource (kubernetes/kubernetes, pkg/registry/core/pod/storage/eviction.go,
1.36): a pod that is pending, has ended or is leaving asks no budget; two budgets on one pod refuse it for good; an
unready pod goes when its budget says AlwaysAllow, or when enough others are healthy.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from fleetkeeper.core.budgets import SYNC_FAILED, allowed, limit_text
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.owner_keys import owner_named
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import some

_ASKS_NO_BUDGET = ("Pending", "Succeeded", "Failed")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One pod that does not go. for_good: waiting does not help, somebody has to change something.

    since: for how long it has been in the way, None where that is not known or said in why.
    """

    pod: LivePod
    why: str
    fix: str
    owner: str = ""
    for_good: bool = False
    since: datetime | None = None

    @property
    def text(self) -> str:
        of = f" of {self.pod.controller}" if self.pod.controller else ""
        since = f" (since {self.since:%H:%M} UTC)" if self.since else ""
        return f"{self.pod.place}{of} on {self.pod.node}: {self.why}{since}"


def obstacles(pods: Iterable[LivePod], budgets: Iterable[Budget], *, karpenter: bool = False) -> tuple[Obstacle, ...]:
    """Of the pods that a drain has to move those that it cannot move now, those that never go first.

    karpenter: it is Karpenter's drain, which heeds do-not-disrupt; EKS's does not know it.
    """
    by_label: dict[str, _ByLabel] = {}
    for place, budget in enumerate(budgets):
        equal = budget.selector.equal if budget.selector is not None else {}
        label, value = next(iter(equal.items()), ("", ""))
        in_namespace = by_label.setdefault(budget.namespace, {})
        in_namespace.setdefault(label, {}).setdefault(value, []).append((place, budget))
    moved = (pod for pod in pods if pod.is_drained)
    found = [each for pod in moved for each in _of_pod(pod, _near(pod, by_label), karpenter)]
    return tuple(sorted(found, key=lambda each: (not each.for_good, each.pod.node, each.pod.place)))


def told(found: Sequence[Obstacle]) -> str:
    return some(each.text for each in found)


def owner_of(found: Iterable[Obstacle]) -> str:
    return next((each.owner for each in found if each.owner), "")


def fixes(found: Iterable[Obstacle]) -> str:
    return "; ".join(dict.fromkeys(each.fix for each in found if each.fix))


_ByLabel = dict[str, dict[str, list[tuple[int, Budget]]]]
"""The budgets of a namespace, with their places, by the first label that they ask for and its value; "" for none."""


def _near(pod: LivePod, by_label: Mapping[str, _ByLabel]) -> list[Budget]:
    """The budgets, in their order, that may take the pod: those whose first label it has, and those without one."""
    asked = by_label.get(pod.namespace, {})
    found = [each for label, values in asked.items() for each in values.get(pod.labels.get(label, ""), ())]
    return [budget for _, budget in sorted(found, key=itemgetter(0))]


def _of_pod(pod: LivePod, budgets: Iterable[Budget], karpenter: bool) -> Iterator[Obstacle]:
    if pod.leaving_since is not None:
        if pod.finalizers:
            yield _held(pod)
        return
    if karpenter and pod.stays:
        why = f"it asks to stay ({pod.stays})"
        yield Obstacle(pod, why, "take the annotation off it, or delete it when it may end", _owner(pod.owner), True)
    if pod.phase in _ASKS_NO_BUDGET:
        return
    taking = [each for each in budgets if each.selector is not None and each.selector.accepts(pod.labels)]
    if len(taking) > 1:
        yield _several(pod, taking)
    elif taking and (obstacle := _of_budget(pod, taking[0])):
        yield obstacle


def _held(pod: LivePod) -> Obstacle:
    since = f" since {pod.leaving_since:%H:%M} UTC" if pod.leaving_since else ""
    why = f"it is terminating{since}, and finalizers hold it: {safe(some(pod.finalizers), _LONGEST)}"
    return Obstacle(pod, why, "let whoever set the finalizer remove it", _owner(pod.owner))


def _several(pod: LivePod, taking: Sequence[Budget]) -> Obstacle:
    names = " and ".join(_name(each) for each in taking[:3])
    why = f"{len(taking)} PodDisruptionBudgets take it ({names}), and the API server evicts no pod that has two"
    owner = next((name for each in taking if (name := _owner(each.owner))), "") or _owner(pod.owner)
    return Obstacle(pod, why, f"leave one of {names}, and narrow the selector of the others", owner, True)


def _of_budget(pod: LivePod, budget: Budget) -> Obstacle | None:
    if budget.observed and (budget.allowed > 0 or _lets_unready_go(pod, budget)):
        return None
    name, owner = _name(budget), _owner(budget.owner) or _owner(pod.owner)
    if budget.reason == SYNC_FAILED:  # then it is not observed either, for its controller gives up before it counts
        why = f"PDB {name} lets nothing go, for its pods cannot be counted: {budget.message or SYNC_FAILED}"
        fix = f"give the pods of PDB {name} a controller with a scale, or use minAvailable as a number"
        return Obstacle(pod, why, fix, owner, True)
    if not budget.observed:
        return Obstacle(pod, f"PDB {name} was not counted yet since it changed", "", owner)
    for_good = not allowed(budget, budget.expected, budget.expected)
    return Obstacle(pod, f"PDB {name} allows 0 more disruptions, {_counted(budget)}", _fix(budget), owner, for_good)


def _counted(budget: Budget) -> str:
    if not budget.expected:
        return "for it counts no pod that a controller would make again"
    text = f"{budget.desired} of {budget.expected} must be healthy"
    return f"{text} and {budget.healthy} are" if budget.healthy < budget.expected else text


def _fix(budget: Budget) -> str:
    name = _name(budget)
    if allowed(budget, budget.expected, budget.expected):
        return f"bring the pods of PDB {name} to Ready: kubectl --namespace {budget.namespace} get pods"
    return f"let PDB {name} ({limit_text(budget)}) spare one pod, or run one pod more"


def _lets_unready_go(pod: LivePod, budget: Budget) -> bool:
    if pod.ready:
        return False
    return budget.unhealthy_policy == "AlwaysAllow" or (budget.desired > 0 and budget.healthy >= budget.desired)


def _name(budget: Budget) -> str:
    return f"{budget.namespace}/{budget.name}"


def _owner(keys: Mapping[str, str]) -> str:
    return owner_named(keys)
