"""The values of one API call: who asks which operation of which account and region, and how it may fail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fleetkeeper.sim.world import World


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signs. arn is what GetCallerIdentity answers; iam_arn is the role (or user) behind it."""

    account: str
    arn: str
    iam_arn: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call. service is boto3's name ("eks", "service-quotas"); params are in the API's own names."""

    world: World
    service: str
    operation: str
    principal: Principal
    region: str
    params: Mapping[str, Any]

    @property
    def account(self) -> str:
        return self.principal.account

    @property
    def partition(self) -> str:
        return partition_of(self.region)


class AwsError(Exception):
    """An error that the API answers. members are the shape's own besides the message; status 0 asks the model."""

    def __init__(self, code: str, message: str, members: Mapping[str, Any] | None = None, status: int = 0) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members = members or {}
        self.status = status


class Elsewhere(Exception):
    """The world has no such thing; moto, which keeps what clients made there, may."""


class Violation(Exception):
    """An answer that the real API could not have given: a mistake of the simulator, never of its caller."""


Operation = Callable[[Call], dict[str, Any]]


def partition_of(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def without_blanks(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out what is None or "": the API omits such members, it never answers null."""
    return {name: value for name, value in answer.items() if value is not None and value != ""}
