"""What clusters of a world need of their account, as the Cloud port tells it: updates, prerequisites, quotas."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from fleetkeeper.core import model, observed
from fleetkeeper.core.capacity import counts_instances
from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.fleet import groups_of, subnets_of, templates_of
from fleetkeeper.sim.aws.images import Image, known_images
from fleetkeeper.sim.aws.small_apis import quota_rows
from fleetkeeper.sim.aws.usage import used_vcpus
from fleetkeeper.sim.eks_state import SimUpdate
from fleetkeeper.sim.world import SimCluster, World


def update(found: SimUpdate) -> observed.EksUpdate:
    minor = dict(found.params).get("Version", "")
    return observed.EksUpdate(
        id=found.id,
        kind=found.type,
        status=found.status,
        created_at=found.created_at,
        minor=Minor.parse(minor) if minor else None,
        errors=tuple(f"{each.code}: {each.message}" for each in found.errors),
        addon_version=dict(found.params).get("AddonVersion", ""),
        release=dict(found.params).get("ReleaseVersion", ""),
    )


def prerequisites(
    world: World, cluster: SimCluster, control_plane: model.ControlPlane, node_groups: Iterable[model.NodeGroup]
) -> observed.ClusterPrerequisites:
    known = {
        each.id: observed.Subnet(each.id, each.zone, each.free)
        for mine in world.of_scope(cluster.account, cluster.region)
        for each in subnets_of(world, mine).values()
    }
    own = (each for each in groups_of(cluster) if "eks:nodegroup-name" not in each.tags)
    of_nodes = dict.fromkeys(subnet for group in node_groups for subnet in group.subnets)
    of_nodes |= dict.fromkeys(subnet for group in own for subnet in group.subnets)
    role, key = control_plane.role_arn, control_plane.kms_key
    return observed.ClusterPrerequisites(
        subnets=tuple(known[id] for id in control_plane.subnets if id in known),
        node_subnets=tuple(known[id] for id in of_nodes if id in known),
        role_arn=role,
        role_exists=role not in world.lost_roles if role else None,
        kms_key=key,
        kms_state=(world.keys.get(key, "Enabled") or "Deleted") if key else "",
    )


def launch_templates(
    world: World,
    cluster: SimCluster,
    node_groups: Iterable[model.NodeGroup],
    known: Iterable[observed.LaunchTemplate],
) -> tuple[observed.LaunchTemplate, ...]:
    """Those that managed groups were given, then those of self-managed groups."""
    images = {(each.id, each.in_use): each.image for each in known if each.image}
    given = {group.name: group for group in node_groups if group.launch_template}
    custom = {group.name for group in given.values() if group.custom_ami}
    found = {}
    for template in templates_of(world, cluster.account, cluster.region):
        for user, version in zip(template.users, template.versions, strict=True):
            managed = user.tags.get("eks:nodegroup-name", "")
            if user.cluster is cluster and (managed in given or not managed):
                name, numbers = managed or user.name, (version, template.default, template.latest)
                seen = images.get((template.id, version)) or user.image
                image = seen if managed in custom or not managed else ""
                found[name] = observed.LaunchTemplate(template.id, template.name, *numbers, name, image)
    own = sorted(set(found) - set(given))
    return tuple(found[name] for name in (*(name for name in given if name in found), *own))


def aged(
    world: World, account: str, region: str, images: tuple[observed.GroupImage, ...]
) -> tuple[observed.GroupImage, ...]:
    """With the age of those that have none yet, where somebody still has them."""
    seen = tuple(known_images(world, account, region).values())
    return tuple(each if each.created_at else replace(each, created_at=_age(each, seen)) for each in images)


def _age(image: observed.GroupImage, seen: Iterable[Image]) -> datetime | None:
    named = (each for each in seen if each.is_public and fnmatchcase(each.name, image.name))
    same = (each for each in seen if each.id == image.image) if image.image else named
    return min((each.created_at for each in same), default=None)


def quotas(world: World, account: str, region: str) -> tuple[observed.Quota, ...]:
    used = used_vcpus(world, account, region)
    rows = sorted((row for row in quota_rows("ec2") if counts_instances(row["name"])), key=lambda row: str(row["code"]))
    return tuple(
        observed.Quota(
            service="ec2",
            code=row["code"],
            name=row["name"],
            value=world.quotas.get((account, region, row["code"]), row["value"]),
            used=used.get(row.get("usage_class", "")),
        )
        for row in rows
    )
