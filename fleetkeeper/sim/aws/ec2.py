"""EC2, the reads that concern clusters: instances, subnets, VPCs, images and launch templates, from the world."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.fleet import (
    Group,
    Subnet,
    Template,
    clusters_for,
    groups_of,
    private_address,
    subnets_of,
    templates_of,
    vpc_cidr,
)
from fleetkeeper.sim.aws.images import Image, known_images
from fleetkeeper.sim.aws.paging import BadToken, page

_PAGE = 1000  # EC2's largest page, and what it answers without MaxResults
_STATES = {"pending": 0, "running": 16, "shutting-down": 32}


@dataclass(frozen=True, slots=True)
class Row:
    """A resource before it is rendered: what it can be filtered by, and how it is written when it is chosen."""

    id: str
    attributes: Mapping[str, str]
    tags: Mapping[str, str]
    render: Callable[[], dict[str, Any]]


def fits_tags(filters: Iterable[Mapping[str, Any]], tags: Mapping[str, str]) -> bool:
    """Whether tags pass the filters that speak of tags; the others are not looked at."""
    for each in filters:
        name, values = each["Name"], each.get("Values", [])
        if name == "tag-key" and not any(fnmatchcase(key, value) for key in tags for value in values):
            return False
        if name.startswith("tag:") and not _matches(tags.get(name[4:]), values):
            return False
    return True


def _matches(have: str | None, values: Iterable[str]) -> bool:
    return have is not None and any(have == value or fnmatchcase(have, value) for value in values)


def _fits(filters: Iterable[Mapping[str, Any]], row: Row) -> bool:
    for each in filters:
        name = each["Name"]
        if name == "tag-key" or name.startswith("tag:"):
            continue
        if name not in row.attributes:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not _matches(row.attributes[name], each.get("Values", [])):
            return False
    return fits_tags(filters, row.tags)


def _chosen(rows: Iterable[Row], filters: list[dict[str, Any]], ids: list[str], missing: str) -> list[Row]:
    """The rows that ids and filters leave; missing is the error code for an id that is not there."""
    found = [row for row in rows if not ids or row.id in ids]
    absent = sorted(set(ids) - {row.id for row in found})
    if absent:
        raise AwsError(missing, f"The ID '{', '.join(absent)}' does not exist")
    return [row for row in found if _fits(filters, row)]


def _page(call: Call, member: str, rows: list[Row]) -> dict[str, Any]:
    size = min(call.params.get("MaxResults", _PAGE), _PAGE)
    if size < 1:
        raise AwsError("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid.")
    try:
        chosen, token = page(rows, lambda row: row.id, call.params.get("NextToken"), size)
    except BadToken as error:
        raise AwsError("InvalidNextToken", "The pagination token is not valid") from error
    return {member: [row.render() for row in chosen]} | ({"NextToken": token} if token else {})


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _filters(call: Call) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = call.params.get("Filters", [])
    return filters


def _describe_instances(call: Call) -> dict[str, Any]:
    ids = call.params.get("InstanceIds", [])
    chosen = _chosen(_instances(call), _filters(call), ids, "InvalidInstanceID.NotFound")
    return _page(call, "Reservations", chosen)


def _instances(call: Call) -> Iterator[Row]:
    """Instances of groups that pass the tag filters; others are not even made, for a region holds thousands."""
    filters = _filters(call)
    for cluster in clusters_for(call, filters):
        subnets = subnets_of(call.world, cluster)
        for group in groups_of(cluster):
            tags = group.instance_tags
            if fits_tags(filters, tags):
                for instance, zone in list(group.instances.items()):
                    yield _instance_row(group, instance, _subnet_in(group, subnets, zone), tags)


def _subnet_in(group: Group, subnets: Mapping[str, Subnet], zone: str) -> Subnet:
    own = [subnets[name] for name in group.subnets if name in subnets]
    match = next((each for each in own if each.zone == zone), None)
    first = own[0] if own else Subnet("subnet-0", group.cluster.vpc, zone, "", 0, {})
    return match or Subnet(first.id, first.vpc, zone, first.cidr, first.free, first.tags)


def _instance_row(group: Group, instance: str, subnet: Subnet, tags: Mapping[str, str]) -> Row:
    address = private_address(instance)
    attributes = {
        "instance-id": instance,
        "instance-state-name": _state(group, instance)["Name"],
        "instance-type": group.instance_type,
        "image-id": group.images.get(instance, group.image),
        "availability-zone": subnet.zone,
        "subnet-id": subnet.id,
        "vpc-id": subnet.vpc,
        "private-dns-name": _dns_name(group, address),
    }

    def render() -> dict[str, Any]:
        inner = _instance(group, instance, subnet, tags)
        owner = {"OwnerId": group.cluster.account, "Groups": []}
        return {"ReservationId": "r-0" + instance[-16:], **owner, "Instances": [inner]}

    return Row(instance, attributes, tags, render)


def _dns_name(group: Group, address: str) -> str:
    return f"ip-{address.replace('.', '-')}.{group.cluster.region}.compute.internal"


def _state(group: Group, instance: str) -> dict[str, Any]:
    """Auto Scaling's Pending is an instance that boots; one that waits for a hook or a drain still runs."""
    life = group.life.get(instance, "")
    name = "pending" if life == "Pending" else "shutting-down" if life == "Terminating" else "running"
    return {"Code": _STATES[name], "Name": name}


def _instance(group: Group, instance: str, subnet: Subnet, tags: Mapping[str, str]) -> dict[str, Any]:
    address = private_address(instance)
    arm = group.instance_type.split(".")[0].rstrip("dn").endswith("g")
    answer = {
        "InstanceId": instance,
        "ImageId": group.images.get(instance, group.image),
        "InstanceType": group.instance_type,
        "Architecture": "arm64" if arm else "x86_64",
        "State": _state(group, instance),
        "LaunchTime": group.launched.get(instance, group.created_at),
        "Placement": {"AvailabilityZone": subnet.zone, "Tenancy": "default"},
        "PrivateIpAddress": address,
        "PrivateDnsName": _dns_name(group, address),
        "SubnetId": subnet.id,
        "VpcId": subnet.vpc,
        "Tags": _tags(tags),
        "SecurityGroups": [{"GroupId": group.cluster.security_group, "GroupName": f"eks-{group.cluster.name}"}],
    }
    return answer | ({"InstanceLifecycle": "spot"} if group.spot else {})


def _describe_subnets(call: Call) -> dict[str, Any]:
    ids = call.params.get("SubnetIds", [])
    chosen = _chosen(_subnet_rows(call), _filters(call), ids, "InvalidSubnetID.NotFound")
    return _page(call, "Subnets", chosen)


def _subnet_rows(call: Call) -> list[Row]:
    found: dict[str, Row] = {}
    for cluster in call.world.of_scope(call.account, call.region):
        for subnet in subnets_of(call.world, cluster).values():
            found.setdefault(subnet.id, _subnet_row(call, subnet))  # clusters share subnets
    return list(found.values())


def _subnet_row(call: Call, subnet: Subnet) -> Row:
    attributes = {
        "subnet-id": subnet.id,
        "vpc-id": subnet.vpc,
        "availability-zone": subnet.zone,
        "state": "available",
        "cidr-block": subnet.cidr,
    }
    answer = {
        "SubnetId": subnet.id,
        "SubnetArn": f"arn:{call.partition}:ec2:{call.region}:{call.account}:subnet/{subnet.id}",
        "VpcId": subnet.vpc,
        "AvailabilityZone": subnet.zone,
        "CidrBlock": subnet.cidr,
        "AvailableIpAddressCount": subnet.free,
        "State": "available",
        "OwnerId": call.account,
        "MapPublicIpOnLaunch": False,
        "DefaultForAz": False,
        "Tags": _tags(subnet.tags),
    }
    return Row(subnet.id, attributes, subnet.tags, lambda: answer)


def _describe_vpcs(call: Call) -> dict[str, Any]:
    names = {cluster.vpc for cluster in call.world.of_scope(call.account, call.region) if cluster.vpc}
    ids = call.params.get("VpcIds", [])
    chosen = _chosen([_vpc_row(call, name) for name in names], _filters(call), ids, "InvalidVpcID.NotFound")
    return _page(call, "Vpcs", chosen)


def _vpc_row(call: Call, name: str) -> Row:
    cidr = vpc_cidr(name)
    block = {
        "AssociationId": f"vpc-cidr-assoc-{name[4:]}",
        "CidrBlock": cidr,
        "CidrBlockState": {"State": "associated"},
    }
    answer = {
        "VpcId": name,
        "State": "available",
        "CidrBlock": cidr,
        "OwnerId": call.account,
        "InstanceTenancy": "default",
        "IsDefault": False,
        "CidrBlockAssociationSet": [block],
        "Tags": [],
    }
    attributes = {"vpc-id": name, "state": "available", "cidr": cidr, "is-default": "false"}
    return Row(name, attributes, {}, lambda: answer)


def _describe_images(call: Call) -> dict[str, Any]:
    owners = {"self": call.account}
    wanted = {owners.get(each, each) for each in call.params.get("Owners", [])}
    rows = [
        _image_row(image)
        for image in known_images(call).values()
        if not wanted or image.owner in wanted or ("amazon" in wanted and image.is_public)
    ]
    return _page(
        call, "Images", _chosen(rows, _filters(call), call.params.get("ImageIds", []), "InvalidAMIID.NotFound")
    )


def _image_row(image: Image) -> Row:
    public = str(image.is_public).lower()
    answer = {
        "ImageId": image.id,
        "Name": image.name,
        "ImageLocation": f"{image.owner}/{image.name}",
        "OwnerId": image.owner,
        "Architecture": image.architecture,
        "CreationDate": f"{image.created_at:%Y-%m-%dT%H:%M:%S.000Z}",
        "State": "available",
        "ImageType": "machine",
        "Public": image.is_public,
        "RootDeviceType": "ebs",
        "RootDeviceName": "/dev/xvda",
        "VirtualizationType": "hvm",
        "Tags": _tags(image.tags),
    }
    if image.is_public:
        answer["ImageOwnerAlias"] = "amazon"
    attributes = {
        "image-id": image.id,
        "name": image.name,
        "architecture": image.architecture,
        "owner-id": image.owner,
        "owner-alias": "amazon" if image.is_public else "",
        "state": "available",
        "is-public": public,
        "image-type": "machine",
        "root-device-type": "ebs",
        "virtualization-type": "hvm",
    }
    return Row(image.id, attributes, image.tags, lambda: answer)


def _describe_launch_templates(call: Call) -> dict[str, Any]:
    ids, names = call.params.get("LaunchTemplateIds", []), call.params.get("LaunchTemplateNames", [])
    rows = [
        _template_row(call, each)
        for each in templates_of(call.world, call.account, call.region)
        if not names or each.name in names
    ]
    return _page(call, "LaunchTemplates", _chosen(rows, _filters(call), ids, "InvalidLaunchTemplateId.NotFound"))


def _template_row(call: Call, template: Template) -> Row:
    answer = {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "CreateTime": template.users[0].created_at,
        "CreatedBy": f"arn:{call.partition}:iam::{call.account}:root",
        "DefaultVersionNumber": template.default,
        "LatestVersionNumber": template.latest,
        "Tags": [],
    }
    return Row(template.id, {"launch-template-name": template.name}, {}, lambda: answer)


def _describe_launch_template_versions(call: Call) -> dict[str, Any]:
    """Without a template only $Latest and $Default may be asked for, of all templates."""
    wanted, named = call.params.get("LaunchTemplateId"), call.params.get("LaunchTemplateName")
    found = [
        each
        for each in templates_of(call.world, call.account, call.region)
        if wanted in {None, each.id} and named in {None, each.name}
    ]
    if not found and (wanted or named):
        message = f"The specified launch template, {wanted or named}, does not exist."
        raise AwsError("InvalidLaunchTemplateId.NotFound", message)
    return {"LaunchTemplateVersions": [row for each in found for row in _template_versions(call, each)]}


def _template_versions(call: Call, template: Template) -> list[dict[str, Any]]:
    """The versions that somebody uses, the default and the newest; of the others the world keeps nothing."""
    names = {"$Latest": template.latest, "$Default": template.default}
    kept = {template.default, template.latest, *template.versions}
    asked = {
        names.get(each) or int(each) for each in call.params.get("Versions", []) if each in names or each.isdigit()
    }
    return [_template_version(template, number) for number in sorted(kept & asked if asked else kept)]


def _template_version(template: Template, number: int) -> dict[str, Any]:
    users = zip(template.users, template.versions, strict=True)
    group = next((each for each, version in users if version == number), template.users[0])
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionNumber": number,
        "CreateTime": group.created_at,
        "DefaultVersion": number == template.default,
        "LaunchTemplateData": {"ImageId": group.image, "InstanceType": group.instance_type},
    }


def operations() -> dict[str, Operation]:
    return {
        "DescribeImages": _describe_images,
        "DescribeInstances": _describe_instances,
        "DescribeLaunchTemplateVersions": _describe_launch_template_versions,
        "DescribeLaunchTemplates": _describe_launch_templates,
        "DescribeSubnets": _describe_subnets,
        "DescribeVpcs": _describe_vpcs,
    }
