"""The same of what stands around workloads: budgets, scalers, volumes, webhooks, aggregated APIs, field owners."""

from msgspec import Raw, Struct, field

from fleetkeeper.adapters.kube.documents.structs import LabelSelector, NodeTerms, ObjectMeta, Present, Time

Limit = int | str
"""An IntOrString of the API."""


class Said(Struct, gc=False):
    """A condition with its reason."""

    type: str
    status: str = ""
    reason: str | None = None
    message: str | None = None


class BudgetMeta(ObjectMeta, gc=False):
    generation: int = 0


class BudgetSpec(Struct, gc=False):
    selector: LabelSelector | None = None
    minimum: Limit | None = field(default=None, name="minAvailable")
    maximum_unavailable: Limit | None = field(default=None, name="maxUnavailable")
    unhealthy_policy: str | None = field(default=None, name="unhealthyPodEvictionPolicy")


class BudgetStatus(Struct, gc=False):
    observed: int = field(default=0, name="observedGeneration")
    expected: int = field(default=0, name="expectedPods")
    desired: int = field(default=0, name="desiredHealthy")
    healthy: int = field(default=0, name="currentHealthy")
    allowed: int = field(default=0, name="disruptionsAllowed")
    conditions: list[Said] | None = None


class Budget(Struct, gc=False):
    metadata: BudgetMeta
    spec: BudgetSpec | None = None
    status: BudgetStatus | None = None


class Target(Struct, gc=False):
    kind: str = ""
    name: str = ""


class ScalerSpec(Struct, gc=False):
    target: Target | None = field(default=None, name="scaleTargetRef")
    minimum: int | None = field(default=None, name="minReplicas")


class Scaler(Struct, gc=False):
    metadata: ObjectMeta
    spec: ScalerSpec | None = None


class Claim(Struct, gc=False):
    namespace: str = ""
    name: str = ""


class Driver(Struct, gc=False):
    driver: str = ""


class VolumeAffinity(Struct, gc=False):
    required: NodeTerms | None = None


class VolumeSpec(Struct, gc=False):
    """Of the in-tree sources those that say where the data lies, or that a node of a cloud knows."""

    csi: Driver | None = None
    ebs: Present | None = field(default=None, name="awsElasticBlockStore")
    local: Present | None = None
    host_path: Present | None = field(default=None, name="hostPath")
    nfs: Present | None = None
    iscsi: Present | None = None
    fc: Present | None = None
    flex: Present | None = field(default=None, name="flexVolume")
    claim: Claim | None = field(default=None, name="claimRef")
    affinity: VolumeAffinity | None = field(default=None, name="nodeAffinity")
    storage_class: str | None = field(default=None, name="storageClassName")


class Volume(Struct, gc=False):
    metadata: ObjectMeta
    spec: VolumeSpec | None = None


class ServiceReference(Struct, gc=False):
    namespace: str = ""
    name: str = ""


class WebhookClient(Struct, gc=False):
    service: ServiceReference | None = None
    url: str | None = None


class Rule(Struct, gc=False):
    groups: list[str] | None = field(default=None, name="apiGroups")
    versions: list[str] | None = field(default=None, name="apiVersions")
    resources: list[str] | None = None
    operations: list[str] | None = None
    scope: str | None = None


class Webhook(Struct, gc=False):
    name: str = ""
    client: WebhookClient | None = field(default=None, name="clientConfig")
    failure: str | None = field(default=None, name="failurePolicy")
    match: str | None = field(default=None, name="matchPolicy")
    timeout: int | None = field(default=None, name="timeoutSeconds")
    rules: list[Rule] | None = None
    namespaces: LabelSelector | None = field(default=None, name="namespaceSelector")
    objects: LabelSelector | None = field(default=None, name="objectSelector")


class WebhookConfiguration(Struct, gc=False):
    metadata: ObjectMeta
    webhooks: list[Webhook] | None = None


class EndpointConditions(Struct, gc=False):
    ready: bool | None = None


class Endpoint(Struct, gc=False):
    addresses: list[str] | None = None
    conditions: EndpointConditions | None = None


class EndpointSlice(Struct, gc=False):
    metadata: ObjectMeta
    endpoints: list[Endpoint] | None = None


class ApiServiceSpec(Struct, gc=False):
    group: str = ""
    version: str = ""
    service: ServiceReference | None = None


class ApiServiceStatus(Struct, gc=False):
    conditions: list[Said] | None = None


class ApiService(Struct, gc=False):
    metadata: ObjectMeta
    spec: ApiServiceSpec | None = None
    status: ApiServiceStatus | None = None


class FieldEntry(Struct, gc=False):
    """One entry of managedFields. fields stays raw: of most objects only who wrote it in which version matters."""

    manager: str = ""
    operation: str = ""
    api_version: str = field(default="", name="apiVersion")
    time: Time | None = None
    subresource: str = ""
    fields: Raw = field(default_factory=Raw, name="fieldsV1")


class TracedMeta(ObjectMeta, gc=False):
    managed: list[FieldEntry] | None = field(default=None, name="managedFields")


class Traced(Struct, gc=False):
    """Any object with who wrote its fields."""

    metadata: TracedMeta


class Applied(Struct, gc=False):
    """What kubectl apply noted of an object, as far as it is told."""

    api_version: str = field(default="", name="apiVersion")
    kind: str = ""


class Configured(Struct, gc=False):
    """A ConfigMap."""

    metadata: TracedMeta
    data: dict[str, str] | None = None


class ServedResource(Struct, gc=False):
    resource: str = ""


class ServedVersion(Struct, gc=False):
    version: str = ""
    resources: list[ServedResource] | None = None


class ServedName(Struct, gc=False):
    name: str = ""


class ServedGroup(Struct, gc=False):
    """A group of aggregated discovery."""

    metadata: ServedName | None = None
    versions: list[ServedVersion] | None = None


class Discovery(Struct, gc=False):
    """APIGroupDiscoveryList of apidiscovery.k8s.io/v2, from Kubernetes 1.30 on; items has no default."""

    kind: str
    items: list[ServedGroup] | None
