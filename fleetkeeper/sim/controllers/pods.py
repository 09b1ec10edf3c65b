"""Pods as their controllers see them: made from a template, ready, available, and which of them goes first."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.matching import condition, is_true
from fleetkeeper.sim.objects.pods import suffix
from fleetkeeper.sim.world import Object

PODS = "/pods"
ANNOTATION = "sim.fleetkeeper/"
"""Annotations of a pod that tell its simulated kubelet how it behaves, in seconds: ready-after (or "never"),
terminates-after (or "never": its grace period ends it), runs-for (then it ends well), fails-after (then it fails)."""

_DEFAULT_TOLERATIONS = tuple(
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
)
_APIS = {"ReplicaSet": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1"}
_APIS |= {"Deployment": "apps/v1", "CronJob": "batch/v1"}


def reference(kind: str, owner: Object) -> Object:
    """The owner reference that a controller writes."""
    metadata = owner["metadata"]
    named = {"apiVersion": _APIS[kind], "kind": kind, "name": metadata["name"], "uid": metadata["uid"]}
    return {**named, "controller": True, "blockOwnerDeletion": True}


def from_template(
    live: Live, template: Object, kind: str, owner: Object, name: str = "", labels: Mapping[str, str] | None = None
) -> Object:
    """A new pod of a controller, named after it unless a name is given. What all of its pods share is made once."""
    given, own = template.get("metadata") or {}, owner["metadata"]
    metadata: Object = {"name": name} if name else {"generateName": f"{own['name']}-"}
    shared = given.get("labels") or {}
    metadata |= {"namespace": own["namespace"], "labels": {**shared, **labels} if labels else shared}
    if given.get("annotations"):
        metadata["annotations"] = given["annotations"]
    metadata["ownerReferences"] = live.once(_references, kind, own["name"], own["uid"])
    return {"metadata": metadata, "spec": live.once(admitted, template["spec"]), "status": {"phase": "Pending"}}


def _references(kind: str, name: str, uid: str) -> list[Object]:
    return [reference(kind, {"metadata": {"name": name, "uid": uid}})]


def admitted(spec: Object) -> Object:
    """A pod's spec with what admission adds: every pod tolerates a node's absence for five minutes.

    A limit without a request is the request too (SetDefaults_Pod of kubernetes/kubernetes, 1.36).
    """
    tolerations = list(spec.get("tolerations") or ())
    for added in _DEFAULT_TOLERATIONS:
        if not any(
            each.get("key") in (None, "", added["key"]) and each.get("effect") in (None, "", "NoExecute")
            for each in tolerations
        ):
            tolerations.append(added)
    return {**spec, **_requested(spec), "tolerations": tolerations}


def _requested(spec: Object) -> Object:
    """The lists of containers of a spec, with their requests."""
    found = {}
    for member in ("containers", "initContainers"):
        for each in spec.get(member) or ():
            if (each.get("resources") or {}).get("limits"):
                found[member] = [_with_requests(each) for each in spec[member]]
                break
    return found


def _with_requests(container: Object) -> Object:
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return container
    return {**container, "resources": {**resources, "requests": {**limits, **(resources.get("requests") or {})}}}


def is_of_template(pod: Object, template: Object) -> bool:
    """Whether a pod is what the template makes: all that the template says is true of it."""
    metadata = pod["metadata"]
    return _is_made_by(template, pod["spec"], metadata.get("labels"), metadata.get("annotations"))


def is_still_of_template(live: Live, pod: Object, template: Object) -> bool:
    """The same, of pods that are asked about again and again."""
    metadata = pod["metadata"]
    return live.once(_is_made_by, template, pod["spec"], metadata.get("labels"), metadata.get("annotations"))


def _is_made_by(template: Object, spec: Object, labels: Object | None, annotations: Object | None) -> bool:
    given = template.get("metadata") or {}
    for wanted, have in ((given.get("labels"), labels), (given.get("annotations"), annotations)):
        if wanted and wanted is not have and not wanted.items() <= (have or {}).items():
            return False
    requested = _requested(template["spec"])
    for member, value in template["spec"].items():
        found = spec.get(member)
        if found is value or member == "affinity":
            continue
        if member in ("volumes", "tolerations"):
            if any(each not in (found or ()) for each in value):
                return False
        elif found != requested.get(member, value):
            return False
    return True


def template_hash(template: Object) -> str:
    """What a controller names the template's generation with."""
    return suffix(json.dumps(template, sort_keys=True), 9)


def is_ended(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_leaving(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_active(pod: Object) -> bool:
    return not is_ended(pod) and not is_leaving(pod)


def is_ready(pod: Object) -> bool:
    return is_true(pod, "Ready")


def available_in(pod: Object, min_ready: int, now: datetime) -> float | None:
    """Seconds until a pod counts as available: 0 when it does, None when it is not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    if not min_ready:
        return 0.0
    since = datetime.fromisoformat(ready["lastTransitionTime"])
    return max(0.0, min_ready - (now - since).total_seconds())


def annotated(pod: Object, name: str) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(ANNOTATION + name, ""))


def to_delete(pods: Iterable[Object], count: int) -> list[Object]:
    """The pods that a shrinking ReplicaSet or Job gives up, in the real order: the least useful first."""
    found = list(pods)
    on_node: dict[str, int] = {}
    for pod in found:
        node = pod["spec"].get("nodeName", "")
        on_node[node] = on_node.get(node, 0) + 1

    def rank(pod: Object) -> tuple[Any, ...]:
        phase = {"Pending": 0, "Unknown": 1}.get(pod.get("status", {}).get("phase", "Pending"), 2)
        cost = int((pod["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", 0))
        node = pod["spec"].get("nodeName", "")
        born = datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()
        ready = condition(pod, "Ready") or {}
        since = datetime.fromisoformat(ready["lastTransitionTime"]).timestamp() if is_ready(pod) else 0.0
        return bool(node), phase, is_ready(pod), cost, -on_node[node], -since, -born, pod["metadata"]["name"]

    return sorted(found, key=rank)[:count]


def node_of(pod: Object) -> str:
    """For the index of pods by node; "-" is where pods without one are."""
    return pod["spec"].get("nodeName") or "-"


def owned(live: Live, owner: Object) -> list[Object]:
    """The pods that this object controls, in the order of their names."""
    found = live.objects.find("controller", PODS, owner["metadata"]["uid"])
    return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


def counted(**counts: int) -> dict[str, int]:
    """Counters of a status; those at zero are left out, as the real ones are."""
    return {name: count for name, count in counts.items() if count}
