"""Which accounts and regions are read, as whom, and what is told when that cannot be found out."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.config import AwsAccount, Organizations, Secret
from fleetkeeper.core.model import Account, Scope
from fleetkeeper.errors import GapReason, ReadError, Refused
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimAccount
from tests.adapters.eks.support import Call, asked, cloud, clouds, stub
from tests.sim.worlds import (
    DEV,
    EXTERNAL_ID,
    MANAGEMENT,
    PROD,
    REGION,
    Aws,
    a_cluster,
    a_world,
    served,
    strictly_served,
)

OTHER_REGION = "us-east-1"
ROLE = f"arn:aws:iam::{PROD}:role/fleetkeeper-reader"


@pytest.fixture
def aws() -> Iterator[Aws]:
    world = a_world(a_cluster(), a_cluster("shop", DEV), a_cluster("far", PROD, OTHER_REGION))
    with strictly_served(world) as running:
        yield running


def scopes(found: EksClouds) -> list[str]:
    return [str(each.scope) for each in found.open()[0]]


def test_every_account_in_every_region_and_its_own_regions_where_it_has_some(aws: Aws) -> None:
    accounts = (
        AwsAccount(PROD, external_id=Secret(EXTERNAL_ID)),
        AwsAccount(DEV, "dev", regions=(REGION,)),
    )
    found = clouds(aws.server.url, accounts=accounts, regions=(REGION, OTHER_REGION))
    opened, gaps = found.open()

    assert {str(c.scope): c.cluster_names() for c in opened} == {
        f"{PROD}/{REGION}": ("shop",),
        f"{PROD}/{OTHER_REGION}": ("far",),
        f"{DEV}/{REGION}": ("shop",),
    }
    assert [c.account for c in opened][-1] == Account(DEV, "dev")
    assert gaps == {}


def test_namesakes_in_two_accounts_are_told_apart(aws: Aws) -> None:
    accounts = (AwsAccount(PROD, external_id=Secret(EXTERNAL_ID)), AwsAccount(DEV))
    prod, dev = clouds(aws.server.url, accounts=accounts).open()[0]

    assert prod.cluster("shop")[0].arn == f"arn:aws:eks:{REGION}:{PROD}:cluster/shop"
    assert dev.cluster("shop")[0].arn == f"arn:aws:eks:{REGION}:{DEV}:cluster/shop"


@pytest.mark.parametrize(
    ("external_id", "told"),
    [
        pytest.param(Secret("wrong"), "the external id", id="a wrong external id"),
        pytest.param(None, "no external id", id="no external id where one is asked for"),
    ],
)
def test_a_role_that_does_not_trust_us_is_a_refusal_that_names_it(
    aws: Aws, external_id: Secret | None, told: str
) -> None:
    eks = cloud(aws.server.url, accounts=(AwsAccount(PROD, external_id=external_id),))

    with pytest.raises(Refused) as refused:
        eks.cluster_names()

    assert refused.value.reason is GapReason.FORBIDDEN
    said = f"sts:AssumeRole of {ROLE} with our own credentials and {told}: AccessDenied"
    assert refused.value.detail.startswith(said)
    assert "wrong" not in refused.value.detail
    assert asked(aws.server, "sts:AssumeRole") == 1


def test_an_external_id_for_all_accounts_and_a_role_of_another_name(aws: Aws) -> None:
    aws.world.accounts[PROD].role_name = "reads-eks"
    by_name = cloud(
        aws.server.url, accounts=(AwsAccount(PROD),), role_name="reads-eks", external_id=Secret(EXTERNAL_ID)
    )
    role = f"arn:aws:iam::{PROD}:role/reads-eks"
    by_arn = cloud(aws.server.url, accounts=(AwsAccount(PROD, role_arn=role, external_id=Secret(EXTERNAL_ID)),))

    assert by_name.cluster_names() == by_arn.cluster_names() == ("shop",)


def test_without_accounts_our_own_account_is_read_as_ourselves() -> None:
    with served(a_world(a_cluster("home", MANAGEMENT))) as aws:
        eks = cloud(aws.server.url, accounts=())

        assert eks.scope == Scope(MANAGEMENT, REGION)
        assert eks.cluster_names() == ("home",)
        assert asked(aws.server, "sts:AssumeRole") == 0


def test_without_regions_nothing_is_read_and_nobody_is_asked(aws: Aws) -> None:
    assert clouds(aws.server.url, accounts=(), regions=()).open() == ((), {})
    assert aws.server.stats() == {}


@pytest.mark.parametrize("own", [True, False], ids=["our own account", "an account by its role"])
def test_without_credentials_the_gap_says_so(aws: Aws, monkeypatch: pytest.MonkeyPatch, own: bool) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    if own:
        opened, gaps = clouds(aws.server.url, accounts=()).open()
        assert opened == ()
        reason, detail = gaps["account"].reason, gaps["account"].detail
    else:
        with pytest.raises(Refused) as refused:
            cloud(aws.server.url).cluster_names()
        reason, detail = refused.value.reason, refused.value.detail

    assert reason is GapReason.UNAUTHENTICATED
    assert "with our own credentials" in detail
    assert detail.endswith("Unable to locate credentials")


@pytest.mark.parametrize(
    "profile",
    [pytest.param("nobody", id="in the settings"), pytest.param("", id="in the environment")],
)
def test_a_profile_that_does_not_exist_is_a_gap_that_names_it(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    if not profile:
        monkeypatch.setenv("AWS_PROFILE", "nobody")

    _, gaps = clouds(aws.server.url, accounts=(), profile=profile).open()

    assert gaps["account"].reason is GapReason.UNAUTHENTICATED
    assert "nobody" in gaps["account"].detail


def test_a_configuration_of_aws_that_cannot_be_read_is_a_gap(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = tmp_path_factory.mktemp("aws") / "config"
    broken.write_text("not a section\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(broken))

    _, gaps = clouds(aws.server.url, accounts=()).open()

    assert gaps["account"].reason is GapReason.UNAUTHENTICATED


# Organizations


def organization(aws: Aws, accounts: tuple[AwsAccount, ...] = (), **wanted: Any) -> EksClouds:
    return clouds(aws.server.url, accounts=accounts, organizations=Organizations(**wanted))


def test_organizations_lists_every_account_with_its_units_name_and_tags(aws: Aws) -> None:
    opened, gaps = organization(aws).open()

    assert [each.account for each in opened] == [
        Account(MANAGEMENT, "management", "", {}),
        Account(DEV, "dev", "workloads", {}),
        Account(PROD, "prod", "workloads/prod", {"owner": "team-shop"}),
    ]
    assert gaps == {}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({"include_ous": ("workloads",)}, {DEV, PROD}, id="a unit and those inside it"),
        pytest.param({"include_ous": ("workloads/prod",)}, {PROD}, id="a nested unit"),
        pytest.param({"exclude_accounts": (DEV,)}, {MANAGEMENT, PROD}, id="all but one"),
        pytest.param({"include_ous": ("workloads",), "exclude_accounts": (PROD,)}, {DEV}, id="both"),
    ],
)
def test_units_are_chosen_and_accounts_left_out(
    aws: Aws, wanted: dict[str, tuple[str, ...]], expected: set[str]
) -> None:
    assert {scope.partition("/")[0] for scope in scopes(organization(aws, (), **wanted))} == expected


def test_a_unit_that_is_not_there_is_a_gap_that_names_it_and_the_others_are_read(aws: Aws) -> None:
    opened, gaps = organization(aws, include_ous=("workloads", "prod")).open()

    assert {each.scope.account for each in opened} == {DEV, PROD}
    assert {name: gap.reason for name, gap in gaps.items()} == {"unit prod": GapReason.NOT_FOUND}
    assert gaps["unit prod"].detail == "prod of aws.organizations.include_ous is no unit of the organization"


def test_an_organization_without_a_wanted_account_does_not_fall_back_to_our_own(aws: Aws) -> None:
    opened, gaps = organization(aws, exclude_accounts=(MANAGEMENT, PROD, DEV)).open()

    assert (opened, gaps) == ((), {})


def test_many_accounts_are_read_page_by_page(aws: Aws) -> None:
    for number in range(45):
        id = f"4{number:011}"
        aws.world.accounts[id] = SimAccount(id, f"a{number}", "sandbox")

    assert len(scopes(organization(aws, include_ous=("sandbox",)))) == 45


def test_a_configured_account_keeps_its_own_settings_and_learns_its_unit(aws: Aws) -> None:
    own = AwsAccount(PROD, "The Shop", external_id=Secret(EXTERNAL_ID))
    opened, _ = organization(aws, (own,), include_ous=("workloads",)).open()

    prod = next(each for each in opened if each.scope.account == PROD)
    assert prod.account == Account(PROD, "The Shop", "workloads/prod", {"owner": "team-shop"})
    assert prod.cluster_names() == ("shop",)


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        pytest.param("ListRoots", "organizations:ListRoots", id="the roots"),
        pytest.param("ListAccountsForParent", "organizations:ListAccountsForParent of r-", id="accounts"),
        pytest.param("ListTagsForResource", f"organizations:ListTagsForResource of {MANAGEMENT}", id="tags"),
    ],
)
def test_an_organization_that_may_not_be_listed_is_a_gap_and_configured_accounts_are_still_read(
    aws: Aws, operation: str, said: str
) -> None:
    aws.world.faults.append(Fault("aws", "forbid", operation=operation))
    own = AwsAccount(PROD, external_id=Secret(EXTERNAL_ID))

    opened, gaps = organization(aws, (own,)).open()

    assert [each.scope.account for each in opened] == [PROD]
    assert gaps["organization"].reason is GapReason.FORBIDDEN
    assert gaps["organization"].detail.startswith(said)
    assert "AccessDenied" in gaps["organization"].detail


def test_a_member_account_may_not_list_and_nothing_is_guessed(aws: Aws) -> None:
    role = f"arn:aws:iam::{DEV}:role/fleetkeeper-reader"
    found = clouds(aws.server.url, accounts=(), organizations=Organizations(role_arn=role))

    opened, gaps = found.open()

    assert opened == ()
    assert gaps["organization"].reason is GapReason.FORBIDDEN


def a_tree(call: Call) -> object:
    """Three accounts in the root, told in the old words, the new ones, and both."""
    accounts = [
        {"Id": "100000000001", "Name": "old", "Status": "ACTIVE"},
        {"Id": "100000000002", "Name": "new", "State": "ACTIVE"},
        {"Id": "100000000003", "Name": "old-suspended", "Status": "SUSPENDED"},
        {"Id": "100000000004", "Name": "new-suspended", "State": "SUSPENDED"},
        {"Id": "100000000005", "Name": "closing", "Status": "ACTIVE", "State": "PENDING_CLOSURE"},
    ]
    return {
        "ListRoots": {"Roots": [{"Id": "r-1", "Name": "Root"}]},
        "ListAccountsForParent": {"Accounts": accounts},
        "ListTagsForResource": {"Tags": [{"Key": "a", "Value": ""}]},
        "ListOrganizationalUnitsForParent": {"OrganizationalUnits": []},
    }[call.operation]


def test_only_active_accounts_are_read_whichever_word_says_so() -> None:
    with stub(a_tree) as server:
        opened, gaps = clouds(server.url, accounts=(), organizations=Organizations()).open()

    assert [each.account.name for each in opened] == ["old", "new"]
    assert gaps == {}


def nested(call: Call) -> object:
    units = {"OrganizationalUnits": [{"Id": "ou-again", "Name": "again"}]}
    return units if call.operation.startswith("ListOrganizationalUnits") else a_tree(call)


def endless(call: Call) -> object:
    return {"Roots": [], "NextToken": "again"}


def nameless(call: Call) -> object:
    return {"Accounts": [{"Name": "no id", "State": "ACTIVE"}]} if "Accounts" in call.operation else a_tree(call)


def listless(call: Call) -> object:
    return {"Roots": [5]}


@pytest.mark.parametrize("answer", [nested, endless, nameless, listless])
def test_an_organization_that_makes_no_sense_is_a_gap(answer: Callable[[Call], object]) -> None:
    with stub(answer) as server:
        opened, gaps = clouds(server.url, accounts=(), organizations=Organizations()).open()

    assert opened == ()
    assert gaps["organization"].reason is GapReason.INVALID_ANSWER


# Tokens for the API servers


def test_a_token_names_the_role_and_counts_for_its_cluster_alone(aws: Aws) -> None:
    found = clouds(aws.server.url)
    (prod,), _ = found.open()
    before = datetime.now(UTC)

    token, ends = found.token(prod, "shop")

    assert aws.server.identify(token, "shop") == ROLE
    assert aws.server.identify(token, "far") != ROLE
    assert timedelta(minutes=13) < ends - before < timedelta(minutes=15)


def test_a_token_is_signed_for_the_region_and_can_be_read_back(aws: Aws) -> None:
    found = clouds(aws.server.url, regions=(OTHER_REGION,))
    token, _ = found.token(found.open()[0][0], "far")

    encoded = token.removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    assert f"%2F{OTHER_REGION}%2Fsts%2Faws4_request" in url
    assert "x-k8s-aws-id" in url
    assert "=" not in encoded


def test_a_token_without_credentials_is_refused_in_our_words(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    found = clouds(aws.server.url)
    (prod,), _ = found.open()

    with pytest.raises(ReadError) as told:
        found.token(prod, "shop")

    assert told.value.reason is GapReason.UNAUTHENTICATED
