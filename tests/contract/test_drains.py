"""What a drain sees and is answered, alike by a real API server, the simulator's over HTTP, and its world."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from fleetkeeper.core.live import LivePod, Room, Taint, Toleration
from fleetkeeper.core.rotation.seen import Eviction, Outcome
from fleetkeeper.engine.writers import KubeWriter
from fleetkeeper.errors import GapReason, Refused
from fleetkeeper.values import from_json
from tests.contract.kube_drain_sides import NOBODY, Writing, drains, plain_node, plain_pod, plain_volume
from tests.contract.kube_write_evictions import COUNTS, NO_MORE, POLICIES, SYNC_FAILED
from tests.contract.kube_write_sides import Step
from tests.contract.kube_write_steps import BUDGETS, MERGE, PODS, Object, budget, pod
from tests.control_plane.conftest import plane_minor

__all__ = ["plane_minor"]

Try = Callable[[KubeWriter, LivePod], Eviction]


def asked(kube: KubeWriter, target: LivePod) -> Eviction:
    return kube.evict(target)


def dry(kube: KubeWriter, target: LivePod) -> Eviction:
    return kube.evict(target, dry_run=True)


def dry_five_times(kube: KubeWriter, target: LivePod) -> Eviction:
    return [kube.evict(target, dry_run=True) for _ in range(5)][-1]


def twice(kube: KubeWriter, target: LivePod) -> Eviction:
    return [kube.evict(target) for _ in range(2)][-1]


def another(kube: KubeWriter, target: LivePod) -> Eviction:
    return kube.evict(replace(target, uid="another"))


def another_dry(kube: KubeWriter, target: LivePod) -> Eviction:
    return kube.evict(replace(target, uid="another"), dry_run=True)


def another_first(kube: KubeWriter, target: LivePod) -> Eviction:
    return [kube.evict(each) for each in (replace(target, uid="another"), target)][-1]


def dry_first(kube: KubeWriter, target: LivePod) -> Eviction:
    return [kube.evict(target, dry_run=dry_run) for dry_run in (True, True, False)][-1]


def deleted(kube: KubeWriter, target: LivePod) -> Eviction:
    return kube.delete_pod(target)


def another_deleted(kube: KubeWriter, target: LivePod) -> Eviction:
    return kube.delete_pod(replace(target, uid="another"))


def missing(kube: KubeWriter, target: LivePod) -> Eviction:
    return kube.evict(replace(target, name="gone"))


def missing_deleted(kube: KubeWriter, target: LivePod) -> Eviction:
    return kube.delete_pod(replace(target, name="gone"))


@dataclass(frozen=True, slots=True)
class Answered:
    id: str
    outcome: Outcome
    steps: tuple[Step | list[Step], ...] = ()
    after: int = 0
    tried: Try = asked


UNSEEN = budget(observed=0, condition=SYNC_FAILED, healthy=0, desired=0, expected=0, allowed=0)
CHANGED = Step("PATCH", f"{BUDGETS}/web", {"spec": {"minAvailable": 1}}, MERGE)
TWO = (budget(), budget("other"))

ANSWERS = [
    Answered("a pod that no budget guards goes", Outcome.ACCEPTED, (pod(),)),
    Answered("a pod that its budget lets go goes", Outcome.ACCEPTED, (pod(), budget())),
    Answered("a pod that goes already goes", Outcome.ACCEPTED, (pod(), budget()), tried=twice),
    Answered("a dry run tells of a pod that may go", Outcome.ACCEPTED, (pod(), budget()), tried=dry),
    Answered("dry runs reserve nothing", Outcome.ACCEPTED, (pod(), budget()), tried=dry_five_times),
    Answered("dry runs leave the budget as it was", Outcome.ACCEPTED, (pod(), budget()), tried=dry_first),
    Answered("a pending pod goes whatever its budget", Outcome.ACCEPTED, (pod(phase="Pending"), budget(**NO_MORE))),
    Answered("a pending pod with two budgets goes", Outcome.ACCEPTED, (pod(phase="Pending"), *TWO)),
    Answered("an exhausted budget", Outcome.BUDGET, (pod(), budget(**NO_MORE))),
    Answered("a dry run of an exhausted budget", Outcome.BUDGET, (pod(), budget(**NO_MORE)), tried=dry),
    Answered("a budget of all pods", Outcome.BUDGET, (pod(), budget(minAvailable=3, desired=3, allowed=0))),
    Answered(
        "a budget that spares none", Outcome.BUDGET, (pod(), budget(minAvailable=None, maxUnavailable=0, allowed=0))
    ),
    Answered(
        "a bare pod that nobody expects",
        Outcome.BUDGET,
        (pod(), budget(minAvailable=None, maxUnavailable=1, healthy=1, desired=0, expected=0, allowed=0)),
    ),
    Answered("a failed count that was seen", Outcome.BUDGET, (pod(), budget(allowed=0, condition=SYNC_FAILED))),
    Answered("a budget that nobody counted yet", Outcome.NOT_COUNTED, (pod(), budget(observed=0)), after=10),
    Answered("a budget that changed since", Outcome.NOT_COUNTED, (pod(), budget(), CHANGED), after=10),
    Answered("a count that fails for good looks as if it came", Outcome.NOT_COUNTED, (pod(), UNSEEN), after=10),
    Answered("two budgets", Outcome.SEVERAL, (pod(), *TWO)),
    Answered("two budgets, as a dry run", Outcome.SEVERAL, (pod(), *TWO), tried=dry),
    Answered("two budgets keep an unready pod", Outcome.SEVERAL, (pod(ready=False), *TWO)),
    Answered("another pod of the name", Outcome.CONFLICT, (pod(), budget()), tried=another),
    Answered("another pod of the name, as a dry run", Outcome.CONFLICT, (pod(), budget()), tried=another_dry),
    Answered("a failed precondition has spent the budget", Outcome.BUDGET, (pod(), budget()), tried=another_first),
    Answered(
        "an unready pod of another identity is not told apart",
        Outcome.NOT_COUNTED,
        (pod(ready=False), budget()),
        after=10,
        tried=another,
    ),
    Answered("more disrupted than the server remembers", Outcome.REFUSED, (pod(), budget(disrupted=2001))),
    Answered("a pod that is gone", Outcome.GONE, (pod(), budget()), tried=missing),
    Answered("a deletion passes an exhausted budget", Outcome.ACCEPTED, (pod(), budget(**NO_MORE)), tried=deleted),
    Answered("a deletion of another pod of the name", Outcome.CONFLICT, (pod(),), tried=another_deleted),
    Answered("a deletion of a pod that is gone", Outcome.GONE, (pod(),), tried=missing_deleted),
]
ANSWERS += [
    Answered(
        f"an unready pod under {policy}, {what}",
        Outcome.ACCEPTED if policy == "AlwaysAllow" or what == "enough healthy" else Outcome.BUDGET,
        (pod(ready=False), budget(**counts, **given)),
    )
    for policy, given in POLICIES.items()
    for what, counts in COUNTS.items()
]


@pytest.fixture(scope="module")
def writers(plane_minor: str) -> Iterator[tuple[Writing, ...]]:
    with drains(plane_minor) as found:
        yield found


@pytest.mark.parametrize(("number", "case"), list(enumerate(ANSWERS)), ids=[case.id for case in ANSWERS])
def test_all_understand_the_same(writers: tuple[Writing, ...], number: int, case: Answered) -> None:
    found = []
    for writing in writers:
        writing.play(f"asked-{number}", *case.steps)
        found.append(case.tried(writing.kube, writing.pod(f"asked-{number}")))

    assert [(each.outcome, each.retry_after) for each in found] == [(case.outcome, case.after)] * 3
    assert len({each.message for each in found}) == 1 or case.outcome in (Outcome.CONFLICT, Outcome.REFUSED)


def test_who_has_no_right_is_refused(writers: tuple[Writing, ...]) -> None:
    for writing in writers:
        writing.play("no-right", pod())
        found = writing.by(NOBODY).evict(writing.pod("no-right"))
        assert found.outcome is Outcome.REFUSED
        assert 'cannot create resource "pods/eviction"' in found.message


@pytest.mark.parametrize("read", ["nodes", "pods", "volumes", "budgets"])
def test_who_has_no_right_reads_nothing(writers: tuple[Writing, ...], read: str) -> None:
    told = set()
    for writing in writers:
        with pytest.raises(Refused, match="cannot list resource") as refused:
            getattr(writing.by(NOBODY), read)()
        assert refused.value.reason is GapReason.FORBIDDEN
        told.add(refused.value.detail.partition(": ")[2])
    assert len(told) == 1


def test_a_dry_run_changes_nothing_and_an_eviction_tells_since_when_the_pod_goes(writers: tuple[Writing, ...]) -> None:
    for writing in writers:
        writing.play("since", pod(grace=600))
        before = writing.pod("since")
        writing.kube.evict(before, dry_run=True)
        assert writing.pod("since") == before
        writing.kube.evict(before)
        after = writing.pod("since")
        assert after.leaving_since is not None
        assert before.created_at is not None
        assert after.leaving_since - before.created_at < timedelta(seconds=300), (
            "when it was asked for, not when it ends"
        )


def test_a_pod_without_a_uid_is_never_asked_for(writers: tuple[Writing, ...]) -> None:
    for writing in writers:
        writing.play("no-uid", pod())
        nameless = replace(writing.pod("no-uid"), uid="")
        for ask in (writing.kube.evict, writing.kube.delete_pod):
            with pytest.raises(ValueError, match="no uid"):
                ask(nameless)
        assert writing.pod("no-uid").leaving_since is None


ODD_NODE: Object = {
    "metadata": {
        "name": "{ns}",
        "labels": {"topology.kubernetes.io/zone": "eu-west-1a", "pool": "general"},
        "annotations": {
            "fleetkeeper.dev/rotation": "run-1/shop",
            "fleetkeeper.dev/drain-began": "2026-11-20T09:00:00+00:00",
            "fleetkeeper.dev/cordoned": "true",
            "fleetkeeper.dev/quarantined": "a PDB",
        },
    },
    "spec": {
        "unschedulable": True,
        "taints": [
            {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
            {"key": "node.cloudprovider.kubernetes.io/uninitialized", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
        ],
    },
}
HAS: Object = {"cpu": "3920m", "memory": "14Gi", "ephemeral-storage": "10Gi", "pods": "58"}


def test_nodes_are_read_with_their_room_taints_and_marks(writers: tuple[Writing, ...]) -> None:
    found = []
    for writing in writers:
        status = {"allocatable": HAS, "nodeInfo": {}, "conditions": [{"type": "Ready", "status": "True"}]}
        path = "/api/v1/nodes/{ns}/status"
        patch = Step("PATCH", path, {"status": {key: status[key] for key in ("allocatable", "conditions")}}, MERGE)
        writing.play("odd", Step("POST", "/api/v1/nodes", ODD_NODE), patch)
        found.append(next(each for each in writing.kube.nodes() if each.name == f"odd-{writing.name}"))

    node = plain_node(found[0])
    assert [plain_node(each) for each in found] == [node] * 3
    assert (node.room, node.node.ready, node.node.schedulable) == (Room(3920, 14 << 30, 58), True, False)
    assert node.taints == (
        Taint("gpu", "yes", "NoSchedule"),
        Taint("node.cloudprovider.kubernetes.io/uninitialized", "", "NoSchedule"),
    )
    assert {each.key.partition("/")[2] for each in node.own_taints} >= {"unschedulable", "unreachable"}
    assert (node.labels["pool"], node.marks.rotation, node.marks.quarantined) == ("general", "run-1/shop", "a PDB")
    assert (node.marks.cordoned, node.marks.excluded, bool(node.marks.began_at)) == (True, False, True)


def asks(cpu: str = "", memory: str = "", **more: Object | str) -> Object:
    requests = {key: each for key, each in (("cpu", cpu), ("memory", memory)) if each}
    return {
        "name": f"c{abs(hash((cpu, memory, str(more)))) % 10**6}",
        "image": "x",
        "resources": {"requests": requests},
        **more,
    }


def of_spec(*containers: Object, **more: object) -> list[Step]:
    """A pod of this spec, with everything that a service account would bring left out."""
    spec = {
        "serviceAccountName": "default",
        "automountServiceAccountToken": False,
        "containers": list(containers),
        **more,
    }
    return [Step("POST", PODS, {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": spec})]


SIDECAR = {"restartPolicy": "Always"}
WANTS = [
    ("nothing", of_spec(asks()), Room(0, 0, 1)),
    ("the sum of its containers", of_spec(asks("250m", "64Mi"), asks("1", "1Gi")), Room(1250, 1088 << 20, 1)),
    (
        "its largest init container",
        of_spec(asks("100m", "64Mi"), initContainers=[asks("2"), asks("", "1Gi")]),
        Room(2000, 1 << 30, 1),
    ),
    (
        "sidecars besides its containers",
        of_spec(asks("100m", "64Mi"), initContainers=[asks("50m", "32Mi", **SIDECAR), asks("120m")]),
        Room(170, 96 << 20, 1),
    ),
    (
        "an init container without the sidecar that comes after it",
        of_spec(asks("100m"), initContainers=[asks("200m"), asks("50m", **SIDECAR)]),
        Room(200, 0, 1),
    ),
    (
        "what the pod asks for by itself",
        of_spec(asks("100m", "64Mi"), resources={"requests": {"cpu": "1"}}),
        Room(1000, 64 << 20, 1),
    ),
    (
        "its limits where it names no requests",
        of_spec({**asks(), "resources": {"limits": {"cpu": "300m"}}}),
        Room(300, 0, 1),
    ),
    ("fractions, rounded up", of_spec(asks("100100u", "1500m")), Room(101, 2, 1)),
]


@pytest.mark.parametrize(("number", "case"), list(enumerate(WANTS)), ids=[each[0] for each in WANTS])
def test_a_pod_wants(writers: tuple[Writing, ...], number: int, case: tuple[str, list[Step], Room]) -> None:
    for writing in writers:
        writing.play(f"wants-{number}", case[1])
        assert (writing.name, writing.pod(f"wants-{number}").wants) == (writing.name, case[2])


def test_pods_are_read_with_all_that_says_where_they_fit(writers: tuple[Writing, ...]) -> None:
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": _CLAIM}}},
        {"name": "settings", "configMap": {"name": "x"}},
    ]
    spec = {
        "volumes": volumes,
        "nodeSelector": {"pool": "general"},
        "tolerations": [
            {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
            {"operator": "Exists"},
        ],
        "terminationGracePeriodSeconds": 90,
        **_AROUND,
    }
    found = []
    for writing in writers:
        writing.play("placed", of_spec(asks("1"), **spec), pod("runs"), pod("unready", ready=False))
        found.append([plain_pod(writing.pod("placed", name), "x") for name in ("web", "runs", "unready")])

    assert found[0] == found[1] == found[2]
    waits, runs, unready = found[0]
    assert (waits.node, waits.phase, waits.ready, waits.ready_since) == ("", "Pending", False, None)
    assert (waits.claims, waits.selects, waits.grace) == (("data-web", "web-scratch"), {"pool": "general"}, 90)
    assert waits.tolerates[:2] == (Toleration("gpu", "Equal", "yes", "NoSchedule"), Toleration("", "Exists"))
    assert (waits.tolerant, runs.tolerant) == (True, False)
    assert (from_json(waits.around, dict[str, object]), runs.around) == (_AROUND, "")
    assert (runs.node, runs.ready, bool(runs.ready_since), bool(runs.created_at)) == ("node-1", True, True, True)
    assert (unready.ready, unready.ready_since) == (False, None)


_ALIKE: Object = {"labelSelector": {"matchLabels": {"app": "web"}}}
_LINUX: Object = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}
_AROUND: Object = {
    "affinity": {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_LINUX]}},
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{**_ALIKE, "topologyKey": "kubernetes.io/hostname"}]
        },
    },
    "topologySpreadConstraints": [
        {
            **_ALIKE,
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "matchLabelKeys": ["pod-template-hash"],
        }
    ],
}
_CLAIM: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def volume(name: str, key: str = "", *values: str, bound: bool = True) -> list[Step]:
    affinity = {
        "required": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]}]
        }
    }
    spec: Object = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "claimRef": {"namespace": "{ns}", "name": f"data-{name}"},
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": f"vol-{name}"},
        **({"nodeAffinity": affinity} if key else {}),
    }
    path = "/api/v1/persistentvolumes"
    full = f"{name}-{{ns}}"
    phase = {"status": {"phase": "Bound" if bound else "Available"}}
    return [
        Step("POST", path, {"metadata": {"name": full}, "spec": spec}),
        Step("PATCH", f"{path}/{full}/status", phase, MERGE),
    ]


def attached(name: str, node: str) -> Step:
    spec = {"attacher": "ebs.csi.aws.com", "nodeName": node, "source": {"persistentVolumeName": f"{name}-{{ns}}"}}
    return Step(
        "POST",
        "/apis/storage.k8s.io/v1/volumeattachments",
        {"metadata": {"name": f"{name}-{node}-{{ns}}"}, "spec": spec},
    )


def test_bound_volumes_are_read_with_their_zones_and_where_they_are_attached(writers: tuple[Writing, ...]) -> None:
    steps = (
        volume("zonal", "topology.kubernetes.io/zone", "eu-west-1a"),
        volume("local", "kubernetes.io/hostname", "node-7"),
        volume("free"),
        volume("unbound", bound=False),
        attached("zonal", "node-2"),
        attached("zonal", "node-1"),
    )
    found = []
    for writing in writers:
        writing.play("volumes", *steps)
        mine = [each for each in writing.kube.volumes() if each.name.endswith(f"volumes-{writing.name}")]
        found.append({each.name.partition("-")[0]: plain_volume(each) for each in mine})

    assert found[0] == found[1] == found[2]
    assert {*found[0]} == {"zonal", "local", "free"}
    zonal, local, free = (found[0][name] for name in ("zonal", "local", "free"))
    assert (zonal.zones, zonal.nodes, zonal.attached_to) == (("eu-west-1a",), (), ("node-1", "node-2"))
    assert (zonal.claim, local.nodes, local.zones) == ("volumes/data-zonal", ("node-7",), ())
    assert (free.zones, free.nodes, free.attached_to) == ((), (), ())


def test_no_two_answers_have_one_name() -> None:
    assert len({case.id for case in ANSWERS}) == len(ANSWERS)


def test_pods_of_named_nodes_are_those_of_all_that_are_there(writers: tuple[Writing, ...]) -> None:
    for writing in writers:
        writing.play("named", pod("here"), of_spec(asks("1")))
        there = {each.place for each in writing.kube.pods() if each.node == "node-1"}
        assert {each.place for each in writing.kube.pods(["node-1", "node-nowhere"])} == there
        assert f"named-{writing.name}/here" in there
