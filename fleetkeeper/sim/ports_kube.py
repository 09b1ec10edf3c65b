"""The Kube port over a simulated cluster: the same values as the adapter reads over HTTP, without any."""

import base64
import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fleetkeeper.core import model
from fleetkeeper.core.compute import compute_kind
from fleetkeeper.core.owners import is_owner_key, owner_keys
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable
from fleetkeeper.sim.faults import Encounter
from fleetkeeper.sim.world import Object, SimCluster, World

_MIRROR = "kubernetes.io/config.mirror"
_KINDS = {"Deployment": "apps/deployments", "StatefulSet": "apps/statefulsets", "DaemonSet": "apps/daemonsets"}


class WorldKube:
    """One cluster of a world. Faults of the world are met as the errors that the adapter makes of them."""

    def __init__(self, world: World, cluster: SimCluster) -> None:
        self._world = world
        self._cluster = cluster

    def git_version(self) -> str:
        meet(self._world, "kube", self._cluster, "/version")
        return self._cluster.patch

    def nodes(self) -> tuple[model.Node, ...]:
        return tuple(map(_node, self._listed("/nodes")))

    def workloads(self) -> tuple[model.Workload, ...]:
        found = [_templated(kind, each) for kind, resource in _KINDS.items() for each in self._listed(resource)]
        found += [_workload("CronJob", each, _job_template(each), None) for each in self._listed("batch/cronjobs")]
        alone = [each for each in self._listed("batch/jobs") if not _is_owned(each) and not _is_finished(each)]
        found += [_templated("Job", each) for each in alone]
        sets = [each for each in self._listed("apps/replicasets") if not _is_owned(each)]
        found += [_templated("ReplicaSet", each) for each in sets if "pod-template-hash" not in _labels(each)]
        return tuple(found)

    def pods(self) -> model.Pods:
        ended = ("Succeeded", "Failed")
        running = [each for each in self._listed("/pods") if each.get("status", {}).get("phase") not in ended]
        alone = [each for each in running if not _is_owned(each)]
        return model.Pods(len(running), tuple(_workload("Pod", each, each, None) for each in alone))

    def namespaces(self) -> tuple[model.Namespace, ...]:
        return tuple(model.Namespace(_name(each), _owner(each)) for each in self._listed("/namespaces"))

    def crds(self) -> tuple[model.Crd, ...]:
        return tuple(map(_crd, self._listed("apiextensions.k8s.io/customresourcedefinitions")))

    def helm_releases(self, known: Mapping[str, model.HelmRelease]) -> tuple[model.HelmRelease, ...]:
        newest: dict[tuple[str, str], tuple[int, Object]] = {}
        for secret in self._listed("/secrets"):
            labels = _labels(secret)
            if labels.get("owner") != "helm" or labels.get("status") != "deployed":
                continue
            place, number = (secret["metadata"]["namespace"], labels["name"]), int(labels["version"])
            if place not in newest or number > newest[place][0]:
                newest[place] = number, secret
        found = []
        for place in sorted(newest):
            number, secret = newest[place]
            key = f"{secret['metadata']['uid']}@{secret['metadata']['resourceVersion']}"
            found.append(known.get(key) or _release(place, number, key, secret))
        return tuple(found)

    def close(self) -> None:
        """Nothing is open."""

    def _listed(self, resource: str) -> list[Object]:
        """All objects in the API server's order."""
        meet(self._world, "kube", self._cluster, resource)
        with self._world.lock:
            listing = self._cluster.objects.get(resource, {})
            keyed = [(f"{where}/{name}" if where else name, obj) for (where, name), obj in listing.items()]
        return [obj for _, obj in sorted(keyed, key=lambda pair: pair[0])]


def meet(world: World, side: str, cluster: SimCluster, operation: str) -> None:
    """Raise what the adapter would make of a fault that this read meets."""
    verb = "list" if side == "kube" else ""
    fault = world.fault(Encounter(side, cluster.account, cluster.region, cluster.key, operation, verb))
    if fault is None:
        return
    what = f"{cluster.key}: {operation}"
    errors: dict[str, ReadError] = {
        **dict.fromkeys(("unreachable", "drop-before", "drop-after"), Unreachable(what)),
        "timeout": Unreachable(what, GapReason.TIMEOUT),
        "throttle": Unreachable(what, GapReason.THROTTLED),
        "error": Unreachable(what, GapReason.SERVER_ERROR),
        "forbid": Refused(what),
        "truncate": InvalidAnswer(what),
        "garbage": InvalidAnswer(what),
    }
    if fault.kind in errors:
        raise errors[fault.kind]


def when(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _labels(obj: Object) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}


def _owner(obj: Object) -> Mapping[str, str]:
    said = [
        {key: value for key, value in (obj["metadata"].get(member) or {}).items() if is_owner_key(key.lower())}
        for member in ("labels", "annotations")
    ]
    return owner_keys(said[0], said[1])


def _is_owned(obj: Object) -> bool:
    metadata = obj["metadata"]
    return bool(metadata.get("ownerReferences")) or _MIRROR in (metadata.get("annotations") or {})


def _holds(obj: Object, kind: str) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _is_finished(job: Object) -> bool:
    return _holds(job, "Complete") or _holds(job, "Failed")


def _node(obj: Object) -> model.Node:
    labels, spec = _labels(obj), obj.get("spec") or {}
    system = (obj.get("status") or {}).get("nodeInfo") or {}
    kind, group = compute_kind(labels, spec.get("providerID", ""))
    return model.Node(
        name=_name(obj),
        uid=obj["metadata"]["uid"],
        kubelet=system.get("kubeletVersion", ""),
        os_image=system.get("osImage", ""),
        os=system.get("operatingSystem", ""),
        arch=system.get("architecture", ""),
        runtime=system.get("containerRuntimeVersion", ""),
        kernel=system.get("kernelVersion", ""),
        kind=kind,
        group=group,
        ready=_holds(obj, "Ready"),
        schedulable=not spec.get("unschedulable"),
        instance_type=labels.get("node.kubernetes.io/instance-type", ""),
        zone=labels.get("topology.kubernetes.io/zone", ""),
        provider_id=spec.get("providerID", ""),
        created_at=when(obj["metadata"].get("creationTimestamp")),
        proxy=system.get("kubeProxyVersion", ""),
    )


def _templated(kind: str, obj: Object) -> model.Workload:
    return _workload(kind, obj, obj["spec"].get("template"), obj["spec"].get("replicas"))


def _job_template(cron: Object) -> Object | None:
    template: Object | None = cron["spec"]["jobTemplate"]["spec"].get("template")
    return template


def _workload(kind: str, obj: Object, template: Object | None, replicas: int | None) -> model.Workload:
    metadata = obj["metadata"]
    return model.Workload(
        kind=kind,
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
        images=_images((template or {}).get("spec") or {}),
        replicas=replicas,
        owner=_owner(obj),
    )


def _images(spec: Object) -> tuple[str, ...]:
    containers = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    return tuple(dict.fromkeys(each["image"] for each in containers if each.get("image")))


def _crd(obj: Object) -> model.Crd:
    spec = obj["spec"]
    versions = ((v["name"], v["served"], v["storage"], bool(v.get("deprecated"))) for v in spec["versions"])
    stored = (obj.get("status") or {}).get("storedVersions") or ()
    return model.Crd(_name(obj), spec["group"], spec["names"]["kind"], tuple(versions), tuple(stored))


def _release(place: tuple[str, str], number: int, key: str, secret: Object) -> model.HelmRelease:
    packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    release: dict[str, Any] = json.loads(gzip.decompress(packed))
    chart = release["chart"]["metadata"]
    return model.HelmRelease(
        namespace=place[0],
        name=place[1],
        revision=number,
        status=release["info"]["status"],
        chart=chart["name"],
        chart_version=chart["version"],
        app_version=chart["appVersion"],
        key=key,
    )
