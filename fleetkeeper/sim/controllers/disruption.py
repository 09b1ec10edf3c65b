"""The status of PodDisruptionBudgets.

After k8s.io/kubernetes/pkg/controller/disruption (v1.36.4): it watches budgets and pods only, so a workload that is
scaled moves its budget with the first pod that changes; pods without a controller are counted as healthy but expected
by nobody; a pod whose controller has no scale fails the whole budget (SyncFailed).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.covers import RESOURCE, Cover, Covers, is_healthy
from fleetkeeper.sim.controllers.live import Controller, Live, controller_of, itself
from fleetkeeper.sim.controllers.matching import condition, is_true, scaled, with_condition
from fleetkeeper.sim.kube.label_index import selected
from fleetkeeper.sim.kube.state_log import Change, Event, Key
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

_SCALED = {
    "ReplicaSet": "apps/replicasets",
    "Deployment": "apps/deployments",
    "StatefulSet": "apps/statefulsets",
    "ReplicationController": "/replicationcontrollers",
}
_NO_SCALE = {
    "DaemonSet": "daemonsets.apps does not implement the scale subresource",
    "Job": "jobs.batch does not implement the scale subresource",
    "Node": "nodes does not implement the scale subresource",
}


class _Unscalable(Exception):
    """The expected pods cannot be counted; its text is the condition's message."""


@dataclass(frozen=True, slots=True)
class _Count:
    expected: int
    desired: int


def reconcile(live: Live, key: Key) -> None:
    budget = live.objects.get(RESOURCE, *key)
    if budget is None:
        return
    cover = live.follower(Covers).of(live.objects, budget)
    try:
        count = _expected(live, budget, cover)
    except (_Unscalable, ValueError) as refused:
        _fail(live, budget, str(refused))
        return
    if cover.settled is not None and cover.settled[0] is budget and cover.settled[1] == count:
        return
    disrupted, again = _disrupted(live, budget)
    healthy = cover.healthy
    for name in disrupted:
        pod = live.objects.get(pods.PODS, key[0], name)
        healthy -= pod is not None and is_healthy(pod)
    allowed = max(0, healthy - count.desired) if count.expected > 0 else 0
    _write(live, budget, count, healthy, allowed, disrupted)
    if again is not None:
        live.requeue(CONTROLLER, key, again)
    elif (after := live.objects.get(RESOURCE, *key)) is not None:
        cover.settled = after, count


def _expected(live: Live, budget: Object, cover: Cover) -> _Count:
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        expected = _scale(live, budget, cover)
        return _Count(expected, max(0, expected - scaled(spec["maxUnavailable"], expected, round_up=True)))
    minimum = spec.get("minAvailable")
    if isinstance(minimum, int):
        return _Count(cover.pods, minimum)
    if minimum is None:
        return _Count(0, 0)
    expected = _scale(live, budget, cover)
    return _Count(expected, scaled(minimum, expected, round_up=True))


def _scale(live: Live, budget: Object, cover: Cover) -> int:
    """The replicas of all controllers of the pods."""
    scales: dict[str, int] = {}
    for reference, _ in cover.makers.values():
        found = _controller_scale(live, budget["metadata"]["namespace"], reference)
        if found is None:
            raise _Unscalable(_first_uncounted(live, budget))
        uid, count = found
        scales[uid] = count
    return sum(scales.values())


def _controller_scale(live: Live, namespace: str, reference: Object) -> tuple[str, int] | None:
    """The controller's uid and replicas; a ReplicaSet's Deployment speaks for it. None: it is gone, or has no scale."""
    kind = reference["kind"]
    owner = live.objects.get(_SCALED[kind], namespace, reference["name"]) if kind in _SCALED else None
    if owner is None or owner["metadata"]["uid"] != reference["uid"]:
        return None
    above = controller_of(owner)
    if kind == "ReplicaSet" and above is not None and above["kind"] == "Deployment":
        found = live.objects.get("apps/deployments", namespace, above["name"])
        if found is not None and found["metadata"]["uid"] == above["uid"]:
            owner = found
    return owner["metadata"]["uid"], owner["spec"].get("replicas", 1)


def _first_uncounted(live: Live, budget: Object) -> str:
    """Why the first of the pods with such a controller fails the budget."""
    namespace = budget["metadata"]["namespace"]
    for pod in selected(live.objects, pods.PODS, namespace, budget["spec"].get("selector")):
        reference = controller_of(pod)
        if reference is not None and _controller_scale(live, namespace, reference) is None:
            return _NO_SCALE.get(reference["kind"], f'found no controllers for pod "{pod["metadata"]["name"]}"')
    raise LookupError(f"every controller of the pods of {budget['metadata']['name']} has a scale")


def _disrupted(live: Live, budget: Object) -> tuple[dict[str, str], float | None]:
    """The pods that were evicted and are not being deleted yet, and the seconds until the first is given up."""
    known: dict[str, str] = (budget.get("status") or {}).get("disruptedPods") or {}
    kept: dict[str, str] = {}
    again: float | None = None
    namespace = budget["metadata"]["namespace"]
    evicted = (live.objects.get(pods.PODS, namespace, name) for name in known)
    if all(pod is None or pods.is_leaving(pod) for pod in evicted):
        return kept, again
    for pod in selected(live.objects, pods.PODS, namespace, budget["spec"].get("selector")):
        name = pod["metadata"]["name"]
        if name not in known or pods.is_leaving(pod):
            continue
        left = datetime.fromisoformat(known[name]) + timedelta(seconds=live.timing.disruption_timeout) - live.now()
        if left > timedelta(0):
            kept[name] = known[name]
            again = min(again or left.total_seconds(), left.total_seconds())
    return kept, again


def _write(live: Live, budget: Object, count: _Count, healthy: int, allowed: int, disrupted: dict[str, str]) -> None:
    generation = budget["metadata"].get("generation", 1)
    before = budget.get("status") or {}
    said = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "observedGeneration": generation,
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
    }
    status: Object = {
        "observedGeneration": generation,
        **({"disruptedPods": disrupted} if disrupted else {}),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": count.desired,
        "expectedPods": count.expected,
        "conditions": with_condition(before.get("conditions") or (), said, stamp(live.now())),
    }
    live.set_status(RESOURCE, budget, status)


def _fail(live: Live, budget: Object, message: str) -> None:
    """The rest of the status stays what it was, also the generation that it was computed for."""
    before = {"currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0, **(budget.get("status") or {})}
    said = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": message}
    if "observedGeneration" in before:
        said["observedGeneration"] = before["observedGeneration"]
    conditions = with_condition(before.get("conditions") or (), said, stamp(live.now()))
    live.set_status(RESOURCE, budget, {**before, "disruptionsAllowed": 0, "conditions": conditions})


def _pod_keys(live: Live, event: Event) -> Iterable[Key]:
    covers, key, labels = live.follower(Covers), event.key, event.object["metadata"].get("labels")
    before = event.before["metadata"].get("labels") if event.before else labels
    if before != labels:
        return [*covers.guards(live.objects, key, before), *covers.guards(live.objects, key, labels)]
    found = covers.guards(live.objects, key, labels)
    if event.change is Change.DELETED:
        covers.drop(key)
    return found


def reconcile_pod(live: Live, key: Key) -> None:
    """A pod that was evicted and stays after all loses the mark of it."""
    pod = live.objects.get(pods.PODS, *key)
    target = condition(pod, "DisruptionTarget") if pod is not None else None
    if pod is None or target is None or target["status"] != "True" or pods.is_leaving(pod) or pods.is_ended(pod):
        return
    since = live.now() - datetime.fromisoformat(target["lastTransitionTime"])
    left = live.timing.disruption_timeout - since.total_seconds()
    if left > 0:
        live.requeue(POD_CONTROLLER, key, left)
        return
    said = {"type": "DisruptionTarget", "status": "False", "lastProbeTime": None}
    kept = [each for each in pod["status"]["conditions"] if each["type"] != "DisruptionTarget"]
    conditions = with_condition(kept, said, stamp(live.now()))
    live.set_status(pods.PODS, pod, {**pod["status"], "conditions": conditions})


def _evicted(_live: Live, event: Event) -> Iterable[Key]:
    return (event.key,) if is_true(event.object, "DisruptionTarget") else ()


POD_CONTROLLER = Controller("disrupted-pods", pods.PODS, reconcile_pod, {pods.PODS: _evicted})
CONTROLLER = Controller("disruption", RESOURCE, reconcile, {RESOURCE: itself, pods.PODS: _pod_keys})
