"""Brings the objects of a simulated cluster to a real API server: what people and EKS made, not what controllers do."""

from collections.abc import Iterator

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.kwok import FAKE_NODE
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.kube.resources import Resource, builtin, preference
from fleetkeeper.sim.world import Object, Objects, SimCluster

NODES = "/api/v1/nodes"
_MADE_ELSEWHERE = {"/nodes", "/namespaces", "/pods", "apps/replicasets"}
_TEMPLATED = ("apps/daemonsets", "apps/deployments", "apps/statefulsets", "batch/cronjobs", "batch/jobs")
_IS_THERE = 409
_OWN_SERVICE = ("default", "kubernetes")
_KEPT = ("name", "namespace", "labels", "annotations")


def bring_nodes(cluster: SimCluster, plane: ControlPlane) -> None:
    """Its nodes, for KWOK to make Ready."""
    for node in cluster.objects.get("/nodes", {}).values():
        plane.create(NODES, kwok_node(node))


def kwok_node(node: Object) -> Object:
    """A node of a world as it is sent to an API server: what its kubelet registers, under KWOK's care."""
    sent = _sent(node)
    annotations = {**sent["metadata"].get("annotations", {}), **FAKE_NODE}
    status = {key: value for key, value in node["status"].items() if key not in {"conditions", "images"}}
    return {**sent, "metadata": {**sent["metadata"], "annotations": annotations}, "status": status}


def bring_objects(cluster: SimCluster, plane: ControlPlane) -> None:
    """All else of the built-in kinds that nobody owns, and CRDs; what a new API server has by itself stays as it is.

    Raises ControlPlaneError for an object that the real API server refuses.
    """
    found = builtin(Minor.parse(cluster.version)).values()
    newest = {each.key: each for each in sorted(found, key=lambda each: preference(each.version), reverse=True)}
    for (_, name), obj in cluster.objects["/namespaces"].items():
        _bring(plane, newest["/namespaces"], "", name, _sent(obj))
    for namespace, name in sorted(_accounts(cluster.objects)):
        _bring(plane, newest["/serviceaccounts"], namespace, name, {"metadata": {"name": name}})
    for key in sorted(cluster.objects.keys() & newest.keys() - _MADE_ELSEWHERE):
        for (namespace, name), obj in _unowned(cluster.objects, key):
            _bring(plane, newest[key], namespace, name, _sent(obj))


def _bring(plane: ControlPlane, resource: Resource, namespace: str, name: str, obj: Object) -> None:
    answer = plane.request("POST", _path(resource, namespace), obj)
    if not answer.ok and answer.status != _IS_THERE:
        said = answer.body.decode(errors="replace")
        raise ControlPlaneError(f"{resource.key} {namespace}/{name} was refused: {answer.status} {said}")


def _accounts(objects: Objects) -> set[tuple[str, str]]:
    """The service accounts that pods run as; a world holds none, and without them a real API server takes no pod."""
    found = set()
    for key in _TEMPLATED:
        for (namespace, _), owner in objects.get(key, {}).items():
            spec = owner["spec"].get("jobTemplate", owner)["spec"]
            account = spec["template"]["spec"].get("serviceAccountName")
            if account:
                found.add((namespace, account))
    return found


def _unowned(objects: Objects, key: str) -> Iterator[tuple[tuple[str, str], Object]]:
    for where, obj in objects[key].items():
        owned = any(owner.get("controller") for owner in obj["metadata"].get("ownerReferences", ()))
        if not owned and not (key == "/services" and where == _OWN_SERVICE):
            yield where, obj


def _path(resource: Resource, namespace: str) -> str:
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    return f"{root}/namespaces/{namespace}/{resource.name}" if namespace else f"{root}/{resource.name}"


def _sent(obj: Object) -> Object:
    """The object as its maker would send it."""
    metadata = {key: obj["metadata"][key] for key in _KEPT if key in obj["metadata"]}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}
