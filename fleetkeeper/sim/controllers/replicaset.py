"""ReplicaSets: as many pods as asked for, and the counts of them."""

from collections.abc import Iterable

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, controller_of, itself, of_controller
from fleetkeeper.sim.controllers.matching import selects
from fleetkeeper.sim.kube.state_log import Change, Event, Key, key_of
from fleetkeeper.sim.world import Object

RESOURCE = "apps/replicasets"


def reconcile(live: Live, key: Key) -> None:
    found = live.objects.get(RESOURCE, *key)
    if found is None:
        return
    _adopt(live, found)
    active = [pod for pod in pods.owned(live, found) if pods.is_active(pod)]
    wanted = found["spec"].get("replicas", 1)
    if "deletionTimestamp" not in found["metadata"]:
        for _ in range(wanted - len(active)):
            live.objects.create(pods.PODS, pods.from_template(found["spec"]["template"], "ReplicaSet", found))
        for pod in pods.to_delete(active, len(active) - wanted) if len(active) > wanted else ():
            live.objects.delete(pods.PODS, key_of(pod))
    _count(live, live.objects.get(RESOURCE, *key) or found)


def _adopt(live: Live, found: Object) -> None:
    """Pods without a controller that the selector means become its own."""
    if "deletionTimestamp" in found["metadata"]:
        return
    for pod in live.objects.find("controller", pods.PODS, "-"):
        metadata = pod["metadata"]
        if metadata.get("namespace") != found["metadata"]["namespace"] or not pods.is_active(pod):
            continue
        if selects(found["spec"]["selector"], metadata.get("labels")):
            references = [*(metadata.get("ownerReferences") or ()), pods.reference("ReplicaSet", found)]
            live.objects.update(pods.PODS, {**pod, "metadata": {**metadata, "ownerReferences": references}})


def _count(live: Live, found: Object) -> None:
    labels = (found["spec"]["template"].get("metadata") or {}).get("labels") or {}
    minimum, now = found["spec"].get("minReadySeconds", 0), live.now()
    active = [pod for pod in pods.owned(live, found) if pods.is_active(pod)]
    waits = [pods.available_in(pod, minimum, now) for pod in active]
    status = {
        "replicas": len(active),
        **pods.counted(
            fullyLabeledReplicas=sum(labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in active),
            readyReplicas=sum(pods.is_ready(pod) for pod in active),
            availableReplicas=sum(wait == 0 for wait in waits),
        ),
        "observedGeneration": found["metadata"].get("generation", 1),
    }
    live.set_status(RESOURCE, found, status)
    if soon := [wait for wait in waits if wait]:
        live.requeue(CONTROLLER, key_of(found), min(soon))


def _pod_keys(live: Live, event: Event) -> Iterable[Key]:
    """The owner of the pod; of a new orphan, every ReplicaSet that selects it."""
    yield from of_controller("ReplicaSet")(live, event)
    if event.change is not Change.DELETED and controller_of(event.object) is None:
        labels = event.object["metadata"].get("labels")
        for each in live.objects.of(RESOURCE, event.key[0]):
            if selects(each["spec"]["selector"], labels):
                yield key_of(each)


CONTROLLER = Controller("replicaset", RESOURCE, reconcile, {RESOURCE: itself, pods.PODS: _pod_keys})
