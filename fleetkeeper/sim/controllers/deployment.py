"""Deployments: one ReplicaSet per template, rolled within maxSurge and maxUnavailable.

After k8s.io/kubernetes/pkg/controller/deployment (v1.36.4), whose order of steps this keeps: up, then clean up what is
unhealthy, then down.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, controller_of, itself, of_controller
from fleetkeeper.sim.controllers.matching import scaled, with_condition
from fleetkeeper.sim.kube.state_log import Change, Event, Key, key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

RESOURCE = "apps/deployments"
SETS = "apps/replicasets"
_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"


@dataclass(frozen=True, slots=True)
class _Rollout:
    """What a Deployment asks for, with the rounding of the real controller."""

    replicas: int
    surge: int
    unavailable: int
    recreate: bool

    @classmethod
    def of(cls, spec: Object) -> "_Rollout":
        replicas, strategy = spec.get("replicas", 1), spec.get("strategy") or {}
        if strategy.get("type") == "Recreate":
            return cls(replicas, 0, replicas, recreate=True)
        rolling = strategy.get("rollingUpdate") or {}
        surge = scaled(rolling.get("maxSurge", "25%"), replicas, round_up=True)
        unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
        if not surge and not unavailable:
            unavailable = 1
        return cls(replicas, surge, min(unavailable, replicas), recreate=False)


def reconcile(live: Live, key: Key) -> None:
    found = live.objects.get(RESOURCE, *key)
    if found is None:
        return
    owned = live.objects.find("controller", SETS, found["metadata"]["uid"])
    if live.is_settled(CONTROLLER, key, found, *owned):
        return
    revision = live.objects.revision
    sets = _in_order(owned)
    newest, rollout = _newest(live, found, sets), live.once(_Rollout.of, found["spec"])
    if "deletionTimestamp" in found["metadata"]:
        _write_status(live, found, sets, newest)
        return
    if found["spec"].get("paused"):
        _write_status(live, found, sets, newest)
        return
    if newest is None and not (rollout.recreate and _waits_for_old_pods(live, found, sets)):
        newest = _create(live, found, sets, rollout)
    if newest is not None:
        _number(live, found, newest, sets)
    _roll(live, found, rollout, newest, sets if live.objects.revision == revision else _sets(live, found))
    if live.objects.revision != revision:
        found, sets = live.objects.get(RESOURCE, *key) or found, _sets(live, found)
        newest = _newest(live, found, sets)
    stands = live.objects.revision == revision and not rollout.recreate  # a Recreate looks at pods too
    is_over = _write_status(live, found, sets, newest)
    revision = live.objects.revision
    _clean_up(live, found, sets, newest)
    if stands and is_over and live.objects.revision == revision:
        live.settle(CONTROLLER, key, live.objects.get(RESOURCE, *key) or found, *owned)


def _sets(live: Live, found: Object) -> list[Object]:
    return _in_order(live.objects.find("controller", SETS, found["metadata"]["uid"]))


def _in_order(owned: list[Object]) -> list[Object]:
    """The ReplicaSets of a Deployment, oldest first."""
    return sorted(owned, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]))


def _newest(live: Live, found: Object, sets: list[Object]) -> Object | None:
    """The set of today's template; of several (a scenario's old ones are alike) the one that has pods."""
    wanted = found["spec"]["template"]
    same = [each for each in sets if live.once(_are_same, each["spec"]["template"], wanted)]
    if len(same) < 2:
        return same[0] if same else None
    return max(same, key=lambda each: each["spec"].get("replicas", 1) > 0, default=None)


def _are_same(one: Object, other: Object) -> bool:
    return _without_hash(one) == _without_hash(other)


def _without_hash(template: Object) -> Object:
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    return {"labels": labels, "annotations": metadata.get("annotations") or {}, "spec": template["spec"]}


def _old(sets: list[Object], newest: Object | None) -> list[Object]:
    return [each for each in sets if newest is None or each["metadata"]["uid"] != newest["metadata"]["uid"]]


def _waits_for_old_pods(live: Live, found: Object, sets: list[Object]) -> bool:
    """Recreate: all old pods must have ended before the first new one."""
    for each in _old(sets, _newest(live, found, sets)):
        if each["spec"].get("replicas", 1):
            _scale(live, found, each, 0)
    return any(not pods.is_ended(pod) for each in sets for pod in pods.owned(live, each))


def _create(live: Live, found: Object, sets: list[Object], rollout: _Rollout) -> Object:
    template, metadata = found["spec"]["template"], found["metadata"]
    hashed = pods.template_hash(template)
    while live.objects.get(SETS, metadata["namespace"], f"{metadata['name']}-{hashed}") is not None:
        hashed = pods.template_hash({"collision": hashed, **template})
    labels = {**((template.get("metadata") or {}).get("labels") or {}), _HASH: hashed}
    selector = found["spec"]["selector"]
    selector = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), _HASH: hashed}}
    revision = str(1 + max((_revision(each) for each in (*sets, found)), default=0))
    count = sum(each["spec"].get("replicas", 1) for each in sets)
    made = {
        "metadata": {
            "name": f"{metadata['name']}-{hashed}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": {_DESIRED: str(rollout.replicas), _REVISION: revision},
            "ownerReferences": [pods.reference("Deployment", found)],
        },
        "spec": {
            "replicas": max(0, min(rollout.replicas, rollout.replicas + rollout.surge - count)),
            "selector": selector,
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        },
        "status": {"replicas": 0},
    }
    if "minReadySeconds" in found["spec"]:
        made["spec"]["minReadySeconds"] = found["spec"]["minReadySeconds"]
    created = live.objects.create(SETS, made)
    _annotate(live, RESOURCE, found, revision)
    return created


def _revision(obj: Object) -> int:
    said = (obj["metadata"].get("annotations") or {}).get(_REVISION, "0")
    return int(said) if said.isdigit() else 0


def _number(live: Live, found: Object, newest: Object, sets: list[Object]) -> None:
    """A set that is taken up again, as by a rollback, becomes the newest revision."""
    last = max((_revision(each) for each in _old(sets, newest)), default=0)
    if not last or _revision(newest) > last:
        return
    _annotate(live, SETS, newest, str(last + 1))
    _annotate(live, RESOURCE, found, str(last + 1))


def _annotate(live: Live, resource: str, obj: Object, revision: str) -> None:
    def annotated(current: Object) -> Object:
        metadata = current["metadata"]
        annotations = {**(metadata.get("annotations") or {}), _REVISION: revision}
        return {**current, "metadata": {**metadata, "annotations": annotations}}

    live.objects.edit(resource, *key_of(obj), annotated)


def _scale(live: Live, found: Object, chosen: Object, replicas: int) -> None:
    desired = str(found["spec"].get("replicas", 1))

    def change(current: Object) -> Object:
        metadata = current["metadata"]
        annotations = {**(metadata.get("annotations") or {}), _DESIRED: desired}
        spec = {**current["spec"], "replicas": replicas}
        return {**current, "metadata": {**metadata, "annotations": annotations}, "spec": spec}

    live.objects.edit(SETS, *key_of(chosen), change)


def _roll(live: Live, found: Object, rollout: _Rollout, newest: Object | None, sets: list[Object]) -> None:
    """One step: scale the new set up, or the old ones down."""
    if newest is None:
        return
    total = sum(each["spec"].get("replicas", 1) for each in sets)
    have = newest["spec"].get("replicas", 1)
    if have > rollout.replicas:
        _scale(live, found, newest, rollout.replicas)
        return
    if rollout.recreate:
        if have < rollout.replicas and not _waits_for_old_pods(live, found, _old(sets, newest)):
            _scale(live, found, newest, rollout.replicas)
        return
    room = rollout.replicas + rollout.surge - total
    if have < rollout.replicas and room > 0:
        _scale(live, found, newest, have + min(room, rollout.replicas - have))
        return
    _scale_down(live, found, rollout, newest, sets, total)


def _scale_down(live: Live, found: Object, rollout: _Rollout, newest: Object, sets: list[Object], total: int) -> None:
    """First the pods of old sets that are unhealthy anyway, then as many as stay above the minimum."""
    old = {each["metadata"]["name"]: each["spec"].get("replicas", 1) for each in _old(sets, newest)}
    if not any(old.values()):
        return
    by_name = {each["metadata"]["name"]: each for each in sets}
    minimum = rollout.replicas - rollout.unavailable
    room = total - minimum - (newest["spec"].get("replicas", 1) - _available(newest))
    if room <= 0:
        return
    wanted = dict(old)
    for name, count in old.items():
        cleaned = min(room, count - min(count, _available(by_name[name])))
        wanted[name], room = count - cleaned, room - cleaned
    spare = sum(_available(each) for each in sets) - minimum
    for name, count in wanted.items():
        fewer = min(count, max(0, spare))
        wanted[name], spare = count - fewer, spare - fewer
    for name, count in wanted.items():
        if count != old[name]:
            _scale(live, found, by_name[name], count)


def _available(each: Object) -> int:
    count: int = each.get("status", {}).get("availableReplicas", 0)
    return count


def _write_status(live: Live, found: Object, sets: list[Object], newest: Object | None) -> bool:
    """Whether its rollout was over already: only what it is made of can then give it another status."""
    rollout, at = live.once(_Rollout.of, found["spec"]), stamp(live.now())
    before = found.get("status") or {}
    count = {
        name: sum(each.get("status", {}).get(name, 0) for each in sets)
        for name in ("replicas", "readyReplicas", "availableReplicas")
    }
    available, updated = count["availableReplicas"], (newest or {}).get("status", {}).get("replicas", 0)
    missing = max(0, sum(each["spec"].get("replicas", 1) for each in sets) - available)
    enough = available >= rollout.replicas - rollout.unavailable
    said = {
        "type": "Available",
        "status": "True" if enough else "False",
        "reason": f"MinimumReplicas{'Available' if enough else 'Unavailable'}",
        "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
    }
    conditions = _with_condition(before.get("conditions") or [], said, at)
    status: Object = {
        "observedGeneration": found["metadata"].get("generation", 1),
        **pods.counted(**count, updatedReplicas=updated, unavailableReplicas=missing),
        "conditions": conditions,
    }
    is_over = _rolled_out(conditions, updated == count["replicas"])
    if newest is not None and not is_over:
        done = updated == count["replicas"] == available == rollout.replicas
        status["conditions"] = _progress(live, found, newest, status, done=done)
    live.set_status(RESOURCE, found, status)
    return is_over


def _rolled_out(conditions: list[Object], only_new: bool) -> bool:
    """The rollout was done before: pods that fail or are added later are no progress."""
    known = next((each for each in conditions if each["type"] == "Progressing"), None)
    return only_new and known is not None and known["reason"] == "NewReplicaSetAvailable"


def _progress(live: Live, found: Object, newest: Object, status: Object, *, done: bool) -> list[Object]:
    """The conditions with how the rollout goes: done, moving, or without progress for too long."""
    conditions: list[Object] = status["conditions"]
    name, at = newest["metadata"]["name"], stamp(live.now())
    said = {"type": "Progressing", "status": "True", "lastUpdateTime": at}
    if done:
        message = f'ReplicaSet "{name}" has successfully progressed.'
        return _with_condition(conditions, {**said, "reason": "NewReplicaSetAvailable", "message": message}, at)
    known = next((each for each in conditions if each["type"] == "Progressing"), None)
    before = found.get("status") or {}
    if known is None or known["reason"] == "NewReplicaSetAvailable" or _has_moved(before, status):
        message = f'ReplicaSet "{name}" is progressing.'
        return with_condition(conditions, {**said, "reason": "ReplicaSetUpdated", "message": message}, at)
    deadline = found["spec"].get("progressDeadlineSeconds", 600)
    left = deadline - (live.now() - datetime.fromisoformat(known["lastUpdateTime"])).total_seconds()
    if known["status"] != "True":
        return conditions
    if left > 0:
        live.requeue(CONTROLLER, key_of(found), left)
        return conditions
    late = {"status": "False", "reason": "ProgressDeadlineExceeded"}
    return with_condition(
        conditions, {**said, **late, "message": f'ReplicaSet "{name}" has timed out progressing.'}, at
    )


def _has_moved(before: Object, after: Object) -> bool:
    """More new pods, or ready ones, or fewer old ones."""
    counted = ("updatedReplicas", "readyReplicas", "availableReplicas")
    old = [each.get("replicas", 0) - each.get("updatedReplicas", 0) for each in (before, after)]
    return old[1] < old[0] or any(after.get(name, 0) > before.get(name, 0) for name in counted)


def _with_condition(conditions: list[Object], said: Object, at: str) -> list[Object]:
    """As the real controller does it: one of the same status and reason stays as it is."""
    for known in conditions:
        if (known["type"], known["status"], known["reason"]) == (said["type"], said["status"], said["reason"]):
            return conditions
    return with_condition(conditions, {**said, "lastUpdateTime": at}, at)


def _clean_up(live: Live, found: Object, sets: list[Object], newest: Object | None) -> None:
    """Old empty sets past the history limit go, the oldest first."""
    limit = found["spec"].get("revisionHistoryLimit", 10)
    empty = [
        each
        for each in _old(sets, newest)
        if not each["spec"].get("replicas", 1) and not each.get("status", {}).get("replicas")
    ]
    for each in empty[: max(0, len(empty) - limit)]:
        live.objects.delete(SETS, key_of(each))


def _pod_keys(live: Live, event: Event) -> Iterable[Key]:
    """A pod that is gone may be the last old one that a Recreate waits for."""
    reference = controller_of(event.object) if event.change is Change.DELETED else None
    if reference is None or reference["kind"] != "ReplicaSet":
        return ()
    owner = live.objects.get(SETS, event.key[0], reference["name"])
    above = controller_of(owner) if owner else None
    return () if above is None else ((event.key[0], above["name"]),)


CONTROLLER = Controller(
    "deployment",
    RESOURCE,
    reconcile,
    {RESOURCE: itself, SETS: of_controller("Deployment"), pods.PODS: _pod_keys},
    {SETS: ("Deployment",), pods.PODS: ("ReplicaSet",)},
    looks_at_status=lambda resource: resource != pods.PODS,
)
