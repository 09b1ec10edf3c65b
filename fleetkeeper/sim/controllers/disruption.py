"""The status of PodDisruptionBudgets.

After k8s.io/kubernetes/pkg/controller/disruption (v1.36.4): it watches budgets and pods only, so a workload that is
scaled moves its budget with the first pod that changes; pods without a controller are counted as healthy but expected
by nobody; a pod whose controller has no scale fails the whole budget (SyncFailed).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, controller_of, itself
from fleetkeeper.sim.controllers.matching import condition, is_true, scaled, with_condition
from fleetkeeper.sim.kube.label_index import selected, selecting_keys
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_log import Change, Event, Key
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

RESOURCE = "policy/poddisruptionbudgets"
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
    found = selected(live.objects, pods.PODS, key[0], budget["spec"].get("selector"))
    try:
        count = _expected(live, budget, found)
    except (_Unscalable, ValueError) as refused:
        _fail(live, budget, str(refused))
        return
    disrupted, again = _disrupted(live, budget, found)
    staying = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
    if disrupted:
        staying = [pod for pod in staying if pod["metadata"]["name"] not in disrupted]
    healthy = sum(is_true(pod, "Ready") for pod in staying)
    allowed = max(0, healthy - count.desired) if count.expected > 0 else 0
    _write(live, budget, count, healthy, allowed, disrupted)
    if again is not None:
        live.requeue(CONTROLLER, key, again)


def _expected(live: Live, budget: Object, found: list[Object]) -> _Count:
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        expected = _scale(live, found)
        return _Count(expected, max(0, expected - scaled(spec["maxUnavailable"], expected, round_up=True)))
    minimum = spec.get("minAvailable")
    if isinstance(minimum, int):
        return _Count(len(found), minimum)
    if minimum is None:
        return _Count(0, 0)
    expected = _scale(live, found)
    return _Count(expected, scaled(minimum, expected, round_up=True))


def _scale(live: Live, found: list[Object]) -> int:
    """The replicas of all controllers of the pods."""
    scales: dict[str, int] = {}
    asked: set[str] = set()  # a ReplicaSet is not in scales where its Deployment speaks for it
    for pod in found:
        reference = controller_of(pod)
        if reference is None or reference["uid"] in asked:
            continue
        asked.add(reference["uid"])
        uid, count = _controller_scale(live, pod, reference)
        scales[uid] = count
    return sum(scales.values())


def _controller_scale(live: Live, pod: Object, reference: Object) -> tuple[str, int]:
    """The controller's uid and replicas; a ReplicaSet's Deployment speaks for it. A controller that is gone fails."""
    namespace, kind = pod["metadata"]["namespace"], reference["kind"]
    if kind in _NO_SCALE:
        raise _Unscalable(_NO_SCALE[kind])
    owner = live.objects.get(_SCALED[kind], namespace, reference["name"]) if kind in _SCALED else None
    if owner is None or owner["metadata"]["uid"] != reference["uid"]:
        raise _Unscalable(f'found no controllers for pod "{pod["metadata"]["name"]}"')
    above = controller_of(owner)
    if kind == "ReplicaSet" and above is not None and above["kind"] == "Deployment":
        found = live.objects.get("apps/deployments", namespace, above["name"])
        if found is not None and found["metadata"]["uid"] == above["uid"]:
            owner = found
    return owner["metadata"]["uid"], owner["spec"].get("replicas", 1)


def _disrupted(live: Live, budget: Object, found: list[Object]) -> tuple[dict[str, str], float | None]:
    """The pods that were evicted and are not being deleted yet, and the seconds until the first is given up."""
    known: dict[str, str] = (budget.get("status") or {}).get("disruptedPods") or {}
    kept: dict[str, str] = {}
    again: float | None = None
    if not known:
        return kept, again
    for pod in found:
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


Labels = Mapping[str, str] | None


class Guards:
    """The budgets of each pod, kept until its labels or a budget are others: a pod is written ten times in its life."""

    resources = (RESOURCE,)

    def __init__(self) -> None:
        self._known: dict[Key, tuple[Labels, tuple[Key, ...]]] = {}

    def of(self, objects: Objects, key: Key, labels: Labels) -> tuple[Key, ...]:
        """The keys of the budgets that select a pod by its labels."""
        objects.notice()
        known = self._known.get(key)
        if known is None or (known[0] is not labels and known[0] != labels):
            known = self._known[key] = (labels, selecting_keys(objects, RESOURCE, key[0], labels))
        return known[1]

    def drop(self, key: Key) -> None:
        self._known.pop(key, None)

    def hear(self, event: Event) -> None:
        if not event.is_of_status:
            self.forget()

    def forget(self) -> None:
        self._known.clear()


def _pod_keys(live: Live, event: Event) -> Iterable[Key]:
    guards, key, labels = live.follower(Guards), event.key, event.object["metadata"].get("labels")
    before = event.before["metadata"].get("labels") if event.before else labels
    if before != labels:
        return [*guards.of(live.objects, key, before), *guards.of(live.objects, key, labels)]
    found = guards.of(live.objects, key, labels)
    if event.change is Change.DELETED:
        guards.drop(key)
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
