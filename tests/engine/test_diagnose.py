"""The doctor: each denied permission is one row that names it and its fix, and nothing else changes."""

from datetime import date, timedelta
from typing import Any

import pytest

from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.model import Gap
from fleetkeeper.core.rows import Confidence, Source
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.diagnose_cluster import MUST_NOT, READS_SECRETS
from fleetkeeper.engine.observe import Choice
from fleetkeeper.engine.probing import Right, Wanted
from fleetkeeper.engine.proofs import Proof, Result, Trouble, worst
from fleetkeeper.errors import GapReason, SchemaError, UsageError
from tests.engine.fake_probes import NOW, Denied, Fleet

EAST, WEST = "111122223333/us-east-1", "444455556666/eu-west-1"
EAST_SHOP = f"{EAST}/shop"
EAST_ARN = "arn:aws:eks:us-east-1:111122223333:cluster/shop"
OLD = ApiRow(
    group="flowcontrol.apiserver.k8s.io",
    version="v1beta3",
    kind="FlowSchema",
    resource="flowschemas",
    source=Source("https://kubernetes.io", date(2026, 11, 20), Confidence.HIGH),
    removed=Minor(1, 32),
)
LISTS = "list flowschemas.flowcontrol.apiserver.k8s.io"
NO_RIGHT, NO_ANSWER, STRANGER = GapReason.FORBIDDEN, GapReason.UNREACHABLE, GapReason.UNAUTHENTICATED


def rows(proofs: tuple[Proof, ...]) -> list[tuple[str, str, str]]:
    return [(p.result.value, p.subject, p.what) for p in proofs]


def bad(proofs: tuple[Proof, ...]) -> list[tuple[str, str, str]]:
    return [row for row in rows(proofs) if row[0] != "PASS"]


def way(subject: str) -> list[tuple[str, str, str]]:
    steps = ("endpoint identity", "name resolution", "connection", "TLS", "credential")
    return [("PASS", subject, step) for step in steps]


def scope(subject: str) -> list[tuple[str, str, str]]:
    actions = ("eks:ListClusters", "eks:DescribeCluster", "autoscaling:DescribeAutoScalingGroups")
    return [("PASS", subject, action) for action in actions]


OWN = [("PASS", "credentials", "sts:GetCallerIdentity"), ("PASS", "credentials", "clock against AWS")]


def test_a_healthy_fleet_passes_everything_in_the_order_of_what_needs_what() -> None:
    fleet = Fleet()

    proofs = fleet.doctor().fleet()

    assert rows(proofs) == [
        ("PASS", "database", "schema"),
        ("PASS", "database", "writable"),
        *OWN,
        ("PASS", "111122223333", "sts:AssumeRole"),
        *scope(EAST),
        ("PASS", "444455556666", "sts:AssumeRole"),
        *scope(WEST),
        *way(EAST_SHOP),
        *way(f"{WEST}/shop"),
        *way(f"{WEST}/pay"),
        *way("edge"),
    ]
    assert worst(proofs) is Trouble.NONE
    assert fleet.kube.open == 0


def test_a_healthy_cluster_passes_every_permission_of_its_own() -> None:
    fleet = Fleet()

    proofs = fleet.doctor().cluster(EAST_ARN)

    rights = (*MUST_NOT, *READS_SECRETS)
    assert rows(proofs) == [
        *OWN,
        ("PASS", "111122223333", "sts:AssumeRole"),
        *scope(EAST),
        *way(EAST_SHOP),
        ("PASS", EAST_SHOP, "get /version"),
        ("PASS", EAST_SHOP, "list nodes"),
        *(("PASS", EAST_SHOP, f"cannot {right}") for right in rights),
    ]
    assert fleet.kube.open == 0
    assert fleet.aws.samples == ["shop"]


FLEET_FAILURES: dict[str, tuple[Denied, list[tuple[str, str, str]], str, Trouble]] = {
    "no credentials of our own": (
        {("credentials", "sts:GetCallerIdentity"): STRANGER},
        [("FAIL", "credentials", "sts:GetCallerIdentity")],
        "give fleetkeeper AWS credentials",
        Trouble.ACCESS,
    ),
    "a role that cannot be assumed ends its account and no other": (
        {("111122223333", "sts:AssumeRole"): NO_RIGHT},
        [("FAIL", "111122223333", "sts:AssumeRole")],
        "`fleetkeeper onboard 111122223333` prints all three",
        Trouble.ACCESS,
    ),
    "one action that is not allowed": (
        {(EAST, "autoscaling:DescribeAutoScalingGroups"): NO_RIGHT},
        [("FAIL", EAST, "autoscaling:DescribeAutoScalingGroups")],
        "allow autoscaling:DescribeAutoScalingGroups in the reader role's policy: `fleetkeeper onboard 111122223333",
        Trouble.ACCESS,
    ),
    "a region that does not answer is tried once": (
        {(EAST, action): NO_ANSWER for action in ("eks:ListClusters", "eks:DescribeCluster")},
        [("FAIL", EAST, "eks:ListClusters")],
        "AWS endpoints of us-east-1",
        Trouble.UNREACHABLE,
    ),
    "a region that is not enabled": (
        {(EAST, "eks:ListClusters"): STRANGER},
        [("FAIL", EAST, "eks:ListClusters")],
        "enable us-east-1 in account 111122223333",
        Trouble.ACCESS,
    ),
    "being throttled proves nothing": (
        {(EAST, "eks:DescribeCluster"): GapReason.THROTTLED},
        [("WARN", EAST, "eks:DescribeCluster")],
        "run it again in a minute",
        Trouble.NONE,
    ),
    "a name that does not resolve ends the way": (
        {(EAST_SHOP, "name resolution"): NO_ANSWER, (EAST_SHOP, "connection"): NO_ANSWER},
        [("FAIL", EAST_SHOP, "name resolution")],
        "a private endpoint is known only in its VPC",
        Trouble.UNREACHABLE,
    ),
    "a connection that is not let in": (
        {(EAST_SHOP, "connection"): GapReason.TIMEOUT},
        [("FAIL", EAST_SHOP, "connection")],
        "public access CIDRs or the cluster's security group",
        Trouble.UNREACHABLE,
    ),
    "a certificate of somebody else": (
        {(EAST_SHOP, "TLS"): NO_ANSWER},
        [("FAIL", EAST_SHOP, "TLS")],
        "a proxy opens TLS on the way",
        Trouble.UNREACHABLE,
    ),
    "a role that the cluster does not know": (
        {(EAST_SHOP, "credential"): STRANGER},
        [("FAIL", EAST_SHOP, "credential")],
        f"`fleetkeeper onboard {EAST_ARN}` prints the access entry",
        Trouble.ACCESS,
    ),
    "a kubeconfig's credential that is over": (
        {("edge", "credential"): STRANGER},
        [("FAIL", "edge", "credential")],
        "renew the credential of the kubeconfig's user",
        Trouble.ACCESS,
    ),
    "a kubeconfig that leads elsewhere": (
        {(EAST_SHOP, "endpoint identity"): GapReason.WRONG_ENDPOINT},
        [("FAIL", EAST_SHOP, "endpoint identity")],
        "address and CA must be those that DescribeCluster tells",
        Trouble.OTHER,
    ),
    "access counts more than what does not answer": (
        {(EAST_SHOP, "connection"): NO_ANSWER, ("edge", "credential"): STRANGER},
        [("FAIL", EAST_SHOP, "connection"), ("FAIL", "edge", "credential")],
        "public access CIDRs",
        Trouble.ACCESS,
    ),
}


@pytest.mark.parametrize("name", FLEET_FAILURES)
def test_what_is_denied_is_what_fails(name: str) -> None:
    denied, expected, fix, trouble = FLEET_FAILURES[name]

    proofs = Fleet(denied).doctor().fleet()

    assert bad(proofs) == expected
    assert fix in next(p.fix for p in proofs if p.result is not Result.PASS)
    assert worst(proofs) is trouble


CLUSTER_FAILURES: dict[str, tuple[Denied, list[tuple[str, str, str]], str]] = {
    "a list that RBAC does not allow leaves the others": (
        {(EAST_SHOP, "list nodes"): NO_RIGHT},
        [("FAIL", EAST_SHOP, "list nodes")],
        f"administrator of that cluster: `fleetkeeper onboard {EAST_ARN} --format kubernetes | kubectl apply -f -`",
    ),
    "secrets are asked for with their own option": (
        {(EAST_SHOP, "list secrets"): NO_RIGHT},
        [("FAIL", EAST_SHOP, "list secrets")],
        "--format kubernetes --helm-secrets | kubectl apply -f -`",
    ),
    "a review that is refused proves nothing": (
        {(EAST_SHOP, "cannot patch nodes"): NO_RIGHT},
        [("WARN", EAST_SHOP, "cannot patch nodes")],
        "",
    ),
}


@pytest.mark.parametrize("name", CLUSTER_FAILURES)
def test_what_is_denied_in_a_cluster_is_what_fails(name: str) -> None:
    denied, expected, fix = CLUSTER_FAILURES[name]

    proofs = Fleet(denied, wanted=Wanted(helm_secrets=True)).doctor().cluster(EAST_ARN)

    assert bad(proofs) == expected
    assert fix in next(p.fix for p in proofs if p.result is not Result.PASS)


@pytest.mark.parametrize("right", [*MUST_NOT, *READS_SECRETS], ids=str)
def test_a_reader_that_can_do_more_than_it_needs_is_warned_about(right: Right) -> None:
    fleet = Fleet()
    fleet.kube.may = {right}

    proofs = fleet.doctor().cluster(EAST_ARN)

    assert bad(proofs) == [("WARN", EAST_SHOP, f"cannot {right}")]
    assert worst(proofs) is Trouble.NONE


def test_objects_of_apis_that_go_away_are_looked_for_and_logs_queried_where_that_was_asked_for() -> None:
    fleet = Fleet({(EAST_SHOP, LISTS): NO_RIGHT}, wanted=Wanted(audit_logs=True, apis=Apis((OLD,))))

    proofs = fleet.doctor().cluster(EAST_ARN)

    assert bad(proofs) == [("FAIL", EAST_SHOP, LISTS)]
    assert ("PASS", EAST, "logs:StartQuery") in rows(proofs)
    assert "let the group fleetkeeper:readers list flowschemas" in next(p.fix for p in proofs if p.what == LISTS)


def test_where_definitions_cannot_be_read_only_they_are_told() -> None:
    fleet = Fleet({(EAST_SHOP, "list customresourcedefinitions"): NO_RIGHT}, wanted=Wanted(apis=Apis((OLD,))))

    proofs = fleet.doctor().cluster(EAST_ARN)

    assert not {LISTS, "logs:StartQuery"} & {p.what for p in proofs}
    assert bad(proofs) == []


def test_secrets_may_be_read_where_that_was_asked_for() -> None:
    fleet = Fleet(wanted=Wanted(helm_secrets=True))
    fleet.kube.may = set(READS_SECRETS)

    proofs = fleet.doctor().cluster(EAST_ARN)

    assert bad(proofs) == []
    assert ("PASS", EAST_SHOP, "list secrets") in rows(proofs)


@pytest.mark.parametrize(
    ("seconds", "result", "detail"),
    [
        (0, "PASS", "the same"),
        (299, "PASS", "299 s behind"),
        (-42, "PASS", "42 s ahead"),
        (301, "FAIL", "301 s behind"),
    ],
)
def test_a_clock_may_be_off_by_five_minutes(seconds: int, result: str, detail: str) -> None:
    fleet = Fleet()
    fleet.aws.skew = timedelta(seconds=seconds)

    (proof,) = [p for p in fleet.doctor().fleet() if p.what == "clock against AWS"]

    assert (proof.result.value, proof.detail) == (result, detail)


def test_a_clock_that_cannot_be_compared_is_a_warning() -> None:
    proofs = Fleet({("credentials", "clock against AWS"): NO_ANSWER}).doctor().fleet()

    assert bad(proofs) == [("WARN", "credentials", "clock against AWS")]


def test_a_database_of_another_version_fails_and_the_rest_is_tried() -> None:
    proofs = Fleet(store_error=SchemaError("run `fleetkeeper db upgrade`")).doctor().fleet()

    assert bad(proofs) == [("FAIL", "database", "schema"), ("FAIL", "database", "writable")]
    assert worst(proofs) is Trouble.OTHER
    assert ("PASS", "edge", "credential") in rows(proofs)


def test_an_organization_that_cannot_be_listed_is_a_row_with_the_policy_to_give() -> None:
    fleet = Fleet()
    fleet.clouds.gaps = {"organization": Gap(NO_RIGHT, "AccessDeniedException", NOW)}

    (proof,) = [p for p in fleet.doctor().fleet() if p.result is not Result.PASS]

    assert (proof.subject, proof.what) == ("organization", "discovery of accounts")
    assert "--format organizations-policy" in proof.fix


def test_nothing_to_observe_is_a_warning_and_asks_aws_for_nothing() -> None:
    fleet = Fleet({("credentials", "sts:GetCallerIdentity"): STRANGER})
    fleet.clouds.clouds, fleet.kube.alone = (), ()

    assert bad(fleet.doctor().fleet()) == [("WARN", "configuration", "accounts or clusters")]


@pytest.mark.parametrize(
    ("choice", "subjects"),
    [
        (Choice(names=("pay",)), {f"{WEST}/pay"}),
        (Choice(exclude_names=("shop", "edge")), {f"{WEST}/pay"}),
        (Choice(tags={"team": "platform"}), {"edge"}),
    ],
    ids=["by name", "by excluded names", "by tags, which only EKS has"],
)
def test_only_clusters_that_are_observed_are_tried(choice: Choice, subjects: set[str]) -> None:
    proofs = Fleet(choice=choice).doctor().fleet()

    assert {p.subject for p in proofs if p.what == "credential"} == subjects


def test_a_cluster_that_only_a_kubeconfig_knows_needs_no_aws() -> None:
    fleet = Fleet({("credentials", "sts:GetCallerIdentity"): STRANGER})

    proofs = fleet.doctor().cluster("edge")

    assert {p.subject for p in proofs} == {"edge"}
    assert bad(proofs) == []


def test_a_cluster_is_found_by_a_name_that_only_it_has() -> None:
    assert ("PASS", f"{WEST}/pay", "credential") in rows(Fleet().doctor().cluster("pay"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("shop", "is the name of several clusters; give the ARN: arn:aws:eks:us-east-1:"),
        ("none", "no cluster none in the 2 accounts and regions"),
        ("arn:aws:eks:eu-north-1:111122223333:cluster/shop", "fleetkeeper onboard ACCOUNT"),
    ],
)
def test_a_cluster_that_is_not_one_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Fleet().doctor().cluster(text)


def test_a_name_that_is_not_found_while_an_account_is_dark_shows_the_dark_account() -> None:
    proofs = Fleet({("111122223333", "sts:AssumeRole"): NO_RIGHT}).doctor().cluster("gone")

    assert bad(proofs) == [("FAIL", "111122223333", "sts:AssumeRole")]


def test_a_fault_of_our_own_in_one_probe_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet()

    def broken(_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(fleet, "_store", lambda: broken(None))

    assert bad(fleet.doctor().fleet()) == [("FAIL", "database", "schema"), ("FAIL", "database", "writable")]
