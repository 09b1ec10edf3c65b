"""Which resources an API server of a minor serves: the built-in ones and those of the cluster's CRDs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.world import Object

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_VERSION = re.compile(r"^v(\d+)(?:(alpha|beta)(\d+))?$")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in one version. warning is the text of its deprecation, "" for none.

    removed is the minor without it, as in the metric ("" where none is announced); custom resources keep kind and
    apiVersion on list items.
    """

    group: str
    version: str
    name: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    custom: bool = False
    warning: str = ""
    removed: str = ""
    fields: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


# group/version: resource Kind short names +categories; a resource that ends with ~ has no namespace.
_TABLE = """
v1: bindings Binding; componentstatuses~ ComponentStatus cs; configmaps ConfigMap cm; endpoints Endpoints ep
v1: events Event ev; limitranges LimitRange limits; namespaces~ Namespace ns; nodes~ Node no
v1: persistentvolumeclaims PersistentVolumeClaim pvc; persistentvolumes~ PersistentVolume pv; pods Pod po +all
v1: podtemplates PodTemplate; replicationcontrollers ReplicationController rc +all; resourcequotas ResourceQuota quota
v1: secrets Secret; serviceaccounts ServiceAccount sa; services Service svc +all
apiregistration.k8s.io/v1: apiservices~ APIService +api-extensions
apps/v1: controllerrevisions ControllerRevision; daemonsets DaemonSet ds +all; deployments Deployment deploy +all
apps/v1: replicasets ReplicaSet rs +all; statefulsets StatefulSet sts +all
events.k8s.io/v1: events Event ev
authentication.k8s.io/v1: selfsubjectreviews~ SelfSubjectReview
authorization.k8s.io/v1: selfsubjectaccessreviews~ SelfSubjectAccessReview
autoscaling/v2: horizontalpodautoscalers HorizontalPodAutoscaler hpa +all
autoscaling/v1: horizontalpodautoscalers HorizontalPodAutoscaler hpa +all
batch/v1: cronjobs CronJob cj +all; jobs Job +all
certificates.k8s.io/v1: certificatesigningrequests~ CertificateSigningRequest csr
networking.k8s.io/v1: ingressclasses~ IngressClass; ingresses Ingress ing; networkpolicies NetworkPolicy netpol
policy/v1: poddisruptionbudgets PodDisruptionBudget pdb
rbac.authorization.k8s.io/v1: clusterrolebindings~ ClusterRoleBinding; clusterroles~ ClusterRole
rbac.authorization.k8s.io/v1: rolebindings RoleBinding; roles Role
storage.k8s.io/v1: csidrivers~ CSIDriver; csinodes~ CSINode; csistoragecapacities CSIStorageCapacity
storage.k8s.io/v1: storageclasses~ StorageClass sc; volumeattachments~ VolumeAttachment
admissionregistration.k8s.io/v1: mutatingwebhookconfigurations~ MutatingWebhookConfiguration +api-extensions
admissionregistration.k8s.io/v1: validatingadmissionpolicies~ ValidatingAdmissionPolicy +api-extensions
admissionregistration.k8s.io/v1: validatingadmissionpolicybindings~ ValidatingAdmissionPolicyBinding +api-extensions
admissionregistration.k8s.io/v1: validatingwebhookconfigurations~ ValidatingWebhookConfiguration +api-extensions
apiextensions.k8s.io/v1: customresourcedefinitions~ CustomResourceDefinition crd crds +api-extensions
scheduling.k8s.io/v1: priorityclasses~ PriorityClass pc
coordination.k8s.io/v1: leases Lease
node.k8s.io/v1: runtimeclasses~ RuntimeClass
discovery.k8s.io/v1: endpointslices EndpointSlice
flowcontrol.apiserver.k8s.io/v1: flowschemas~ FlowSchema; prioritylevelconfigurations~ PriorityLevelConfiguration
flowcontrol.apiserver.k8s.io/v1beta3: flowschemas~ FlowSchema; prioritylevelconfigurations~ PriorityLevelConfiguration
"""

_FLOW = "flowcontrol.apiserver.k8s.io"
# (group, version, resource) → deprecated in, removed in, successor (k8s.io/api prerelease lifecycle, v0.36.4).
_DEPRECATED = {
    ("", "v1", "componentstatuses"): ("1.19", "", ""),
    ("", "v1", "endpoints"): ("1.33", "", "discovery.k8s.io/v1 EndpointSlice"),
    (_FLOW, "v1beta3", "flowschemas"): ("1.29", "1.32", f"{_FLOW}/v1 FlowSchema"),
    (_FLOW, "v1beta3", "prioritylevelconfigurations"): ("1.29", "1.32", f"{_FLOW}/v1 PriorityLevelConfiguration"),
}
_VERBS = {
    "/bindings": ("create",),
    "authentication.k8s.io/selfsubjectreviews": ("create",),
    "authorization.k8s.io/selfsubjectaccessreviews": ("create",),
    "/componentstatuses": ("get", "list"),
    "/namespaces": tuple(verb for verb in VERBS if verb != "deletecollection"),
}
# kubernetes/pkg/apis/*/v1/conversion.go, v1.36.4; metadata.name and metadata.namespace go everywhere.
_FIELDS = {
    "/pods": (
        "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork status.phase "
        "status.podIP status.podIPs status.nominatedNodeName"
    ),
    "/nodes": "spec.unschedulable",
    "/replicationcontrollers": "status.replicas",
    "/events": (
        "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion "
        "involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent source type"
    ),
    "/namespaces": "status.phase",
    "/secrets": "type",
    "/services": "spec.clusterIP spec.type",
    "apps/replicasets": "status.replicas",
    "batch/jobs": "status.successful",
}


@cache
def builtin(minor: Minor) -> Mapping[tuple[str, str, str], Resource]:
    """(group, version, resource) → Resource, of one minor, in discovery's order."""
    found = {}
    for line in _TABLE.strip().splitlines():
        api, _, kinds = line.partition(": ")
        group, _, version = api.rpartition("/")
        for row in kinds.split("; "):
            name, kind, *words = row.split()
            resource = _builtin(group, version, name, kind, words, minor)
            if resource:
                found[(group, version, resource.name)] = resource
    return found


def _builtin(group: str, version: str, name: str, kind: str, words: list[str], minor: Minor) -> Resource | None:
    plural = name.rstrip("~")
    since, removed, successor = _DEPRECATED.get((group, version, plural), ("", "", ""))
    if removed and minor >= Minor.parse(removed):
        return None
    warning = ""
    if since and minor >= Minor.parse(since):
        warning = f"{group + '/' if group else ''}{version} {kind} is deprecated in v{since}+"
        warning += f", unavailable in v{removed}+" if removed else ""
        warning += f"; use {successor}" if successor else ""
    fields = tuple(_FIELDS.get(f"{group}/{plural}", "").split())
    return Resource(
        group,
        version,
        plural,
        kind,
        namespaced=name == plural,
        short_names=tuple(word for word in words if not word.startswith("+")),
        categories=tuple(word[1:] for word in words if word.startswith("+")),
        verbs=_VERBS.get(f"{group}/{plural}", VERBS),
        warning=warning,
        removed=removed,
        fields=fields,
    )


def custom(crds: Iterable[Object]) -> dict[tuple[str, str, str], Resource]:
    """The served versions of the CRDs, in the same form."""
    found = {}
    for crd in crds:
        spec: dict[str, Any] = crd["spec"]
        names = spec["names"]
        for version in spec["versions"]:
            if not version.get("served"):
                continue
            group, name = spec["group"], version["name"]
            found[(group, name, names["plural"])] = Resource(
                group,
                name,
                names["plural"],
                names["kind"],
                namespaced=spec.get("scope") == "Namespaced",
                short_names=tuple(names.get("shortNames", ())),
                categories=tuple(names.get("categories", ())),
                verbs=_CUSTOM_VERBS,
                custom=True,
                warning=_deprecation(spec, version),
                fields=tuple(f["jsonPath"].lstrip(".") for f in version.get("selectableFields", ())),
            )
    return found


def preference(version: str) -> tuple[int, int, int]:
    """Kubernetes' order of versions: v2 before v1 before v1beta2 before v1alpha1."""
    matched = _VERSION.match(version)
    if not matched:
        return (3, 0, 0)
    stage = {None: 0, "beta": 1, "alpha": 2}[matched[2]]
    return (stage, -int(matched[1]), -int(matched[3] or 0))


def _deprecation(spec: dict[str, Any], version: dict[str, Any]) -> str:
    """The warning of a deprecated version, "" for others: its own text, or one that names what to use instead."""
    if not version.get("deprecated"):
        return ""
    if version.get("deprecationWarning"):
        return str(version["deprecationWarning"])
    group, kind, own = spec["group"], spec["names"]["kind"], preference(version["name"])
    others = [v["name"] for v in spec["versions"] if v.get("served") and not v.get("deprecated")]
    better = min((name for name in others if preference(name) < own), key=preference, default="")
    use = f"; use {group}/{better} {kind}" if better else ""
    return f"{group}/{version['name']} {kind} is deprecated{use}"
