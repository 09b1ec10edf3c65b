"""The simulated Organizations through real clients: accounts, nested units, tags, and what members may not see."""

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.world import SimAccount
from tests.sim.worlds import DEV, MANAGEMENT, PROD, Aws, pages


def test_the_organization_belongs_to_the_management_account(aws: Aws) -> None:
    organization = aws.client("organizations", MANAGEMENT).describe_organization()["Organization"]
    assert (organization["MasterAccountId"], organization["FeatureSet"]) == (MANAGEMENT, "ALL")


def test_units_nest_as_the_accounts_say(aws: Aws) -> None:
    client = aws.client("organizations", MANAGEMENT)
    root = client.list_roots()["Roots"][0]["Id"]
    top = pages(client, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=root)
    assert [each["Name"] for each in top] == ["workloads"]
    below = pages(client, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=top[0]["Id"])
    assert [each["Name"] for each in below] == ["prod"]
    for parent, ids in ((root, [MANAGEMENT]), (top[0]["Id"], [DEV]), (below[0]["Id"], [PROD])):
        accounts = pages(client, "list_accounts_for_parent", "Accounts", ParentId=parent)
        assert [each["Id"] for each in accounts] == ids
    assert client.list_parents(ChildId=PROD)["Parents"] == [{"Id": below[0]["Id"], "Type": "ORGANIZATIONAL_UNIT"}]
    assert client.list_parents(ChildId=below[0]["Id"])["Parents"][0]["Id"] == top[0]["Id"]
    assert client.list_parents(ChildId=top[0]["Id"])["Parents"] == [{"Id": root, "Type": "ROOT"}]
    named = client.describe_organizational_unit(OrganizationalUnitId=below[0]["Id"])["OrganizationalUnit"]
    assert named["Name"] == "prod"


def test_accounts_come_in_pages_of_twenty(aws: Aws) -> None:
    for number in range(47):
        account = SimAccount(f"{number:012d}", f"team-{number}")
        aws.world.accounts[account.id] = account
    client = aws.client("organizations", MANAGEMENT)
    assert len(client.list_accounts()["Accounts"]) == 20
    assert len({each["Id"] for each in pages(client, "list_accounts", "Accounts")}) == 50


def test_accounts_are_described_with_their_tags(aws: Aws) -> None:
    client = aws.client("organizations", MANAGEMENT)
    assert client.describe_account(AccountId=PROD)["Account"]["Name"] == "prod"
    assert client.list_tags_for_resource(ResourceId=PROD)["Tags"] == [{"Key": "owner", "Value": "team-shop"}]


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("list_accounts_for_parent", {"ParentId": "ou-0000-00000000"}, "ParentNotFoundException"),
        ("list_parents", {"ChildId": "ou-0000-00000000"}, "ChildNotFoundException"),
        ("describe_account", {"AccountId": "999999999999"}, "AccountNotFoundException"),
        ("list_tags_for_resource", {"ResourceId": "999999999999"}, "TargetNotFoundException"),
        ("list_accounts", {"NextToken": "made-up"}, "InvalidInputException"),
    ],
)
def test_what_is_not_there_is_an_error(aws: Aws, operation: str, arguments: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client("organizations", MANAGEMENT), operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == code


def test_a_member_account_sees_only_its_organization(aws: Aws) -> None:
    member = aws.client("organizations", PROD)
    assert member.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT
    with pytest.raises(ClientError, match="AccessDeniedException"):
        member.list_accounts()
