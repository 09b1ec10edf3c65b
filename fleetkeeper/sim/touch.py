"""Changes to a running world: what somebody did to a cluster, so that a second look finds something new."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube.state_log import key_of
from fleetkeeper.sim.kube_api import KubeServer
from fleetkeeper.sim.world import Object, SimAddon


def touch(living: LivingWorld, kube: KubeServer, body: dict[str, Any]) -> None:
    """Apply `{"cluster": KEY, "set": {...}}`, where set may hold, in any mix:

    version: "1.35"             the control plane is upgraded (its API server restarts: the gauges start anew)
    kubelet: "v1.35.2-eks-1"    every node reports this kubelet
    addons: {name: version}     EKS addons; null removes one
    conflicts: {name: [field]}  fields of an addon that somebody changed by hand; [] for none any more
    tags: {key: value}          the cluster's tags, replaced as a whole
    status: "UPDATING"          the cluster's status
    deprecated_calls: []        no client asks for deprecated APIs any more
    images: {"ns/Kind/name": image}    the first container of a workload's template
    put: {resource: [objects]}, remove: {resource: ["ns/name"]}    any object

    Changes of objects are writes as the API server makes them: they wake the cluster, and its controllers follow.
    KeyError for an unknown cluster, workload or key; nothing is changed before all keys are known.
    """
    cluster = living.world.clusters[body["cluster"]]
    changes: dict[str, Any] = body["set"]
    unknown = set(changes) - set(_CHANGES)
    if unknown:
        raise KeyError(f"unknown in set: {', '.join(sorted(unknown))}; known: {', '.join(_CHANGES)}")
    with living.world.lock:
        live = living.of(cluster)
        for name, change in changes.items():
            _CHANGES[name](live, change)
        if "version" in changes:
            kube.api.forget(cluster)


def _version(live: Live, version: str) -> None:
    cluster, minor = live.cluster, Minor.parse(version)
    offered = catalog().minor(str(minor))
    cluster.version = str(minor)
    cluster.patch = f"v{offered.patch if offered else f'{minor}.0'}-eks-3cfe0ce"
    if offered:
        cluster.platform_version = offered.platform


def _kubelet(live: Live, version: str) -> None:
    for node in live.objects.of("/nodes"):
        system = {**node["status"]["nodeInfo"], "kubeletVersion": version}
        live.objects.update("/nodes", {**node, "status": {**node["status"], "nodeInfo": system}})


def _addons(live: Live, versions: dict[str, str | None]) -> None:
    addons = live.cluster.addons
    for name, version in versions.items():
        if version is None:
            addons.pop(name, None)
        elif name in addons:
            addons[name].version = version
        else:
            addons[name] = SimAddon(name, version)


def _conflicts(live: Live, fields: dict[str, list[str]]) -> None:
    for name, changed in fields.items():
        live.cluster.addons[name].conflicts = list(changed)


def _tags(live: Live, tags: dict[str, str]) -> None:
    live.cluster.tags = dict(tags)


def _status(live: Live, status: str) -> None:
    live.cluster.status = status


def _no_calls(live: Live, calls: list[Any]) -> None:
    if calls:
        raise ValueError("deprecated_calls can only be emptied")
    live.cluster.deprecated_calls.clear()


def _images(live: Live, images: dict[str, str]) -> None:
    for where, image in images.items():
        namespace, kind, name = where.split("/")
        resource = f"{'batch' if kind in ('CronJob', 'Job') else 'apps'}/{kind.lower()}s"
        if live.objects.edit(resource, namespace, name, partial(_with_image, image=image)) is None:
            raise KeyError(where)


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


def _put(live: Live, listings: dict[str, list[Object]]) -> None:
    """Create or replace, whatever the newest resourceVersion is."""
    for resource, objects in listings.items():
        for obj in objects:
            metadata = {key: value for key, value in obj["metadata"].items() if key not in ("resourceVersion", "uid")}
            wanted = {**obj, "metadata": metadata}
            if live.objects.get(resource, *key_of(obj)) is None:
                live.objects.create(resource, wanted)
            else:
                live.objects.update(resource, wanted)


def _remove(live: Live, listings: dict[str, list[str]]) -> None:
    """Delete without grace; an object with finalizers stays until they are gone."""
    for resource, names in listings.items():
        for where in names:
            namespace, _, name = where.rpartition("/")
            if live.objects.get(resource, namespace, name) is None:
                raise KeyError(where)
            live.objects.delete(resource, (namespace, name), grace=0)


_CHANGES: dict[str, Callable[[Live, Any], None]] = {
    "version": _version,
    "kubelet": _kubelet,
    "addons": _addons,
    "conflicts": _conflicts,
    "tags": _tags,
    "status": _status,
    "deprecated_calls": _no_calls,
    "images": _images,
    "put": _put,
    "remove": _remove,
}
