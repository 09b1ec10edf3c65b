"""Changes to a running world: what somebody did to a cluster, so that a second look finds something new."""

from collections.abc import Callable
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.kube_api import KubeServer
from fleetkeeper.sim.world import Object, SimAddon, SimCluster, World


def touch(world: World, kube: KubeServer, body: dict[str, Any]) -> None:
    """Apply `{"cluster": KEY, "set": {...}}`, where set may hold, in any mix:

    version: "1.35"             the control plane is upgraded (its API server restarts: the gauges start anew)
    kubelet: "v1.35.2-eks-1"    every node reports this kubelet
    addons: {name: version}     EKS addons; null removes one
    tags: {key: value}          the cluster's tags, replaced as a whole
    status: "UPDATING"          the cluster's status
    deprecated_calls: []        no client asks for deprecated APIs any more
    images: {"ns/Kind/name": image}    the first container of a workload's template
    put: {resource: [objects]}, remove: {resource: ["ns/name"]}    any object

    KeyError for an unknown cluster, workload or key; nothing is changed before all keys are known.
    """
    cluster = world.clusters[body["cluster"]]
    changes: dict[str, Any] = body["set"]
    unknown = set(changes) - set(_CHANGES)
    if unknown:
        raise KeyError(f"unknown in set: {', '.join(sorted(unknown))}; known: {', '.join(_CHANGES)}")
    with world.lock:
        for name, change in changes.items():
            _CHANGES[name](cluster, change)
        if "version" in changes:
            kube.api.forget(cluster)


def _version(cluster: SimCluster, version: str) -> None:
    minor = Minor.parse(version)
    offered = catalog().minor(str(minor))
    cluster.version = str(minor)
    cluster.patch = f"v{offered.patch if offered else f'{minor}.0'}-eks-3cfe0ce"
    if offered:
        cluster.platform_version = offered.platform


def _kubelet(cluster: SimCluster, version: str) -> None:
    for node in list(cluster.objects.get("/nodes", {}).values()):
        system = {**node["status"]["nodeInfo"], "kubeletVersion": version}
        cluster.put("/nodes", {**node, "status": {**node["status"], "nodeInfo": system}})


def _addons(cluster: SimCluster, versions: dict[str, str | None]) -> None:
    for name, version in versions.items():
        if version is None:
            cluster.addons.pop(name, None)
        elif name in cluster.addons:
            cluster.addons[name].version = version
        else:
            cluster.addons[name] = SimAddon(name, version)


def _tags(cluster: SimCluster, tags: dict[str, str]) -> None:
    cluster.tags = dict(tags)


def _status(cluster: SimCluster, status: str) -> None:
    cluster.status = status


def _no_calls(cluster: SimCluster, calls: list[Any]) -> None:
    if calls:
        raise ValueError("deprecated_calls can only be emptied")
    cluster.deprecated_calls.clear()


def _images(cluster: SimCluster, images: dict[str, str]) -> None:
    for where, image in images.items():
        namespace, kind, name = where.split("/")
        resource = f"{'batch' if kind in ('CronJob', 'Job') else 'apps'}/{kind.lower()}s"
        cluster.put(resource, _with_image(cluster.objects[resource][(namespace, name)], image))


def _with_image(obj: Object, image: str) -> Object:
    """The object with another first image; only the members on the way to it are copied."""
    spec = obj["spec"]
    if "jobTemplate" in spec:
        job = spec["jobTemplate"]
        return {**obj, "spec": {**spec, "jobTemplate": _with_image(job, image)}}
    pod = spec["template"]["spec"]
    first, *others = pod["containers"]
    pod = {**pod, "containers": [{**first, "image": image}, *others]}
    return {**obj, "spec": {**spec, "template": {**spec["template"], "spec": pod}}}


def _put(cluster: SimCluster, listings: dict[str, list[Object]]) -> None:
    for resource, objects in listings.items():
        for obj in objects:
            cluster.put(resource, obj)


def _remove(cluster: SimCluster, listings: dict[str, list[str]]) -> None:
    for resource, names in listings.items():
        for where in names:
            namespace, _, name = where.rpartition("/")
            cluster.remove(resource, namespace, name)


_CHANGES: dict[str, Callable[[SimCluster, Any], None]] = {
    "version": _version,
    "kubelet": _kubelet,
    "addons": _addons,
    "tags": _tags,
    "status": _status,
    "deprecated_calls": _no_calls,
    "images": _images,
    "put": _put,
    "remove": _remove,
}
