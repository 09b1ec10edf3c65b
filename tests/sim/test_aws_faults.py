"""Trouble on demand: every kind of fault as a client meets it, aimed at an account, region, cluster or operation."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from fleetkeeper.sim.aws import Asking
from fleetkeeper.sim.faults import Fault
from tests.sim.worlds import DEV, MANAGEMENT, PROD, REGION, Aws, a_cluster, a_world, strictly_served


@pytest.fixture
def aws() -> Iterator[Aws]:
    with strictly_served(a_world(a_cluster("shop"), a_cluster("till"), a_cluster("lab", DEV))) as running:
        yield running


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "eks": ("list_clusters", {}),
    "ec2": ("describe_vpcs", {}),
    "autoscaling": ("describe_auto_scaling_groups", {}),
    "ssm": ("get_parameters", {"Names": ["/x"]}),
    "service-quotas": ("list_service_quotas", {"ServiceCode": "ec2"}),
}


@pytest.mark.parametrize(
    ("service", "kind", "code", "status"),
    [
        ("eks", "throttle", "ThrottlingException", 400),
        ("ec2", "throttle", "RequestLimitExceeded", 503),
        ("autoscaling", "throttle", "Throttling", 400),
        ("ssm", "throttle", "ThrottlingException", 400),
        ("service-quotas", "throttle", "TooManyRequestsException", 400),
        ("eks", "forbid", "AccessDeniedException", 403),
        ("ec2", "forbid", "UnauthorizedOperation", 403),
        ("autoscaling", "forbid", "AccessDenied", 403),
        ("ssm", "forbid", "AccessDeniedException", 400),
        ("eks", "error", "ServerException", 500),
        ("ec2", "error", "InternalError", 500),
        ("autoscaling", "error", "InternalFailure", 500),
        ("ssm", "error", "InternalServerError", 500),
        ("service-quotas", "error", "ServiceException", 500),
    ],
)
def test_a_fault_speaks_the_words_of_each_api(aws: Aws, service: str, kind: str, code: str, status: int) -> None:
    client = aws.client(service)
    aws.world.faults.append(Fault("aws", kind))
    operation, arguments = CALLS[service]
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_a_refusal_names_action_principal_and_resource(aws: Aws) -> None:
    eks = aws.client("eks")
    aws.world.faults.append(Fault("aws", "forbid"))
    with pytest.raises(ClientError) as caught:
        eks.describe_cluster(name="shop")
    message = caught.value.response["Error"]["Message"]
    assert f"User: arn:aws:sts::{PROD}:assumed-role/fleetkeeper-reader/fleetkeeper is not authorized" in message
    assert f"eks:DescribeCluster on resource: arn:aws:eks:{REGION}:{PROD}:cluster/shop" in message


def test_an_unreachable_api_closes_the_connection(aws: Aws) -> None:
    eks = aws.client("eks")
    aws.world.faults.append(Fault("aws", "unreachable"))
    with pytest.raises(ConnectionClosedError):
        eks.list_clusters()
    aws.world.faults.clear()
    assert eks.list_clusters()["clusters"] == ["shop", "till"]


def test_a_cut_body_is_a_parser_error_of_xml_but_an_empty_answer_of_json(aws: Aws) -> None:
    """botocore 1.44.5 checks no Content-Length and takes broken JSON for an empty answer: adapters must look."""
    eks, autoscaling = aws.client("eks"), aws.client("autoscaling")
    aws.world.faults.append(Fault("aws", "truncate"))
    answer = eks.list_clusters()
    assert "clusters" not in answer
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-length"] == str(len('{"clusters": ["shop", "till"]}'))
    with pytest.raises(ResponseParserError):
        autoscaling.describe_auto_scaling_groups()


def test_garbage_has_the_wrong_types(aws: Aws) -> None:
    """What botocore makes of it is no error of botocore's own."""
    eks, autoscaling = aws.client("eks"), aws.client("autoscaling")
    aws.world.faults.append(Fault("aws", "garbage"))
    with pytest.raises(AttributeError, match="'str' object"):
        eks.describe_cluster(name="shop")
    with pytest.raises(TypeError, match="'int' object"):
        eks.list_clusters()
    with pytest.raises(KeyError):
        autoscaling.describe_auto_scaling_groups()


def test_a_slow_api_delays_only_its_own_requests(aws: Aws) -> None:
    eks = aws.client("eks")
    aws.world.faults.append(Fault("aws", "slow", operation="ListClusters", seconds=0.1))
    started = time.monotonic()
    assert eks.describe_cluster(name="shop")["cluster"]["name"] == "shop"
    before = time.monotonic() - started
    eks.list_clusters()
    assert time.monotonic() - started - before >= 0.1


def test_a_client_with_little_patience_times_out(aws: Aws) -> None:
    keys = aws.assume(PROD)
    eks = aws.with_keys("eks", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], patience=0.05)
    aws.world.faults.append(Fault("aws", "slow", seconds=30))
    with pytest.raises(ReadTimeoutError):
        eks.list_clusters()


def fails(client: Any, operation: str, **arguments: Any) -> bool:
    try:
        getattr(client, operation)(**arguments)
    except ClientError:
        return True
    return False


def test_a_fault_hits_only_what_it_selects(aws: Aws) -> None:
    prod, dev, elsewhere = aws.client("eks"), aws.client("eks", DEV), aws.client("eks", PROD, "us-east-1")
    faults = aws.world.faults
    faults[:] = [Fault("aws", "error", cluster=a_cluster("shop").key)]
    assert fails(prod, "describe_cluster", name="shop")
    assert fails(prod, "list_addons", clusterName="shop")
    assert not fails(prod, "describe_cluster", name="till")
    assert not fails(prod, "list_clusters")
    faults[:] = [Fault("aws", "error", account=DEV)]
    assert fails(dev, "list_clusters")
    assert not fails(prod, "list_clusters")
    faults[:] = [Fault("aws", "error", region="us-east-1")]
    assert fails(elsewhere, "list_clusters")
    assert not fails(prod, "list_clusters")
    faults[:] = [Fault("aws", "error", operation="DescribeCluster"), Fault("kube", "error")]
    assert fails(prod, "describe_cluster", name="till")
    assert not fails(prod, "list_clusters")


def test_a_rate_fails_every_second_request(aws: Aws) -> None:
    eks = aws.client("eks")
    aws.world.faults.append(Fault("aws", "throttle", rate=0.5))
    assert [fails(eks, "list_clusters") for _ in range(6)] == [False, True] * 3


def test_a_fault_of_an_account_also_closes_its_role(aws: Aws) -> None:
    aws.world.faults.append(Fault("aws", "forbid", account=DEV, operation="AssumeRole"))
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.assume(DEV)
    assert aws.assume(PROD)


def test_requests_are_counted(aws: Aws) -> None:
    eks = aws.client("eks")
    for _ in range(3):
        eks.list_clusters()
    aws.world.faults.append(Fault("aws", "throttle"))
    assert fails(eks, "list_clusters")
    counted = aws.server.stats()
    assert counted[Asking(PROD, REGION, "eks:ListClusters")] == 4
    assert counted[Asking(PROD, REGION, "sts:AssumeRole")] == 1
    assert not any(asking.account == MANAGEMENT for asking in counted)
