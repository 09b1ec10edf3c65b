"""The CloudWriter port, by boto3 against the simulator and by the world itself: the same answers and effects."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetkeeper.engine.writers import AddonUpdate
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.faults import Fault
from tests.adapters.eks.conftest import _alone
from tests.contract.writer_sides import SIDES, CloudSide, cloud_side

__all__ = ["_alone"]

OLD, NEW = "v1.13.2-eksbuild.19", "v1.14.3-eksbuild.11"
DNS = AddonUpdate("shop", "coredns", NEW)
TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CloudSide]:
    with cloud_side(request.param) as found:
        yield found


def test_the_control_plane_is_that_of_the_cluster(side: CloudSide) -> None:
    id, control_plane = side.cloud.control_plane("shop")
    assert (id.arn, id.created_at) == (side.cluster.arn, side.cluster.created_at)
    assert (control_plane.name, str(control_plane.version), control_plane.status) == ("shop", "1.34", "ACTIVE")


def test_an_addon_is_read_live_and_one_that_is_not_installed_is_none(side: CloudSide) -> None:
    found = side.cloud.addon("shop", "coredns")
    assert found is not None
    assert (found.version, found.status) == (OLD, "ACTIVE")
    assert side.cloud.addon("shop", "aws-ebs-csi-driver") is None


def test_an_update_runs_to_its_end_and_keeps_the_configuration(side: CloudSide) -> None:
    side.cluster.addons["coredns"].configuration = '{"replicaCount": 3}'
    id = side.cloud.update_addon(DNS, TOKEN)
    running = side.cloud.update("shop", id, addon="coredns")
    assert (running.status, running.kind, running.addon_version) == ("InProgress", "AddonUpdate", NEW)
    assert running.created_at == side.living.timeline.now()
    busy = side.cloud.addon("shop", "coredns")
    assert busy is not None
    assert (busy.version, busy.status) == (OLD, "UPDATING")

    side.later(minutes=2)

    assert side.cloud.update("shop", id, addon="coredns").status == "Successful"
    done = side.cloud.addon("shop", "coredns")
    assert done is not None
    assert (done.version, done.status, done.configuration) == (NEW, "ACTIVE", '{"replicaCount": 3}')


def test_the_same_token_gives_the_same_update(side: CloudSide) -> None:
    first = side.cloud.update_addon(DNS, TOKEN)
    assert side.cloud.update_addon(DNS, TOKEN) == first
    side.later(minutes=2)
    assert side.cloud.update_addon(DNS, TOKEN) == first
    assert side.updates_begun == 1


def test_updates_are_told_newest_first_and_only_of_their_subject(side: CloudSide) -> None:
    first = side.cloud.update_addon(DNS, TOKEN)
    side.later(minutes=2)
    second = side.cloud.update_addon(replace(DNS, version=OLD), TOKEN[::-1])
    assert [each.id for each in side.cloud.updates("shop", addon="coredns")] == [second, first]
    assert side.cloud.updates("shop") == ()
    assert side.cloud.updates("shop", addon="vpc-cni") == ()


def test_a_conflict_fails_the_update_with_its_code(side: CloudSide) -> None:
    side.cluster.addons["coredns"].conflicts = ["Deployment.apps coredns - .spec.replicas"]
    id = side.cloud.update_addon(replace(DNS, resolve="NONE"), TOKEN)
    side.later(minutes=2)
    ended = side.cloud.update("shop", id, addon="coredns")
    assert ended.status == "Failed"
    assert ended.errors[0].startswith("ConfigurationConflict: ")
    seen = side.cloud.addon("shop", "coredns")
    assert seen is not None
    assert (seen.status, [each.code for each in seen.issues]) == ("UPDATE_FAILED", ["ConfigurationConflict"])


def test_an_own_configuration_is_set(side: CloudSide) -> None:
    side.cloud.update_addon(replace(DNS, configuration='{"replicaCount": 5}'), TOKEN)
    side.later(minutes=2)
    assert side.cluster.addons["coredns"].configuration == '{"replicaCount": 5}'


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        pytest.param(replace(DNS, version="v9.9.9-eksbuild.1"), GapReason.REJECTED, id="of a version that EKS lacks"),
        pytest.param(replace(DNS, configuration="["), GapReason.REJECTED, id="with a configuration that is none"),
        pytest.param(replace(DNS, addon="aws-efs-csi-driver"), GapReason.NOT_FOUND, id="of an addon that is not there"),
        pytest.param(replace(DNS, cluster="gone"), GapReason.NOT_FOUND, id="of a cluster that is not there"),
    ],
)
def test_it_refuses_an_update(side: CloudSide, update: AddonUpdate, reason: GapReason) -> None:
    with pytest.raises(ReadError, match=f"eks:UpdateAddon of {update.cluster}") as refused:
        side.cloud.update_addon(update, TOKEN)
    assert refused.value.reason is reason
    assert side.updates_begun == 0


def test_a_second_update_beside_a_running_one_is_refused_as_in_use(side: CloudSide) -> None:
    side.cloud.update_addon(DNS, TOKEN)
    with pytest.raises(ReadError, match="UPDATING") as refused:
        side.cloud.update_addon(DNS, TOKEN[::-1])
    assert refused.value.reason is GapReason.IN_USE
    assert side.updates_begun == 1


def test_a_cluster_that_is_gone_is_told_by_every_read(side: CloudSide) -> None:
    cloud = side.cloud
    for read in (
        lambda: cloud.control_plane("gone"),
        lambda: cloud.addon("gone", "coredns"),
        lambda: cloud.updates("gone"),
        lambda: cloud.update("gone", "1"),
        lambda: cloud.updates("shop", addon="aws-efs-csi-driver"),
        lambda: cloud.update("shop", "11111111-1111-4111-8111-111111111111"),
    ):
        with pytest.raises(ReadError) as refused:
            read()
        assert refused.value.reason is GapReason.NOT_FOUND


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
def test_an_update_is_asked_for_once_and_can_be_asked_for_again_when_it_was(
    side: CloudSide, kind: str, reason: GapReason, effects: int
) -> None:
    side.world.faults = [Fault("aws", kind, operation="UpdateAddon", count=1)]
    with pytest.raises(ReadError) as failed:
        side.cloud.update_addon(DNS, TOKEN)
    assert (failed.value.reason, side.updates_begun) == (reason, effects)

    id = side.cloud.update_addon(DNS, TOKEN)

    assert side.cloud.updates("shop", addon="coredns")[0].id == id
    assert side.updates_begun == 1
