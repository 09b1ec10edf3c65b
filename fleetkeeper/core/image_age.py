"""How old the image of nodes is, and how that is known; nothing is guessed, and a bound is told as one.

What a group launches now has an age of its own (group_images.py), and its nodes may be older: Amazon Linux names the
day of its packages in the name of the system, and no image is younger than a node that was launched from it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fleetkeeper.core.model import Node
from fleetkeeper.core.wording import counted, day

_SYSTEM_DAY = re.compile(r"^Amazon Linux 20\d\d\.\d+\.(\d{8})$")


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


def oldest(nodes: Iterable[Node], launched: datetime | None) -> ImageAge | None:
    """The oldest image of a pool; None where nothing tells. launched: when the image that it launches now was made."""
    found = [age for each in nodes if (age := _of_node(each, launched)) is not None]
    if launched is not None:
        found.append(ImageAge(launched))
    return min(found, key=lambda age: age.made, default=None)


def _of_node(node: Node, launched: datetime | None) -> ImageAge | None:
    """Of a node that is younger than the image that its group launches, that image is taken for its own."""
    named = _SYSTEM_DAY.match(node.os_image)
    if named:
        try:
            return ImageAge(datetime.strptime(named[1], "%Y%m%d").replace(tzinfo=UTC))
        except ValueError:
            pass
    if node.created_at is None or (launched is not None and node.created_at >= launched):
        return None
    return ImageAge(node.created_at, is_bound=True)
