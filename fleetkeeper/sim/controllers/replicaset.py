"""ReplicaSets: as many pods as asked for, and the counts of them."""

from collections.abc import Iterable

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, controller_of, itself, of_controller
from fleetkeeper.sim.controllers.matching import selects
from fleetkeeper.sim.controllers.tallies import Tallies, Tally
from fleetkeeper.sim.kube.state_log import Change, Event, Key, key_of
from fleetkeeper.sim.world import Object

RESOURCE = "apps/replicasets"


def reconcile(live: Live, key: Key) -> None:
    found = live.objects.get(RESOURCE, *key)
    if found is None:
        return
    _adopt(live, found)
    tally = live.follower(Tallies).of(live.objects, found["metadata"]["uid"])
    if tally.settled is found:
        return
    missing = found["spec"].get("replicas", 1) - tally.active
    if "deletionTimestamp" not in found["metadata"]:
        for _ in range(missing):
            live.objects.create(pods.PODS, pods.from_template(live, found["spec"]["template"], "ReplicaSet", found))
        for pod in pods.to_delete(_active(live, found), -missing) if missing < 0 else ():
            live.objects.delete(pods.PODS, key_of(pod))
    _count(live, live.objects.get(RESOURCE, *key) or found, tally)
    if "minReadySeconds" not in found["spec"]:  # what time alone may change is never settled
        tally.settled = live.objects.get(RESOURCE, *key)


def _adopt(live: Live, found: Object) -> None:
    """Pods without a controller that the selector means become its own."""
    if "deletionTimestamp" in found["metadata"]:
        return
    for key in tuple(live.objects.keys("controller", pods.PODS, "-")):
        pod = live.objects.get(pods.PODS, *key)
        if pod is None:
            continue
        metadata = pod["metadata"]
        if metadata.get("namespace") != found["metadata"]["namespace"] or not pods.is_active(pod):
            continue
        if selects(found["spec"]["selector"], metadata.get("labels")):
            references = [*(metadata.get("ownerReferences") or ()), pods.reference("ReplicaSet", found)]
            live.objects.update(pods.PODS, {**pod, "metadata": {**metadata, "ownerReferences": references}})


def _active(live: Live, found: Object) -> list[Object]:
    return [pod for pod in pods.owned(live, found) if pods.is_active(pod)]


def _count(live: Live, found: Object, tally: Tally) -> None:
    labels = (found["spec"]["template"].get("metadata") or {}).get("labels") or {}
    minimum = found["spec"].get("minReadySeconds", 0)
    waits = [pods.available_in(pod, minimum, live.now()) for pod in _active(live, found)] if minimum else []
    status = {
        "replicas": tally.active,
        **pods.counted(
            fullyLabeledReplicas=tally.having(labels),
            readyReplicas=tally.ready,
            availableReplicas=waits.count(0) if minimum else tally.ready,
        ),
        "observedGeneration": found["metadata"].get("generation", 1),
    }
    live.set_status(RESOURCE, found, status)
    if soon := [wait for wait in waits if wait]:
        live.requeue(CONTROLLER, key_of(found), min(soon))


def _pod_keys(live: Live, event: Event) -> Iterable[Key]:
    """The owner of the pod; of a new orphan, every ReplicaSet that selects it."""
    owners = _owner_keys(live, event)
    if event.change is Change.DELETED or controller_of(event.object) is not None:
        return owners
    labels = event.object["metadata"].get("labels")
    near = live.objects.of(RESOURCE, event.key[0])
    return [*owners, *(key_of(each) for each in near if selects(each["spec"]["selector"], labels))]


_owner_keys = of_controller("ReplicaSet")


CONTROLLER = Controller(
    "replicaset",
    RESOURCE,
    reconcile,
    {RESOURCE: itself, pods.PODS: _pod_keys},
    {pods.PODS: ("ReplicaSet", "")},
)
