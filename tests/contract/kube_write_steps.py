"""What the cases of writes are made of: pods that run, budgets as their controller writes them, and requests."""

from typing import Any

from tests.contract.kube_write_sides import Case, Step

PODS = "/api/v1/namespaces/{ns}/pods"
BUDGETS = "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets"
MERGE, JSON_PATCH, STRATEGIC = (f"application/{kind}-patch+json" for kind in ("merge", "json", "strategic-merge"))
NOW = "2026-11-20T09:00:00Z"
Object = dict[str, Any]


def pod(
    name: str = "web",
    *,
    phase: str = "Running",
    ready: bool = True,
    node: bool = True,
    grace: int | None = None,
    **meta: Any,
) -> list[Step]:
    """A pod that runs, as its kubelet says. It names its service account, which nobody makes without controllers."""
    spec: Object = {"containers": [{"name": "main", "image": "registry.example/app:1"}]}
    spec |= {"serviceAccountName": "default", "automountServiceAccountToken": False}
    if node:
        spec["nodeName"] = "node-1"
    if grace is not None:
        spec["terminationGracePeriodSeconds"] = grace
    made = {"metadata": {"name": name, "labels": {"app": "web"}, **meta}, "spec": spec}
    said = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": NOW, "lastProbeTime": None}
    status = {"phase": phase, "conditions": [said]}
    return [Step("POST", PODS, made), Step("PUT", f"{PODS}/{name}/status", {**made, "status": status})]


def budget(name: str = "web", *, observed: int = 1, condition: Object | None = None, **more: Any) -> list[Step]:
    """A budget whose status is as the controller would write it.

    observed 0 leaves it unseen, without any status unless there is a condition. more: healthy, desired, allowed,
    expected and disrupted are counts of the status, the rest belongs to the spec.
    """
    counts = {"healthy": 3, "desired": 2, "allowed": 1, "expected": 3, "disrupted": 0}
    counts |= {key: value for key, value in more.items() if key in counts}
    given = {key: value for key, value in more.items() if key not in counts}
    spec: Object = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}, **given}
    made: Object = {"metadata": {"name": name}, "spec": {key: each for key, each in spec.items() if each is not None}}
    if not observed and condition is None:
        return [Step("POST", BUDGETS, made)]
    allowed = counts["allowed"]
    reason = "SufficientPods" if allowed else "InsufficientPods"
    said: Object = {"type": "DisruptionAllowed", "status": "True" if allowed else "False", "reason": reason}
    said |= {"message": "", "lastTransitionTime": NOW, "observedGeneration": 1, **(condition or {})}
    status: Object = {
        "disruptionsAllowed": allowed,
        "currentHealthy": counts["healthy"],
        "desiredHealthy": counts["desired"],
        "expectedPods": counts["expected"],
        "conditions": [said],
    }
    if observed:
        status["observedGeneration"] = observed
    if counts["disrupted"]:
        status["disruptedPods"] = {f"gone-{number}": NOW for number in range(counts["disrupted"])}
    seen = {"metadata": {"name": name, "resourceVersion": "{version}"}, "spec": made["spec"], "status": status}
    return [Step("POST", BUDGETS, made), Step("PUT", f"{BUDGETS}/{name}/status", seen)]


def evict(name: str = "web", query: str = "", user: str = "", **more: Any) -> Step:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "{ns}"}, **more}
    step = Step("POST", f"{PODS}/{name}/eviction{query}", body)
    return Step(step.method, step.path, body, user=user) if user else step


def case(id: str, status: int, *steps: Step | list[Step], says: str = "") -> Case:
    """A case of steps and lists of them."""
    flat: list[Step] = []
    for step in steps:
        flat += [step] if isinstance(step, Step) else step
    return Case(id, tuple(flat), status, says)
