"""What every KubeWriter does with Velero's backups, whichever API server answers: cases by their sentence."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fleetkeeper.core.gitops import RESOURCES
from fleetkeeper.engine.writers import KubeWriter, ObjectRef
from fleetkeeper.errors import GapReason, ReadError

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
        ObjectRef("apps", "v1", "deployments", "kube-system", "coredns"),
    ):
        refused(partial(kube.read, ref), GapReason.FORBIDDEN, "cannot get resource")
        refused(partial(kube.delete, ref), GapReason.FORBIDDEN, "cannot delete resource")


def refused(call: Callable[[], object], reason: GapReason, says: str = ".") -> None:
    with pytest.raises(ReadError, match=says) as met:
        call()
    assert met.value.reason is reason, met.value


def what_deploys_a_chart_is_followed(kube: KubeWriter) -> None:
    for group, version, plural in RESOURCES.values():
        assert kube.read(ObjectRef(group, version, plural, NAMESPACE, "none")) is None


CASES: tuple[Callable[[KubeWriter], None], ...] = (
    created_is_read_and_deleted_is_gone,
    created_twice_is_created_once,
    deleting_what_is_not_there_is_nothing,
    an_api_that_is_not_served_is_not_found,
    a_namespace_that_is_not_there_is_not_found,
    a_name_that_cannot_be_is_rejected,
    the_namespace_that_identifies_a_cluster_is_read,
    everything_else_is_forbidden,
    what_deploys_a_chart_is_followed,
)
