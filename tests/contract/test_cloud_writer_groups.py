"""The CloudWriter port of blue-green: a node group's document, a like group, its size and its end, on both sides."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.faults import Fault
from tests.adapters.eks.conftest import _alone
from tests.contract.writer_sides import SIDES, CloudSide, cloud_side

__all__ = ["_alone"]

TOKEN = "0123456789abcdef0123456789abcdef"
_TAKEN = (
    *("subnets", "instanceTypes", "amiType", "nodeRole", "labels", "taints", "tags", "updateConfig", "capacityType"),
    *("diskSize", "version", "releaseVersion"),
)


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CloudSide]:
    with cloud_side(request.param) as found:
        yield found


def document(side: CloudSide, group: str = "main") -> Mapping[str, Any]:
    found = side.cloud.node_group_document("shop", group)
    assert found is not None
    return found


def like(side: CloudSide, **other: Any) -> dict[str, Any]:
    """What CreateNodegroup is asked for a group like main, of two nodes."""
    known = document(side)
    size = {"minSize": 0, "maxSize": 5, "desiredSize": 2}
    return {key: known[key] for key in _TAKEN} | {"nodegroupName": "main-green", "scalingConfig": size} | other


def refused(call: Callable[[], object]) -> GapReason:
    with pytest.raises(ReadError) as caught:
        call()
    return caught.value.reason


def test_a_document_has_eks_own_words(side: CloudSide) -> None:
    found = document(side)
    assert (found["nodegroupName"], found["amiType"], found["capacityType"]) == (
        "main",
        "AL2023_x86_64_STANDARD",
        "ON_DEMAND",
    )
    assert found["scalingConfig"] == {"minSize": 1, "maxSize": 5, "desiredSize": 2}
    assert found["taints"] == [{"key": "dedicated", "value": "shop", "effect": "NO_SCHEDULE"}]
    assert document(side, "custom")["launchTemplate"] == {
        "id": "lt-0123456789abcdef0",
        "name": "custom",
        "version": "3",
    }


def test_a_group_that_is_not_there_has_none_and_a_cluster_that_is_not_there_is_told(side: CloudSide) -> None:
    assert side.cloud.node_group_document("shop", "gone") is None
    assert refused(lambda: side.cloud.node_group_document("gone", "main")) is GapReason.NOT_FOUND


def test_a_like_group_comes_up_once_with_everything_that_was_asked_for(side: CloudSide) -> None:
    asked = like(side)
    side.cloud.create_node_group("shop", asked, TOKEN)
    assert document(side, "main-green")["status"] == "CREATING"
    side.later(minutes=3)
    side.cloud.create_node_group("shop", asked, TOKEN)
    made = document(side, "main-green")
    assert made["status"] == "ACTIVE"
    assert {key: made[key] for key in _TAKEN} == {key: asked[key] for key in _TAKEN}
    group = side.cloud.scaling_group(made["resources"]["autoScalingGroups"][0]["name"])
    assert group is not None
    assert [each.lifecycle for each in group.instances] == ["InService", "InService"]


def test_what_eks_does_not_copy_is_not_there(side: CloudSide) -> None:
    side.cluster.node_groups["main"].scaling.scheduled = ["night"]
    side.cloud.create_node_group("shop", like(side), TOKEN)
    made = side.cloud.scaling_group(document(side, "main-green")["resources"]["autoScalingGroups"][0]["name"])
    assert made is not None
    assert made.scheduled == ()


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        pytest.param({"nodegroupName": "main"}, GapReason.IN_USE, id="of a name that is taken"),
        pytest.param({"subnets": ["subnet-0gone"]}, GapReason.REJECTED, id="in a subnet that is not there"),
        pytest.param({"version": "1.35"}, GapReason.REJECTED, id="of a minor that the cluster has not"),
    ],
)
def test_a_group_is_refused(side: CloudSide, other: Mapping[str, Any], reason: GapReason) -> None:
    asked = like(side, **other)
    assert refused(lambda: side.cloud.create_node_group("shop", asked, TOKEN)) is reason
    assert set(side.cluster.node_groups) == {"main", "custom"}


def test_a_group_beyond_the_quota_is_refused(side: CloudSide) -> None:
    side.world.quotas[side.cluster.account, side.cluster.region, "L-6D54EA21"] = 2
    asked = like(side)
    assert refused(lambda: side.cloud.create_node_group("shop", asked, TOKEN)) is GapReason.REJECTED


def test_a_group_is_scaled_by_an_update_of_its_own(side: CloudSide) -> None:
    id = side.cloud.scale_node_group("shop", "main", 0, 4, 3, TOKEN)
    assert side.cloud.scale_node_group("shop", "main", 0, 4, 3, TOKEN) == id
    assert side.cloud.update("shop", id, node_group="main").kind == "ConfigUpdate"
    side.later(minutes=3)
    assert side.cloud.update("shop", id, node_group="main").status == "Successful"
    found = side.cloud.node_group("shop", "main")
    assert found is not None
    assert (found.minimum, found.maximum, found.desired) == (0, 4, 3)


def test_a_size_that_cannot_be_is_refused(side: CloudSide) -> None:
    assert refused(lambda: side.cloud.scale_node_group("shop", "main", 2, 1, 1, TOKEN)) is GapReason.REJECTED
    assert refused(lambda: side.cloud.scale_node_group("shop", "gone", 0, 1, 1, TOKEN)) is GapReason.NOT_FOUND


def test_a_group_without_instances_is_deleted(side: CloudSide) -> None:
    side.cloud.scale_node_group("shop", "main", 0, 5, 0, TOKEN)
    side.later(minutes=20)
    side.cloud.delete_node_group("shop", "main")
    side.later(minutes=1)
    assert side.cloud.node_group("shop", "main") is None
    assert refused(lambda: side.cloud.delete_node_group("shop", "main")) is GapReason.NOT_FOUND


def test_a_group_whose_making_lost_its_answer_is_made_once(side: CloudSide) -> None:
    asked = like(side)
    side.world.faults = [Fault("aws", "drop-after", operation="CreateNodegroup", count=1)]
    assert refused(lambda: side.cloud.create_node_group("shop", asked, TOKEN)) is GapReason.UNREACHABLE
    side.cloud.create_node_group("shop", asked, TOKEN)
    assert set(side.cluster.node_groups) == {"main", "custom", "main-green"}
