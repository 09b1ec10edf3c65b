"""Faults of AWS that need time, a wrong clock or a past: timeouts, windows, skew, eventual consistency."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from fleetkeeper.adapters.eks import sessions
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Asking, Unidentified
from fleetkeeper.sim.faults import Fault
from tests.adapters.eks.support import cloud as cloud_of
from tests.sim.eks_writes import Driven, driven, refused
from tests.sim.test_aws_identity import bearer
from tests.sim.worlds import PROD, REGION, Aws, a_cluster


@pytest.fixture
def run() -> Iterator[Driven]:
    with driven() as made:
        yield made


@pytest.fixture
def aws(run: Driven) -> Aws:
    return run.aws


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "eks": ("list_clusters", {}),
    "ec2": ("describe_vpcs", {}),
    "autoscaling": ("describe_auto_scaling_groups", {}),
    "ssm": ("get_parameters", {"Names": ["/x"]}),
    "sts": ("get_caller_identity", {}),
}


def answered(aws: Aws, service: str) -> Any:
    """The answer of a call, be it an error."""
    operation, arguments = CALLS[service]
    try:
        return getattr(aws.client(service), operation)(**arguments)
    except ClientError as error:
        return error.response


# ---- timeouts


def impatient(aws: Aws) -> Any:
    keys = aws.assume(PROD)
    return aws.with_keys("eks", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], patience=0.05)


def test_a_timeout_answers_nothing_and_does_nothing(run: Driven) -> None:
    eks = impatient(run.aws)
    run.world.order(Fault("aws", "timeout", operation="UpdateClusterVersion", count=1))
    with pytest.raises(ReadTimeoutError):
        eks.update_cluster_version(name="shop", version="1.35")
    assert run.status() == ("ACTIVE", "1.34")
    assert run.upgrade()


def test_a_timeout_ends_by_itself(run: Driven) -> None:
    eks = run.eks
    run.world.order(Fault("aws", "timeout", seconds=0.05))
    with pytest.raises(ConnectionClosedError):
        eks.list_clusters()


def test_a_slow_write_has_its_effect_before_its_answer(run: Driven) -> None:
    eks = impatient(run.aws)
    run.world.order(Fault("aws", "slow", seconds=30.0, operation="UpdateClusterVersion"))
    with pytest.raises(ReadTimeoutError):
        eks.update_cluster_version(name="shop", version="1.35")
    assert run.status() == ("UPDATING", "1.34")


# ---- answers


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("eks", "ServiceUnavailableException"),
        ("ec2", "Unavailable"),
        ("autoscaling", "ServiceUnavailable"),
        ("ssm", "ServiceUnavailable"),
        ("sts", "ServiceUnavailable"),
    ],
)
def test_an_api_that_is_away_says_so_in_its_own_words(aws: Aws, service: str, code: str) -> None:
    aws.client(service)
    aws.world.order(Fault("aws", "error", status=503, retry_after=7))
    answer = answered(aws, service)
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, 503)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"


# ---- time and count


def test_a_fault_holds_for_its_simulated_time(run: Driven) -> None:
    eks = run.eks
    run.world.order(Fault("aws", "error", after=60.0, lasts=60.0))
    seen = []
    for _ in range(4):
        seen.append("Error" in answered(run.aws, "eks"))
        run.later(seconds=50)
    assert seen == [False, False, True, False]
    assert eks.list_clusters()["clusters"] == ["shop"]


def test_a_fault_is_over_after_its_count(run: Driven) -> None:
    run.world.order(Fault("aws", "throttle", operation="ListClusters", count=2))
    assert ["Error" in answered(run.aws, "eks") for _ in range(4)] == [True, True, False, False]


# ---- clocks


SKEWED = {
    "eks": ("InvalidSignatureException", 403),
    "ssm": ("InvalidSignatureException", 400),
    "autoscaling": ("SignatureDoesNotMatch", 403),
    "sts": ("SignatureDoesNotMatch", 403),
}


@pytest.mark.parametrize("service", SKEWED)
@pytest.mark.parametrize(
    ("ahead", "says", "sign"),
    [
        pytest.param(310.0, "Signature expired: {} is now earlier than {} ({} - 5 min.)", -1, id="a server ahead"),
        pytest.param(-310.0, "Signature not yet current: {} is still later than {} ({} + 5 min.)", 1, id="one behind"),
    ],
)
def test_a_signature_of_another_time_is_refused(aws: Aws, service: str, ahead: float, says: str, sign: int) -> None:
    aws.client(service)
    aws.world.order(Fault("aws", "skew", seconds=ahead))
    answer = answered(aws, service)
    metadata, error = answer["ResponseMetadata"], answer["Error"]
    assert (error["Code"], metadata["HTTPStatusCode"]) == SKEWED[service]
    server = parsedate_to_datetime(metadata["HTTPHeaders"]["date"])
    assert abs((server - datetime.now(UTC)).total_seconds() - ahead) < 30
    signed, limit, now = times(error["Message"])
    assert error["Message"] == says.format(*(f"{each:%Y%m%dT%H%M%SZ}" for each in (signed, limit, now)))
    assert (now - limit, abs(now - server) < timedelta(seconds=5)) == (-sign * timedelta(minutes=5), True)


def times(message: str) -> list[datetime]:
    """The moments that a message names, in their order."""
    words = message.replace("(", " ").split()
    forms = [word for word in words if word.endswith("Z") and word[:8].isdigit()]
    return [datetime.strptime(word, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for word in forms]


@pytest.mark.parametrize(("minutes", "expired"), [(14, False), (16, True), (-14, False), (-16, True)])
def test_ec2_lets_a_signature_be_15_minutes_off(aws: Aws, minutes: int, expired: bool) -> None:
    aws.client("ec2")
    aws.world.order(Fault("aws", "skew", seconds=minutes * 60.0))
    answer = answered(aws, "ec2")
    assert answer.get("Error", {}).get("Code") == ("RequestExpired" if expired else None)


@pytest.mark.parametrize("ahead", [290.0, -290.0])
def test_a_clock_that_is_a_little_off_shows_in_the_date_alone(aws: Aws, ahead: float) -> None:
    aws.client("eks")
    aws.world.order(Fault("aws", "skew", seconds=ahead))
    answer = answered(aws, "eks")
    assert answer["clusters"] == ["shop"]
    server = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert abs((server - datetime.now(UTC)).total_seconds() - ahead) < 30


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_botocore_neither_corrects_a_clock_nor_tries_again(aws: Aws, mode: str) -> None:
    keys = aws.assume(PROD)
    eks = aws.with_keys("eks", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    patient = retrying(aws, keys, mode)
    aws.world.order(Fault("aws", "skew", seconds=600.0))
    for client in (patient, eks):
        refused("InvalidSignatureException", client.list_clusters)
    patient.close()
    assert aws.server.stats()[Asking(PROD, REGION, "eks:ListClusters")] == 2


def retrying(aws: Aws, keys: dict[str, str], mode: str) -> Any:
    """A client that tries three times."""
    return botocore.session.Session().create_client(
        "eks",
        region_name=REGION,
        endpoint_url=aws.server.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(retries={"max_attempts": 3, "mode": mode}),
    )


@pytest.mark.parametrize(
    ("selects", "minutes", "says"),
    [
        pytest.param({}, 16, "the token is expired (15 minutes)", id="a server far ahead"),
        pytest.param({}, -6, "X-Amz-Date lies in the future", id="a server behind"),
        pytest.param({"operation": "GetCallerIdentity", "account": PROD}, 16, "the token is expired", id="selected"),
        pytest.param({"cluster": a_cluster().key}, 16, "the token is expired", id="of the cluster"),
        pytest.param({}, 14, "", id="a little ahead"),
        pytest.param({"operation": "ListClusters"}, 16, "", id="at another operation"),
        pytest.param({"region": "us-east-1"}, 16, "", id="in another region"),
    ],
)
def test_a_presigned_token_is_judged_by_the_servers_clock(
    aws: Aws, selects: dict[str, str], minutes: int, says: str
) -> None:
    token = bearer(aws.client("sts"), "shop")
    aws.world.order(Fault("aws", "skew", seconds=minutes * 60.0, **selects))  # type: ignore[arg-type]
    found = aws.server.identify(token, "shop")
    if says:
        assert isinstance(found, Unidentified)
        assert says in found.reason
    else:
        assert found == f"arn:aws:iam::{PROD}:role/fleetkeeper-reader"


# ---- the past


READS = ["DescribeCluster", "ListNodegroups", "DescribeNodegroup", "ListAddons", "DescribeAddon", "ListUpdates"]


def change_all(run: Driven) -> None:
    """One write of each thing that READS show."""
    run.eks.delete_addon(clusterName="shop", addonName="coredns")
    run.eks.create_addon(clusterName="shop", addonName="kube-proxy")
    run.eks.delete_nodegroup(clusterName="shop", nodegroupName="custom")
    run.eks.update_nodegroup_config(clusterName="shop", nodegroupName="main", labels={"removeLabels": ["team"]})
    run.upgrade()


def shown(run: Driven) -> dict[str, Any]:
    """What every read of READS answers."""
    eks, group, addon = run.eks, {"nodegroupName": "main"}, {"addonName": "coredns"}
    more = {"DescribeNodegroup": group, "DescribeAddon": addon}
    found: dict[str, Any] = {}
    for operation in READS:
        method = "".join(f"_{each.lower()}" if each.isupper() else each for each in operation).lstrip("_")
        name = {"name": "shop"} if operation in ("DescribeCluster", "ListUpdates") else {"clusterName": "shop"}
        try:
            answer = getattr(eks, method)(**name, **more.get(operation, {}))
        except ClientError as error:
            answer = error.response
        found[operation] = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    return found


def test_every_read_of_a_cluster_lags_and_catches_up(run: Driven) -> None:
    run.world.order(Fault("aws", "stale", seconds=30.0))
    before = shown(run)
    change_all(run)
    assert shown(run) == before
    run.later(seconds=30)
    after = shown(run)
    assert [operation for operation in READS if after[operation] == before[operation]] == []


def test_each_write_shows_when_its_own_time_has_passed(run: Driven) -> None:
    run.world.order(Fault("aws", "stale", seconds=30.0, operation="ListAddons"))
    seen = []
    for addon in ("coredns", "vpc-cni"):
        run.eks.delete_addon(clusterName="shop", addonName=addon)
        run.cluster.addons.pop(addon, None)
        seen.append(run.eks.list_addons(clusterName="shop")["addons"])
        run.later(seconds=15)
    seen.append(run.eks.list_addons(clusterName="shop")["addons"])
    assert seen == [["coredns", "vpc-cni"], ["coredns", "vpc-cni"], ["vpc-cni"]]


def test_the_list_of_clusters_lags_too(run: Driven) -> None:
    run.world.order(Fault("aws", "stale", seconds=30.0))
    assert run.eks.list_clusters()["clusters"] == ["shop"]
    added = a_cluster("till")
    run.world.clusters[added.key] = added
    del run.world.clusters[run.cluster.key]
    assert run.eks.list_clusters()["clusters"] == ["shop"]
    run.later(seconds=29)
    assert run.eks.list_clusters()["clusters"] == ["shop"]
    run.later(seconds=1)
    assert run.eks.list_clusters()["clusters"] == ["till"]


def test_the_past_ends_with_its_fault(run: Driven) -> None:
    run.world.order(Fault("aws", "stale", seconds=30.0))
    run.upgrade()
    run.world.faults.clear()
    assert run.status() == ("UPDATING", "1.34")
    run.world.order(Fault("aws", "stale", seconds=30.0))
    assert run.status() == ("UPDATING", "1.34")


def test_a_read_by_arn_names_its_cluster_too(run: Driven) -> None:
    run.world.order(Fault("aws", "forbid", cluster=run.cluster.key))
    refused("AccessDeniedException", run.eks.list_tags_for_resource, resourceArn=run.cluster.arn)
    assert run.eks.list_clusters()["clusters"] == ["shop"]


def test_a_stale_fault_counts_no_writes_and_no_other_api(run: Driven) -> None:
    run.world.order(fault := Fault("aws", "stale", seconds=30.0, count=1))
    run.upgrade()
    assert "Error" not in answered(run.aws, "ec2")
    assert fault.struck == 0
    assert [run.status()[0] for _ in range(2)] == ["ACTIVE", "UPDATING"]


# ---- our adapter


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(Fault("aws", "timeout"), GapReason.TIMEOUT, id="a timeout"),
        pytest.param(Fault("aws", "drop-before"), GapReason.UNREACHABLE, id="a drop before"),
        pytest.param(Fault("aws", "drop-after"), GapReason.UNREACHABLE, id="a drop after"),
        pytest.param(Fault("aws", "skew", seconds=600.0), GapReason.UNAUTHENTICATED, id="a clock that is off"),
        pytest.param(Fault("aws", "error", status=503), GapReason.SERVER_ERROR, id="a service that is away"),
    ],
)
def test_our_adapter_names_the_reason(
    run: Driven, monkeypatch: pytest.MonkeyPatch, fault: Fault, reason: GapReason
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
    monkeypatch.setattr(sessions, "READ_SECONDS", 0.1)
    monkeypatch.setattr(sessions, "ATTEMPTS", 2)
    cloud = cloud_of(run.aws.server.url)
    assert cloud.cluster_names() == ("shop",)
    run.world.order(fault)
    with pytest.raises(ReadError) as met:
        cloud.cluster_names()
    assert met.value.reason is reason
