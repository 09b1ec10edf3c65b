"""The scheduler: a node for every pod that has none, or the reason why there is none."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from operator import attrgetter

from fleetkeeper.sim.controllers import placing, pods
from fleetkeeper.sim.controllers.hosts import NODES, Fit, Host
from fleetkeeper.sim.controllers.live import Controller, Live, controller_uid
from fleetkeeper.sim.controllers.matching import condition, with_condition
from fleetkeeper.sim.controllers.placing import Filter
from fleetkeeper.sim.controllers.rosters import meant_for
from fleetkeeper.sim.controllers.tallies import Tallies
from fleetkeeper.sim.kube.state_log import Change, Event, Key
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

CLAIMS = "/persistentvolumeclaims"
ENOUGH = 100
"""Nodes that could take a pod, after which no more are looked at; the real scheduler looks at 100 at least."""

_SELECTED = "volume.kubernetes.io/selected-node"


def reconcile(live: Live, key: Key) -> None:
    pod = live.objects.get(pods.PODS, *key)
    if pod is None or pod["spec"].get("nodeName") or pods.is_leaving(pod) or pods.is_ended(pod):
        return
    if pod["spec"].get("schedulingGates") or pod["spec"].get("schedulerName", "default-scheduler") != _NAME:
        return
    if reason := _claims_reason(live, pod):
        _leave_pending(live, pod, f"0/{len(live.hosts.by_name())} nodes are available: {reason}")
        return
    chosen, reasons = _choose(live, pod)
    if chosen is None:
        _leave_pending(live, pod, _message(len(live.hosts.by_name()), reasons))
        return
    if _provisions(live, pod, chosen):
        return  # the pod is bound once its volumes are there; the claims wake us
    _bind(live, pod, chosen)


_NAME = "default-scheduler"


def _claims_reason(live: Live, pod: Object) -> str:
    for key in placing.claim_keys(pod):
        claim = live.objects.get(CLAIMS, *key)
        if claim is None:
            return f'persistentvolumeclaim "{key[1]}" not found'
        if not claim["spec"].get("volumeName") and not _waits_for_consumer(live, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def _waits_for_consumer(live: Live, claim: Object) -> bool:
    storage = live.objects.get("storage.k8s.io/storageclasses", "", claim["spec"].get("storageClassName") or "")
    return storage is not None and storage.get("volumeBindingMode") == "WaitForFirstConsumer"


def _choose(live: Live, pod: Object) -> tuple[str | None, Counter[str]]:
    """The best node, or how often each reason stood against one."""
    live.objects.notice()
    manner, asked = placing.manner_of(live, pod), live.used.asked(pod)
    by_name = live.hosts.by_name()
    if (only := by_name.get(meant_for(pod))) is not None:  # as its PreFilter does: one of thousands looks at one node
        by_name, fit = {only.name: only}, Fit(manner, asked)
        fit.ask(only.name, only)
    else:
        fit = live.hosts.fit(manner, asked)
    if not fit.possible:
        return None, fit.reasons
    possible, reasons = _in_turn(live, fit), fit.reasons
    if filters := placing.filters(live, pod, by_name):
        found, reasons = _filtered(possible, filters, reasons.copy())
    else:
        found = list(islice(possible, ENOUGH))
    if len(found) < 2:
        return next((host.name for host in found), None), reasons
    alike, zones = _alike(live, pod)
    return min(found, key=placing.scorer(manner, alike, zones)).name, reasons


def _in_turn(live: Live, fit: Fit) -> Iterable[Host]:
    """The nodes that have room. Where there are more than are looked at, each time it begins with another."""
    if len(fit.possible) <= ENOUGH:
        return fit.possible.values()
    hosts = live.hosts
    looked_at = list(hosts.by_name().values()) if fit.manner.takes_cordoned else hosts.uncordoned()
    first = live.objects.revision % len(looked_at)
    return (host for host in chain(looked_at[first:], looked_at[:first]) if host.name in fit.possible)


def _filtered(
    possible: Iterable[Host], filters: list[Filter], reasons: Counter[str]
) -> tuple[list[Host], Counter[str]]:
    """Enough of the nodes that the filters let pass, and the reasons with those of the filters."""
    passed: list[Host] = []
    for host in possible:
        for each in filters:
            if against := each(host):
                reasons[against] += 1
                break
        else:
            passed.append(host)
            if len(passed) == ENOUGH:
                break
    return passed, reasons


def _alike(live: Live, pod: Object) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Pods of the same controller, by node and by zone."""
    uid, hosts = controller_uid(pod), live.hosts.by_name()
    on = live.follower(Tallies).of(live.objects, uid).on if uid else {}
    zones: dict[str, int] = {}
    for name, count in on.items():
        if name:
            zone = hosts[name].zone if name in hosts else ""
            zones[zone] = zones.get(zone, 0) + count
    return on, zones


def _message(total: int, reasons: Counter[str]) -> str:
    if not total:
        return "no nodes available to schedule pods"
    told = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    return f"0/{total} nodes are available: {told}."


def _leave_pending(live: Live, pod: Object, message: str) -> None:
    said: Object = {"type": "PodScheduled", "status": "False", "lastProbeTime": None}
    said |= {"reason": "Unschedulable", "message": message}
    known, status = condition(pod, "PodScheduled"), pod.get("status") or {}
    if known is not None and known.items() >= said.items() and "phase" in status:
        return  # as at its last turn
    conditions = with_condition(status.get("conditions") or (), said, stamp(live.now()))
    live.set_status(pods.PODS, pod, {"phase": "Pending", **status, "conditions": conditions})


def _provisions(live: Live, pod: Object, node: str) -> bool:
    """Whether a volume must be made first, in the zone of the chosen node."""
    waiting = [claim for claim in placing.claims(live, pod) if not claim["spec"].get("volumeName")]
    for claim in waiting:
        metadata = claim["metadata"]
        annotations = {**(metadata.get("annotations") or {}), _SELECTED: node}
        live.objects.update(CLAIMS, {**claim, "metadata": {**metadata, "annotations": annotations}})
    return bool(waiting)


def _bind(live: Live, pod: Object, node: str) -> None:
    status = pod.get("status") or {}
    kept = [each for each in status.get("conditions") or () if each["type"] != "PodScheduled"]
    done = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    conditions = with_condition(kept, done, stamp(live.now()))
    spec = {**pod["spec"], "nodeName": node}
    live.objects.update(pods.PODS, {**pod, "spec": spec, "status": {**status, "conditions": conditions}})


def _pod_keys(live: Live, event: Event) -> Iterable[Key]:
    """A pod without a node; all of them when one leaves room, and when one is placed those that look at others."""
    if event.change is not Change.DELETED and not event.object["spec"].get("nodeName"):
        return () if event.is_of_status else (event.key,)  # as isPodUpdated: its own word on a pod is no news to it
    if event.change is Change.DELETED or pods.is_ended(event.object):
        return _waiting(live, event)
    before = event.before
    placed = before is not None and not event.is_of_status and not before["spec"].get("nodeName")
    return tuple(live.objects.keys("drawn", pods.PODS, "yes")) if placed else ()


def _waiting(live: Live, _event: Event) -> Iterable[Key]:
    """Every pod without a node, once for each turn."""
    return live.objects.keys("node", pods.PODS, "-") if live.asks_first(CONTROLLER.name) else ()


def _node_keys(live: Live, event: Event) -> Iterable[Key]:
    return () if event.change is Change.DELETED else _waiting(live, event)


CONTROLLER = Controller(
    "scheduler",
    pods.PODS,
    reconcile,
    {pods.PODS: _pod_keys, NODES: _node_keys, CLAIMS: _waiting, "/persistentvolumes": _waiting},
    delay=attrgetter("scheduling"),
)
