"""Which image a group launches, and how old it is by its release's own words."""

from datetime import UTC, datetime

import pytest

from fleetkeeper.core.group_images import group_images, released_at, unseen
from fleetkeeper.core.model import NodeGroup
from fleetkeeper.core.observed import GroupImage, LaunchTemplate
from fleetkeeper.core.versions import Minor

DAY = datetime(2026, 11, 2, tzinfo=UTC)
NAME = "bottlerocket-aws-k8s-1.34-*-v1.51.0-7d4f3c11"


def group(release: str, ami_type: str = "AL2023_x86_64_STANDARD") -> NodeGroup:
    return NodeGroup("workers", "ACTIVE", Minor(1, 34), release, ami_type, "ON_DEMAND", ("m6i.large",), 2, 1, 5)


def template(image: str, of: str) -> LaunchTemplate:
    return LaunchTemplate("lt-1", "t", 1, 1, 1, of, image)


@pytest.mark.parametrize(
    ("release", "day"),
    [
        pytest.param("1.34.11-20261102", DAY, id="of Amazon Linux"),
        pytest.param("1.34-2026.11.02", DAY, id="of Windows"),
        pytest.param("1.51.0-7d4f3c11", None, id="of Bottlerocket says none"),
        pytest.param("1.34.11-20261302", None, id="in a thirteenth month is none"),
        pytest.param("", None, id="that is not there says none"),
    ],
)
def test_the_day_of_a_release(release: str, day: datetime | None) -> None:
    assert released_at(release) == day


def test_a_release_with_a_day_needs_no_look() -> None:
    found = group_images([group("1.34.11-20261102")], (), ())
    assert found == (GroupImage("workers", created_at=DAY),)
    assert unseen(found) == ()


def test_bottlerocket_is_looked_up_by_name_and_an_own_image_by_id() -> None:
    rocket = group("1.51.0-7d4f3c11", "BOTTLEROCKET_x86_64")
    found = group_images([rocket], [template("ami-1", "legacy"), template("", "blank")], ())
    assert found == (GroupImage("workers", name=NAME), GroupImage("legacy", "ami-1"))
    assert unseen(found) == found


@pytest.mark.parametrize("image", ["", "ami-2"], ids=["by its release", "by its template"])
def test_a_managed_group_with_an_image_of_its_own_is_known(image: str) -> None:
    (found,) = group_images([group("ami-2", "CUSTOM")], [template(image, "workers")], ())
    assert found == GroupImage("workers", "ami-2")


def test_the_age_of_a_known_image_serves_whichever_group_has_it() -> None:
    known = (GroupImage("others", "ami-1", created_at=DAY), GroupImage("gone", "ami-3"))
    found = group_images((), [template("ami-1", "a"), template("ami-3", "b")], known)
    assert found == (GroupImage("a", "ami-1", created_at=DAY), GroupImage("b", "ami-3"))
    assert unseen(found) == found[1:]


def test_a_release_that_says_nothing_has_no_age_and_nothing_to_look_up() -> None:
    found = group_images([group("")], (), [GroupImage("others", created_at=DAY)])
    assert found == (GroupImage("workers"),)
    assert unseen(found) == ()
