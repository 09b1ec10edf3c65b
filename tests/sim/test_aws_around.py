"""What stands around clusters, through real clients: instances, subnets, images, scaling groups, parameters, quotas."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.aws.images import ami_id
from fleetkeeper.sim.world import SimImage, SimSubnet
from tests.sim.worlds import CUSTOM_AMI, NOW, PROD, REGION, Aws, a_cluster, a_world, served


def instances(aws: Aws, **arguments: Any) -> list[dict[str, Any]]:
    pages = aws.client("ec2").get_paginator("describe_instances").paginate(**arguments)
    return [each for page in pages for reservation in page["Reservations"] for each in reservation["Instances"]]


def tags(resource: dict[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in resource["Tags"]}


def sieve(name: str, *values: str) -> dict[str, Any]:
    return {"Filters": [{"Name": name, "Values": list(values)}]}


def test_instances_carry_their_image_zone_and_tags(aws: Aws) -> None:
    found = {each["InstanceId"]: each for each in instances(aws)}
    managed, own = found["i-0aaaaaaaaaaaaaaa1"], found["i-0ccccccccccccccc1"]
    assert managed["ImageId"] == ami_id(REGION, "AL2023_x86_64_STANDARD", "1.34.11-20261102")
    assert found["i-0bbbbbbbbbbbbbbb1"]["ImageId"] == own["ImageId"] == CUSTOM_AMI
    assert (managed["Placement"]["AvailabilityZone"], managed["SubnetId"]) == ("eu-west-1a", "subnet-0a")
    assert tags(managed)["eks:nodegroup-name"] == "main"
    assert tags(managed)["kubernetes.io/cluster/shop"] == tags(own)["kubernetes.io/cluster/shop"] == "owned"
    assert "eks:cluster-name" not in tags(own)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (sieve("tag:eks:cluster-name", "shop"), 3),
        (sieve("tag:eks:cluster-name", "sho*"), 3),
        (sieve("tag:eks:cluster-name", "till"), 0),
        (sieve("tag:kubernetes.io/cluster/shop", "owned"), 4),
        (sieve("tag-key", "kubernetes.io/cluster/shop"), 4),
        (sieve("image-id", CUSTOM_AMI), 2),
        (sieve("availability-zone", "eu-west-1b"), 2),
        ({"InstanceIds": ["i-0ccccccccccccccc1"]}, 1),
        ({"PaginationConfig": {"PageSize": 2}}, 4),
    ],
)
def test_instances_are_filtered(aws: Aws, arguments: dict[str, Any], count: int) -> None:
    assert len(instances(aws, **arguments)) == count


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("describe_instances", {"InstanceIds": ["i-0ddddddddddddddd1"]}, "InvalidInstanceID.NotFound"),
        ("describe_subnets", {"SubnetIds": ["subnet-gone"]}, "InvalidSubnetID.NotFound"),
        ("describe_vpcs", {"VpcIds": ["vpc-gone"]}, "InvalidVpcID.NotFound"),
        ("describe_images", {"ImageIds": ["ami-gone"]}, "InvalidAMIID.NotFound"),
        ("describe_instances", sieve("colour", "red"), "InvalidParameterValue"),
        ("describe_instances", {"NextToken": "made-up", "MaxResults": 5}, "InvalidNextToken"),
    ],
)
def test_what_ec2_does_not_know_is_an_error(aws: Aws, operation: str, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client("ec2"), operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == code


def test_subnets_tell_their_free_addresses(aws: Aws) -> None:
    aws.world.subnets["subnet-0b"] = SimSubnet("subnet-0b", free_addresses=3)
    found = aws.client("ec2").describe_subnets(SubnetIds=["subnet-0a", "subnet-0b"])["Subnets"]
    assert [each["AvailableIpAddressCount"] for each in found] == [4000, 3]
    assert [each["AvailabilityZone"] for each in found] == ["eu-west-1a", "eu-west-1b"]
    assert len(aws.client("ec2").describe_subnets(**sieve("vpc-id", "vpc-0123456789abcdef0"))["Subnets"]) == 3


def test_vpcs_are_those_of_clusters(aws: Aws) -> None:
    found = aws.client("ec2").describe_vpcs()["Vpcs"]
    assert [each["VpcId"] for each in found] == ["vpc-0123456789abcdef0"]
    assert found[0]["CidrBlock"].startswith("10.")


def test_images_are_named_and_dated(aws: Aws) -> None:
    ec2, release = aws.client("ec2"), ami_id(REGION, "AL2023_x86_64_STANDARD", "1.34.11-20261102")
    found = {each["ImageId"]: each for each in ec2.describe_images(ImageIds=[release, CUSTOM_AMI])["Images"]}
    assert found[release]["Name"] == "amazon-eks-node-al2023-x86_64-standard-1.34-v20261102"
    assert found[release]["CreationDate"] == "2026-11-02T00:00:00.000Z"
    assert (found[release]["ImageOwnerAlias"], found[CUSTOM_AMI]["OwnerId"]) == ("amazon", PROD)


def test_a_custom_image_of_the_world_is_answered(aws: Aws) -> None:
    aws.world.images[CUSTOM_AMI] = SimImage(CUSTOM_AMI, "golden-2026-05", NOW - timedelta(days=180))
    found = aws.client("ec2").describe_images(Owners=["self"])["Images"]
    assert [(each["Name"], each["CreationDate"][:10]) for each in found] == [("golden-2026-05", "2026-05-24")]


def test_a_launch_template_names_its_image(aws: Aws) -> None:
    ec2 = aws.client("ec2")
    found = ec2.describe_launch_template_versions(LaunchTemplateId="lt-0123456789abcdef0", Versions=["3"])
    version = found["LaunchTemplateVersions"][0]
    assert (version["VersionNumber"], version["LaunchTemplateData"]["ImageId"]) == (3, CUSTOM_AMI)
    with pytest.raises(ClientError, match=r"InvalidLaunchTemplateId\.NotFound"):
        ec2.describe_launch_template_versions(LaunchTemplateId="lt-gone")


def groups(aws: Aws, **arguments: Any) -> list[dict[str, Any]]:
    pages = aws.client("autoscaling").get_paginator("describe_auto_scaling_groups").paginate(**arguments)
    return [each for page in pages for each in page["AutoScalingGroups"]]


def test_groups_are_told_apart_by_their_tags(aws: Aws) -> None:
    owned = groups(aws, **sieve("tag:kubernetes.io/cluster/shop", "owned"))
    managed = groups(aws, **sieve("tag:eks:cluster-name", "shop"))
    assert len(owned) == 3
    assert {tags(each)["eks:nodegroup-name"] for each in managed} == {"main", "custom"}
    own = next(each for each in owned if each["AutoScalingGroupName"] == "shop-legacy")
    assert {key for key in tags(own) if key.startswith("eks:")} == set()
    assert own["Instances"][0]["InstanceId"] == "i-0ccccccccccccccc1"


def test_groups_come_in_pages() -> None:
    with served(a_world(*(a_cluster(f"c{number:02d}") for number in range(40)))) as aws:
        assert len(groups(aws)) == 120
        assert len(aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]) == 50
        with pytest.raises(ClientError, match="InvalidNextToken"):
            aws.client("autoscaling").describe_auto_scaling_groups(NextToken="made-up")


def test_a_managed_group_is_the_one_that_eks_names(aws: Aws) -> None:
    seen = aws.client("eks").describe_nodegroup(clusterName="shop", nodegroupName="main")["nodegroup"]
    name = seen["resources"]["autoScalingGroups"][0]["name"]
    assert [each["DesiredCapacity"] for each in groups(aws, AutoScalingGroupNames=[name])] == [2]


AL2023 = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended"


def test_the_recommended_image_is_one_that_ec2_knows(aws: Aws) -> None:
    ssm = aws.client("ssm")
    image = ssm.get_parameter(Name=f"{AL2023}/image_id")["Parameter"]["Value"]
    release = ssm.get_parameter(Name=f"{AL2023}/release_version")["Parameter"]["Value"]
    assert release == "1.34.11-20261116"  # the Monday before the simulated day
    assert aws.client("ec2").describe_images(ImageIds=[image])["Images"][0]["Name"].endswith("1.34-v20261116")


def test_parameters_exist_for_every_minor_but_amazon_linux_2_ends(aws: Aws) -> None:
    names = [
        "/aws/service/bottlerocket/aws-k8s-1.36/x86_64/latest/image_id",
        "/aws/service/eks/optimized-ami/1.31/amazon-linux-2/recommended/image_id",
        "/aws/service/eks/optimized-ami/1.33/amazon-linux-2/recommended/image_id",
    ]
    answer = aws.client("ssm").get_parameters(Names=names)
    assert [each["Name"] for each in answer["Parameters"]] == names[:2]
    assert answer["InvalidParameters"] == names[2:]
    with pytest.raises(ClientError, match="ParameterNotFound"):
        aws.client("ssm").get_parameter(Name=names[2])


def test_parameters_are_found_by_path_in_pages(aws: Aws) -> None:
    pages = aws.client("ssm").get_paginator("get_parameters_by_path")
    path = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023"
    found = [each for page in pages.paginate(Path=path, Recursive=True) for each in page["Parameters"]]
    assert len(found) == 12
    assert len(aws.client("ssm").get_parameters_by_path(Path=path, Recursive=True)["Parameters"]) == 10


def test_quotas_are_answered_and_can_be_set_by_the_world(aws: Aws) -> None:
    quotas = aws.client("service-quotas")
    aws.world.quotas[PROD, REGION, "L-1216C47A"] = 32.0
    seen = quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
    assert (seen["Value"], seen["UsageMetric"]["MetricDimensions"]["Class"]) == (32.0, "Standard/OnDemand")
    assert quotas.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]["Value"] == 5.0
    other = aws.client("service-quotas", PROD, "us-east-1")
    assert other.get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]["Value"] == 1152.0


@pytest.mark.parametrize("service", ["ec2", "eks", "ebs"])
def test_quotas_are_listed_in_pages(aws: Aws, service: str) -> None:
    pages = aws.client("service-quotas").get_paginator("list_service_quotas")
    whole = [each["QuotaCode"] for page in pages.paginate(ServiceCode=service) for each in page["Quotas"]]
    paged = pages.paginate(ServiceCode=service, PaginationConfig={"PageSize": 2})
    assert [each["QuotaCode"] for page in paged for each in page["Quotas"]] == whole
    assert len(whole) >= 3


@pytest.mark.parametrize("arguments", [{"ServiceCode": "gone"}, {"ServiceCode": "ec2", "QuotaCode": "L-GONE"}])
def test_an_unknown_quota_is_an_error(aws: Aws, arguments: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        aws.client("service-quotas").get_service_quota(**{"QuotaCode": "L-1216C47A"} | arguments)


def test_other_apis_are_motos_and_know_the_account(aws: Aws) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]
    assert key["AWSAccountId"] == PROD
    assert aws.client("ec2").describe_availability_zones()["AvailabilityZones"][0]["RegionName"] == REGION
