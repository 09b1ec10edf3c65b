"""The real controllers and the simulated ones do the same to the same objects, compared on the state at rest."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from fleetkeeper.sim.control_plane.plane import ControlPlane
from tests.control_plane import behaviour_workloads as cases
from tests.control_plane.behaviour_objects import (
    BUDGETS,
    DAEMONS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    STATEFUL,
    budget,
    live_pods,
    pod_spec,
    said,
    template,
    workload,
)
from tests.control_plane.behaviour_sides import Object, Side, real, reasons, simulated


def pending(*nodes: Object, **pod: Any) -> Callable[[Side], Any]:
    """A pod that no node takes, and why; the nodes are a, b, …"""

    def case(side: Side) -> Any:
        for name, spec in zip("abc", nodes, strict=False):
            side.node(name, **dict(spec))
        side.create(PODS, {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": pod_spec(side, **pod)})
        side.until(lambda: said(side.get(PODS, "web"), "PodScheduled") != {})
        found = side.get(PODS, "web") or {}
        told = next(each for each in found["status"]["conditions"] if each["type"] == "PodScheduled")
        return found["status"]["phase"], told["status"], told["reason"], reasons(told["message"])

    return case


def apart(side: Side) -> Any:
    """Three that want a node each, and two nodes."""
    side.node("a")
    side.node("b")
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    side.create(DEPLOYMENTS, workload(side, affinity=affinity))
    return _one_left_over(side)


def spread(side: Side) -> Any:
    """Four over two zones of which one is cordoned: the skew stops them."""
    side.node("a", labels={"topology.kubernetes.io/zone": "one"})
    side.node("b", labels={"topology.kubernetes.io/zone": "two"}, unschedulable=True)
    constraint = {
        "maxSkew": 2,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    side.create(DEPLOYMENTS, workload(side, topologySpreadConstraints=[constraint]))
    return _one_left_over(side)


def _one_left_over(side: Side) -> Any:
    def left() -> list[Object]:
        return [each for each in side.listed(PODS) if not each["spec"].get("nodeName")]

    side.until(lambda: ready_count(side) == 2 and [said(each, "PodScheduled") != {} for each in left()] == [True])
    told = next(each for each in left()[0]["status"]["conditions"] if each["type"] == "PodScheduled")
    return told["reason"], reasons(told["message"]), Counter(p["spec"].get("nodeName") for p in live_pods(side))


def ready_count(side: Side) -> int:
    return sum(said(each, "Ready").get("Ready", ("", ""))[0] == "True" for each in live_pods(side))


def guarded(count: int, make: Callable[[Side], None], **spec: Any) -> Callable[[Side], Any]:
    """The status of a budget over so many ready pods."""

    def case(side: Side) -> Any:
        side.node("a")
        make(side)
        side.until(lambda: ready_count(side) == count)
        side.create(BUDGETS, budget(**spec))
        side.until(lambda: said(side.get(BUDGETS, "web"), "DisruptionAllowed") != {})
        status = (side.get(BUDGETS, "web") or {})["status"]
        told = [
            {key: value for key, value in each.items() if key != "lastTransitionTime"} for each in status["conditions"]
        ]
        return {**status, "conditions": told}

    return case


def deployed(replicas: int = 3) -> Callable[[Side], None]:
    return lambda side: side.create(DEPLOYMENTS, workload(side, replicas=replicas))


def bare(count: int) -> Callable[[Side], None]:
    def make(side: Side) -> None:
        for number in range(count):
            metadata = {"name": f"bare-{number}", "labels": {"app": "web"}}
            side.create(PODS, {"metadata": metadata, "spec": pod_spec(side)})

    return make


def bare_and_set(side: Side) -> None:
    """A set does not adopt pods of another one's labels: the bare one carries only the budget's."""
    both = {"app": "web", "part": "set"}
    made = workload(side, replicas=2)
    made["spec"] |= {"selector": {"matchLabels": both}, "serviceName": "web"}
    made["spec"]["template"]["metadata"]["labels"] = both
    side.create(STATEFUL, made)
    bare(1)(side)


def daemons(side: Side) -> None:
    side.create(DAEMONS, workload(side, replicas=None))


def waiting_job(side: Side) -> None:
    spec = {"template": template(side, restartPolicy="Never", nodeSelector={"pool": "nowhere"})}
    side.create(JOBS, {"metadata": {"name": "web"}, "spec": spec})
    side.until(lambda: len(side.listed(PODS)) == 1)


def nothing(_side: Side) -> None:
    pass


TAINTED = {"taints": [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]}
CASES: dict[str, Callable[[Side], Any]] = {
    "a deployment is scaled up and down": cases.scale_up_and_down,
    "a deployment is scaled to zero": cases.scale_to_zero,
    "a rolling update ends with one new replica set": cases.rolling_update,
    "a rolling update whose pods find no node stops at the minimum": cases.stuck_update,
    "an update of what never ran keeps some of the old": cases.broken_update_of_what_never_ran,
    "a rollback takes up the old set": cases.rollback,
    "old sets past the history limit go": cases.short_history,
    "an update that does not progress is late": cases.late_update,
    "recreate replaces all pods": cases.recreate,
    "a replica set adopts an orphan": cases.adoption,
    "a stateful set numbers its pods and gives up the highest": cases.ordered_set,
    "a partition keeps the lower pods of a stateful set": cases.partitioned_set,
    "a stateful set waits for the claim of its first pod": cases.set_without_volumes,
    "daemons run on a cordoned node and return": cases.daemons_on_a_cordoned_node,
    "daemons stay away from a taint": cases.daemons_and_taints,
    "daemons roll over all nodes": cases.daemons_roll,
    "a job runs to its completions": cases.a_job,
    "background deletion collects everything": cases.deleted("Background"),
    "foreground deletion collects everything": cases.deleted("Foreground"),
    "orphaning leaves replica set and pods": cases.deleted("Orphan"),
    "orphans are adopted by the next set": cases.orphans_and_the_next_set,
    "a pod that no selector lets in": pending({}, nodeSelector={"disk": "fast"}),
    "a pod that does not tolerate": pending(TAINTED),
    "a pod on a cordoned node": pending({"unschedulable": True}),
    "a pod that is too big": pending({}, resources={"requests": {"cpu": "3"}}),
    "a pod with too much memory next to a taint": pending({}, TAINTED, resources={"requests": {"memory": "5Gi"}}),
    "anti-affinity leaves one without a node": apart,
    "a topology spread leaves one without a node": spread,
    "budget: minAvailable": guarded(3, deployed(), minAvailable=2),
    "budget: minAvailable of all": guarded(3, deployed(), minAvailable=3),
    "budget: minAvailable percent rounds up": guarded(3, deployed(), minAvailable="50%"),
    "budget: maxUnavailable": guarded(3, deployed(), maxUnavailable=1),
    "budget: maxUnavailable zero": guarded(3, deployed(), maxUnavailable=0),
    "budget: maxUnavailable percent rounds up": guarded(3, deployed(), maxUnavailable="34%"),
    "budget: maxUnavailable above the replicas": guarded(2, deployed(2), maxUnavailable=5),
    "budget: bare pods under minAvailable": guarded(2, bare(2), minAvailable=1),
    "budget: bare pods under a percentage": guarded(2, bare(2), minAvailable="50%"),
    "budget: bare pods under maxUnavailable": guarded(2, bare(2), maxUnavailable=1),
    "budget: a bare pod beside a set": guarded(3, bare_and_set, maxUnavailable=1),
    "budget: daemons under maxUnavailable fail the sync": guarded(1, daemons, maxUnavailable=1),
    "budget: daemons under minAvailable": guarded(1, daemons, minAvailable=1),
    "budget: the pod of a job under maxUnavailable fails the sync": guarded(0, waiting_job, maxUnavailable=1),
    "budget: the pod of a job under minAvailable": guarded(0, waiting_job, minAvailable=1),
    "budget: an empty selector means every pod": guarded(3, deployed(), maxUnavailable="50%", selector={}),
    "budget: all of no pods": guarded(0, nothing, minAvailable="100%"),
    "budget: no pods": guarded(0, nothing, maxUnavailable=1),
    "budget: a percentage follows a workload that shrinks": cases.budget_of_a_shrinking_workload,
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_do_the_same(control_plane: ControlPlane, namespace: str, case: Callable[[Side], Any]) -> None:
    with real(control_plane, namespace) as side:
        wanted = case(side)
    assert case(simulated(namespace)) == wanted
