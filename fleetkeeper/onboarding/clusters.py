"""A cluster as far as its owner must be told about it: from its ARN alone, or with what the store knows."""

import re
from dataclasses import dataclass

from fleetkeeper.core import parts
from fleetkeeper.core.model import ControlPlane, SeenCluster

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):eks:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):cluster/"
    r"(?P<name>[0-9A-Za-z][\w-]{0,99})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class KnownCluster:
    """account and region are "" for a cluster that only a kubeconfig knows; authentication_mode "" is not known."""

    name: str
    arn: str = ""
    account: str = ""
    region: str = ""
    authentication_mode: str = ""

    @property
    def is_eks(self) -> bool:
        return bool(self.account)

    @property
    def takes_access_entries(self) -> bool:
        return self.authentication_mode in ("API", "API_AND_CONFIG_MAP")


def of_arn(arn: str) -> KnownCluster | None:
    """None when the text is no EKS cluster's ARN."""
    found = _ARN.fullmatch(arn)
    return KnownCluster(found["name"], arn, found["account"], found["region"]) if found else None


def of_seen(seen: SeenCluster) -> KnownCluster:
    control_plane: ControlPlane | None = seen.value(parts.CONTROL_PLANE)
    mode = control_plane.authentication_mode if control_plane else ""
    if seen.scope is None:
        return KnownCluster(seen.name, seen.id.arn)
    return KnownCluster(seen.name, seen.id.arn, seen.scope.account, seen.scope.region, mode)
