"""STS: moto's sessions, with the trust that real roles have: two role names per account, and their external id."""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.credentials import Keys
from fleetkeeper.sim.world import SimAccount

_ROLE_ARN = re.compile(r"^arn:(aws[a-z-]*):iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)$")
_SESSION = re.compile(r"^[\w+=,.@-]{2,64}$")


def account_of_role(params: Mapping[str, Any]) -> str:
    """The account of the role that an AssumeRole names, "" when its ARN cannot be read."""
    found = _ROLE_ARN.match(params.get("RoleArn", ""))
    return found[2] if found else ""


def _refuse(call: Call, role_arn: str) -> AwsError:
    who = f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    return AwsError("AccessDenied", who)


def _trusts(account: SimAccount | None, role: str, external_id: str) -> bool:
    if account is None or role not in (account.role_name, account.executor_role_name):
        return False
    return not account.external_id or account.external_id == external_id


def _assume_role(keys: Keys, call: Call) -> dict[str, Any]:
    role_arn, session = call.params.get("RoleArn", ""), call.params.get("RoleSessionName", "")
    found = _ROLE_ARN.match(role_arn)
    if found is None:
        raise AwsError("ValidationError", f"{role_arn} is invalid")
    if not _SESSION.match(session):
        raise AwsError("ValidationError", f"1 validation error detected: Value '{session}' at 'roleSessionName'")
    seconds = call.params.get("DurationSeconds", 3600)
    if not 900 <= seconds <= 43200:
        raise AwsError("ValidationError", f"1 validation error detected: Value '{seconds}' at 'durationSeconds'")
    account = call.world.accounts.get(found[2])
    trusted = _trusts(account, found[3], call.params.get("ExternalId", ""))
    if call.account != call.world.management_account or not trusted:
        raise _refuse(call, role_arn)
    role, principal = keys.assume(role_arn, session, seconds, call.region)
    return {
        "Credentials": {
            "AccessKeyId": role.access_key_id,
            "SecretAccessKey": role.secret_access_key,
            "SessionToken": role.session_token,
            "Expiration": role.expiration.replace(tzinfo=UTC, microsecond=0),
        },
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
        "PackedPolicySize": 6,
    }


def _get_caller_identity(call: Call) -> dict[str, Any]:
    return {"UserId": call.principal.user_id, "Account": call.account, "Arn": call.principal.arn}


def operations(keys: Keys) -> dict[str, Operation]:
    return {"AssumeRole": lambda call: _assume_role(keys, call), "GetCallerIdentity": _get_caller_identity}
