"""How old the image of nodes is, and how that is known; nothing is guessed, and a bound is told as one.

Release versions of Amazon Linux and Windows end with the day of the image (1.35.8-20261102); Bottlerocket's do not
(https://docs.aws.amazon.com/eks/latest/userguide/eks-linux-ami-versions.html, 2026). Amazon Linux names the day of its
own packages in its name. And no image is younger than a node that was launched from it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fleetkeeper.core.model import Node, NodeGroup
from fleetkeeper.core.wording import counted, day

_RELEASE_DAY = re.compile(r"-(\d{8})$")
_SYSTEM_DAY = re.compile(r"^Amazon Linux 20\d\d\.\d+\.(\d{8})$")

Dates = Mapping[str, datetime]
"""EC2 instance id → when EC2 says that its image was made."""


@dataclass(frozen=True, slots=True)
class ImageAge:
    """When an image was made. is_bound: not later than that, for a node of it is as old."""

    made: datetime
    is_bound: bool = False

    def since(self, now: datetime) -> timedelta:
        return now - self.made

    def text(self, now: datetime) -> str:
        """`image of 2026-08-02 is 111 days old`."""
        days = counted(self.since(now).days, "day")
        if self.is_bound:
            return f"a node of {day(self.made)}, so that its image is at least {days} old"
        return f"image of {day(self.made)} is {days} old"


def of_release(release: str) -> ImageAge | None:
    """By the day that a release version ends with; None for one that names none."""
    return _of_day(_RELEASE_DAY.search(release))


def of_node(node: Node, dates: Dates) -> ImageAge | None:
    """By EC2, else by the system's own name, else by the node's own age; None where nothing tells."""
    made = dates.get(node.provider_id.rpartition("/")[2])
    if made is not None:
        return ImageAge(made)
    if named := _of_day(_SYSTEM_DAY.match(node.os_image)):
        return named
    return ImageAge(node.created_at, is_bound=True) if node.created_at else None


def oldest(nodes: Iterable[Node], dates: Dates, group: NodeGroup | None = None) -> ImageAge | None:
    """The oldest image of a pool; that of a managed group's release where none of its nodes was seen."""
    found = [age for age in (of_node(each, dates) for each in nodes) if age is not None]
    told = of_release(group.release_version) if group else None
    if told is not None:
        found = [told, *(each for each in found if not each.is_bound)]
    return min(found, key=lambda age: age.made, default=None)


def _of_day(found: re.Match[str] | None) -> ImageAge | None:
    if found is None:
        return None
    try:
        return ImageAge(datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC))
    except ValueError:
        return None
