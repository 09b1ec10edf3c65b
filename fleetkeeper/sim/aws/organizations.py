"""Organizations, read from the world's accounts; an account's `ou` ("prod/payments") makes the units on its way.

Not moto's: its organization is filled by creating accounts one by one, each with an IAM of its own, and would not show
a change of the world.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.paging import BadToken, page
from fleetkeeper.sim.world import SimAccount, World

_PAGE = 20  # the API's own default and maximum
_DENIED = "You don't have permissions to access this resource."


def _digits(text: str, length: int) -> str:
    return sha256(text.encode()).hexdigest()[:length]


def _org_id(world: World) -> str:
    return "o-" + _digits(world.management_account, 10)


def root_id(world: World) -> str:
    return "r-" + _digits("root" + world.management_account, 4)


def unit_id(world: World, path: str) -> str:
    """The id of a unit by its path; the root for ""."""
    return f"ou-{root_id(world)[2:]}-{_digits(path, 8)}" if path else root_id(world)


def _units(world: World) -> set[str]:
    """The paths of every unit: "a/b" makes "a" too."""
    paths = set()
    for account in world.accounts.values():
        parts = [part for part in account.ou.split("/") if part]
        paths |= {"/".join(parts[: depth + 1]) for depth in range(len(parts))}
    return paths


def _path_of(account: SimAccount) -> str:
    return "/".join(part for part in account.ou.split("/") if part)


def _arn(world: World, kind: str, *rest: str) -> str:
    return f"arn:aws:organizations::{world.management_account}:{kind}/{'/'.join((_org_id(world), *rest))}"


def _account(world: World, account: SimAccount) -> dict[str, Any]:
    return {
        "Id": account.id,
        "Arn": _arn(world, "account", account.id),
        "Email": f"aws+{account.id}@example.com",
        "Name": account.name,
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": world.epoch,
    }


def _unit(world: World, path: str) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    return {"Id": unit_id(world, path), "Arn": _arn(world, "ou", unit_id(world, path)), "Name": name}


def _page(call: Call, member: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    size = call.params.get("MaxResults", _PAGE)
    if not 1 <= size <= _PAGE:
        raise AwsError("InvalidInputException", f"MaxResults must be from 1 to {_PAGE}")
    try:
        chosen, token = page(items, lambda item: str(item["Id"]), call.params.get("NextToken"), size)
    except BadToken as error:
        raise AwsError("InvalidInputException", "You provided an invalid NextToken.") from error
    return {member: chosen} | ({"NextToken": token} if token else {})


def _describe_organization(call: Call) -> dict[str, Any]:
    world, master = call.world, call.world.management_account
    organization = {
        "Id": _org_id(world),
        "Arn": _arn(world, "organization"),
        "FeatureSet": "ALL",
        "MasterAccountArn": _arn(world, "account", master),
        "MasterAccountId": master,
        "MasterAccountEmail": f"aws+{master}@example.com",
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
    }
    return {"Organization": organization}


def _list_roots(call: Call) -> dict[str, Any]:
    arn = _arn(call.world, "root", root_id(call.world))
    return _page(call, "Roots", [{"Id": root_id(call.world), "Arn": arn, "Name": "Root", "PolicyTypes": []}])


def _list_accounts(call: Call) -> dict[str, Any]:
    return _page(call, "Accounts", [_account(call.world, each) for each in call.world.accounts.values()])


def _describe_account(call: Call) -> dict[str, Any]:
    account = call.world.accounts.get(call.params["AccountId"])
    if account is None:
        raise AwsError("AccountNotFoundException", "You specified an account that doesn't exist.")
    return {"Account": _account(call.world, account)}


def _parent_path(call: Call) -> str:
    wanted = call.params["ParentId"]
    for path in {"", *_units(call.world)}:
        if unit_id(call.world, path) == wanted:
            return path
    raise AwsError("ParentNotFoundException", "You specified parent that doesn't exist.")


def _list_units(call: Call) -> dict[str, Any]:
    parent = _parent_path(call)
    children = [path for path in _units(call.world) if path.rpartition("/")[0] == parent]
    return _page(call, "OrganizationalUnits", [_unit(call.world, path) for path in children])


def _list_accounts_for_parent(call: Call) -> dict[str, Any]:
    parent = _parent_path(call)
    children = [account for account in call.world.accounts.values() if _path_of(account) == parent]
    return _page(call, "Accounts", [_account(call.world, each) for each in children])


def _list_parents(call: Call) -> dict[str, Any]:
    child, world = call.params["ChildId"], call.world
    if child in world.accounts:
        path = _path_of(world.accounts[child])
    else:
        found = next((path for path in _units(world) if unit_id(world, path) == child), None)
        if found is None:
            raise AwsError("ChildNotFoundException", "You specified an organizational unit that doesn't exist.")
        path = found.rpartition("/")[0]
    kind = "ORGANIZATIONAL_UNIT" if path else "ROOT"
    return _page(call, "Parents", [{"Id": unit_id(world, path), "Type": kind}])


def _describe_unit(call: Call) -> dict[str, Any]:
    for path in _units(call.world):
        if unit_id(call.world, path) == call.params["OrganizationalUnitId"]:
            return {"OrganizationalUnit": _unit(call.world, path)}
    message = "You specified an organizational unit that doesn't exist."
    raise AwsError("OrganizationalUnitNotFoundException", message)


def _list_tags(call: Call) -> dict[str, Any]:
    wanted, world = call.params["ResourceId"], call.world
    if wanted in world.accounts:
        return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(world.accounts[wanted].tags.items())]}
    if wanted in {unit_id(world, path) for path in ("", *_units(world))}:
        return {"Tags": []}
    raise AwsError("TargetNotFoundException", "You specified a target that doesn't exist.")


def _for_management(operation: Operation) -> Operation:
    """Member accounts may only ask which organization they are in."""

    def guarded(call: Call) -> dict[str, Any]:
        if call.account != call.world.management_account:
            raise AwsError("AccessDeniedException", _DENIED)
        return operation(call)

    return guarded


_GUARDED: dict[str, Callable[[Call], dict[str, Any]]] = {
    "DescribeAccount": _describe_account,
    "DescribeOrganizationalUnit": _describe_unit,
    "ListAccounts": _list_accounts,
    "ListAccountsForParent": _list_accounts_for_parent,
    "ListOrganizationalUnitsForParent": _list_units,
    "ListParents": _list_parents,
    "ListRoots": _list_roots,
    "ListTagsForResource": _list_tags,
}


def operations() -> dict[str, Operation]:
    guarded = {name: _for_management(operation) for name, operation in _GUARDED.items()}
    return {"DescribeOrganization": _describe_organization, **guarded}
