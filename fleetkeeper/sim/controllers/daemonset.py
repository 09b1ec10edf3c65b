"""DaemonSets: a pod for every node that takes it, cordoned or not; one that is deleted returns at once."""

from collections.abc import Iterable

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, controller_of, itself, of_controller
from fleetkeeper.sim.controllers.matching import node_matches, scaled, selects, tolerates
from fleetkeeper.sim.controllers.rosters import NODES, RESOURCE, Numbers, Roster, Rosters
from fleetkeeper.sim.kube.state_log import Event, Key, key_of
from fleetkeeper.sim.world import Object

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
    return tolerated(pod["spec"], controller_of(pod))


def tolerated(spec: Object, reference: Object | None) -> list[Object]:
    """The same by its spec and the owner reference of its controller."""
    own = list(spec.get("tolerations") or ())
    return [*TOLERATIONS, *own] if reference and reference["kind"] == "DaemonSet" else own


def reconcile(live: Live, key: Key) -> None:
    found = live.objects.get(RESOURCE, *key)
    if found is None:
        return
    roster = live.follower(Rosters).of(
        found, lambda: live.objects.find("controller", pods.PODS, found["metadata"]["uid"]), live.hosts.by_name()
    )
    if "deletionTimestamp" not in found["metadata"]:
        _place(live, found, roster)
        _replace(live, found, roster)
    _count(live, live.objects.get(RESOURCE, *key) or found, roster)


def _place(live: Live, found: Object, roster: Roster) -> None:
    """On the nodes where something changed: what a look led to on the others is there."""
    changed, roster.to_place = roster.to_place, set()
    hosts = live.hosts.by_name()
    for host in [host for name, host in hosts.items() if name in changed]:
        here = roster.on(host.name)
        for pod in here:
            if pods.is_ended(pod) and not pods.is_leaving(pod):
                live.objects.delete(pods.PODS, key_of(pod))
        running = [pod for pod in here if pods.is_active(pod)]
        runs, stays = _fits(found, host.node)
        if runs and not here:
            live.objects.create(pods.PODS, _pod(live, found, host.name))
        for pod in running[1:] if stays else running:
            live.objects.delete(pods.PODS, key_of(pod))
    gone = (pod for name in changed - hosts.keys() for pod in roster.on(name))
    for pod in sorted(gone, key=lambda pod: str(pod["metadata"]["name"])):
        if not pod["spec"].get("nodeName") and not pods.is_leaving(pod):
            live.objects.delete(pods.PODS, key_of(pod))  # it never ran; one that did is the pod collector's


def _fits(found: Object, node: Object) -> tuple[bool, bool]:
    """Whether the node should get a pod, and whether one that is there may stay."""
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


def _pod(live: Live, found: Object, node: str) -> Object:
    template, name = found["spec"]["template"], found["metadata"]["name"]
    labels = {"controller-revision-hash": live.once(pods.template_hash, template)}
    pod = pods.from_template(live, template, "DaemonSet", found, labels=labels)
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = {**(template["spec"].get("affinity") or {})}
    affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    given = list(template["spec"].get("tolerations") or ())
    added = [each for each in TOLERATIONS if each not in given]
    pod["metadata"]["generateName"] = f"{name}-"
    return {**pod, "spec": {**pod["spec"], "affinity": affinity, "tolerations": [*given, *added]}}


def _replace(live: Live, found: Object, roster: Roster) -> None:
    """The rolling update: unavailable pods of the old template first, within maxUnavailable."""
    strategy = found["spec"].get("updateStrategy") or {}
    if not roster.old or strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    have = [pod for pod in roster.pods() if not pods.is_ended(pod)]
    desired = _counted(live, found, roster).desired
    rolling = strategy.get("rollingUpdate") or {}
    most = max(1, scaled(rolling.get("maxUnavailable", 1), desired, round_up=True))
    unavailable = sum(pods.is_leaving(pod) or not pods.is_ready(pod) for pod in have) + max(0, desired - len(have))
    for pod in sorted(have, key=lambda pod: (pods.is_ready(pod), pod["metadata"]["name"])):
        if pods.is_leaving(pod) or key_of(pod) not in roster.old:
            continue
        if pods.is_ready(pod):
            if unavailable >= most:
                return
            unavailable += 1
        live.objects.delete(pods.PODS, key_of(pod))


def _counted(live: Live, found: Object, roster: Roster) -> Numbers:
    """The numbers of all nodes, counted anew where something changed."""
    changed, roster.to_count = roster.to_count, set()
    hosts = live.hosts.by_name()
    for name in sorted(changed):
        if name in hosts:
            roster.standings[name] = _standing(live, found, roster, hosts[name].node)
        else:
            roster.standings.pop(name, None)
    return Numbers(*(sum(each) for each in zip(Numbers(), *roster.standings.values(), strict=True)))


def _standing(live: Live, found: Object, roster: Roster, node: Object) -> Numbers:
    name = node["metadata"]["name"]
    here = [pod for pod in roster.on(name) if not pods.is_leaving(pod)]
    if not _fits(found, node)[0]:
        return Numbers(wrong=bool(here))
    if not here:
        return Numbers(desired=1)
    wait = pods.available_in(here[0], found["spec"].get("minReadySeconds", 0), live.now())
    if wait:
        roster.to_count.add(name)  # by then nothing else may have changed
        live.requeue(CONTROLLER, key_of(found), wait)
    return Numbers(1, 1, 0, pods.is_ready(here[0]), wait == 0, key_of(here[0]) not in roster.old)


def _count(live: Live, found: Object, roster: Roster) -> None:
    counts = _counted(live, found, roster)
    status = {
        "currentNumberScheduled": counts.current,
        "numberMisscheduled": counts.wrong,
        "desiredNumberScheduled": counts.desired,
        "numberReady": counts.ready,
        "observedGeneration": found["metadata"].get("generation", 1),
        **pods.counted(
            updatedNumberScheduled=counts.updated,
            numberAvailable=counts.available,
            numberUnavailable=counts.desired - counts.available,
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
    {pods.PODS: ("DaemonSet",)},
)
