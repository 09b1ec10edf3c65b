"""Every path that we ask for. A scanner that calls a deprecated endpoint turns the provider's own warnings red.

Only generally available group versions, each kind at exactly one; a test holds this table against what is deprecated.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

from fleetkeeper.adapters.kube.documents import around, gitops, structs
from fleetkeeper.errors import InvalidAnswer

T = TypeVar("T")

VERSION = "/version"
METRICS = "/metrics"
DISCOVERY = "/apis"

_METADATA = "application/json;as={};v=v1;g=meta.k8s.io"
# Names come from the server and go into paths: no slash, no `..` (RFC 1123 subdomains, as all kinds below have).
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Resource(Generic[T]):
    """One kind of object and what we read of it; metadata_only asks the server for PartialObjectMetadata.

    named_by: a label that mostly has the object's own name, so that one list finds many; "" for none. kind "": of any.
    """

    group_version: str
    plural: str
    kind: str
    document: type[T]
    metadata_only: bool = False
    named_by: str = ""

    @property
    def list_kind(self) -> str:
        return "PartialObjectMetadataList" if self.metadata_only else f"{self.kind}List"

    @property
    def accept(self) -> str:
        return _METADATA.format("PartialObjectMetadataList") if self.metadata_only else "application/json"

    @property
    def by_metadata(self) -> "Resource[structs.Placed]":
        """The same kind, of which only metadata is asked for."""
        return replace(cast("Resource[structs.Placed]", self), document=structs.Placed, metadata_only=True)

    def path(self, namespace: str = "", name: str = "") -> str:
        """The list of a cluster or a namespace, or one object; InvalidAnswer for a name that is no name."""
        for part in (namespace, name):
            if part and (not _NAME.fullmatch(part) or ".." in part):
                raise InvalidAnswer(f"{part[:80]!r} is not a name for {self.plural}")
        root = "/api/v1" if self.group_version == "v1" else f"/apis/{self.group_version}"
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{inside}/{self.plural}" + (f"/{name}" if name else "")


NODES = Resource("v1", "nodes", "Node", structs.Node, named_by="kubernetes.io/hostname")
NAMESPACES = Resource("v1", "namespaces", "Namespace", structs.Object, metadata_only=True)
PODS = Resource("v1", "pods", "Pod", structs.Pod)
SECRETS = Resource("v1", "secrets", "Secret", structs.ReleaseHolder)
SECRET_METADATA = Resource("v1", "secrets", "Secret", structs.Object, metadata_only=True)
CONFIG_MAPS = Resource("v1", "configmaps", "ConfigMap", structs.ReleaseHolder)
CONFIG_MAP_METADATA = Resource("v1", "configmaps", "ConfigMap", structs.Object, metadata_only=True)
DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment", structs.Templated)
STATEFUL_SETS = Resource("apps/v1", "statefulsets", "StatefulSet", structs.Templated)
DAEMON_SETS = Resource("apps/v1", "daemonsets", "DaemonSet", structs.Templated)
REPLICA_SETS = Resource("apps/v1", "replicasets", "ReplicaSet", structs.Templated)
CRON_JOBS = Resource("batch/v1", "cronjobs", "CronJob", structs.CronJob)
JOBS = Resource("batch/v1", "jobs", "Job", structs.Job)
CRDS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", structs.Crd)

BUDGETS = Resource("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", around.Budget)
SCALERS = Resource("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", around.Scaler)
VOLUMES = Resource("v1", "persistentvolumes", "PersistentVolume", around.Volume)
ENDPOINT_SLICES = Resource("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", around.EndpointSlice)
API_SERVICES = Resource("apiregistration.k8s.io/v1", "apiservices", "APIService", around.ApiService)
VALIDATING = Resource(
    "admissionregistration.k8s.io/v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    around.WebhookConfiguration,
)
MUTATING = Resource(
    "admissionregistration.k8s.io/v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    around.WebhookConfiguration,
)
SETTINGS = Resource("v1", "configmaps", "ConfigMap", around.Configured)

RESOURCES: tuple[Resource[Any], ...] = (
    *(NODES, NAMESPACES, PODS, SECRETS, SECRET_METADATA, CONFIG_MAPS, CONFIG_MAP_METADATA),
    *(DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS, CRON_JOBS, JOBS, CRDS),
    *(BUDGETS, SCALERS, VOLUMES, ENDPOINT_SLICES, API_SERVICES, VALIDATING, MUTATING, SETTINGS),
)

GITOPS: dict[str, Resource[Any]] = {
    "Application": Resource("argoproj.io/v1alpha1", "applications", "Application", gitops.Application),
    "HelmRelease": Resource("helm.toolkit.fluxcd.io/v2", "helmreleases", "HelmRelease", gitops.HelmRelease),
}
"""Others' own kinds at the versions that core/gitops.py knows, asked for only where a definition serves them.

Argo CD has had no other version than v1alpha1 since it began.
"""


def traced(group_version: str, plural: str, kind: str) -> Resource[around.Traced]:
    """Any kind, of which only the metadata is asked for, with who wrote it."""
    return Resource(group_version, plural, kind, around.Traced, metadata_only=True)
