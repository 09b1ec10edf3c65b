"""What every EKS cluster holds besides workloads: namespaces, RBAC, storage and priority classes."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from fleetkeeper.sim.objects.recipes import Recipe, managed_fields, stamp
from fleetkeeper.sim.scenario import Look, NamespaceSpec
from fleetkeeper.sim.world import Object

RBAC = "rbac.authorization.k8s.io"
READERS = "fleetkeeper:readers"
EXECUTORS = "fleetkeeper:executors"
_AGE = timedelta(days=380)
_SYSTEM = ("default", "kube-node-lease", "kube-public", "kube-system")
_BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}

# What the role that `fleetkeeper onboard` ships lets its holder read (held by a test); a scenario's `reader_lacks`
# takes some of it away.
READER_RESOURCES: dict[str, dict[str, tuple[str, ...]]] = {
    "": {"nodes": ("list",), "namespaces": ("get", "list"), "pods": ("get", "list"), "persistentvolumes": ("list",)},
    "batch": {"jobs": ("get", "list"), "cronjobs": ("list",)},
    "apps": dict.fromkeys(("deployments", "statefulsets", "daemonsets", "replicasets"), ("list",)),
    "apiextensions.k8s.io": {"customresourcedefinitions": ("list",)},
    "autoscaling": {"horizontalpodautoscalers": ("list",)},
    "policy": {"poddisruptionbudgets": ("list",)},
    "admissionregistration.k8s.io": dict.fromkeys(
        ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"), ("list",)
    ),
    "apiregistration.k8s.io": {"apiservices": ("list",)},
    "discovery.k8s.io": {"endpointslices": ("list",)},
    "argoproj.io": {"applications": ("list",)},
}
READER_PATHS = ("/version", "/apis", "/metrics")
TRACE_RESOURCES: dict[str, tuple[str, ...]] = {
    "admissionregistration.k8s.io": ("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    "flowcontrol.apiserver.k8s.io": ("flowschemas", "prioritylevelconfigurations"),
    "cert-manager.io": ("certificaterequests", "certificates", "clusterissuers", "issuers"),
    "acme.cert-manager.io": ("challenges", "orders"),
    "karpenter.sh": ("machines", "nodeclaims", "nodepools", "provisioners"),
    "karpenter.k8s.aws": ("awsnodetemplates", "ec2nodeclasses"),
    "snapshot.storage.k8s.io": ("volumesnapshotclasses", "volumesnapshotcontents", "volumesnapshots"),
    "source.toolkit.fluxcd.io": ("buckets", "gitrepositories", "helmcharts", "helmrepositories", "ocirepositories"),
    "kustomize.toolkit.fluxcd.io": ("kustomizations",),
    "helm.toolkit.fluxcd.io": ("helmreleases",),
    "external-secrets.io": ("clusterexternalsecrets", "clustersecretstores", "externalsecrets", "secretstores"),
}
"""Of the second role what simulated clusters serve."""
READER_CONFIG_MAPS = ("amazon-vpc-cni", "coredns", "kube-proxy", "kube-proxy-config")
HELM_RESOURCES = ("secrets", "configmaps")
EXECUTOR_RESOURCES: dict[str, dict[str, tuple[str, ...]]] = {
    "velero.io": {"backups": ("create", "delete", "get")},
    "": {
        "nodes": ("list", "patch"),
        "pods": ("list",),
        "pods/eviction": ("create",),
        "persistentvolumes": ("list",),
    },
    "storage.k8s.io": {"volumeattachments": ("list",)},
    "apps": {
        "replicasets": ("list",),
        "deployments": ("get", "patch"),
        "statefulsets": ("get", "patch"),
    },
    "batch": {"jobs": ("list",)},
    "policy": {"poddisruptionbudgets": ("list",)},
    "karpenter.sh": {"nodepools": ("list", "patch")},
    "karpenter.k8s.aws": {"ec2nodeclasses": ("list",)},
    "argoproj.io": {"applications": ("get",)},
    "helm.toolkit.fluxcd.io": {"helmreleases": ("get",)},
}
"""What the executor's role lets its holder do everywhere (held by a test)."""


def namespaces(look: Look, used: Iterable[str], now: datetime) -> Iterator[Recipe]:
    for name in sorted({*_SYSTEM, *used, *look.namespaces}):
        spec = look.namespaces.get(name, NamespaceSpec(name))
        labels = {"kubernetes.io/metadata.name": name, **spec.labels}
        yield Recipe(
            "/namespaces",
            name,
            {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}},
            labels=labels,
            annotations=dict(spec.annotations) or None,
            age=_AGE,
            managed=[managed_fields("kube-apiserver", "v1", {"metadata": {"labels": labels}}, stamp(now - _AGE))],
        )


def rbac(look: Look) -> Iterator[Recipe]:
    """The bootstrap roles that matter to a reader, and the reader's own as its installation makes it."""
    yield _role("cluster-admin", [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, _paths("*", verbs="*")])
    yield _binding("cluster-admin", "cluster-admin", "system:masters")
    yield _role("system:discovery", [_paths("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC)])
    yield _binding("system:discovery", "system:discovery", "system:authenticated")
    yield _role("system:public-info-viewer", [_paths(*_PUBLIC)])
    yield _binding(
        "system:public-info-viewer", "system:public-info-viewer", "system:authenticated", "system:unauthenticated"
    )
    yield _role("fleetkeeper-reader", [*_reading(look.reader_lacks), _paths(*READER_PATHS)], bootstrap=False)
    yield _role("fleetkeeper-trace-reader", list(_tracing()), bootstrap=False)
    settings = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]}
    yield replace(
        _role("fleetkeeper-reader", [settings | {"resourceNames": list(READER_CONFIG_MAPS)}], bootstrap=False),
        resource=f"{RBAC}/roles",
        namespace="kube-system",
    )
    helm = {"verbs": ["get", "list"], "apiGroups": [""], "resources": list(HELM_RESOURCES)}
    yield _role("fleetkeeper-helm-reader", [helm], bootstrap=False)
    made = [
        {"verbs": list(verbs), "apiGroups": [group], "resources": [resource]}
        for group, resources in EXECUTOR_RESOURCES.items()
        for resource, verbs in resources.items()
    ]
    kube_system = {"verbs": ["get"], "apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"]}
    yield _role("fleetkeeper-executor", [kube_system, *made], bootstrap=False)
    yield _binding("fleetkeeper-executor", "fleetkeeper-executor", EXECUTORS, bootstrap=False)
    if look.reader == "full":
        yield _binding("fleetkeeper-reader", "fleetkeeper-reader", READERS, bootstrap=False)
        yield _binding("fleetkeeper-trace-reader", "fleetkeeper-trace-reader", READERS, bootstrap=False)
        yield _in_system("fleetkeeper-reader", READERS)
        if look.reader_secrets and "/secrets" not in look.reader_lacks:
            yield _binding("fleetkeeper-helm-reader", "fleetkeeper-helm-reader", READERS, bootstrap=False)


_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")


def _reading(lacks: tuple[str, ...]) -> Iterator[Object]:
    for group, resources in READER_RESOURCES.items():
        for resource, verbs in resources.items():
            if f"{group}/{resource}" not in lacks:
                yield {"verbs": list(verbs), "apiGroups": [group], "resources": [resource]}


def _tracing() -> Iterator[Object]:
    for group, resources in TRACE_RESOURCES.items():
        yield {"verbs": ["list"], "apiGroups": [group], "resources": list(resources)}


def _paths(*paths: str, verbs: str = "get") -> Object:
    return {"verbs": [verbs], "nonResourceURLs": list(paths)}


def _role(name: str, rules: list[Object], *, bootstrap: bool = True) -> Recipe:
    labels = dict(_BOOTSTRAP) if bootstrap else {"app.kubernetes.io/managed-by": "terraform"}
    return Recipe(f"{RBAC}/clusterroles", name, {"rules": rules}, labels=labels, age=_AGE)


def _binding(name: str, role: str, *groups: str, bootstrap: bool = True) -> Recipe:
    subjects = [{"kind": "Group", "apiGroup": RBAC, "name": group} for group in groups]
    body = {"subjects": subjects, "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}}
    labels = dict(_BOOTSTRAP) if bootstrap else {"app.kubernetes.io/managed-by": "terraform"}
    return Recipe(f"{RBAC}/clusterrolebindings", name, body, labels=labels, age=_AGE)


def _in_system(role: str, group: str) -> Recipe:
    """The binding of a Role of kube-system."""
    bound = _binding(role, role, group, bootstrap=False)
    body = bound.body | {"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role}}
    return replace(bound, resource=f"{RBAC}/rolebindings", namespace="kube-system", body=body)


def classes() -> Iterator[Recipe]:
    for name, value in (("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)):
        body = {
            "value": value,
            "description": "Used for system critical pods.",
            "preemptionPolicy": "PreemptLowerPriority",
        }
        yield Recipe("scheduling.k8s.io/priorityclasses", name, body, generation=1, age=_AGE)
    storage: Object = {"provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3"}, "reclaimPolicy": "Delete"}
    storage |= {"allowVolumeExpansion": True, "volumeBindingMode": "WaitForFirstConsumer"}
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    yield Recipe("storage.k8s.io/storageclasses", "gp3", storage, annotations=annotations, age=_AGE)
    yield Recipe(
        "/services",
        "kubernetes",
        {"spec": {"clusterIP": "172.20.0.1", "type": "ClusterIP"}, "status": {"loadBalancer": {}}},
        namespace="default",
        labels={"component": "apiserver", "provider": "kubernetes"},
        age=_AGE,
    )
