"""Which machine image each group launches, and how old it is, as far as the inventory itself tells.

An image of EKS is named by its release: Amazon Linux and Windows write the day into it, Bottlerocket does not, and is
looked up by the name of its image. A custom image is known by its id.
https://docs.aws.amazon.com/eks/latest/userguide/eks-linux-ami-versions.html, ami-versions-windows and
https://bottlerocket.dev/en/os/latest/#/install/quickstart/aws/instance (2026-11).
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from fleetkeeper.core.model import NodeGroup
from fleetkeeper.core.observed import GroupImage, LaunchTemplate

_DAY = re.compile(r"-(\d{4})[.]?(\d{2})[.]?(\d{2})$")
_ID = "ami-"


def released_at(release: str) -> datetime | None:
    """The day in a release version such as 1.34.11-20261102 or 1.34-2026.11.11; None where there is none."""
    found = _DAY.search(release)
    try:
        return datetime.strptime("".join(found.groups()), "%Y%m%d").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def group_images(
    node_groups: Iterable[NodeGroup], templates: Iterable[LaunchTemplate], known: Iterable[GroupImage]
) -> tuple[GroupImage, ...]:
    """Of managed groups, then of the others that have a template with an image; created_at as far as it is known.

    The age of an image never changes, so that of a known one serves.
    """
    ages = {(each.image, each.name): each.created_at for each in known if each.image or each.name}
    images = {each.group: each.image for each in templates if each.image}
    managed = {group.name: _managed(group, images.get(group.name, "")) for group in node_groups}
    own = (GroupImage(group, image) for group, image in images.items() if group not in managed)
    return tuple(
        replace(each, created_at=each.created_at or ages.get((each.image, each.name)))
        for each in (*managed.values(), *own)
    )


def unseen(images: Iterable[GroupImage]) -> tuple[GroupImage, ...]:
    """Those whose age has to be looked up, by id or by name."""
    return tuple(each for each in images if each.created_at is None and (each.image or each.name))


def _managed(group: NodeGroup, image: str) -> GroupImage:
    release = group.release_version
    if image or release.startswith(_ID):
        return GroupImage(group.name, image or release)
    if group.ami_type.startswith("BOTTLEROCKET") and release:
        return GroupImage(group.name, name=f"bottlerocket-aws-k8s-{group.version}-*-v{release}")
    return GroupImage(group.name, created_at=released_at(release))
