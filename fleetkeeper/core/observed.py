"""More that is seen of a cluster than its inventory: what decides whether it can be upgraded. Read as parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fleetkeeper.core.pods import Labels
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget with its status. Limits are the API's text: "2", "50%", or "" where not set.

    selector None takes no pod. observed is False while the controller has not seen the present generation.
    reason and message are those of the DisruptionAllowed condition ("SyncFailed", "InsufficientPods", ...).
    """

    namespace: str
    name: str
    uid: str = ""
    selector: Labels | None = None
    minimum: str = ""
    maximum_unavailable: str = ""
    unhealthy_policy: str = ""  # IfHealthyBudget, AlwaysAllow or "" (which means IfHealthyBudget)
    expected: int = 0
    desired: int = 0
    healthy: int = 0
    allowed: int = 0
    observed: bool = True
    reason: str = ""
    message: str = ""
    owner: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PodNote:
    """A pod that needs a word of its own. why: "do-not-disrupt", "finalizers" (terminating, held), "no owner".

    controller is the workload at the top (the Deployment, not its ReplicaSet), whose name outlives the pod's.
    """

    namespace: str
    name: str
    why: str
    detail: str = ""  # the annotation, the finalizers
    controller: str = ""  # Kind/name, "" for none
    since: datetime | None = None
    node: str = ""
    owner: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PersistentVolume:
    """A volume with the zones that it is pinned to (none: any), and the claim that it is bound to as namespace/name.

    source is the CSI driver's name, or the in-tree member (awsElasticBlockStore, ...).
    """

    name: str
    source: str
    zones: tuple[str, ...] = ()
    claim: str = ""
    nodes: tuple[str, ...] = ()  # a local volume's node names
    storage_class: str = ""
    keys: tuple[str, ...] = ()  # the label keys that its node affinity asks for


@dataclass(frozen=True, slots=True)
class WebhookRule:
    groups: tuple[str, ...]
    versions: tuple[str, ...]
    resources: tuple[str, ...]
    operations: tuple[str, ...]
    scope: str = "*"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of a ValidatingWebhookConfiguration or MutatingWebhookConfiguration.

    service is namespace/name, "" for one that is called by URL. endpoints counts the ready ones of the service, None
    when that was not seen.
    """

    kind: str
    configuration: str
    name: str
    fails_closed: bool  # failurePolicy Fail
    service: str = ""
    url: str = ""
    endpoints: int | None = None
    timeout_seconds: int = 10
    equivalent: bool = True  # matchPolicy Equivalent
    rules: tuple[WebhookRule, ...] = ()
    namespaces: Labels = field(default_factory=Labels)
    objects: Labels = field(default_factory=Labels)
    owner: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiService:
    """An aggregated API that a service of the cluster serves; available as its condition says."""

    name: str
    group: str
    version: str
    service: str
    available: bool
    reason: str = ""
    message: str = ""
    owner: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GitOpsApp:
    """A chart that an Application of Argo CD or a HelmRelease of Flux deploys into this very cluster.

    version is what it asks for, which may be a range; deployed is what its controller last brought there, "" where it
    does not say. Both are "" for what comes from a folder of a Git repository: that has no chart version.
    state: the controller's words, `Synced, Healthy` or `Ready`. automated: a change of it is carried out at once.
    """

    kind: str
    namespace: str
    name: str
    chart: str
    repo: str
    version: str
    destination: str  # namespace
    release: str  # Helm's name of it there
    deployed: str = ""
    ready: bool = False
    state: str = ""
    automated: bool = True
    owner: Mapping[str, str] = field(default_factory=dict)
    path: str = ""  # the folder of its Git repository

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class DeprecatedCall:
    """A line of apiserver_requested_deprecated_apis: somebody asked for it since the API server started."""

    group: str
    version: str
    resource: str
    subresource: str = ""
    removed: str = ""


@dataclass(frozen=True, slots=True)
class ApiUse:
    """What /metrics of the API server says; since is its start, before which it remembers nothing."""

    calls: tuple[DeprecatedCall, ...]
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ObjectTrace:
    """A deprecated apiVersion in the metadata of a live object, which is itself served at another version.

    source: "managed fields" (manager wrote it in api_version at `at`) or "last applied".
    """

    source: str
    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""
    manager: str = ""
    at: datetime | None = None
    owner: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleaseTrace:
    """A removed or deprecated apiVersion in a Helm release's manifest. latest: in its newest deployed revision.

    kube_version is the chart's constraint ("" for none). broken says why a payload could not be read.
    """

    namespace: str
    release: str
    revision: int
    latest: bool
    api_version: str
    kind: str
    object_namespace: str = ""
    object_name: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseChart:
    """What a release's chart demands; broken says why its payload could not be read, "" when it could."""

    namespace: str
    release: str
    revision: int
    chart: str
    chart_version: str
    kube_version: str = ""
    broken: str = ""
    key: str = ""  # uid@resourceVersion of its record


@dataclass(frozen=True, slots=True)
class HelmUse:
    """looked_for names the set of APIs that the traces are of (api_search.digest)."""

    charts: tuple[ReleaseChart, ...] = ()
    traces: tuple[ReleaseTrace, ...] = ()
    looked_for: str = ""


@dataclass(frozen=True, slots=True)
class AuditCall:
    """Calls of a deprecated API in the audit log, by one client."""

    group: str
    version: str
    resource: str
    user: str
    user_agent: str
    count: int
    last: datetime
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Customised:
    """A field of an EKS addon's object that somebody but EKS owns: an update with OVERWRITE would lose it."""

    addon: str
    kind: str
    namespace: str
    name: str
    field: str  # dotted path
    manager: str


@dataclass(frozen=True, slots=True)
class Subnet:
    id: str
    zone: str
    free_addresses: int


@dataclass(frozen=True, slots=True)
class Quota:
    """A service quota of an account and region. used None where we do not count it."""

    service: str
    code: str
    name: str
    value: float
    used: float | None = None


@dataclass(frozen=True, slots=True)
class LaunchTemplate:
    """A launch template that a group uses; versions as EC2 numbers them."""

    id: str
    name: str
    in_use: int
    default: int
    latest: int
    group: str
    image: str = ""


@dataclass(frozen=True, slots=True)
class GroupImage:
    """The machine image that a group launches now; its nodes may still run an older one.

    image: the id of a custom one. name: a pattern of the name of an image of EKS whose release tells no day. Both are
    "" where the release tells it. created_at None: nobody has such an image any more, or we may not look.
    """

    group: str
    image: str = ""
    name: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClusterPrerequisites:
    """What EKS needs in the account to update the control plane and to replace nodes; None: not seen.

    subnets are those of the control plane (resourcesVpcConfig.subnetIds), node_subnets those that managed node groups
    and self-managed Auto Scaling groups name; both by DescribeSubnets, without those that it no longer knows.
    """

    subnets: tuple[Subnet, ...] = ()
    node_subnets: tuple[Subnet, ...] = ()
    role_arn: str = ""
    role_exists: bool | None = None
    kms_key: str = ""
    kms_state: str = ""  # as KMS has it, or Deleted; "" where there is no key or it was not seen


@dataclass(frozen=True, slots=True)
class EksUpdate:
    """An update of a cluster as EKS lists it; minor is the version that it moved to, addon_version that of an addon."""

    id: str
    kind: str  # VersionUpdate, VersionRollback, ...
    status: str  # InProgress, Failed, Cancelled, Successful
    created_at: datetime | None
    minor: Minor | None = None
    errors: tuple[str, ...] = ()
    addon_version: str = ""
    release: str = ""  # of the image that a node group moved to
