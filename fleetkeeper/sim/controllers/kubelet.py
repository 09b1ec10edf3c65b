"""Kubelets: pods on their nodes start, become ready, run, end and leave; a node becomes Ready.

A kubelet's state is in the objects, so a cluster may wake at any time: what a scenario says runs, runs; what it says
waits for an image waits for good.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter

from fleetkeeper.sim.controllers import placing, pods
from fleetkeeper.sim.controllers.live import Controller, Live, controller_of, itself
from fleetkeeper.sim.controllers.matching import condition, is_true, with_condition
from fleetkeeper.sim.kube.state_log import Change, Event, Key, key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

NODES = "/nodes"
ATTACHMENTS = "storage.k8s.io/volumeattachments"
_CREATING = {"waiting": {"reason": "ContainerCreating"}}


def answers(live: Live, node: Object | None) -> bool:
    """Whether a node's kubelet works."""
    return node is not None and node["metadata"]["name"] not in live.silent and _reports(node)


def _reports(node: Object) -> bool:
    ready = condition(node, "Ready")
    return ready is None or ready["status"] != "Unknown"


def reconcile(live: Live, key: Key) -> None:
    pod = live.objects.get(pods.PODS, *key)
    if pod is None or not pod["spec"].get("nodeName"):
        return
    node = live.objects.get(NODES, "", pod["spec"]["nodeName"])
    if node is None or pod["spec"]["nodeName"] in live.silent or not live.once(_reports, node):
        return
    if pods.is_leaving(pod):
        _end(live, pod)
        return
    status = pod.get("status") or {}
    if pods.is_ended(pod):
        return
    if not status.get("startTime"):
        _accept(live, pod, node)
        return
    states = [each.get("state") or {} for each in status.get("containerStatuses") or ()]
    if all("running" in state for state in states) and states:
        _run(live, pod, states)
    elif any((state.get("waiting") or {}).get("reason") == "ContainerCreating" for state in states):
        _start(live, pod)


def _accept(live: Live, pod: Object, node: Object) -> None:
    at = stamp(live.now())
    addresses = node.get("status", {}).get("addresses") or ()
    host = next((each["address"] for each in addresses if each["type"] == "InternalIP"), "10.0.0.1")
    conditions = list((pod.get("status") or {}).get("conditions") or ())
    for kind, value in _conditions("False", initialized="True"):
        conditions = with_condition(conditions, {"type": kind, "status": value, "lastProbeTime": None}, at)
    conditions = with_condition(conditions, {"type": "PodScheduled", "status": "True", "lastProbeTime": None}, at)
    statuses = [_container(each, _CREATING, ready=False) for each in pod["spec"]["containers"]]
    status = {"phase": "Pending", "conditions": conditions, "hostIP": host, "hostIPs": [{"ip": host}]}
    live.set_status(pods.PODS, pod, {**status, "startTime": at, "containerStatuses": statuses})


def _conditions(ready: str, initialized: str) -> tuple[tuple[str, str], ...]:
    return (("Initialized", initialized), ("Ready", ready), ("ContainersReady", ready))


def _container(container: Object, state: Object, *, ready: bool) -> Object:
    image, running = container["image"], "running" in state
    return {
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": ready,
        "restartCount": 0,
        "image": image,
        "imageID": _image_id(image) if running else "",
        "started": running,
    }


@lru_cache(maxsize=1024)
def _image_id(image: str) -> str:
    digest = hashlib.sha256(image.encode()).hexdigest()
    return f"{image.partition('@')[0].rsplit(':', 1)[0]}@sha256:{digest}"


def _start(live: Live, pod: Object) -> None:
    """Volumes, then images, then containers."""
    if not _volumes_are_attached(live, pod):
        return  # the attachment wakes us
    status = pod["status"]
    sandbox = condition(pod, "PodReadyToStartContainers")
    if sandbox is None or sandbox["status"] != "True":
        said = {"type": "PodReadyToStartContainers", "status": "True", "lastProbeTime": None}
        conditions = with_condition(status["conditions"], said, stamp(live.now()))
        live.set_status(pods.PODS, pod, {**status, "conditions": conditions})
        return
    began = datetime.fromisoformat(sandbox["lastTransitionTime"])
    pull = 0.0 if _has_images(live, pod) else live.timing.image_pull
    left = pull + live.timing.container_start - (live.now() - began).total_seconds()
    if left > 0:
        live.requeue(CONTROLLER, key_of(pod), left)
        return
    state = {"running": {"startedAt": stamp(live.now())}}
    statuses = [_container(each, state, ready=False) for each in pod["spec"]["containers"]]
    address = _address(pod)
    network = {"podIP": address, "podIPs": [{"ip": address}]}
    live.set_status(pods.PODS, pod, {**status, **network, "phase": "Running", "containerStatuses": statuses})


def _volumes_are_attached(live: Live, pod: Object) -> bool:
    node = pod["spec"]["nodeName"]
    wanted = {claim["spec"].get("volumeName", "") for claim in placing.claims(live, pod)}
    if not wanted:
        return True
    live.objects.index("node", ATTACHMENTS, lambda each: str(each["spec"]["nodeName"]))
    attached = {
        each["spec"]["source"].get("persistentVolumeName")
        for each in live.objects.find("node", ATTACHMENTS, node)
        if (each.get("status") or {}).get("attached")
    }
    detachable = {name for name in wanted if _is_attachable(live, name)}
    return detachable <= attached and "" not in wanted


def _is_attachable(live: Live, volume: str) -> bool:
    found = live.objects.get("/persistentvolumes", "", volume)
    return found is not None and "csi" in found["spec"]


def _has_images(live: Live, pod: Object) -> bool:
    """Whether another pod of the node runs the same images already."""
    missing = {each["image"] for each in pod["spec"]["containers"]}
    for other in live.objects.find("node", pods.PODS, pod["spec"]["nodeName"]):
        for each in (other.get("status") or {}).get("containerStatuses") or ():
            if each.get("imageID"):
                missing.discard(each["image"])
        if not missing:
            return True
    return False


def _address(pod: Object) -> str:
    digest = hashlib.blake2b(pod["metadata"]["uid"].encode(), digest_size=3).digest()
    return f"100.64.{digest[0]}.{digest[1] % 254 + 1}"


def _run(live: Live, pod: Object, states: list[Object]) -> None:
    """Ready after a while; the pod of a Job, or one that says so, ends after a while."""
    if not pod["metadata"].get("annotations") and _was_ready(pod) and _runs_for(live, pod) is None:
        return
    elapsed = (live.now() - datetime.fromisoformat(states[0]["running"]["startedAt"])).total_seconds()
    looks = []
    fails, ends = pods.annotated(pod, "fails-after"), _runs_for(live, pod)
    if fails and elapsed >= float(fails):
        _finish(live, pod, "Failed")
        return
    if ends is not None and elapsed >= ends:
        _finish(live, pod, "Succeeded")
        return
    looks += [float(fails)] if fails else []
    looks += [ends] if ends is not None else []
    after = pods.annotated(pod, "ready-after")
    if not pods.is_ready(pod) and after != "never" and not _was_ready(pod):
        due = float(after) if after else live.timing.readiness
        if elapsed >= due:
            _set_ready(live, pod)
        else:
            looks.append(due)
    if looks:
        live.requeue(CONTROLLER, key_of(pod), min(looks) - elapsed)


def _was_ready(pod: Object) -> bool:
    """Somebody made a pod that was ready not ready (a scenario, a test, a node that was lost): that stays."""
    return all(each.get("ready") for each in pod["status"].get("containerStatuses") or ())


def _runs_for(live: Live, pod: Object) -> float | None:
    said, reference = pods.annotated(pod, "runs-for"), controller_of(pod)
    if said:
        return float(said)
    return live.timing.job_run if reference and reference["kind"] == "Job" else None


def _set_ready(live: Live, pod: Object) -> None:
    status, conditions = pod["status"], pod["status"]["conditions"]
    for kind, value in _conditions("True", initialized="True"):
        said = {"type": kind, "status": value, "lastProbeTime": None}
        conditions = with_condition(conditions, said, stamp(live.now()))
    statuses = [{**each, "ready": True} for each in status["containerStatuses"]]
    live.set_status(pods.PODS, pod, {**status, "conditions": conditions, "containerStatuses": statuses})


def _finish(live: Live, pod: Object, phase: str) -> None:
    at, status, failed = stamp(live.now()), pod["status"], phase == "Failed"
    conditions = status["conditions"]
    for kind in ("Ready", "ContainersReady"):
        said = {"type": kind, "status": "False", "lastProbeTime": None}
        if not failed:
            said["reason"] = "PodCompleted"
        conditions = with_condition(conditions, said, at)
    code = {"exitCode": int(failed), "reason": "Error" if failed else "Completed", "finishedAt": at}
    statuses = [
        {**each, "ready": False, "started": False, "state": {"terminated": {**each["state"]["running"], **code}}}
        for each in status["containerStatuses"]
    ]
    live.set_status(pods.PODS, pod, {**status, "phase": phase, "conditions": conditions, "containerStatuses": statuses})


def _end(live: Live, pod: Object) -> None:
    """The container answers SIGTERM, or its grace period is over; then the pod is gone."""
    metadata = pod["metadata"]
    grace = metadata["deletionGracePeriodSeconds"]
    said = pods.annotated(pod, "terminates-after")
    asked = float("inf") if said == "never" else float(said) if said else live.timing.termination
    left = (datetime.fromisoformat(metadata["deletionTimestamp"]) - live.now()).total_seconds()
    left -= grace - min(grace, asked)
    if left > 0:
        live.requeue(CONTROLLER, key_of(pod), left)
    else:
        live.objects.delete(pods.PODS, key_of(pod), grace=0)


def reconcile_node(live: Live, key: Key) -> None:
    """A new node reports itself Ready after a while."""
    node = live.objects.get(NODES, *key)
    if node is None or node["metadata"]["name"] in live.silent or condition(node, "Ready") is not None:
        return
    born = datetime.fromisoformat(node["metadata"]["creationTimestamp"])
    left = live.timing.node_ready - (live.now() - born).total_seconds()
    if left > 0:
        live.requeue(NODE_CONTROLLER, key, left)
    else:
        report(live, key[1], "True", "KubeletReady", "kubelet is posting ready status")


def report(live: Live, name: str, ready: str, reason: str, message: str) -> None:
    """Set a node's Ready condition."""
    at = stamp(live.now())

    def change(node: Object) -> Object:
        status = node.get("status") or {}
        said = {"type": "Ready", "status": ready, "reason": reason, "message": message, "lastHeartbeatTime": at}
        return {**node, "status": {**status, "conditions": with_condition(status.get("conditions") or (), said, at)}}

    live.objects.edit(NODES, "", name, change)


def revive(live: Live, name: str) -> None:
    """A silent kubelet answers again, and reports its pods as they are."""
    live.silent.discard(name)
    report(live, name, "True", "KubeletReady", "kubelet is posting ready status")
    for pod in live.objects.find("node", pods.PODS, name):
        if pods.is_active(pod) and pod.get("status", {}).get("containerStatuses") and _was_ready(pod):
            _set_ready(live, pod)


def _on_node(live: Live, event: Event) -> Iterable[Key]:
    """The pods of a node that came or whose readiness changed."""
    before = event.before
    if before is None or is_true(before, "Ready") != is_true(event.object, "Ready"):
        yield from (key_of(pod) for pod in live.objects.find("node", pods.PODS, event.key[1]))


def _attached(live: Live, event: Event) -> Iterable[Key]:
    node = event.object["spec"]["nodeName"]
    return [key_of(pod) for pod in live.objects.find("node", pods.PODS, node) if not pod["status"].get("podIP")]


def _pod_keys(_live: Live, event: Event) -> Iterable[Key]:
    return (event.key,) if event.change is not Change.DELETED and event.object["spec"].get("nodeName") else ()


CONTROLLER = Controller(
    "kubelet",
    pods.PODS,
    reconcile,
    {pods.PODS: _pod_keys, NODES: _on_node, ATTACHMENTS: _attached},
    delay=attrgetter("reaction"),
)
NODE_CONTROLLER = Controller("kubelet-node", NODES, reconcile_node, {NODES: itself})
