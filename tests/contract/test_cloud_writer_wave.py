"""The CloudWriter port of an EKS wave: versions, insights and node groups, over HTTP and in the world alike."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import AddonUpdate, CloudWriter, InsightsRefresh, NodeGroupUpdate, VersionUpdate
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.eks_state import SimTrace
from fleetkeeper.sim.faults import Fault
from tests.adapters.eks.conftest import _alone
from tests.contract.writer_sides import SIDES, CloudSide, cloud_side
from tests.sim.auto_mode import make_auto
from tests.sim.worlds import NOW, PROD

__all__ = ["_alone"]

TOKEN = "0123456789abcdef0123456789abcdef"
UP = VersionUpdate("shop", Minor(1, 35))
BACK = VersionUpdate("shop", Minor(1, 34))
GROUP = NodeGroupUpdate("shop", "main", Minor(1, 35))
NOBODY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CloudSide]:
    with cloud_side(request.param) as found:
        yield found


def upgraded(side: CloudSide) -> None:
    side.cloud.update_version(UP, TOKEN)
    side.later(minutes=10)


def refused(call: Callable[[], object]) -> ReadError:
    with pytest.raises(ReadError) as caught:
        call()
    return caught.value


# ---- what is read


def test_a_node_group_is_read_live_and_one_that_is_not_there_is_none(side: CloudSide) -> None:
    found = side.cloud.node_group("shop", "main")
    assert found is not None
    assert (found.status, found.version, found.release_version) == ("ACTIVE", Minor(1, 34), "1.34.11-20261102")
    assert side.cloud.node_group("shop", "gone") is None


def test_a_group_with_images_of_its_own_has_no_version(side: CloudSide) -> None:
    found = side.cloud.node_group("shop", "custom")
    assert found is not None
    assert (found.version, found.custom_ami, found.launch_template) == (None, True, "lt-0123456789abcdef0:3")


def test_fargate_profiles_are_told_with_their_selectors(side: CloudSide) -> None:
    (found,) = side.cloud.fargate_profiles("shop")
    assert (found.name, found.selectors) == ("jobs", (("jobs", {"fargate": "yes"}),))
    side.cluster.fargate_profiles.clear()
    assert side.cloud.fargate_profiles("shop") == ()


def test_insights_are_told_with_their_reasons(side: CloudSide) -> None:
    (found,) = side.cloud.insights("shop")
    assert (found.name, found.status.value) == ("Deprecated APIs removed in Kubernetes v1.32", "ERROR")
    assert (found.category, found.minor, found.refreshed_at) == (
        "UPGRADE_READINESS",
        Minor(1, 32),
        NOW - timedelta(hours=3),
    )
    assert found.deprecations[0].clients[0].user_agent == "argocd"


def test_a_refresh_of_insights_is_none_then_runs_and_completes(side: CloudSide) -> None:
    began = side.living.timeline.now()
    assert side.cloud.insights_refresh("shop") is None
    side.cloud.refresh_insights("shop")
    running = side.cloud.insights_refresh("shop")
    assert running is not None
    assert replace(running, message="") == InsightsRefresh("IN_PROGRESS", began)

    side.later(minutes=2)

    done = side.cloud.insights_refresh("shop")
    assert done is not None
    assert replace(done, message="") == InsightsRefresh("COMPLETED", began, began + timedelta(minutes=2))
    assert {each.minor for each in side.cloud.insights("shop") if each.refreshed_at == done.ended_at} == {Minor(1, 35)}


def test_a_refresh_that_runs_is_not_begun_again(side: CloudSide) -> None:
    side.cloud.refresh_insights("shop")
    began = side.living.timeline.now()
    side.later(minutes=1)
    side.cloud.refresh_insights("shop")
    found = side.cloud.insights_refresh("shop")
    assert found is not None
    assert found.started_at == began


def test_insights_of_a_cluster_that_moves_are_not_refreshed(side: CloudSide) -> None:
    side.cloud.update_version(UP, TOKEN)
    error = refused(lambda: side.cloud.refresh_insights("shop"))
    assert error.reason is GapReason.REJECTED
    assert "InvalidRequestException" in error.detail


# ---- the control plane


def test_an_upgrade_runs_to_its_end(side: CloudSide) -> None:
    id = side.cloud.update_version(UP, TOKEN)
    running = side.cloud.update("shop", id)
    assert (running.kind, running.status, running.minor) == ("VersionUpdate", "InProgress", Minor(1, 35))
    assert running.created_at == side.living.timeline.now()
    assert side.cloud.control_plane("shop")[1].status == "UPDATING"

    side.later(minutes=10)

    assert side.cloud.update("shop", id).status == "Successful"
    _, plane = side.cloud.control_plane("shop")
    assert (plane.status, plane.version) == ("ACTIVE", Minor(1, 35))


def test_the_same_token_gives_the_same_update_of_the_version(side: CloudSide) -> None:
    first = side.cloud.update_version(UP, TOKEN)
    assert side.cloud.update_version(UP, TOKEN) == first
    side.later(minutes=10)
    assert side.cloud.update_version(UP, TOKEN) == first
    assert side.updates_begun == 1


def test_an_upgrade_that_fails_tells_the_code_of_its_error(side: CloudSide) -> None:
    side.world.eks.failing_control_planes.add(side.cluster.key)
    id = side.cloud.update_version(UP, TOKEN)
    side.later(minutes=10)
    ended = side.cloud.update("shop", id)
    assert ended.status == "Failed"
    assert ended.errors[0].startswith("Unknown: ")
    _, plane = side.cloud.control_plane("shop")
    assert (plane.status, plane.version) == ("ACTIVE", Minor(1, 34))


def late_group(side: CloudSide) -> None:
    side.cluster.node_groups["main"].version = "1.31"


def red_insights(side: CloudSide) -> None:
    side.world.eks.insights_block_upgrade = True
    side.cluster.insights["a87900d3"].kubernetes_version = "1.35"


def unchanged(_: CloudSide) -> None:
    """A healthy cluster."""


@pytest.mark.parametrize(
    ("change", "update", "code"),
    [
        pytest.param(unchanged, replace(UP, to=Minor(1, 36)), "InvalidParameterException", id="that skips a minor"),
        pytest.param(unchanged, replace(UP, to=Minor(1, 99)), "InvalidParameterException", id="to no minor of EKS"),
        pytest.param(unchanged, replace(UP, timeout_minutes=720), "InvalidParameterException", id="with a timeout"),
        pytest.param(late_group, UP, "InvalidRequestException", id="that leaves a node group behind"),
        pytest.param(red_insights, UP, "InvalidStateException", id="with insights in ERROR"),
        pytest.param(
            unchanged, replace(UP, to=Minor(1, 33)), "InvalidRequestException", id="back to where it never was"
        ),
    ],
)
def test_it_refuses_an_upgrade_with_the_code_of_eks(
    side: CloudSide, change: Callable[[CloudSide], None], update: VersionUpdate, code: str
) -> None:
    change(side)
    error = refused(lambda: side.cloud.update_version(update, TOKEN))
    assert error.reason is GapReason.REJECTED
    assert f"eks:UpdateClusterVersion of shop in {PROD}/eu-west-1: {code}: " in error.detail
    assert side.updates_begun == 0


def test_a_second_update_of_the_version_is_refused_as_in_use(side: CloudSide) -> None:
    side.cloud.update_version(UP, TOKEN)
    error = refused(lambda: side.cloud.update_version(UP, TOKEN[::-1]))
    assert error.reason is GapReason.IN_USE
    assert "ResourceInUseException" in error.detail


def test_a_rollback_runs_to_its_end_and_is_an_update_of_its_own_kind(side: CloudSide) -> None:
    upgraded(side)
    id = side.cloud.update_version(BACK, TOKEN[::-1])
    assert side.cloud.update("shop", id).kind == "VersionRollback"
    side.later(minutes=10)
    assert side.cloud.control_plane("shop")[1].version == Minor(1, 34)


def test_a_rollback_takes_a_timeout(side: CloudSide) -> None:
    upgraded(side)
    error = refused(lambda: side.cloud.update_version(replace(BACK, timeout_minutes=119), TOKEN[::-1]))
    assert "timeoutMinutes" in error.detail
    assert side.cloud.update_version(replace(BACK, timeout_minutes=120), TOKEN[::-1])


# ---- cancelling


def test_a_rollback_of_auto_mode_is_cancelled_while_its_nodes_roll(side: CloudSide) -> None:
    make_auto(side.living, side.cluster)
    upgraded(side)
    side.later(minutes=10)
    id = side.cloud.update_version(BACK, TOKEN[::-1])
    side.later(seconds=90)
    side.cloud.cancel_update("shop", id)
    assert side.cloud.update("shop", id).status == "Cancelled"
    side.later(minutes=10)
    assert side.cloud.control_plane("shop")[1].version == Minor(1, 35)


def test_an_upgrade_cannot_be_cancelled(side: CloudSide) -> None:
    id = side.cloud.update_version(UP, TOKEN)
    error = refused(lambda: side.cloud.cancel_update("shop", id))
    assert error.reason is GapReason.REJECTED
    assert "InvalidRequestException" in error.detail
    assert side.cloud.update("shop", id).status == "InProgress"


def test_an_update_that_nobody_knows_cannot_be_cancelled(side: CloudSide) -> None:
    assert refused(lambda: side.cloud.cancel_update("shop", NOBODY)).reason is GapReason.NOT_FOUND


# ---- node groups


def test_a_node_group_rolls_to_its_end(side: CloudSide) -> None:
    upgraded(side)
    id = side.cloud.update_node_group(GROUP, TOKEN)
    running = side.cloud.update("shop", id, node_group="main")
    assert (running.kind, running.status, running.minor) == ("VersionUpdate", "InProgress", Minor(1, 35))
    side.later(hours=1)
    ended = side.cloud.update("shop", id, node_group="main")
    assert (ended.status, ended.errors) == ("Successful", ())
    found = side.cloud.node_group("shop", "main")
    assert found is not None
    assert (found.version, found.release_version) == (Minor(1, 35), ended.release)


def test_the_same_token_gives_the_same_update_of_a_node_group(side: CloudSide) -> None:
    upgraded(side)
    first = side.cloud.update_node_group(GROUP, TOKEN)
    assert side.cloud.update_node_group(GROUP, TOKEN) == first
    assert [each.id for each in side.cloud.updates("shop", node_group="main")] == [first]


@pytest.mark.parametrize(
    ("update", "reason", "code"),
    [
        pytest.param(
            replace(GROUP, to=Minor(1, 36)),
            GapReason.REJECTED,
            "InvalidParameterException",
            id="newer than the cluster",
        ),
        pytest.param(
            replace(GROUP, group="custom"), GapReason.REJECTED, "InvalidParameterException", id="of an image of its own"
        ),
        pytest.param(
            replace(GROUP, release="1.34.1-20200101"),
            GapReason.REJECTED,
            "InvalidParameterException",
            id="to no release",
        ),
        pytest.param(
            replace(GROUP, to=Minor(1, 33)), GapReason.REJECTED, "InvalidRequestException", id="back to an older minor"
        ),
        pytest.param(replace(GROUP, group="gone"), GapReason.NOT_FOUND, "ResourceNotFoundException", id="of no group"),
    ],
)
def test_it_refuses_the_roll_of_a_group(side: CloudSide, update: NodeGroupUpdate, reason: GapReason, code: str) -> None:
    upgraded(side)
    error = refused(lambda: side.cloud.update_node_group(update, TOKEN))
    assert error.reason is reason
    assert code in error.detail
    assert side.updates_begun == 1


def test_a_group_that_rolls_is_in_use(side: CloudSide) -> None:
    upgraded(side)
    side.cloud.update_node_group(GROUP, TOKEN)
    assert refused(lambda: side.cloud.update_node_group(GROUP, TOKEN[::-1])).reason is GapReason.IN_USE


# ---- who did it


def test_who_began_an_update_is_told(side: CloudSide) -> None:
    began = side.living.timeline.now()
    assert side.cloud.who("shop", "UpdateClusterVersion", began) == ""
    side.cloud.update_version(UP, TOKEN)
    assert "role/fleetkeeper-executor" in side.cloud.who("shop", "UpdateClusterVersion", began)
    assert side.cloud.who("shop", "UpdateNodegroupVersion", began) == ""
    assert side.cloud.who("shop", "UpdateClusterVersion", began + timedelta(seconds=1)) == ""


def test_who_began_an_update_of_one_part_is_not_who_began_that_of_another(side: CloudSide) -> None:
    began = side.living.timeline.now()
    side.cloud.update_addon(AddonUpdate("shop", "coredns", "v1.14.3-eksbuild.11"), TOKEN)
    assert "role/fleetkeeper-executor" in side.cloud.who("shop", "UpdateAddon", began, "coredns")
    assert side.cloud.who("shop", "UpdateAddon", began, "kube-proxy") == ""


def test_who_was_first_is_found_behind_many_others(side: CloudSide) -> None:
    began = side.living.timeline.now()
    side.cluster.eks.trail = [
        SimTrace("UpdateAddon", f"arn:aws:iam::{PROD}:user/u{number}", began + timedelta(minutes=number), f"e-{number}")
        for number in range(120)
    ]
    assert side.cloud.who("shop", "UpdateAddon", began) == f"arn:aws:iam::{PROD}:user/u0"
    assert side.cloud.who("shop", "UpdateAddon", began + timedelta(minutes=7)) == f"arn:aws:iam::{PROD}:user/u7"


@pytest.mark.parametrize("kind", ["forbid", "throttle", "error", "drop-before", "garbage"])
def test_who_it_was_is_unknown_when_cloudtrail_does_not_answer(side: CloudSide, kind: str) -> None:
    began = side.living.timeline.now()
    side.cloud.update_version(UP, TOKEN)
    side.world.faults = [Fault("aws", kind, operation="LookupEvents")]
    assert side.cloud.who("shop", "UpdateClusterVersion", began) == ""


# ---- trouble


Call = Callable[[CloudWriter], object]


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        pytest.param("UpdateClusterVersion", lambda c: c.update_version(UP, TOKEN), id="an upgrade"),
        pytest.param(
            "UpdateNodegroupVersion",
            lambda c: c.update_node_group(replace(GROUP, to=Minor(1, 34)), TOKEN),
            id="the roll of a group",
        ),
    ],
)
@pytest.mark.parametrize(
    ("kind", "reason", "effects"),
    [
        pytest.param("throttle", GapReason.THROTTLED, 0, id="throttled"),
        pytest.param("error", GapReason.SERVER_ERROR, 0, id="failed by the server"),
        pytest.param("forbid", GapReason.FORBIDDEN, 0, id="forbidden"),
        pytest.param("drop-before", GapReason.UNREACHABLE, 0, id="lost on the way there"),
        pytest.param("drop-after", GapReason.UNREACHABLE, 1, id="whose answer was lost"),
    ],
)
def test_trouble_leaves_one_update_in_the_end(
    side: CloudSide, operation: str, call: Call, kind: str, reason: GapReason, effects: int
) -> None:
    side.world.faults = [Fault("aws", kind, operation=operation, count=1)]
    assert refused(lambda: call(side.cloud)).reason is reason
    assert side.updates_begun == effects

    id = call(side.cloud)

    assert list(side.cluster.eks.updates) == [id]


def test_a_throttled_refresh_is_asked_for_again(side: CloudSide) -> None:
    side.world.faults = [Fault("aws", "throttle", operation="StartInsightsRefresh", count=1)]
    assert refused(lambda: side.cloud.refresh_insights("shop")).reason is GapReason.THROTTLED
    assert side.cloud.insights_refresh("shop") is None
    side.cloud.refresh_insights("shop")
    assert side.cloud.insights_refresh("shop") is not None


def test_a_cluster_that_is_gone_is_told_by_everything(side: CloudSide) -> None:
    cloud = side.cloud
    for call in (
        lambda: cloud.node_group("gone", "main"),
        lambda: cloud.fargate_profiles("gone"),
        lambda: cloud.insights("gone"),
        lambda: cloud.insights_refresh("gone"),
        lambda: cloud.refresh_insights("gone"),
        lambda: cloud.update_version(replace(UP, cluster="gone"), TOKEN),
        lambda: cloud.cancel_update("gone", NOBODY),
        lambda: cloud.update_node_group(replace(GROUP, cluster="gone"), TOKEN),
    ):
        assert refused(call).reason is GapReason.NOT_FOUND
