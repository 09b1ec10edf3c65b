"""The IAM roles and KMS keys that clusters name, from the world; moto has all others, which clients made."""

from hashlib import sha256
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Elsewhere, Operation
from fleetkeeper.sim.aws.eks import role_of
from fleetkeeper.sim.world import SimCluster

_TRUST = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"  # IAM answers policies percent-encoded


def _get_role(call: Call) -> dict[str, Any]:
    name = call.params["RoleName"]
    mine = (each for each in call.world.clusters.values() if each.account == call.account)
    found = next((each for each in mine if role_of(each).rpartition("/")[2] == name), None)
    if found is None:
        raise Elsewhere
    arn = role_of(found)
    if arn in call.world.lost_roles:
        raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.")
    role = {
        "Path": f"/{arn.partition(':role/')[2].rpartition(name)[0]}",
        "RoleName": name,
        "RoleId": "AROA" + sha256(arn.encode()).hexdigest()[:17].upper(),
        "Arn": arn,
        "CreateDate": found.created_at,
        "AssumeRolePolicyDocument": _TRUST,
    }
    return {"Role": role}


def _describe_key(call: Call) -> dict[str, Any]:
    """Keys are named by id or ARN; those of another account or region are moto's, which knows none of them."""
    wanted = call.params["KeyId"]
    mine = call.world.of_scope(call.account, call.region)
    found = next((each for each in mine if each.kms_key and wanted in {each.kms_key, _key_id(each)}), None)
    if found is None:
        raise Elsewhere
    state = call.world.keys.get(found.kms_key, "Enabled")
    if not state:
        raise AwsError("NotFoundException", f"Key '{found.kms_key}' does not exist")
    key = {
        "AWSAccountId": call.account,
        "KeyId": _key_id(found),
        "Arn": found.kms_key,
        "CreationDate": found.created_at,
        "Enabled": state == "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": state,
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "MultiRegion": False,
    }
    return {"KeyMetadata": key}


def _key_id(cluster: SimCluster) -> str:
    return cluster.kms_key.rpartition("/")[2]


def iam() -> dict[str, Operation]:
    return {"GetRole": _get_role}


def kms() -> dict[str, Operation]:
    return {"DescribeKey": _describe_key}
