"""What every KubeWriter does, whichever API server answers: cases by their sentence, and the objects that they need."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from fleetkeeper.core.gitops import RESOURCES
from fleetkeeper.core.live import LiveNode, Room
from fleetkeeper.core.node_claims import NodeClaim, claim_of
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.rotation.marks import CORDONED, ROTATION
from fleetkeeper.core.rotation.seen import Outcome
from fleetkeeper.engine.writers import KubeWriter, ObjectRef
from fleetkeeper.errors import GapReason, ReadError, Refused
from tests.contract.karpenter_crds import (
    node_claim,
    node_claim_crd,
    node_class,
    node_class_crd,
    node_pool,
    node_pool_crd,
    pool_ref,
)

NAMESPACE = "velero"


def velero_crd() -> dict[str, Any]:
    """Velero's Backup as far as we read and write it; like the real one it has no subresource for its status."""
    spec = {
        "type": "object",
        "properties": {
            "includedNamespaces": {"type": "array", "items": {"type": "string"}},
            "storageLocation": {"type": "string"},
            "snapshotVolumes": {"type": "boolean"},
            "ttl": {"type": "string"},
        },
    }
    status = {
        "type": "object",
        "properties": {
            "phase": {"type": "string"},
            "failureReason": {"type": "string"},
            "validationErrors": {"type": "array", "items": {"type": "string"}},
            "errors": {"type": "integer"},
            "warnings": {"type": "integer"},
            "progress": {
                "type": "object",
                "properties": {"totalItems": {"type": "integer"}, "itemsBackedUp": {"type": "integer"}},
            },
        },
    }
    whole = {"type": "object", "properties": {"spec": spec, "status": status}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    names = {"plural": "backups", "singular": "backup", "kind": "Backup", "listKind": "BackupList"}
    return {
        "metadata": {"name": "backups.velero.io"},
        "spec": {"group": "velero.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def backup(name: str, namespace: str = NAMESPACE) -> ObjectRef:
    return ObjectRef("velero.io", "v1", "backups", namespace, name)


def body(ref: ObjectRef, ttl: str = "3600s") -> dict[str, Any]:
    return {
        "apiVersion": "velero.io/v1",
        "kind": "Backup",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "spec": {"includedNamespaces": ["*"], "ttl": ttl},
    }


def created_is_read_and_deleted_is_gone(kube: KubeWriter) -> None:
    ref = backup("one")
    assert kube.read(ref) is None
    made: Any = kube.create(ref, body(ref))
    assert (made["metadata"]["name"], made["spec"]["ttl"]) == ("one", "3600s")
    assert kube.read(ref) == made
    kube.delete(ref)
    assert kube.read(ref) is None


def created_twice_is_created_once(kube: KubeWriter) -> None:
    ref = backup("two")
    first: Any = kube.create(ref, body(ref, "1s"))
    second: Any = kube.create(ref, body(ref, "2s"))
    assert (second["metadata"]["uid"], second["spec"]["ttl"]) == (first["metadata"]["uid"], "1s")
    kube.delete(ref)


def deleting_what_is_not_there_is_nothing(kube: KubeWriter) -> None:
    kube.delete(backup("never"))


def an_api_that_is_not_served_is_not_found(kube: KubeWriter) -> None:
    ref = ObjectRef("velero.io", "v7", "backups", NAMESPACE, "one")
    refused(lambda: kube.read(ref), GapReason.NOT_FOUND)


def a_namespace_that_is_not_there_is_not_found(kube: KubeWriter) -> None:
    ref = backup("one", "nowhere")
    refused(lambda: kube.create(ref, body(ref)), GapReason.NOT_FOUND, 'namespaces "nowhere" not found')


def a_name_that_cannot_be_is_rejected(kube: KubeWriter) -> None:
    ref = backup("Not_A_Name")
    refused(lambda: kube.create(ref, body(ref)), GapReason.REJECTED, "metadata.name")
    assert kube.read(ref) is None


def the_namespace_that_identifies_a_cluster_is_read(kube: KubeWriter) -> None:
    found: Any = kube.read(ObjectRef("", "v1", "namespaces", "", "kube-system"))
    assert found["metadata"]["uid"]


def everything_else_is_forbidden(kube: KubeWriter) -> None:
    for ref in (
        ObjectRef("", "v1", "namespaces", "", "default"),
        ObjectRef("", "v1", "secrets", NAMESPACE, "cloud-credentials"),
        ObjectRef("", "v1", "pods", NAMESPACE, "nightly-1-a"),
        ObjectRef("policy", "v1", "poddisruptionbudgets", NAMESPACE, "db"),
    ):
        refused(partial(kube.read, ref), GapReason.FORBIDDEN, "cannot get resource")
        refused(partial(kube.delete, ref), GapReason.FORBIDDEN, "cannot delete resource")
        refused(partial(kube.patch, ref, {"metadata": {}}), GapReason.FORBIDDEN, "cannot patch resource")
    for ref in (
        ObjectRef("apps", "v1", "deployments", "kube-system", "coredns"),
        ObjectRef("", "v1", "nodes", "", kube.nodes()[0].name),
    ):
        refused(partial(kube.delete, ref), GapReason.FORBIDDEN, "cannot delete resource")
    refused(partial(kube.objects, ObjectRef("", "v1", "secrets", "", "")), GapReason.FORBIDDEN, "cannot list resource")


def nodes_are_read_with_their_kubelets(kube: KubeWriter) -> None:
    assert kube.nodes()
    assert all(each.name and each.node.kubelet.startswith("v1.") for each in kube.nodes())


def pods_of_a_node_are_found_with_the_workload_at_their_top(kube: KubeWriter) -> None:
    names = [each.name for each in kube.nodes()]
    found = kube.pods(names)
    assert any(each.controller.startswith("Deployment/") and each.labels for each in found)
    busy = found[0].node
    assert {each.node for each in kube.pods([busy])} == {busy}
    among_many = kube.pods([busy, *(f"none-{number}" for number in range(30))])
    assert {each.place for each in kube.pods([busy])} == {each.place for each in among_many}
    assert kube.pods([]) == ()


def a_pod_of_a_job_is_told_with_what_made_the_job(kube: KubeWriter) -> None:
    (found,) = (each for each in kube.pods([each.name for each in kube.nodes()]) if each.name == "nightly-1-a")
    assert (found.controller, found.kind) == ("CronJob/nightly", "CronJob")


def every_pod_is_found_where_no_nodes_are_named(kube: KubeWriter) -> None:
    found = {each.place: each for each in kube.pods()}
    assert {each.place for each in kube.pods([each.name for each in kube.nodes()])} < {*found}
    waits = found[f"{NAMESPACE}/waits"]
    assert (waits.node, waits.wants, waits.claims) == ("", Room(250, 64 << 20, 1), ("data-waits",))
    assert waits.uid


def a_node_is_marked_and_cordoned_and_let_go_again(kube: KubeWriter) -> None:
    before = kube.nodes()[0]
    ref = ObjectRef("", "v1", "nodes", "", before.name)
    marks = {ROTATION: "run-1/shop", CORDONED: "true"}
    _patched(kube, ref, {"metadata": {"annotations": marks}, "spec": {"unschedulable": True}})
    after = _node(kube, ref)
    assert (after.marks.rotation, after.marks.cordoned, after.node.schedulable) == ("run-1/shop", True, False)
    late = {"spec": {"unschedulable": None}}
    refused(lambda: kube.patch(ref, late, before.resource_version), GapReason.IN_USE, "object has been modified")
    _patched(kube, ref, {"metadata": {"annotations": dict.fromkeys(marks)}, **late})
    again = _node(kube, ref)
    assert (again.marks, again.node.schedulable) == (before.marks, True)


def _node(kube: KubeWriter, ref: ObjectRef) -> LiveNode:
    return next(each for each in kube.nodes() if each.name == ref.name)


def _patched(kube: KubeWriter, ref: ObjectRef, patch: dict[str, Any]) -> None:
    """By the newest version: a controller that taints what is cordoned may be quicker than the next patch."""
    for _ in range(9):
        try:
            kube.patch(ref, patch, _node(kube, ref).resource_version)
        except Refused as error:
            if error.reason is not GapReason.IN_USE:
                raise
        else:
            return
    raise AssertionError(f"{ref.name} changes at each moment")


def a_pod_is_evicted_by_its_uid(kube: KubeWriter) -> None:
    """As a dry run, so that the next case finds it: a real eviction asks for no other right."""
    (pod,) = (each for each in kube.pods() if each.place == f"{NAMESPACE}/waits")
    first = kube.evict(pod, dry_run=True)
    assert first.outcome is Outcome.ACCEPTED, first.message
    assert kube.evict(replace(pod, uid=pod.uid[::-1]), dry_run=True).outcome is Outcome.CONFLICT
    assert kube.evict(replace(pod, name="never"), dry_run=True).outcome is Outcome.GONE
    assert kube.pods() == kube.pods()


def no_pod_is_deleted_past_its_budget(kube: KubeWriter) -> None:
    (pod,) = (each for each in kube.pods() if each.place == f"{NAMESPACE}/waits")
    found = kube.delete_pod(pod)
    assert (found.outcome, 'cannot delete resource "pods"' in found.message) == (Outcome.REFUSED, True)


def bound_volumes_are_read(kube: KubeWriter) -> None:
    (found,) = (each for each in kube.volumes() if each.name == "pv-waits")
    assert (found.claim, found.attached_to) == (f"{NAMESPACE}/data-waits", ("node-of-another",))


def budgets_are_read_with_their_selector(kube: KubeWriter) -> None:
    (found,) = (each for each in kube.budgets() if each.name == "db")
    assert (found.namespace, found.minimum, found.selector) == (NAMESPACE, "1", Labels({"app": "db"}))


def node_pools_and_classes_are_listed(kube: KubeWriter) -> None:
    (pool,) = pools(kube)
    assert (pool["kind"], pool["metadata"]["name"]) == ("NodePool", "general")
    listed: Any = kube.objects(ObjectRef("karpenter.k8s.aws", "v1", "ec2nodeclasses", "", ""))
    assert [each["spec"]["amiSelectorTerms"] for each in listed] == [[{"alias": "al2023@latest"}]]


def a_change_is_merged_and_answered(kube: KubeWriter) -> None:
    (before,) = pools(kube)
    ref, noted = pool_ref("general"), {"metadata": {"annotations": {"example.com/note": "1"}}}
    changed: Any = kube.patch(ref, noted, before["metadata"]["resourceVersion"])
    assert changed["metadata"]["annotations"]["example.com/note"] == "1"
    assert changed["spec"] == before["spec"]
    assert pools(kube) == [changed]
    again: Any = kube.patch(ref, {"metadata": {"annotations": {"example.com/note": None}}})
    assert "example.com/note" not in again["metadata"].get("annotations", {})


def a_change_made_from_an_older_version_is_refused_and_changes_nothing(kube: KubeWriter) -> None:
    (before,) = pools(kube)
    version = before["metadata"]["resourceVersion"]
    ref = pool_ref("general")
    kube.patch(ref, {"metadata": {"annotations": {"example.com/somebody": before["metadata"]["uid"][:8] + version}}})
    late = {"spec": {"disruption": {"budgets": [{"nodes": "0"}]}}}
    refused(lambda: kube.patch(ref, late, version), GapReason.IN_USE, "object has been modified")
    assert pools(kube)[0]["spec"] == before["spec"]


def changing_what_is_not_there_is_not_found(kube: KubeWriter) -> None:
    refused(lambda: kube.patch(pool_ref("never"), {"metadata": {}}), GapReason.NOT_FOUND)


def a_list_of_an_api_that_is_not_served_is_not_found(kube: KubeWriter) -> None:
    ref = ObjectRef("karpenter.sh", "v7", "nodepools", "", "")
    refused(lambda: kube.objects(ref), GapReason.NOT_FOUND)


def the_template_of_a_workload_is_annotated(kube: KubeWriter) -> None:
    for plural, namespace, name in (("deployments", "kube-system", "coredns"), ("statefulsets", NAMESPACE, "db")):
        ref = ObjectRef("apps", "v1", plural, namespace, name)
        kube.patch(ref, {"spec": {"template": {"metadata": {"annotations": {"example.com/again": "1"}}}}})
        found: Any = kube.read(ref)
        assert found["spec"]["template"]["metadata"]["annotations"]["example.com/again"] == "1"


def node_claims_are_listed_with_what_they_say_of_drift(kube: KubeWriter) -> None:
    found = [claim_of(each) for each in kube.objects(ObjectRef("karpenter.sh", "v1", "nodeclaims", "", ""))]
    assert found == [NodeClaim("general-a", "general", "a", "AMIDrift")]


def pools(kube: KubeWriter) -> list[Any]:
    return list(kube.objects(pool_ref("")))


def furniture(node: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the cases read and change besides backups, as (resource, object); owners still lack their uid."""
    yield "apiextensions.k8s.io/v1/customresourcedefinitions", velero_crd()
    yield "apiextensions.k8s.io/v1/customresourcedefinitions", node_pool_crd()
    yield "apiextensions.k8s.io/v1/customresourcedefinitions", node_class_crd()
    yield "apiextensions.k8s.io/v1/customresourcedefinitions", node_claim_crd()
    yield "v1/namespaces", {"metadata": {"name": NAMESPACE}}
    yield "karpenter.sh/v1/nodepools", node_pool()
    yield "karpenter.sh/v1/nodeclaims", node_claim("a", drifted="AMIDrift")
    yield "karpenter.k8s.aws/v1/ec2nodeclasses", node_class()
    labels = {"app": "db"}
    spec = {"minAvailable": 1, "selector": {"matchLabels": labels}}
    yield "policy/v1/poddisruptionbudgets", {"metadata": {"name": "db", "namespace": NAMESPACE}, "spec": spec}
    pod = {"containers": [{"name": "main", "image": "db:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    stateful = {"serviceName": "db", "replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    yield "apps/v1/statefulsets", {"metadata": {"name": "db", "namespace": NAMESPACE}, "spec": stateful}
    job = {"template": {"spec": {**pod, "restartPolicy": "Never"}}}
    cron = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": job}}
    yield "batch/v1/cronjobs", {"metadata": {"name": "nightly", "namespace": NAMESPACE}, "spec": cron}
    yield "batch/v1/jobs", {"metadata": _made("nightly-1", "CronJob", "nightly"), "spec": {**job, "suspend": True}}
    placed = {"metadata": _made("nightly-1-a", "Job", "nightly-1"), "spec": {**pod, "nodeName": node}}
    yield "v1/pods", placed
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-waits"}}
    resources = {"requests": {"cpu": "250m", "memory": "64Mi"}}
    waits = {"containers": [{"name": "main", "image": "db:1", "resources": resources}], "volumes": [claim]}
    yield "v1/pods", {"metadata": {"name": "waits", "namespace": NAMESPACE}, "spec": waits}
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "claimRef": {"namespace": NAMESPACE, "name": "data-waits"},
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
    }
    yield "v1/persistentvolumes", {"metadata": {"name": "pv-waits"}, "spec": volume, "status": {"phase": "Bound"}}
    source = {"persistentVolumeName": "pv-waits"}
    attached = {"attacher": "ebs.csi.aws.com", "nodeName": "node-of-another", "source": source}
    yield "storage.k8s.io/v1/volumeattachments", {"metadata": {"name": "csi-waits"}, "spec": attached}


def _made(name: str, kind: str, by: str) -> dict[str, Any]:
    owner = {"apiVersion": "batch/v1", "kind": kind, "name": by, "controller": True}
    return {"name": name, "namespace": NAMESPACE, "ownerReferences": [owner]}


def refused(call: Callable[[], object], reason: GapReason, says: str = ".") -> None:
    with pytest.raises(ReadError, match=says) as met:
        call()
    assert met.value.reason is reason, met.value


def what_deploys_a_chart_is_followed(kube: KubeWriter) -> None:
    for group, version, plural in RESOURCES.values():
        assert kube.read(ObjectRef(group, version, plural, NAMESPACE, "none")) is None


CASES: tuple[Callable[[KubeWriter], None], ...] = (
    node_claims_are_listed_with_what_they_say_of_drift,
    created_is_read_and_deleted_is_gone,
    created_twice_is_created_once,
    deleting_what_is_not_there_is_nothing,
    an_api_that_is_not_served_is_not_found,
    a_namespace_that_is_not_there_is_not_found,
    a_name_that_cannot_be_is_rejected,
    the_namespace_that_identifies_a_cluster_is_read,
    everything_else_is_forbidden,
    nodes_are_read_with_their_kubelets,
    pods_of_a_node_are_found_with_the_workload_at_their_top,
    a_pod_of_a_job_is_told_with_what_made_the_job,
    every_pod_is_found_where_no_nodes_are_named,
    a_node_is_marked_and_cordoned_and_let_go_again,
    no_pod_is_deleted_past_its_budget,
    bound_volumes_are_read,
    budgets_are_read_with_their_selector,
    node_pools_and_classes_are_listed,
    a_change_is_merged_and_answered,
    a_change_made_from_an_older_version_is_refused_and_changes_nothing,
    changing_what_is_not_there_is_not_found,
    a_list_of_an_api_that_is_not_served_is_not_found,
    the_template_of_a_workload_is_annotated,
    what_deploys_a_chart_is_followed,
    a_pod_is_evicted_by_its_uid,  # the last: the server tries for ten seconds before it refuses another uid
)
