"""Nodes, pods and volumes as far as a drain meets them; what many pods have in common is left to be read once (Raw)."""

from msgspec import Raw, Struct, field

from fleetkeeper.adapters.kube.documents import around, structs
from fleetkeeper.adapters.kube.documents.structs import ObjectMeta

NONE = Raw()
"""A member that is left out: msgspec takes no union of Raw and null, so that a null comes as its four letters."""


class Quantities(Struct, gc=False):
    """Of requests, and of what a node can allocate."""

    cpu: str | float = 0
    memory: str | float = 0
    pods: str | float = 0


class Asked(Struct, gc=False):
    """The resources of a container; requests left out are none, for the server adds the defaults."""

    requests: Quantities | None = None


class OwnQuantities(Struct, gc=False):
    cpu: str | float | None = None
    memory: str | float | None = None


class OwnAsked(Struct, gc=False):
    """The resources of a whole pod."""

    requests: OwnQuantities | None = None


class PlacedContainer(Struct, gc=False):
    """restart: Always makes an init container a sidecar."""

    resources: Raw = NONE
    restart: str | None = field(default=None, name="restartPolicy")


class ClaimSource(Struct, gc=False):
    name: str = field(default="", name="claimName")


class PlacedVolume(Struct, gc=False):
    name: str = ""
    claim: ClaimSource | None = field(default=None, name="persistentVolumeClaim")
    ephemeral: structs.Present | None = None


class PlacedSpec(Struct, gc=False):
    """overhead: of the runtime class. resources: of the whole pod, in place of the sum of its containers'."""

    node: str | None = field(default=None, name="nodeName")
    tolerations: Raw = NONE
    containers: list[PlacedContainer] | None = None
    init_containers: list[PlacedContainer] | None = field(default=None, name="initContainers")
    resources: Raw = NONE
    overhead: Raw = NONE
    priority: int | None = None
    grace: int | None = field(default=None, name="terminationGracePeriodSeconds")
    volumes: list[PlacedVolume] | None = None
    selects: dict[str, str] | None = field(default=None, name="nodeSelector")
    affinity: Raw = NONE
    spread: Raw = field(default=NONE, name="topologySpreadConstraints")


class PlacedMeta(ObjectMeta, gc=False):
    deletion_grace: int | None = field(default=None, name="deletionGracePeriodSeconds")


class PlacedCondition(Struct, gc=False):
    type: str
    status: str = ""
    since: str | None = field(default=None, name="lastTransitionTime")
    message: str | None = None


class PlacedStatus(Struct, gc=False):
    phase: str = ""
    conditions: list[PlacedCondition] | None = None


class PlacedPod(Struct, gc=False):
    metadata: PlacedMeta
    spec: PlacedSpec | None = None
    status: PlacedStatus | None = None


class NodeTaint(Struct, gc=False):
    key: str
    value: str | None = None
    effect: str = ""


class LiveNodeSpec(structs.NodeSpec, gc=False):
    taints: list[NodeTaint] | None = None


class LiveNodeStatus(structs.NodeStatus, gc=False):
    conditions: list[PlacedCondition] | None = None  # type: ignore[assignment]  # the same, and since when
    allocatable: Quantities | None = None


class LiveNode(structs.Node, gc=False):
    spec: LiveNodeSpec | None = None
    status: LiveNodeStatus | None = None


class VolumePhase(Struct, gc=False):
    phase: str = ""


class BoundVolume(around.Volume, gc=False):
    status: VolumePhase | None = None


class AttachmentSource(Struct, gc=False):
    volume: str | None = field(default=None, name="persistentVolumeName")


class AttachmentSpec(Struct, gc=False):
    node: str = field(default="", name="nodeName")
    source: AttachmentSource | None = None


class Attachment(Struct, gc=False):
    metadata: ObjectMeta
    spec: AttachmentSpec | None = None


class Cause(Struct, gc=False):
    reason: str | None = None
    message: str | None = None


class RefusalDetails(Struct, gc=False):
    kind: str | None = None  # the plural
    causes: list[Cause] | None = None
    retry_after: int | None = field(default=None, name="retryAfterSeconds")


class EvictionStatus(Struct, gc=False):
    """The Status that answers an eviction, or the pod that answers a deletion, whose status is another thing."""

    kind: str = ""
    status: Raw = NONE
    message: str | None = None
    reason: str | None = None
    details: RefusalDetails | None = None
    code: int | None = None
