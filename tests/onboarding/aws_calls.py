"""Which AWS operations the code calls, read from the code itself: every name of an operation that stands in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import botocore.session
from botocore import xform_name

# boto3's name → IAM's.
SERVICES = {name: name for name in ("eks", "autoscaling", "organizations", "sts", "iam", "kms", "ec2", "ssm")} | {
    "service-quotas": "servicequotas",
    "cloudwatch": "cloudwatch",
    "cloudtrail": "cloudtrail",
    "health": "health",
    "arc-zonal-shift": "arc-zonal-shift",
    "logs": "logs",
    "elbv2": "elasticloadbalancing",
}
EKS_ADAPTER = Path(__file__).parents[2] / "fleetkeeper" / "adapters" / "eks"

# Anybody with credentials may: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html (2026-11)
NEEDS_NO_PERMISSION = {"sts:GetCallerIdentity"}


EXECUTOR = {"writer.py", "instances.py", "trail.py", "disruptions.py"}
"""The modules that act with the executor's role; all others have the reader's."""


def called(executor: bool = False) -> set[str]:
    """IAM actions such as eks:ListClusters; a module calls operations of the services that it makes clients for."""
    return called_by(*(path.name for path in EKS_ADAPTER.glob("*.py") if (path.name in EXECUTOR) is executor))


def called_by(*modules: str) -> set[str]:
    """Of the adapter's modules with these names."""
    paths = [EKS_ADAPTER / name for name in modules]
    found = {action for path in paths for action in _called_in(ast.parse(path.read_text("utf-8")))}
    return found - NEEDS_NO_PERMISSION


def _called_in(tree: ast.Module) -> Iterator[str]:
    names = _names(tree)
    for service in names & SERVICES.keys():
        operations = botocore.session.Session().get_service_model(service).operation_names
        yield from (f"{SERVICES[service]}:{operation}" for operation in operations if xform_name(operation) in names)


def _names(tree: ast.Module) -> set[str]:
    """Texts (operations by name) and attributes (operations as methods)."""
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return texts | {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
