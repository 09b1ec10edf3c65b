"""What decides whether the pods of a workload can be moved, and where to: their template's rules and volumes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Requirement:
    """One expression of a selector; operator is In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def accepts(self, labels: Mapping[str, str]) -> bool:
        have = labels.get(self.key)
        match self.operator:
            case "In":
                return have in self.values
            case "NotIn":
                return have not in self.values
            case "Exists":
                return have is not None
            case "DoesNotExist":
                return have is None
        if (
            have is None
            or not self.values
            or not have.lstrip("-").isdigit()
            or not self.values[0].lstrip("-").isdigit()
        ):
            return False
        return int(have) > int(self.values[0]) if self.operator == "Gt" else int(have) < int(self.values[0])


@dataclass(frozen=True, slots=True)
class Labels:
    """A label selector. Empty, it takes every object; a selector that is absent (None) takes none."""

    equal: Mapping[str, str] = field(default_factory=dict)
    terms: tuple[Requirement, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.equal and not self.terms

    def accepts(self, labels: Mapping[str, str]) -> bool:
        equal = all(labels.get(key) == value for key, value in self.equal.items())
        return equal and all(term.accepts(labels) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Toleration:
    """As in the API: key "" with operator Exists tolerates every taint; effect "" is every effect."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of a pod. kind is the API's member (persistentVolumeClaim, gitRepo, awsElasticBlockStore, hostPath).

    source is the claim's name, the path or the volume id; "" where there is none.
    """

    name: str
    kind: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """The part of a pod template that an upgrade depends on.

    node_terms are the required node affinity's and the node selector's expressions; preferred_terms the preferred
    ones. apart and spread are the topology keys of required pod anti-affinity and of topology spread constraints.
    annotations holds only those that change how a pod is disrupted, or that a target removes.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    node_terms: tuple[Requirement, ...] = ()
    preferred_terms: tuple[Requirement, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    apart: tuple[str, ...] = ()
    apart_preferred: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()
    is_probed: bool = False  # every container has a readiness probe
    service_account: str = ""
    priority_class: str = ""
    grace_seconds: int | None = None
    host_network: bool = False
    requests_gpu: bool = False

    @property
    def tolerates_everything(self) -> bool:
        """Whether the pods stay on a node that is cordoned by any taint, so that a drain meets them again and again."""
        return any(not t.key and t.operator == "Exists" and t.effect in ("", "NoSchedule") for t in self.tolerations)

    @property
    def claims(self) -> tuple[str, ...]:
        return tuple(volume.source for volume in self.volumes if volume.kind == "persistentVolumeClaim")


BUILT_FROM_THE_API = frozenset({"", "configMap", "secret", "emptyDir", "projected", "downwardAPI"})
"""Kinds of volumes that a pod finds again wherever it starts, or that are meant to end with it: none is kept."""

VOLUME_SOURCES = {
    "persistentVolumeClaim": "claimName",
    "hostPath": "path",
    "awsElasticBlockStore": "volumeID",
    "gitRepo": "repository",
    "csi": "driver",
    "nfs": "server",
}
"""Of each kind of volume the member that says where it is."""

_ACCELERATORS = ("aws.amazon.com/neuron", "vpc.amazonaws.com/efa")


@lru_cache(maxsize=1024)  # a fleet asks for a few names
def is_gpu(resource: str) -> bool:
    """Whether a resource is a GPU or another device that few nodes have: nvidia.com/gpu, nvidia.com/mig-1g.5gb."""
    return resource.endswith("/gpu") or resource.startswith(("nvidia.com/", *_ACCELERATORS))
