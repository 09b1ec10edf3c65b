"""A pod as far as a drain meets it: where it is, whether it is ready, and what it tolerates."""

from msgspec import Struct, field

from fleetkeeper.adapters.kube.documents.structs import Condition, ObjectMeta, Toleration


class PlacedSpec(Struct, gc=False):
    node: str | None = field(default=None, name="nodeName")
    tolerations: list[Toleration] | None = None


class PlacedStatus(Struct, gc=False):
    phase: str = ""
    conditions: list[Condition] | None = None


class PlacedPod(Struct, gc=False):
    metadata: ObjectMeta
    spec: PlacedSpec | None = None
    status: PlacedStatus | None = None
