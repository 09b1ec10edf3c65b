"""What the doctor asks of the world: the smallest call for each permission, as values that can be tried one by one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from fleetkeeper.core import model
from fleetkeeper.core.api_rows import Apis
from fleetkeeper.engine.ports import Cloud

RESOLVE = "name resolution"
CONNECT = "connection"
TLS = "TLS"
CREDENTIAL = "credential"

IDENTITY = "sts:GetCallerIdentity"
ASSUME = "sts:AssumeRole"


@dataclass(frozen=True, slots=True)
class Probe:
    """One call that proves one thing. attempt answers what it learnt ("" for nothing to tell), or raises our error.

    permission is its name where the owner grants it: an IAM action, or a verb and resource of RBAC ("list nodes").
    """

    permission: str
    attempt: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Right:
    """Something that RBAC may allow. resource is written as kubectl does: pods/eviction, deployments.apps."""

    verb: str
    resource: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration asks for, and the APIs that go away, whose objects an observation looks for."""

    helm_secrets: bool = False
    audit_logs: bool = False
    apis: Apis = field(default_factory=Apis)


class CloudProbes(Protocol):
    """Single calls to the cloud, each tried once, without retries."""

    def caller(self) -> Probe:
        """Who the process is; the ARN."""
        ...

    def clock_skew(self) -> timedelta:
        """The cloud's clock minus this machine's, also when the cloud refuses our credentials."""
        ...

    def sign_in(self, cloud: Cloud) -> Probe:
        """Become the one who reads the account; the ARN. Its permission is ASSUME, or IDENTITY where no role is."""
        ...

    def reads(self, cloud: Cloud, cluster: str, audit_logs: bool) -> tuple[Probe, ...]:
        """Every read of a scope, on a cluster of it; "" when there is none. The first one lists clusters."""
        ...


class ApiServerProbes(Protocol):
    """One cluster's API server. Each call is tried once, without retries."""

    def path(self) -> tuple[Probe, ...]:
        """RESOLVE, CONNECT, TLS, CREDENTIAL, in this order: each needs the one before it."""
        ...

    def reads(self, helm_secrets: bool) -> tuple[Probe, ...]:
        """Every read of an observation but those of `traced`, independent of each other."""
        ...

    def traced(self, apis: Apis) -> tuple[Probe, ...]:
        """The lists in which an observation of this cluster looks for APIs that go away; none of it is deprecated.

        Raises a ReadError when the cluster's version or its definitions cannot be read, by which they are chosen.
        """
        ...

    def may(self, right: Right) -> bool:
        """Would the API server allow it? Asked, never done."""
        ...

    def close(self) -> None: ...


class KubeProbes(Protocol):
    """The way to the API servers, for trying it."""

    def standalone(self) -> tuple[str, ...]:
        """The names of the configured clusters that only a kubeconfig knows."""
        ...

    def of_eks(self, cloud: Cloud, id: model.ClusterId, control_plane: model.ControlPlane) -> ApiServerProbes:
        """Raises a ReadError of reason WRONG_ENDPOINT when a configured kubeconfig is not the cluster's."""
        ...

    def of_kubeconfig(self, name: str) -> ApiServerProbes:
        """Raises a ReadError when the kubeconfig cannot be used; makes no call."""
        ...
