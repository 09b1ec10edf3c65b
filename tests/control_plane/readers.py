"""Our own reader on a real API server, the objects that it reads there, and what each of its reads is called."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Any

from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Fixed
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.adapters.kube.limits import Limits, WallPace
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.clock import SystemClock
from fleetkeeper.core.api_search import NO_NAMES, LiveKind
from fleetkeeper.core.eks_objects import ADDON_OBJECTS
from fleetkeeper.core.gitops import RESOURCES
from fleetkeeper.core.observed import HelmUse
from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.control_plane.identity import Identity
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.objects import gitops

Object = dict[str, Any]
FLOW = "flowcontrol.apiserver.k8s.io"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"

FLOWS = LiveKind("FlowSchema", "flowschemas", (f"{FLOW}/v1",), frozenset({f"{FLOW}/v1", f"{FLOW}/v1beta3"}))
"""A kind that every API server has objects of; its present version stands for an old one here."""

READS: dict[str, Callable[[KubeReader], object]] = {
    "version": KubeReader.git_version,
    "identity": KubeReader.identity,
    "nodes": KubeReader.nodes,
    "workloads": KubeReader.workloads,
    "pods": KubeReader.pods,
    "namespaces": KubeReader.namespaces,
    "crds": KubeReader.crds,
    "helm releases": lambda reader: reader.helm_releases({}),
    "helm use": lambda reader: reader.helm_use(HelmUse(), NO_NAMES).charts,
    "pod notes": KubeReader.pod_notes,
    "budgets": KubeReader.budgets,
    "volumes": KubeReader.volumes,
    "webhooks": KubeReader.webhooks,
    "api services": KubeReader.api_services,
    "gitops": lambda reader: reader.gitops(reader.crds()),
    "api use": KubeReader.api_use,
    "object traces": lambda reader: reader.object_traces([FLOWS]),
    "customised": lambda reader: reader.customised(ADDON_OBJECTS),
    "proxy mode": KubeReader.proxy_mode,
}
"""Every read of the Kube port, and the one that identifies a cluster, by name."""

PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "PersistentVolume": "/api/v1/persistentvolumes",
    "ValidatingWebhookConfiguration": f"{ADMISSION}/validatingwebhookconfigurations",
    "MutatingWebhookConfiguration": f"{ADMISSION}/mutatingwebhookconfigurations",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    **{
        kind: f"/apis/{group}/{version}/namespaces/{{}}/{plural}"
        for kind, (group, version, plural) in RESOURCES.items()
    },
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
}


@contextmanager
def connected(plane: ControlPlane, identity: Identity | None = None, limits: Limits | None = None) -> Iterator[Reader]:
    """Our transport to a plane, as admin unless somebody else is named."""
    who = identity or plane.admin
    endpoint = Endpoint(plane.server, plane.ca_pem, proxy=Proxy(""))
    credential = Fixed(User(token=who.token, certificate=who.certificate, key=who.key))
    reader = Reader(Connection(endpoint, credential), limits or Limits(), WallPace(Event()), SystemClock())
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def reading(plane: ControlPlane, identity: Identity | None = None) -> Iterator[KubeReader]:
    """The Kube port over a plane."""
    with connected(plane, identity) as reader:
        yield KubeReader(reader)


def compacting(minor: str) -> tuple[str, ...]:
    """Flags of an API server whose continue tokens are too old after about two seconds.

    From 1.34 on it serves pages from copies in its cache (ListFromCacheSnapshot), which live ten seconds longer.
    """
    without = ("--feature-gates=ListFromCacheSnapshot=false",) if Minor.parse(minor) >= Minor(1, 34) else ()
    return ("--etcd-compaction-interval=1s", *without)


def create(plane: ControlPlane, kind: str, namespace: str, obj: Mapping[str, Any]) -> Object:
    stored: Object = plane.create(PATHS[kind].format(namespace), obj)
    return stored


def meta(name: str, **more: Any) -> Object:
    return {"name": name, **more}


def template(name: str, *images: str, init: tuple[str, ...] = (), policy: str = "Always") -> Object:
    containers = [{"name": f"c{n}", "image": image} for n, image in enumerate(images or ("registry.example/app:1",))]
    spec: Object = {"containers": containers, "restartPolicy": policy}
    if init:
        spec["initContainers"] = [{"name": f"i{n}", "image": image} for n, image in enumerate(init)]
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def templated(name: str, *images: str, init: tuple[str, ...] = (), replicas: int | None = None, **more: Any) -> Object:
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet; more goes into its metadata."""
    spec: Object = {"selector": {"matchLabels": {"app": name}}, "template": template(name, *images, init=init)}
    return {"metadata": meta(name, **more), "spec": spec if replicas is None else {**spec, "replicas": replicas}}


def job(name: str, **more: Any) -> Object:
    """A Job that does not begin, and so never finishes."""
    return {"metadata": meta(name, **more), "spec": {"suspend": True, "template": template(name, policy="Never")}}


def cron_job(name: str) -> Object:
    spec = {"template": template(name, "registry.example/nightly:7", policy="Never")}
    return {"metadata": meta(name), "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": spec}}}


def pod(name: str, image: str = "registry.example/tool:2", **more: Any) -> Object:
    return {"metadata": meta(name, **more), "spec": {"containers": [{"name": "main", "image": image}]}}


def release(name: str, namespace: str, revision: int, chart: str, status: str = "deployed") -> tuple[Object, str]:
    """Metadata and the payload of a release as Helm packs it: JSON, gzip at its best, base64."""
    document = {
        "name": name,
        "info": {"first_deployed": "2026-10-01T08:00:00Z", "status": status, "notes": "Thank you."},
        "chart": {
            "metadata": {"name": chart, "version": "4.12.3", "appVersion": "1.30.0", "apiVersion": "v2"},
            "lock": None,
            "templates": [{"name": "templates/a.yaml", "data": base64.b64encode(b"kind: ConfigMap\n" * 50).decode()}],
            "values": {"replicas": 2},
        },
        "manifest": "---\nkind: ConfigMap\n" * 50,
        "version": revision,
        "namespace": namespace,
    }
    labels = {"name": name, "owner": "helm", "status": status, "version": str(revision), "modifiedAt": "1790000000"}
    packed = base64.b64encode(gzip.compress(json.dumps(document).encode(), 9)).decode()
    return meta(f"sh.helm.release.v1.{name}.v{revision}", labels=labels), packed


def release_secret(name: str, namespace: str, revision: int, chart: str, status: str = "deployed") -> Object:
    metadata, packed = release(name, namespace, revision, chart, status)
    return {"metadata": metadata, "type": "helm.sh/release.v1", "stringData": {"release": packed}}


def release_config_map(name: str, namespace: str, revision: int, chart: str) -> Object:
    metadata, packed = release(name, namespace, revision, chart)
    return {"metadata": metadata, "data": {"release": packed}}


def crd(group: str) -> Object:
    """Widgets of a group: v1 is stored, v1beta1 is served and deprecated, v1alpha1 is not served."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    stored = {"name": "v1", "served": True, "storage": True, "schema": schema}
    old = {"name": "v1beta1", "served": True, "storage": False, "deprecated": True, "schema": schema}
    gone = {"name": "v1alpha1", "served": False, "storage": False, "schema": schema}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [stored, old, gone]}
    return {"metadata": meta(f"widgets.{group}"), "spec": spec}


def around(plane: ControlPlane) -> None:
    """Something for each read of what stands around workloads: all of it would be found by an upgrade."""
    stays = {"karpenter.sh/do-not-disrupt": "true"}
    create(plane, "Pod", "default", pod("staying", annotations=stays))
    create(plane, "PodDisruptionBudget", "default", budget("app"))
    create(plane, "PersistentVolume", "", persistent_volume("data-1"))
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        create(plane, kind, "", webhook("guard"))
    create(plane, "EndpointSlice", "default", endpoints("guard"))
    create(plane, "APIService", "", api_service("metrics.example.com"))
    create(plane, "HorizontalPodAutoscaler", "default", scaler("app", 3))
    install_gitops(plane)
    create(plane, "Application", "default", gitops.application("web", "podinfo", "6.5.0", "shop", "default"))
    path = PATHS["ConfigMap"].format("kube-system")
    plane.create(f"{path}?fieldManager=eks", {"metadata": meta("coredns"), "data": {"Corefile": ".:53 {}"}})
    patch = {"data": {"Corefile": ".:53 { log }"}}
    merged = "application/merge-patch+json"
    assert plane.request("PATCH", f"{path}/coredns?fieldManager=kubectl-edit", patch, content_type=merged).ok
    create(plane, "ConfigMap", "kube-system", {"metadata": meta("kube-proxy-config"), "data": {"config": "mode: ipvs"}})


def install_gitops(plane: ControlPlane) -> None:
    """The kinds of Argo CD and Flux, as soon as they are served."""
    for kind in RESOURCES:
        plane.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", gitops.definition(kind))
    for kind in RESOURCES:
        plane.wait_for(PATHS[kind].format("default"), lambda _: True)


def budget(name: str, **more: Any) -> Object:
    spec = {"minAvailable": "50%", "selector": {"matchLabels": {"app": name}}, **more}
    return {"metadata": meta(name), "spec": spec}


def persistent_volume(name: str) -> Object:
    """Of the EBS driver, in one zone."""
    term = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-west-1a"]}
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "gp3",
        "claimRef": {"namespace": "default", "name": "data"},
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}},
    }
    return {"metadata": meta(name), "spec": spec}


def webhook(name: str) -> Object:
    """Asked about Widgets alone, so that it stands in nobody's way."""
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["widgets"], "operations": ["CREATE"]}
    service = {"service": {"namespace": "default", "name": name}}
    hook: Object = {"name": f"{name}.example.com", "clientConfig": service, "rules": [rule], "sideEffects": "None"}
    return {"metadata": meta(name), "webhooks": [hook | {"admissionReviewVersions": ["v1"]}]}


def endpoints(service: str) -> Object:
    """One endpoint that is ready, and one that is not."""
    found = [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": n == 1}} for n in (1, 2)]
    labels = {"kubernetes.io/service-name": service}
    return {"metadata": meta(f"{service}-1", labels=labels), "addressType": "IPv4", "endpoints": found, "ports": []}


def api_service(group: str) -> Object:
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100}
    service = {"service": {"namespace": "default", "name": "metrics"}, "insecureSkipTLSVerify": True}
    return {"metadata": meta(f"v1.{group}"), "spec": spec | service}


def scaler(name: str, minimum: int) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {"metadata": meta(name), "spec": {"scaleTargetRef": target, "minReplicas": minimum, "maxReplicas": 9}}
