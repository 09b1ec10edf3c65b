"""Who reads, and who may become the reader: IAM roles, the principal of fleetkeeper, external ids."""

import re
from dataclasses import dataclass
from typing import Any

from fleetkeeper.config import AwsSettings
from fleetkeeper.errors import UsageError

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/(?P<name>[\w+=,.@/-]+)", re.ASCII)
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(?:root|(?:role|user)/[\w+=,.@/-]+)", re.ASCII)
_SESSION = re.compile(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([\w+=,.@-]+)/[\w+=,.@-]+", re.ASCII)
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (2026-11)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)

HOME_REGION = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""A region that every account of a partition has, for what belongs to no region."""


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role. path begins and ends with a slash."""

    partition: str
    account: str
    path: str
    name: str

    @classmethod
    def of(cls, partition: str, account: str, name: str) -> "Role":
        """name may carry the path before it: teams/platform/reader."""
        path, _, last = name.strip("/").rpartition("/")
        return cls(partition, account, f"/{path}/" if path else "/", last)

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"

    @property
    def arn_without_path(self) -> str:
        """As aws-auth must have it: https://github.com/kubernetes-sigs/aws-iam-authenticator/issues/153 (2026-11)."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.name}"


@dataclass(frozen=True, slots=True)
class ExternalId:
    """What fleetkeeper must give when it assumes the role. origin is `env NAME` or `file PATH`, "" when it is new."""

    value: str
    origin: str = ""

    @classmethod
    def parse(cls, text: str) -> "ExternalId":
        if not _EXTERNAL_ID.fullmatch(text):
            raise UsageError("--external-id must be 2 to 1224 letters, digits or any of _ + = , . @ : / -")
        return cls(text)


def is_account(text: str) -> bool:
    return bool(_ACCOUNT.fullmatch(text))


def reader_role(settings: AwsSettings, account: str) -> Role:
    """The role that fleetkeeper assumes in an account, by its configuration."""
    configured = next((a.role_arn for a in settings.accounts if a.id == account), "")
    return parse_role(configured) or Role.of(settings.partition, account, settings.role_name)


def organizations_role(settings: AwsSettings) -> Role | None:
    """The role that lists the organization; None when nothing is assumed for that."""
    return parse_role(settings.organizations.role_arn) if settings.organizations else None


def parse_role(arn: str) -> Role | None:
    found = _ROLE.fullmatch(arn)
    return Role.of(found["partition"], found["account"], found["name"]) if found else None


def configured_external_id(settings: AwsSettings, account: str) -> ExternalId | None:
    own = next((a.external_id for a in settings.accounts if a.id == account), None)
    secret = own or settings.external_id
    return ExternalId(secret.value, secret.origin) if secret else None


def parse_principal(text: str, partition: str) -> str:
    """The ARN that a trust policy names, from what people have at hand: an ARN, or an account's id for all of it.

    `aws sts get-caller-identity` tells a session's ARN, which is not what a policy names: it becomes its role's.
    """
    if is_account(text):
        return f"arn:{partition}:iam::{text}:root"
    if found := _SESSION.fullmatch(text):
        return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}"
    if not _PRINCIPAL.fullmatch(text):
        raise UsageError(
            f"--principal {text}: must be the ARN of the role or user that fleetkeeper runs as, such as "
            f"arn:{partition}:iam::111122223333:role/fleetkeeper"
        )
    return text


def trust_policy(principal: str, external_id: str) -> dict[str, Any]:
    """Who may assume a role; an external id of "" asks for none."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def assume_policy(*roles: Role) -> dict[str, Any]:
    """What fleetkeeper's own role or user needs, on its side."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "FleetkeeperAssumesItsReaders",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": [role.arn for role in roles],
            }
        ],
    }
