"""The life of nodes: taints that follow their state, pods driven off lost ones, and pods of nodes that are gone."""

from collections.abc import Iterable
from datetime import datetime

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.daemonset import tolerations
from fleetkeeper.sim.controllers.kubelet import report
from fleetkeeper.sim.controllers.live import Controller, Live, itself
from fleetkeeper.sim.controllers.matching import condition, tolerates_one, with_condition
from fleetkeeper.sim.kube.state_log import Change, Event, Key, key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

RESOURCE = "/nodes"
_PRESSURES = {
    "MemoryPressure": "memory-pressure",
    "DiskPressure": "disk-pressure",
    "PIDPressure": "pid-pressure",
    "NetworkUnavailable": "network-unavailable",
}
_OURS = {f"node.kubernetes.io/{key}" for key in ("not-ready", "unreachable", "unschedulable", *_PRESSURES.values())}


def launch(live: Live, node: Object) -> None:
    """An instance starts: its node registers once it has booted, and is Ready a little later."""
    live.timeline.after(live.timing.node_boot, lambda: register(live, node))


def register(live: Live, node: Object) -> None:
    """A kubelet that has booted makes its Node object, unless there is one."""
    if live.objects.get(RESOURCE, "", node["metadata"]["name"]) is None:
        live.objects.create(RESOURCE, node)


def terminate(live: Live, name: str) -> None:
    """Its instance is terminated: the kubelet is silent at once, and the cloud takes the node away."""
    live.silent.add(name)
    live.timeline.after(live.timing.node_removal, lambda: _remove(live, name))


def _remove(live: Live, name: str) -> None:
    if live.objects.get(RESOURCE, "", name) is not None:
        live.objects.delete(RESOURCE, ("", name))


def silence(live: Live, name: str) -> None:
    """A node's kubelet stops to answer: after the monitor's grace period the node is Unknown."""
    live.silent.add(name)
    live.timeline.after(live.timing.node_monitor_grace, lambda: _lose(live, name))


def _lose(live: Live, name: str) -> None:
    if name not in live.silent or live.objects.get(RESOURCE, "", name) is None:
        return
    report(live, name, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    at = stamp(live.now())
    for pod in live.objects.find("node", pods.PODS, name):
        if pods.is_ready(pod):
            said = {"type": "Ready", "status": "False"}
            conditions = with_condition(pod["status"]["conditions"], said, at)
            live.set_status(pods.PODS, pod, {**pod["status"], "conditions": conditions})


def reconcile(live: Live, key: Key) -> None:
    node = live.objects.get(RESOURCE, *key)
    if node is None:
        _collect(live, key[1])
        return
    taints = _wanted_taints(live, node)
    if taints != list(node["spec"].get("taints") or ()):
        spec = {**node["spec"], "taints": taints}
        if not taints:
            del spec["taints"]
        node = live.objects.update(RESOURCE, {**node, "spec": spec})
    _drive_off(live, node)


def _wanted_taints(live: Live, node: Object) -> list[Object]:
    """Those of others as they are, and ours by the node's conditions; NoExecute carries its time."""
    have = list(node["spec"].get("taints") or ())
    wanted: list[Object] = []
    ready = condition(node, "Ready")
    if ready is None or ready["status"] != "True":
        key = "unreachable" if ready is not None and ready["status"] == "Unknown" else "not-ready"
        wanted.append({"key": f"node.kubernetes.io/{key}", "effect": "NoSchedule"})
        if ready is not None:
            taint = {"key": f"node.kubernetes.io/{key}", "effect": "NoExecute"}
            wanted.append({**taint, "timeAdded": stamp(live.now())})
    if node["spec"].get("unschedulable"):
        taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        wanted.append({**taint, "timeAdded": stamp(live.now())})
    for kind, key in _PRESSURES.items():
        found = condition(node, kind)
        if found is not None and found["status"] == "True":
            wanted.append({"key": f"node.kubernetes.io/{key}", "effect": "NoSchedule"})
    asked = {(each["key"], each["effect"]) for each in wanted}
    kept = [each for each in have if each["key"] not in _OURS or (each["key"], each["effect"]) in asked]
    known = {(each["key"], each["effect"]) for each in kept}
    return kept + [each for each in wanted if (each["key"], each["effect"]) not in known]


def _drive_off(live: Live, node: Object) -> None:
    """Pods that do not tolerate a NoExecute taint go, at once or after the time that they tolerate it."""
    taints = [each for each in node["spec"].get("taints") or () if each["effect"] == "NoExecute"]
    if not taints:
        return
    name = node["metadata"]["name"]
    for pod in live.objects.find("node", pods.PODS, name):
        if pods.is_leaving(pod) or pods.is_ended(pod):
            continue
        left = _patience(live, tolerations(pod), taints)
        if left is None:
            continue
        if left > 0:
            live.requeue(CONTROLLER, ("", name), left)
        else:
            live.objects.delete(pods.PODS, key_of(pod))


def _patience(live: Live, tolerated: list[Object], taints: list[Object]) -> float | None:
    """Seconds that a pod may stay, None for ever."""
    least: float | None = None
    for taint in taints:
        matching = [each for each in tolerated if tolerates_one(each, taint)]
        if not matching:
            return 0.0
        limits = [each["tolerationSeconds"] for each in matching if each.get("tolerationSeconds") is not None]
        if len(limits) < len(matching):
            continue  # one of them tolerates it without a limit
        since = datetime.fromisoformat(taint.get("timeAdded") or stamp(live.now()))
        left = max(0.0, min(limits) - (live.now() - since).total_seconds())
        least = left if least is None else min(least, left)
    return least


def _collect(live: Live, name: str) -> None:
    """The pods of a node that is gone, after a quarantine."""
    left = live.objects.find("node", pods.PODS, name)
    if not left:
        live.silent.discard(name)
        live.gone.pop(name, None)
        return
    since = live.gone.setdefault(name, live.now())
    wait = live.timing.orphan_pod_quarantine - (live.now() - since).total_seconds()
    if wait > 0:
        live.requeue(CONTROLLER, ("", name), wait)
        return
    for pod in left:
        live.objects.delete(pods.PODS, key_of(pod), grace=0)


def _pod_keys(_live: Live, event: Event) -> Iterable[Key]:
    """The node that a pod has come to: it may be tainted, or gone."""
    node = event.object["spec"].get("nodeName")
    if event.change is Change.DELETED or not node:
        return ()
    return () if event.before is not None and event.before["spec"].get("nodeName") else (("", node),)


CONTROLLER = Controller(
    "node-lifecycle",
    RESOURCE,
    reconcile,
    {RESOURCE: itself, pods.PODS: _pod_keys},
    looks_at_status=lambda resource: resource != pods.PODS,
)
