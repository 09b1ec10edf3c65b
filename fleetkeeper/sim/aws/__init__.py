"""A simulated AWS over HTTP: unmodified boto3 talks to it through endpoint_url, and every answer comes from a World.

EKS, EC2, Auto Scaling, SSM, Service Quotas, Organizations, the roles and keys of clusters and the metrics of quotas are
answered from the world at the moment of the request; STS hands out moto's sessions; every other API is moto's own, per
account. Each answer is checked against botocore's shapes before it leaves.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fleetkeeper.sim.aws.bearer import Unidentified
    from fleetkeeper.sim.aws.credentials import DEMO_ACCESS_KEY, DEMO_SECRET_KEY
    from fleetkeeper.sim.aws.front import Asking
    from fleetkeeper.sim.aws.server import AwsServer, serve_aws

__all__ = ["DEMO_ACCESS_KEY", "DEMO_SECRET_KEY", "Asking", "AwsServer", "Unidentified", "serve_aws"]

_FROM = {
    "Unidentified": "bearer",
    "DEMO_ACCESS_KEY": "credentials",
    "DEMO_SECRET_KEY": "credentials",
    "Asking": "front",
    "AwsServer": "server",
    "serve_aws": "server",
}


def __getattr__(name: str) -> Any:
    """Only who serves loads moto: rehearsals need the rules beside it, and are played where the demo's extra is not."""
    if name not in _FROM:
        raise AttributeError(f"{__name__} has no {name}")
    return getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
