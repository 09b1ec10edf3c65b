"""DaemonSets: a pod for every node that takes it, cordoned or not; one that is deleted returns at once."""

from collections.abc import Iterable

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, controller_of, itself, of_controller
from fleetkeeper.sim.controllers.matching import node_matches, scaled, selects, tolerates
from fleetkeeper.sim.kube.state_log import Event, Key, key_of
from fleetkeeper.sim.world import Object

RESOURCE = "apps/daemonsets"
NODES = "/nodes"
TOLERATIONS: tuple[Object, ...] = (
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/pid-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
)
_OWN = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def tolerations(pod: Object) -> list[Object]:
    """What a pod tolerates; one of a DaemonSet always tolerates its node's troubles."""
    own = list(pod["spec"].get("tolerations") or ())
    reference = controller_of(pod)
    return [*TOLERATIONS, *own] if reference and reference["kind"] == "DaemonSet" else own


def reconcile(live: Live, key: Key) -> None:
    found = live.objects.get(RESOURCE, *key)
    if found is None:
        return
    nodes = live.objects.of(NODES)
    if "deletionTimestamp" not in found["metadata"]:
        _place(live, found, nodes)
        _replace(live, found, nodes)
    _count(live, live.objects.get(RESOURCE, *key) or found, nodes)


def _place(live: Live, found: Object, nodes: list[Object]) -> None:
    have = _by_node(live, found)
    for node in nodes:
        name = node["metadata"]["name"]
        here = have.pop(name, [])
        for pod in here:
            if pods.is_ended(pod) and not pods.is_leaving(pod):
                live.objects.delete(pods.PODS, key_of(pod))
        running = [pod for pod in here if pods.is_active(pod)]
        runs, stays = _fits(live, found, node)
        if runs and not here:
            live.objects.create(pods.PODS, _pod(found, name))
        for pod in running[1:] if stays else running:
            live.objects.delete(pods.PODS, key_of(pod))
    for pod in (pod for here in have.values() for pod in here):  # of nodes that are gone
        if not pod["spec"].get("nodeName") and not pods.is_leaving(pod):
            live.objects.delete(pods.PODS, key_of(pod))  # it never ran; one that did is the pod collector's


def _by_node(live: Live, found: Object) -> dict[str, list[Object]]:
    """Its pods by the node that they are on, or meant for."""
    have: dict[str, list[Object]] = {}
    for pod in pods.owned(live, found):
        have.setdefault(pod["spec"].get("nodeName") or meant_for(pod), []).append(pod)
    return have


def meant_for(pod: Object) -> str:
    """The one node that a pod of a DaemonSet may go to, "" for every other pod."""
    required = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            return str(field["values"][0])
    return ""


def _fits(live: Live, found: Object, node: Object) -> tuple[bool, bool]:
    """Whether the node should get a pod, and whether one that is there may stay."""
    key = ("fits", found["metadata"]["uid"], node["metadata"]["name"])
    made_of = (found["spec"], node["metadata"].get("labels"), node["spec"])
    return live.memo.of(key, made_of, lambda: _judged(found, node))


def _judged(found: Object, node: Object) -> tuple[bool, bool]:
    spec, labels = found["spec"]["template"]["spec"], node["metadata"].get("labels")
    wanted = {"matchLabels": spec.get("nodeSelector") or {}}
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not selects(wanted, labels) or (required and not node_matches(required["nodeSelectorTerms"], node)):
        return False, False
    tolerated = [*TOLERATIONS, *(spec.get("tolerations") or ())]
    against = [taint for taint in node["spec"].get("taints") or () if not tolerates(tolerated, taint)]
    against = [taint for taint in against if taint["key"] not in _OWN]
    runs = not any(taint["effect"] in ("NoSchedule", "NoExecute") for taint in against)
    return runs, not any(taint["effect"] == "NoExecute" for taint in against)


def _is_new(live: Live, pod: Object, template: Object) -> bool:
    metadata = pod["metadata"]
    made_of = (template, pod["spec"], metadata.get("labels"), metadata.get("annotations"))
    return live.memo.of(("new", metadata["uid"]), made_of, lambda: pods.is_of_template(pod, template))


def _pod(found: Object, node: str) -> Object:
    template, name = found["spec"]["template"], found["metadata"]["name"]
    revision = pods.template_hash(template)
    pod = pods.from_template(template, "DaemonSet", found, **{"controller-revision-hash": revision})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = {**(template["spec"].get("affinity") or {})}
    affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    given = list(template["spec"].get("tolerations") or ())
    added = [each for each in TOLERATIONS if each not in given]
    pod["metadata"]["generateName"] = f"{name}-"
    return {**pod, "spec": {**pod["spec"], "affinity": affinity, "tolerations": [*given, *added]}}


def _replace(live: Live, found: Object, nodes: list[Object]) -> None:
    """The rolling update: unavailable pods of the old template first, within maxUnavailable."""
    strategy = found["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    have = [pod for pod in pods.owned(live, found) if not pods.is_ended(pod)]
    desired = sum(_fits(live, found, node)[0] for node in nodes)
    rolling = strategy.get("rollingUpdate") or {}
    most = max(1, scaled(rolling.get("maxUnavailable", 1), desired, round_up=True))
    unavailable = sum(pods.is_leaving(pod) or not pods.is_ready(pod) for pod in have) + max(0, desired - len(have))
    template = found["spec"]["template"]
    for pod in sorted(have, key=lambda pod: (pods.is_ready(pod), pod["metadata"]["name"])):
        if pods.is_leaving(pod) or _is_new(live, pod, template):
            continue
        if pods.is_ready(pod):
            if unavailable >= most:
                return
            unavailable += 1
        live.objects.delete(pods.PODS, key_of(pod))


def _count(live: Live, found: Object, nodes: list[Object]) -> None:
    have = _by_node(live, found)
    counts = dict.fromkeys(("current", "desired", "wrong", "ready", "available", "updated"), 0)
    for node in nodes:
        here = [pod for pod in have.get(node["metadata"]["name"], ()) if not pods.is_leaving(pod)]
        if not _fits(live, found, node)[0]:
            counts["wrong"] += bool(here)
            continue
        counts["desired"] += 1
        if here:
            counts["current"] += 1
            counts["ready"] += pods.is_ready(here[0])
            wait = pods.available_in(here[0], found["spec"].get("minReadySeconds", 0), live.now())
            counts["available"] += wait == 0
            counts["updated"] += _is_new(live, here[0], found["spec"]["template"])
            if wait:
                live.requeue(CONTROLLER, key_of(found), wait)
    status = {
        "currentNumberScheduled": counts["current"],
        "numberMisscheduled": counts["wrong"],
        "desiredNumberScheduled": counts["desired"],
        "numberReady": counts["ready"],
        "observedGeneration": found["metadata"].get("generation", 1),
        **pods.counted(
            updatedNumberScheduled=counts["updated"],
            numberAvailable=counts["available"],
            numberUnavailable=counts["desired"] - counts["available"],
        ),
    }
    live.set_status(RESOURCE, found, status)


def _node_keys(live: Live, event: Event) -> Iterable[Key]:
    """Every DaemonSet, when a node comes, goes, or changes what a pod could mind."""
    before, after = event.before, event.object
    if before is not None and event.change == "MODIFIED":
        same = before.get("spec") == after.get("spec")
        if same and before["metadata"].get("labels") == after["metadata"].get("labels"):
            return
    yield from (key_of(each) for each in live.objects.of(RESOURCE))


CONTROLLER = Controller(
    "daemonset",
    RESOURCE,
    reconcile,
    {RESOURCE: itself, pods.PODS: of_controller("DaemonSet"), NODES: _node_keys},
)
