"""Replacements of evicted pods where no controllers run: each finds a node that takes it, and is Ready later."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.sim.objects.pods import suffix
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object, SimCluster


@dataclass(slots=True)
class Replacements:
    """Pods that wait for a node, or for being Ready, by cluster; None: no node takes it yet."""

    pod_ready: timedelta
    _starting: dict[str, dict[tuple[str, str], datetime | None]] = field(default_factory=dict)

    def add(self, cluster: SimCluster, pod: Object, now: datetime) -> None:
        """A pod like the one that went, of the same controller; a StatefulSet's keeps its name."""
        metadata = {**pod["metadata"]}
        if metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + suffix(f"{metadata['name']}|{cluster.revision}")
        metadata |= {"creationTimestamp": stamp(now), "uid": f"{metadata['uid'][:18]}-{cluster.revision:017d}"}
        spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
        status = {"phase": "Pending", "conditions": _conditions(stamp(now), ready=False, scheduled=False)}
        cluster.put("/pods", {**pod, "metadata": metadata, "spec": spec, "status": status})
        self._starting.setdefault(cluster.key, {})[metadata["namespace"], metadata["name"]] = None
        self.step(cluster, now)

    def step(self, cluster: SimCluster, now: datetime) -> None:
        """Bind what waits for a node, and make Ready what has had its time."""
        waiting = self._starting.get(cluster.key)
        for key, ready_at in list((waiting or {}).items()):
            pod = cluster.objects["/pods"].get(key)
            if pod is None or waiting is None:
                continue
            if ready_at is None:
                bound = _bound(cluster, pod, stamp(now))
                if bound is not None:
                    cluster.put("/pods", bound)
                    waiting[key] = now + self.pod_ready
            elif ready_at <= now:
                status = {"phase": "Running", "conditions": _conditions(stamp(now), ready=True)}
                cluster.put("/pods", {**pod, "status": {**pod["status"], **status}})
                del waiting[key]


def start_daemons(cluster: SimCluster, node: str, now: datetime) -> None:
    """The pods of DaemonSets on a node that has just joined, Ready at once; the node's OS and labels decide."""
    joined = cluster.objects["/nodes"]["", node]
    for (namespace, name), owner in list(cluster.objects.get("apps/daemonsets", {}).items()):
        template = owner["spec"]["template"]
        wanted: dict[str, str] = template["spec"].get("nodeSelector") or {}
        labels = joined["metadata"].get("labels", {})
        if any(labels.get(key) != value for key, value in wanted.items()):
            continue
        reference = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": name, "uid": owner["metadata"]["uid"]}
        metadata = {
            "name": f"{name}-{suffix(f'{node}|{name}')}",
            "generateName": f"{name}-",
            "namespace": namespace,
            "uid": f"{owner['metadata']['uid'][:18]}-{cluster.revision:017d}",
            "creationTimestamp": stamp(now),
            "labels": template["metadata"].get("labels", {}),
            "ownerReferences": [{**reference, "controller": True, "blockOwnerDeletion": True}],
        }
        status = {"phase": "Running", "startTime": stamp(now), "conditions": _conditions(stamp(now), ready=True)}
        spec = {**template["spec"], "nodeName": node, "tolerations": [{"operator": "Exists"}]}
        cluster.put("/pods", {"metadata": metadata, "spec": spec, "status": status})


def _conditions(at: str, *, ready: bool, scheduled: bool = True) -> list[Object]:
    states = (("Initialized", scheduled), ("Ready", ready), ("ContainersReady", ready), ("PodScheduled", scheduled))
    return [{"type": kind, "status": "True" if on else "False", "lastTransitionTime": at} for kind, on in states]


def _bound(cluster: SimCluster, pod: Object, at: str) -> Object | None:
    """The pod on the emptiest node that takes it; None when none does."""
    nodes = [name for (_, name), node in cluster.objects.get("/nodes", {}).items() if _takes(node, pod["spec"])]
    if not nodes:
        return None
    load = Counter(str(each.get("spec", {}).get("nodeName", "")) for each in cluster.objects["/pods"].values())
    chosen = min(nodes, key=lambda name: (load[name], name))
    status = {**pod["status"], "startTime": at, "conditions": _conditions(at, ready=False)}
    return {**pod, "spec": {**pod["spec"], "nodeName": chosen}, "status": {**status, "phase": "Pending"}}


def is_ready_node(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _takes(node: Object, spec: dict[str, Any]) -> bool:
    if node.get("spec", {}).get("unschedulable") or not is_ready_node(node):
        return False
    labels = node["metadata"].get("labels", {})
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    taints = node.get("spec", {}).get("taints", ())
    return all(_tolerated(taint, spec.get("tolerations", ())) for taint in taints)


def _tolerated(taint: dict[str, str], tolerations: Any) -> bool:
    if taint["effect"] == "PreferNoSchedule":
        return True
    for each in tolerations:
        if each.get("effect") not in {None, "", taint["effect"]} or each.get("key") not in {None, "", taint["key"]}:
            continue
        if each.get("operator") == "Exists" or each.get("value", "") == taint.get("value", ""):
            return True
    return False
