"""Cases of workloads: what is done to a side, and what is compared of the state at rest."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.control_plane.behaviour_objects import (
    BUDGETS,
    CLAIMS,
    DAEMONS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    SETS,
    STATEFUL,
    budget,
    counts,
    live_pods,
    pod_spec,
    ready,
    said,
    scaled,
    template,
    with_image,
    workload,
)
from tests.control_plane.behaviour_sides import Object, Side


def scale_up_and_down(side: Side) -> Any:
    side.node("a")
    side.create(DEPLOYMENTS, workload(side, replicas=1))
    side.until(ready(side, DEPLOYMENTS, wanted=1))
    side.change(DEPLOYMENTS, "web", scaled(4))
    side.until(ready(side, DEPLOYMENTS, wanted=4))
    up = counts(side.get(DEPLOYMENTS, "web"))
    side.change(DEPLOYMENTS, "web", scaled(2))
    side.until(ready(side, DEPLOYMENTS, wanted=2))
    found = side.get(DEPLOYMENTS, "web")
    return up, counts(found), said(found, "Available", "Progressing"), [counts(each) for each in side.listed(SETS)]


def scale_to_zero(side: Side) -> Any:
    side.node("a")
    side.create(DEPLOYMENTS, workload(side, replicas=2))
    side.until(ready(side, DEPLOYMENTS, wanted=2))
    side.change(DEPLOYMENTS, "web", scaled(0))
    side.until(ready(side, DEPLOYMENTS, wanted=0))
    found = side.get(DEPLOYMENTS, "web")
    return counts(found), said(found, "Available", "Progressing"), [counts(each) for each in side.listed(SETS)]


def rolling_update(side: Side) -> Any:
    side.node("a")
    side.create(DEPLOYMENTS, workload(side))
    side.until(ready(side, DEPLOYMENTS))
    side.change(DEPLOYMENTS, "web", with_image("example.invalid/app:2"))
    side.until(lambda: ready(side, DEPLOYMENTS)() and _images(side) == {"example.invalid/app:2": 3})
    found = side.get(DEPLOYMENTS, "web") or {}
    revision = found["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    return revision, counts(found), said(found, "Available", "Progressing"), _sets(side)


def _images(side: Side) -> Counter[str]:
    return Counter(each["spec"]["containers"][0]["image"] for each in live_pods(side))


def _sets(side: Side) -> Any:
    """Image, revision, wanted and desired pods of each ReplicaSet."""
    prefix = "deployment.kubernetes.io/"
    return sorted(
        (
            each["spec"]["template"]["spec"]["containers"][0]["image"],
            each["metadata"]["annotations"][f"{prefix}revision"],
            each["metadata"]["annotations"][f"{prefix}desired-replicas"],
            each["spec"]["replicas"],
        )
        for each in side.listed(SETS)
    )


def stuck_update(side: Side) -> Any:
    """The new pods find no node: the roll stops with the minimum available."""
    side.node("a")
    side.create(DEPLOYMENTS, workload(side, replicas=4))
    side.until(ready(side, DEPLOYMENTS, wanted=4))

    def change(obj: Object) -> Object:
        found = obj["spec"]["template"]
        spec = {**found["spec"], "nodeSelector": {"pool": "nowhere"}}
        return {**obj, "spec": {**obj["spec"], "template": {**found, "spec": spec}}}

    side.change(DEPLOYMENTS, "web", change)
    side.until(lambda: counts(side.get(DEPLOYMENTS, "web")).get("updatedReplicas") == 2 and len(live_pods(side)) == 5)
    found = side.get(DEPLOYMENTS, "web")
    return counts(found), said(found, "Available"), Counter(each["spec"]["replicas"] for each in side.listed(SETS))


def broken_update_of_what_never_ran(side: Side) -> Any:
    """Neither the old pods nor the new ones find a node: some of the old stay, for nothing proves the new better."""
    side.node("a")
    side.create(DEPLOYMENTS, workload(side, replicas=4, nodeSelector={"pool": "nowhere"}))
    side.until(lambda: counts(side.get(DEPLOYMENTS, "web")).get("unavailableReplicas") == 4)
    side.change(DEPLOYMENTS, "web", with_image("example.invalid/app:2"))
    side.until(lambda: _images(side)["example.invalid/app:2"] == 2 and len(live_pods(side)) == 5)
    return counts(side.get(DEPLOYMENTS, "web")), _images(side)


def rollback(side: Side) -> Any:
    """Back to the first template: its set is taken up again, under a new revision."""
    side.node("a")
    side.create(DEPLOYMENTS, workload(side))
    side.until(ready(side, DEPLOYMENTS))
    for number in (2, 1):
        wanted = {f"example.invalid/app:{number}": 3}
        side.change(DEPLOYMENTS, "web", with_image(f"example.invalid/app:{number}"))
        side.until(lambda wanted=wanted: ready(side, DEPLOYMENTS)() and _images(side) == wanted)  # type: ignore[misc]
    annotations = (side.get(DEPLOYMENTS, "web") or {})["metadata"]["annotations"]
    return annotations["deployment.kubernetes.io/revision"], _sets(side)


def short_history(side: Side) -> Any:
    side.node("a")
    side.create(DEPLOYMENTS, workload(side, more={"revisionHistoryLimit": 1}))
    side.until(ready(side, DEPLOYMENTS))
    for number in (2, 3):
        wanted = {f"example.invalid/app:{number}": 3}
        side.change(DEPLOYMENTS, "web", with_image(f"example.invalid/app:{number}"))
        side.until(lambda wanted=wanted: ready(side, DEPLOYMENTS)() and _images(side) == wanted)  # type: ignore[misc]
    side.until(lambda: len(side.listed(SETS)) == 2)
    return _sets(side)


def daemons_roll(side: Side) -> Any:
    side.node("a")
    side.node("b")
    side.create(DAEMONS, workload(side, replicas=None))
    side.until(ready(side, DAEMONS, wanted=2))
    side.change(DAEMONS, "web", with_image("example.invalid/app:2"))
    side.until(lambda: ready(side, DAEMONS, wanted=2)() and _images(side) == {"example.invalid/app:2": 2})
    return counts(side.get(DAEMONS, "web"))


def budget_of_a_shrinking_workload(side: Side) -> Any:
    side.node("a")
    side.create(BUDGETS, budget(minAvailable="50%"))
    side.create(DEPLOYMENTS, workload(side, replicas=5))
    side.until(ready(side, DEPLOYMENTS, wanted=5))
    side.until(lambda: counts(side.get(BUDGETS, "web"))["currentHealthy"] == 5)
    before = counts(side.get(BUDGETS, "web"))
    side.change(DEPLOYMENTS, "web", scaled(2))
    side.until(lambda: counts(side.get(BUDGETS, "web"))["currentHealthy"] == 2)
    return before, counts(side.get(BUDGETS, "web"))


def orphans_and_the_next_set(side: Side) -> Any:
    side.node("a")
    side.create(SETS, workload(side, replicas=2))
    side.until(ready(side, SETS, wanted=2))
    side.delete(SETS, "web", "Orphan")
    side.until(lambda: side.get(SETS, "web") is None)
    left = [each["metadata"].get("ownerReferences") for each in side.listed(PODS)]
    side.create(SETS, workload(side, replicas=1))
    side.until(ready(side, SETS, wanted=1))
    return left, len(side.listed(PODS))


def late_update(side: Side) -> Any:
    """No progress for longer than the deadline is said, and nothing more is done."""
    side.node("a")
    more = {"progressDeadlineSeconds": 3, "minReadySeconds": 1}
    side.create(DEPLOYMENTS, workload(side, replicas=2, more=more, nodeSelector={"pool": "nowhere"}))
    side.until(lambda: said(side.get(DEPLOYMENTS, "web"), "Progressing").get("Progressing", ("", ""))[0] == "False")
    found = side.get(DEPLOYMENTS, "web")
    return counts(found), said(found, "Progressing", "Available")


def recreate(side: Side) -> Any:
    side.node("a")
    side.create(DEPLOYMENTS, workload(side, replicas=2, more={"strategy": {"type": "Recreate"}}))
    side.until(ready(side, DEPLOYMENTS, wanted=2))
    side.change(DEPLOYMENTS, "web", with_image("example.invalid/app:2"))
    side.until(lambda: ready(side, DEPLOYMENTS, wanted=2)() and _images(side) == {"example.invalid/app:2": 2})
    return counts(side.get(DEPLOYMENTS, "web")), _sets(side)


def adoption(side: Side) -> Any:
    side.node("a")
    orphan = {"metadata": {"name": "orphan", "labels": {"app": "web"}}, "spec": pod_spec(side)}
    side.create(PODS, orphan)
    side.create(SETS, workload(side, replicas=2))
    side.until(ready(side, SETS, wanted=2))
    owner = (side.get(PODS, "orphan") or {})["metadata"]["ownerReferences"][0]
    return len(live_pods(side)), owner["kind"], owner["controller"], owner["blockOwnerDeletion"]


def ordered_set(side: Side) -> Any:
    side.node("a")
    side.create(STATEFUL, workload(side, more={"serviceName": "web"}))
    side.until(ready(side, STATEFUL))
    index = "apps.kubernetes.io/pod-index"
    born = [(each["metadata"]["name"], each["metadata"]["labels"][index]) for each in side.listed(PODS)]
    up = counts(side.get(STATEFUL, "web"))
    side.change(STATEFUL, "web", scaled(1))
    side.until(ready(side, STATEFUL, wanted=1))
    return born, up, [each["metadata"]["name"] for each in live_pods(side)], counts(side.get(STATEFUL, "web"))


def partitioned_set(side: Side) -> Any:
    side.node("a")
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    side.create(STATEFUL, workload(side, more={"serviceName": "web", "updateStrategy": rolling}))
    side.until(ready(side, STATEFUL))
    side.change(STATEFUL, "web", with_image("example.invalid/app:2"))
    side.until(lambda: ready(side, STATEFUL)() and _images(side)["example.invalid/app:2"] == 1)
    images = {each["metadata"]["name"]: each["spec"]["containers"][0]["image"] for each in live_pods(side)}
    return images, counts(side.get(STATEFUL, "web"))


def set_without_volumes(side: Side) -> Any:
    """Claims that nothing binds: the first pod waits, and no other is made."""
    side.node("a")
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    side.create(STATEFUL, workload(side, more={"serviceName": "web", "volumeClaimTemplates": [claim]}))
    side.until(lambda: len(side.listed(PODS)) == 1 and "PodScheduled" in said(side.listed(PODS)[0], "PodScheduled"))
    pod = side.listed(PODS)[0]
    claims = [(each["metadata"]["name"], each["status"]["phase"]) for each in side.listed(CLAIMS)]
    return pod["metadata"]["name"], said(pod, "PodScheduled"), claims, counts(side.get(STATEFUL, "web"))


def daemons_on_a_cordoned_node(side: Side) -> Any:
    side.node("a")
    side.node("b", unschedulable=True)
    side.create(DAEMONS, workload(side, replicas=None))
    side.until(ready(side, DAEMONS, wanted=2))
    first = counts(side.get(DAEMONS, "web"))
    gone = next(each for each in side.listed(PODS) if each["spec"]["nodeName"].startswith("b-"))
    side.delete(PODS, gone["metadata"]["name"])
    side.until(lambda: side.get(PODS, gone["metadata"]["name"]) is None and ready(side, DAEMONS, wanted=2)())
    return first, counts(side.get(DAEMONS, "web")), sorted(p["spec"]["nodeName"] for p in live_pods(side))


def daemons_and_taints(side: Side) -> Any:
    side.node("a")
    side.node("b", taints=[{"key": "dedicated", "value": "db", "effect": "NoSchedule"}])
    side.create(DAEMONS, workload(side, replicas=None))
    side.until(ready(side, DAEMONS, wanted=1))
    return counts(side.get(DAEMONS, "web")), [each["spec"]["nodeName"] for each in live_pods(side)]


def a_job(side: Side) -> Any:
    side.node("a")
    spec = {"completions": 3, "parallelism": 2, "template": template(side, restartPolicy="Never")}
    side.create(JOBS, {"metadata": {"name": "web"}, "spec": spec})
    side.until(lambda: "Complete" in said(side.get(JOBS, "web"), "Complete"))
    found = side.get(JOBS, "web") or {}
    phases = Counter(each["status"]["phase"] for each in side.listed(PODS))
    labels = sorted(set(side.listed(PODS)[0]["metadata"]["labels"]))
    kept = {key: value for key, value in counts(found).items() if not key.endswith("Time")}
    return kept, said(found, "Complete", "SuccessCriteriaMet"), phases, labels


def deleted(propagation: str) -> Callable[[Side], Any]:
    def case(side: Side) -> Any:
        side.node("a")
        side.create(DEPLOYMENTS, workload(side, replicas=2))
        side.until(ready(side, DEPLOYMENTS, wanted=2))
        side.delete(DEPLOYMENTS, "web", propagation)
        left = 2 if propagation == "Orphan" else 0
        side.until(lambda: side.get(DEPLOYMENTS, "web") is None and len(side.listed(PODS)) == left)
        return [each["metadata"].get("ownerReferences") for each in side.listed(SETS)], len(side.listed(PODS))

    return case
