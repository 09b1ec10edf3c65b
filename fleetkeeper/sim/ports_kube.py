"""The Kube port over a simulated cluster: the same values as the adapter reads over HTTP, without any."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import yaml

from fleetkeeper.core import gitops, model, observed
from fleetkeeper.core.api_metric import api_use
from fleetkeeper.core.api_search import NO_NAMES, ApiNames, LiveKind
from fleetkeeper.core.compute import compute_kind, is_spot
from fleetkeeper.core.eks_objects import PROXY_CONFIGS, SYSTEM
from fleetkeeper.core.field_owners import AddonObject
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable
from fleetkeeper.sim import ports_around as around
from fleetkeeper.sim.faults import Encounter, Fault
from fleetkeeper.sim.kube import metrics, resources
from fleetkeeper.sim.ports_helm import helm_use, unpacked
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
        return tuple(map(node, self._listed("/nodes")))

    def workloads(self) -> tuple[model.Workload, ...]:
        found = [_templated(kind, each) for kind, resource in _KINDS.items() for each in self._listed(resource)]
        found += [_workload("CronJob", each, _job_template(each), None) for each in self._listed("batch/cronjobs")]
        alone = [each for each in self._listed("batch/jobs") if not _is_owned(each) and not _is_finished(each)]
        found += [_templated("Job", each) for each in alone]
        sets = [each for each in self._listed("apps/replicasets") if not _is_owned(each)]
        found += [_templated("ReplicaSet", each) for each in sets if "pod-template-hash" not in _labels(each)]
        minimums = around.minimums(self._listed("autoscaling/horizontalpodautoscalers"))
        return tuple(replace(w, minimum=minimums.get((w.namespace, w.kind, w.name))) for w in found)

    def _running(self) -> list[Object]:
        ended = ("Succeeded", "Failed")
        return [each for each in self._listed("/pods") if each.get("status", {}).get("phase") not in ended]

    def pods(self) -> model.Pods:
        running = self._running()
        alone = [each for each in running if not _is_owned(each)]
        return model.Pods(len(running), tuple(_workload("Pod", each, each, None) for each in alone))

    def namespaces(self) -> tuple[model.Namespace, ...]:
        return tuple(model.Namespace(_name(each), around.owner_of(each)) for each in self._listed("/namespaces"))

    def crds(self) -> tuple[model.Crd, ...]:
        return tuple(map(_crd, self._listed("apiextensions.k8s.io/customresourcedefinitions")))

    def pod_notes(self) -> tuple[observed.PodNote, ...]:
        pods = [each for each in self._running() if _MIRROR not in (each["metadata"].get("annotations") or {})]
        between = {
            (each["metadata"]["namespace"], kind, _name(each)): each
            for kind, resource in (("ReplicaSet", "apps/replicasets"), ("Job", "batch/jobs"))
            for each in self._listed(resource)
        }
        return tuple(around.pod_notes(pods, between))

    def budgets(self) -> tuple[observed.Budget, ...]:
        return tuple(map(around.budget, self._listed("policy/poddisruptionbudgets")))

    def volumes(self) -> tuple[observed.PersistentVolume, ...]:
        return tuple(map(around.volume, self._listed("/persistentvolumes")))

    def webhooks(self) -> tuple[observed.Webhook, ...]:
        configurations = [
            (kind, each)
            for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
            for each in self._listed(f"admissionregistration.k8s.io/{kind.lower()}s")
        ]
        ready = around.ready_endpoints(self._listed("discovery.k8s.io/endpointslices"))
        return tuple(found for kind, each in configurations for found in around.webhooks(kind, each, ready))

    def api_services(self) -> tuple[observed.ApiService, ...]:
        found = map(around.api_service, self._listed("apiregistration.k8s.io/apiservices"))
        return tuple(each for each in found if each is not None)

    def gitops(self, crds: Sequence[model.Crd]) -> tuple[observed.GitOpsApp, ...]:
        kinds, trouble = gitops.served(crds)
        if trouble:
            raise ReadError(trouble, GapReason.NOT_FOUND)
        found: list[observed.GitOpsApp] = []
        for kind in kinds:
            group, _, plural = gitops.RESOURCES[kind]
            found += [app for each in self._listed(f"{group}/{plural}") for app in gitops.apps_of(kind, each)]
        return tuple(found)

    def api_use(self) -> observed.ApiUse:
        """Of the clients of the scenario, and of none in this process."""
        meet(self._world, "kube", self._cluster, "/metrics")
        return api_use(metrics.page(self._cluster, ()).body.decode().splitlines())

    def object_traces(self, kinds: Sequence[LiveKind]) -> tuple[observed.ObjectTrace, ...]:
        crds = self._cluster.objects.get("apiextensions.k8s.io/customresourcedefinitions", {}).values()
        served = {**resources.builtin(Minor.parse(self._cluster.version)), **resources.custom(crds)}
        places = {(each.api_version, each.name): each for each in served.values()}
        found: list[observed.ObjectTrace] = []
        for kind in kinds:
            resource = next(
                (places[place, kind.resource] for place in kind.places if (place, kind.resource) in places), None
            )
            listed = self._listed(resource.key) if resource else ()
            found += [trace for each in listed for trace in around.traces(each, kind)]
        return tuple(found)

    def customised(self, objects: Sequence[AddonObject]) -> tuple[observed.Customised, ...]:
        found: list[observed.Customised] = []
        for each in objects:
            obj = self._one("/configmaps" if each.kind == "ConfigMap" else _KINDS[each.kind], each.namespace, each.name)
            found += around.changed_fields(obj, each) if obj else ()
        return tuple(found)

    def proxy_mode(self) -> str:
        for name, key in PROXY_CONFIGS:
            settings = ((self._one("/configmaps", SYSTEM, name) or {}).get("data") or {}).get(key)
            if settings:
                return yaml.safe_load(settings).get("mode") or "iptables"
        return ""

    def helm_use(self, known: observed.HelmUse, names: ApiNames) -> observed.HelmUse:  # noqa: ARG002  # all is at hand
        return helm_use(self._listed("/secrets"), names)

    def helm_releases(
        self,
        known: Mapping[str, model.HelmRelease],
        names: ApiNames = NO_NAMES,  # noqa: ARG002  # nothing is read twice
    ) -> tuple[model.HelmRelease, ...]:
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

    def _one(self, resource: str, namespace: str, name: str) -> Object | None:
        meet(self._world, "kube", self._cluster, resource)
        with self._world.lock:
            return self._cluster.objects.get(resource, {}).get((namespace, name))

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
    error = fault and error_of(fault, f"{cluster.key}: {operation}")
    if error:
        raise error


def error_of(fault: Fault, what: str) -> ReadError | None:
    """What the adapter makes of a fault; None for one that changes no answer."""
    errors: dict[str, ReadError] = {
        **dict.fromkeys(("unreachable", "drop-before", "drop-after"), Unreachable(what)),
        "timeout": Unreachable(what, GapReason.TIMEOUT),
        "throttle": Unreachable(what, GapReason.THROTTLED),
        "error": Unreachable(what, GapReason.SERVER_ERROR),
        "forbid": Refused(what),
        "truncate": InvalidAnswer(what),
        "garbage": InvalidAnswer(what),
    }
    return errors.get(fault.kind)


def when(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _labels(obj: Object) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}


def _is_owned(obj: Object) -> bool:
    metadata = obj["metadata"]
    return bool(metadata.get("ownerReferences")) or _MIRROR in (metadata.get("annotations") or {})


def _holds(obj: Object, kind: str) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def _is_finished(job: Object) -> bool:
    return _holds(job, "Complete") or _holds(job, "Failed")


def node(obj: Object) -> model.Node:
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
        spot=is_spot(labels),
    )


def _templated(kind: str, obj: Object) -> model.Workload:
    spec, status = obj["spec"], obj.get("status")
    workload = _workload(kind, obj, spec.get("template"), spec.get("replicas"))
    if kind == "Job":
        return workload
    ready = None if status is None else status.get("numberReady" if kind == "DaemonSet" else "readyReplicas") or 0
    claims = tuple(each["metadata"]["name"] for each in spec.get("volumeClaimTemplates") or ())
    return replace(workload, selector=around.labels(spec.get("selector")), ready=ready, claim_templates=claims)


def _job_template(cron: Object) -> Object | None:
    template: Object | None = cron["spec"]["jobTemplate"]["spec"].get("template")
    return template


def _workload(kind: str, obj: Object, template: Object | None, replicas: int | None) -> model.Workload:
    metadata = obj["metadata"]
    of_template = metadata if template is obj else (template or {}).get("metadata") or {}
    return model.Workload(
        kind=kind,
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
        images=_images((template or {}).get("spec") or {}),
        replicas=replicas,
        owner=around.owner_of(obj),
        template=around.template(template, of_template),
        schedule=obj["spec"].get("schedule", "") if kind == "CronJob" else "",
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
    release = unpacked(secret)
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
