"""Nothing unlawful leaves the simulator: answers and errors are held to botocore's shapes, moto's included."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.aws.call import AwsError, Violation
from fleetkeeper.sim.aws.errors import error_reply
from fleetkeeper.sim.aws.models import operation_model
from fleetkeeper.sim.aws.moto_rest import check_reply
from fleetkeeper.sim.aws.wire import AnswerWriter
from fleetkeeper.sim.world import SimAutoScalingGroup, SimIssue
from tests.sim.worlds import CUSTOM_AMI, a_cluster, a_world, served


def write(service: str, operation: str, answer: dict[str, Any]) -> str:
    model = operation_model(service, operation)
    assert model is not None
    return AnswerWriter(model).body(answer, "request-1").decode()


@pytest.mark.parametrize(
    ("service", "operation", "answer", "complaint"),
    [
        ("eks", "DescribeCluster", {"cluster": {"nmae": "shop"}}, "Cluster has no member 'nmae'"),
        ("eks", "DescribeCluster", {"Cluster": {}}, "no member 'Cluster'"),
        ("eks", "DescribeCluster", {"cluster": {"name": 7}}, "7 is not a string"),
        ("eks", "DescribeCluster", {"cluster": {"name": None}}, "None is not a string"),
        ("eks", "DescribeCluster", {"cluster": {"status": "RUNNING"}}, "not a string out of CREATING"),
        ("eks", "DescribeCluster", {"cluster": {"createdAt": "today"}}, "is not a timestamp"),
        ("eks", "DescribeCluster", {"cluster": {"createdAt": datetime(2026, 1, 1)}}, "is not a timestamp"),  # noqa: DTZ001
        ("eks", "DescribeCluster", {"cluster": {"tags": ["a"]}}, "is not a map"),
        ("eks", "ListClusters", {"clusters": "shop"}, "is not a list"),
        ("eks", "DescribeNodegroup", {"nodegroup": {"diskSize": True}}, "True is not a integer"),
        ("eks", "DescribeCluster", {"cluster": {"outpostConfig": {}}}, "required member 'outpostArns' is missing"),
        ("ec2", "DescribeSubnets", {"Subnets": [{"AvailableIps": 3}]}, "Subnet has no member 'AvailableIps'"),
        ("ec2", "DescribeSubnets", {"Subnets": [{"MapPublicIpOnLaunch": "no"}]}, "is not a boolean"),
        ("autoscaling", "DescribeAutoScalingGroups", {}, "required member 'AutoScalingGroups' is missing"),
    ],
)
def test_an_answer_outside_the_shape_is_a_violation(
    service: str, operation: str, answer: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Violation, match=complaint):
        write(service, operation, answer)


def test_a_violation_names_the_place() -> None:
    with pytest.raises(Violation, match=r"^DescribeCluster\.cluster\.health\.issues\.code: 'Bad' is not"):
        write("eks", "DescribeCluster", {"cluster": {"health": {"issues": [{"code": "Bad"}]}}})


def test_json_timestamps_are_epoch_seconds() -> None:
    made = datetime(2026, 11, 20, 9, 0, 0, 250_000, tzinfo=UTC)
    written = write("eks", "DescribeCluster", {"cluster": {"createdAt": made}})
    assert written == '{"cluster": {"createdAt": 1795165200.25}}'


def test_xml_is_written_as_each_protocol_wants_it() -> None:
    answer = {"Subnets": [{"SubnetId": "a&b", "MapPublicIpOnLaunch": False, "AvailableIpAddressCount": 3}]}
    assert write("ec2", "DescribeSubnets", answer) == (
        '<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><requestId>request-1</requestId>'
        "<subnetSet><item><subnetId>a&amp;b</subnetId><mapPublicIpOnLaunch>false</mapPublicIpOnLaunch>"
        "<availableIpAddressCount>3</availableIpAddressCount></item></subnetSet></DescribeSubnetsResponse>"
    )
    assert "<GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>" in write(
        "sts", "GetCallerIdentity", {"Account": "1"}
    )


@pytest.mark.parametrize(
    ("service", "operation", "protocol", "error", "complaint"),
    [
        ("eks", "DescribeCluster", "rest-json", AwsError("NoSuchCluster", ""), "cannot answer the error NoSuchCluster"),
        ("eks", "DescribeCluster", "rest-json", AwsError("InvalidParameterException", ""), "cannot answer"),
        (
            "eks",
            "DescribeCluster",
            "rest-json",
            AwsError("ResourceNotFoundException", "", {"cluster": "shop"}),
            "no member 'cluster'",
        ),
        ("eks", "ListTagsForResource", "rest-json", AwsError("ThrottlingException", "", {"a": "b"}), "no members"),
        ("ec2", "DescribeVpcs", "ec2", AwsError("VpcGone", ""), "cannot answer the error VpcGone"),
        ("sts", "AssumeRole", "query", AwsError("AccessDeniedException", ""), "cannot answer"),
        ("sts", "AssumeRole", "query", AwsError("AccessDenied", "", {"a": "b"}), "takes no members"),
    ],
)
def test_an_error_that_the_operation_cannot_answer_is_a_violation(
    service: str, operation: str, protocol: str, error: AwsError, complaint: str
) -> None:
    with pytest.raises(Violation, match=complaint):
        error_reply(service, operation, protocol, error, "request-1")


def test_a_world_that_cannot_be_is_a_loud_500() -> None:
    world = a_world()
    next(iter(world.clusters.values())).issues = [SimIssue("MadeUp", "no such code")]
    with served(world) as aws:
        with pytest.raises(ClientError) as caught:
            aws.client("eks").describe_cluster(name="shop")
        assert caught.value.response["Error"]["Code"] == "SimulatorViolation"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert "'MadeUp' is not a string out of AccessDenied" in caught.value.response["Error"]["Message"]
        assert len(aws.server.violations) == 1


def test_a_name_that_comes_twice_is_a_loud_500() -> None:
    world = a_world(a_cluster("a"), a_cluster("b"))
    for cluster in world.clusters.values():
        cluster.auto_scaling_groups = {"legacy": SimAutoScalingGroup("legacy", CUSTOM_AMI, "m5.large", 1, 1, 1)}
    with served(world) as aws, pytest.raises(ClientError, match="are called 'legacy': pages would lose one"):
        aws.client("autoscaling").describe_auto_scaling_groups()


@pytest.mark.parametrize(
    ("service", "operation", "status", "body", "complaint"),
    [
        ("kms", "ListKeys", 200, b'{"Keyz": []}', "no member 'Keyz'"),
        ("kms", "ListKeys", 200, b'{"Keys": [{"KeyId": 7}]}', "7 is not a string"),
        ("kms", "ListKeys", 400, b'{"__type": "OhNoException"}', "answered the error OhNoException"),
        ("sts", "GetCallerIdentity", 200, b"<GetCallerIdentityResponse/>", "no GetCallerIdentityResult"),
        ("ec2", "DescribeVpcs", 200, b"<DescribeVpcsResponse><vpcs/></DescribeVpcsResponse>", "no member 'vpcs'"),
        (
            "ec2",
            "DescribeVpcs",
            200,
            b"<R><vpcSet><item><isDefault>maybe</isDefault></item></vpcSet></R>",
            "'maybe' is not a boolean",
        ),
    ],
)
def test_motos_answers_are_held_to_the_shapes_too(
    service: str, operation: str, status: int, body: bytes, complaint: str
) -> None:
    model = operation_model(service, operation)
    assert model is not None
    with pytest.raises(Violation, match=complaint):
        check_reply(model, status, {}, body)
