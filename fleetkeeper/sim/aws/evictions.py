"""PodDisruptionBudget arithmetic over the pods of a world as they are, without a controller's help."""

from dataclasses import dataclass
from math import ceil
from typing import Any

from fleetkeeper.sim.world import Object, SimCluster

MANY_BUDGETS = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget and its counts: healthy pods, and how many of them there must be."""

    name: str
    healthy: int
    desired: int
    always_allows_unready: bool

    def refusal(self, pod: Object) -> str:
        """Why the budget keeps a pod, "" when it lets it go."""
        if pod.get("status", {}).get("phase") == "Pending":
            return ""
        if not is_ready(pod) and (self.always_allows_unready or self.healthy >= self.desired > 0):
            return ""
        if self.healthy > self.desired:
            return ""
        need = f"The disruption budget {self.name} needs {self.desired} healthy pods and has {self.healthy} currently"
        return f"Cannot evict pod as it would violate the pod's disruption budget. {need}"


def is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def budgets_for(cluster: SimCluster, pod: Object) -> list[Budget]:
    """The budgets that speak of a pod, counted now."""
    namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels", {})
    found = []
    for (where, name), budget in cluster.objects.get("policy/poddisruptionbudgets", {}).items():
        selector = budget["spec"].get("selector")
        if where == namespace and selector is not None and matches(selector, labels):
            found.append(_counted(cluster, namespace, name, budget["spec"]))
    return found


def _counted(cluster: SimCluster, namespace: str, name: str, spec: dict[str, Any]) -> Budget:
    covered = [
        each
        for (where, _), each in cluster.objects.get("/pods", {}).items()
        if where == namespace
        and matches(spec["selector"], each["metadata"].get("labels", {}))
        and each.get("status", {}).get("phase") not in {"Succeeded", "Failed"}
        and "deletionTimestamp" not in each["metadata"]
    ]
    healthy = sum(1 for each in covered if is_ready(each))
    always = spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    return Budget(name, healthy, _desired(spec, len(covered)), always)


def _desired(spec: dict[str, Any], expected: int) -> int:
    """Healthy pods that must stay, of those expected: the pods there are, for replacements are there at once."""
    if "minAvailable" in spec:
        return _share(spec["minAvailable"], expected)
    return max(0, expected - _share(spec.get("maxUnavailable", 1), expected))


def _share(value: Any, of: int) -> int:
    text = str(value)
    return ceil(int(text[:-1]) * of / 100) if text.endswith("%") else int(text)


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector of the API (matchLabels and matchExpressions) takes the labels; an empty one does."""
    wanted: dict[str, str] = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(term, labels) for term in selector.get("matchExpressions") or ())


def _holds(term: dict[str, Any], labels: dict[str, str]) -> bool:
    have, values = labels.get(term["key"]), term.get("values") or ()
    match term["operator"]:
        case "In":
            return have in values
        case "NotIn":
            return have not in values
        case "Exists":
            return have is not None
    return have is None
