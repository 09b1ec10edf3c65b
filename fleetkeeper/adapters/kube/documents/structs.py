"""msgspec structs of only the needed fields: unknown fields are skipped, and whatever may be null may be null here.

What decides between "there is nothing" and "this is no answer" (a list's kind and items, an object's name) has no
default, so that `{}` is an invalid answer and never an empty list.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Raw, Struct, field

T = TypeVar("T")

Time = Annotated[datetime, Meta(tz=True)]


class ListMeta(Struct, gc=False):
    resource_version: str = field(default="", name="resourceVersion")
    next: str | None = field(default=None, name="continue")


class ListOf(Struct, Generic[T], gc=False):
    kind: str
    metadata: ListMeta
    items: list[T] | None


class Status(Struct, gc=False):
    """The body of an error; every field may be missing when a proxy or load balancer answers."""

    message: str | None = None
    reason: str | None = None
    metadata: ListMeta | None = None


class Owner(Struct, gc=False):
    kind: str
    name: str = ""
    controller: bool | None = None


class ObjectMeta(Struct, gc=False):
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = field(default="", name="resourceVersion")
    created_at: Time | None = field(default=None, name="creationTimestamp")
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owners: list[Owner] | None = field(default=None, name="ownerReferences")
    deleted_at: Time | None = field(default=None, name="deletionTimestamp")
    finalizers: list[str] | None = None


class Object(Struct, gc=False):
    """Any object when only its metadata matters (PartialObjectMetadata)."""

    metadata: ObjectMeta


class Mark(Struct, gc=False):
    """Annotations that make a pod worth a look. mirror: of a static pod's image in the API; its owner is the Node."""

    mirror: str | None = field(default=None, name="kubernetes.io/config.mirror")
    do_not_disrupt: str | None = field(default=None, name="karpenter.sh/do-not-disrupt")
    do_not_evict: str | None = field(default=None, name="karpenter.sh/do-not-evict")


class PlaceMeta(Struct, gc=False):
    """What says which object it is and whether it has an owner: of many thousands nothing else is decoded."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = field(default="", name="resourceVersion")
    owners: list[Raw] | None = field(default=None, name="ownerReferences")
    mark: Mark | None = field(default=None, name="annotations")
    deleted_at: str | None = field(default=None, name="deletionTimestamp")
    finalizers: list[str] | None = None


class Placed(Struct, gc=False):
    """Any object when only its place and version matter."""

    metadata: PlaceMeta


class Version(Struct, gc=False):
    git_version: str = field(name="gitVersion")


class NodeSpec(Struct, gc=False):
    provider_id: str = field(default="", name="providerID")
    unschedulable: bool | None = None


class NodeSystem(Struct, gc=False):
    kubelet: str = field(default="", name="kubeletVersion")
    proxy: str = field(default="", name="kubeProxyVersion")
    os_image: str = field(default="", name="osImage")
    os: str = field(default="", name="operatingSystem")
    arch: str = field(default="", name="architecture")
    runtime: str = field(default="", name="containerRuntimeVersion")
    kernel: str = field(default="", name="kernelVersion")


class Condition(Struct, gc=False):
    type: str
    status: str = ""


class NodeStatus(Struct, gc=False):
    system: NodeSystem | None = field(default=None, name="nodeInfo")
    conditions: list[Condition] | None = None


class Node(Struct, gc=False):
    metadata: ObjectMeta
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class Present(Struct, gc=False):
    """Something of which it matters only that it is there."""


class Resources(Struct, gc=False):
    """Quantities by name; what is asked for matters, not how much."""

    limits: dict[str, Raw] | None = None
    requests: dict[str, Raw] | None = None


class Container(Struct, gc=False):
    image: str | None = None
    probe: Present | None = field(default=None, name="readinessProbe")
    resources: Resources | None = None


class Expression(Struct, gc=False):
    """One requirement of a selector of labels or nodes."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class LabelSelector(Struct, gc=False):
    equal: dict[str, str] | None = field(default=None, name="matchLabels")
    terms: list[Expression] | None = field(default=None, name="matchExpressions")


class NodeTerm(Struct, gc=False):
    expressions: list[Expression] | None = field(default=None, name="matchExpressions")


class NodeTerms(Struct, gc=False):
    terms: list[NodeTerm] | None = field(default=None, name="nodeSelectorTerms")


class PreferredNode(Struct, gc=False):
    preference: NodeTerm | None = None


class NodeAffinity(Struct, gc=False):
    required: NodeTerms | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[PreferredNode] | None = field(default=None, name="preferredDuringSchedulingIgnoredDuringExecution")


class PodTerm(Struct, gc=False):
    topology: str = field(default="", name="topologyKey")


class PreferredPod(Struct, gc=False):
    term: PodTerm | None = field(default=None, name="podAffinityTerm")


class PodAntiAffinity(Struct, gc=False):
    required: list[PodTerm] | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: list[PreferredPod] | None = field(default=None, name="preferredDuringSchedulingIgnoredDuringExecution")


class Affinity(Struct, gc=False):
    nodes: NodeAffinity | None = field(default=None, name="nodeAffinity")
    apart: PodAntiAffinity | None = field(default=None, name="podAntiAffinity")


class Toleration(Struct, gc=False):
    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None


class PodSpec(Struct, gc=False):
    """volumes: name, and one member that says the kind."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = field(default=None, name="initContainers")
    node_selector: dict[str, str] | None = field(default=None, name="nodeSelector")
    affinity: Affinity | None = None
    tolerations: list[Toleration] | None = None
    spread: list[PodTerm] | None = field(default=None, name="topologySpreadConstraints")
    volumes: list[dict[str, Any]] | None = None
    account: str | None = field(default=None, name="serviceAccountName")
    priority: str | None = field(default=None, name="priorityClassName")
    grace_seconds: int | None = field(default=None, name="terminationGracePeriodSeconds")
    host_network: bool | None = field(default=None, name="hostNetwork")
    node: str | None = field(default=None, name="nodeName")


class TemplateMeta(Struct, gc=False):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Template(Struct, gc=False):
    metadata: TemplateMeta | None = None
    spec: PodSpec | None = None


class ClaimMeta(Struct, gc=False):
    name: str = ""


class ClaimTemplate(Struct, gc=False):
    metadata: ClaimMeta | None = None


class TemplateSpec(Struct, gc=False):
    template: Template | None = None
    replicas: int | None = None
    selector: LabelSelector | None = None
    claims: list[ClaimTemplate] | None = field(default=None, name="volumeClaimTemplates")


class TemplateStatus(Struct, gc=False):
    """The conditions of a Job say whether it has finished."""

    conditions: list[Condition] | None = None


class ReadyStatus(Struct, gc=False):
    """How many pods are ready, 0 where it is left out; on_nodes is that of a DaemonSet."""

    ready: int | None = field(default=None, name="readyReplicas")
    on_nodes: int | None = field(default=None, name="numberReady")


class Templated(Struct, gc=False):
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet."""

    metadata: ObjectMeta
    spec: TemplateSpec | None = None
    status: ReadyStatus | None = None


class Job(Struct, gc=False):
    metadata: ObjectMeta
    spec: TemplateSpec | None = None
    status: TemplateStatus | None = None


class JobTemplate(Struct, gc=False):
    spec: TemplateSpec | None = None


class CronJobSpec(Struct, gc=False):
    job: JobTemplate | None = field(default=None, name="jobTemplate")
    schedule: str = ""


class CronJob(Struct, gc=False):
    metadata: ObjectMeta
    spec: CronJobSpec | None = None


class PodStatus(Struct, gc=False):
    phase: str = ""


class Pod(Struct, gc=False):
    metadata: ObjectMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None


class CrdVersion(Struct, gc=False):
    name: str
    served: bool = False
    storage: bool = False
    deprecated: bool | None = None


class CrdNames(Struct, gc=False):
    kind: str = ""


class CrdSpec(Struct, gc=False):
    group: str
    names: CrdNames
    versions: list[CrdVersion] | None = None


class CrdStatus(Struct, gc=False):
    stored: list[str] | None = field(default=None, name="storedVersions")


class Crd(Struct, gc=False):
    metadata: ObjectMeta
    spec: CrdSpec
    status: CrdStatus | None = None


class ReleasePayload(Struct, gc=False):
    """`data.release` of a Helm secret (base64 twice) or ConfigMap (base64 once), still as text."""

    release: str = ""


class ReleaseHolder(Struct, gc=False):
    """A Helm release's Secret or ConfigMap."""

    metadata: ObjectMeta
    data: ReleasePayload | None = None


class ChartMetadata(Struct, gc=False):
    name: str = ""
    version: str = ""
    app_version: str | None = field(default=None, name="appVersion")
    kube_version: str | None = field(default=None, name="kubeVersion")


class Chart(Struct, gc=False):
    metadata: ChartMetadata | None = None


class ReleaseState(Struct, gc=False):
    status: str = ""


class Release(Struct, gc=False):
    """The decoded payload of a Helm release, without its values and templates."""

    name: str = ""
    namespace: str = ""
    version: int = 0
    info: ReleaseState | None = None
    chart: Chart | None = None
    manifest: str | None = None
