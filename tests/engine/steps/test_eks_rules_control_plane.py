"""Every rule of EKS about upgrades and insights, broken on the simulator: refused by the plan or the step.

docs/eks.md has a row for each rule, which names the test here.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from fleetkeeper.core.verdict import Act, Blocked, Done, Undone, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Decisions, Waiver
from fleetkeeper.engine.writers import AddonUpdate, NodeGroupUpdate, VersionUpdate
from fleetkeeper.errors import GapReason, ParamError, ReadError
from fleetkeeper.sim.eks_state import EksTiming
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimAddon, SimIssue, SimSubnet
from tests.engine.steps.moving import (
    cloud,
    ended,
    failed,
    fresh,
    insight,
    join_at,
    moves,
    someone_moves,
    up,
    upgraded,
)
from tests.engine.steps.walking import TOKEN, Place, told

FOR_ALL = "v1.14.3-eksbuild.11"  # of CoreDNS, for every minor here
ADDON = AddonUpdate("shop", "coredns", FOR_ALL)
GROUP = NodeGroupUpdate("shop", "main", None)


@pytest.fixture
def place() -> Place:
    """A healthy cluster on 1.34 with fresh insights."""
    made = Place()
    fresh(made)
    return made


# ---- updates


def test_an_upgrade_is_over_when_its_update_and_its_cluster_say_so(place: Place) -> None:
    run = up(place)
    run.ticks(2)
    for minutes in (0, 4, 3):
        place.later(minutes=minutes)
        assert isinstance(run.tick(), Wait)
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)
    assert (place.cluster.status, place.cluster.version) == ("ACTIVE", "1.35")


def test_a_status_that_lags_behind_begins_no_second_update(place: Place) -> None:
    place.living.world.eks.timing = replace(EksTiming(), status_lag=timedelta(minutes=2))
    run = up(place)
    run.ticks(2)
    assert place.cluster.status == "ACTIVE"
    assert isinstance(run.tick(), Wait)
    assert isinstance(ended(run), Done)
    assert len(moves(place)) == 1


def test_a_lost_answer_is_asked_for_again_by_the_same_token(place: Place) -> None:
    place.living.world.faults = [Fault("aws", "drop-after", operation="UpdateClusterVersion", count=1)]
    run = up(place)
    run.ticks(3)
    id = cloud(place).update_version(VersionUpdate("shop", Minor(1, 35)), TOKEN)
    assert isinstance(ended(run), Done)
    assert list(place.cluster.eks.updates) == [id]


def test_an_update_that_runs_is_waited_for_by_name(place: Place) -> None:
    id = someone_moves(place, "1.35")
    waits = up(place).look()
    assert isinstance(waits, Wait)
    assert f"(update {id})" in waits.why
    assert waits.owner


def test_updates_of_addons_and_groups_hold_no_control_plane(place: Place) -> None:
    cloud(place).update_addon(ADDON, "of-the-addon")
    cloud(place).update_node_group(GROUP, "of-the-group")
    assert isinstance(ended(up(place)), Done)


def test_the_next_step_finds_a_cluster_whose_groups_can_be_updated(place: Place) -> None:
    run = up(place)
    run.ticks(2)
    with pytest.raises(ReadError) as refused:
        cloud(place).update_node_group(GROUP, "too-early")
    assert refused.value.reason is GapReason.REJECTED
    assert isinstance(ended(run), Done)
    assert cloud(place).update_node_group(GROUP, "in-time")


def test_the_update_of_a_group_is_not_taken_for_that_of_the_cluster(place: Place) -> None:
    place.cluster.addons["coredns"].version = FOR_ALL
    upgraded(place)
    cloud(place).update_node_group(GROUP, "of-the-group")
    run = place.walk("upgrade-control-plane", **{"from": "1.35", "to": "1.36"})
    place.later(minutes=1)
    run.forgets = True
    run.ticks(2)
    assert isinstance(ended(run), Done)
    assert moves(place) == ["VersionUpdate Successful"] * 2


def test_the_abort_of_an_upgrade_follows_it_and_cancels_nothing(place: Place) -> None:
    run = up(place)
    run.ticks(2)
    assert isinstance(run.undo(), Wait)
    place.later(minutes=10)
    assert isinstance(run.undo(), Undone)
    assert moves(place) == ["VersionUpdate Successful"]


# ---- upwards


def test_no_plan_can_skip_a_minor() -> None:
    with pytest.raises(ParamError, match="one by one"):
        Place().walk("upgrade-control-plane", **{"from": "1.34", "to": "1.36"})


def test_a_version_that_eks_does_not_offer_ends_the_step(place: Place) -> None:
    place.cluster.version = "1.36"
    insight("PASSING", "1.37")(place)
    run = place.walk("upgrade-control-plane", **{"from": "1.36", "to": "1.37"})
    found = failed(ended(run))
    assert "unsupported Kubernetes version" in found.why
    assert "plan anew" in found.fix


@pytest.mark.parametrize("status", ["CREATING", "FAILED", "PENDING"])
def test_a_cluster_that_is_not_active_blocks(place: Place, status: str) -> None:
    place.cluster.status = status
    assert f"{status}, not ACTIVE" in told(up(place).look())


def test_insights_in_error_block_and_are_never_forced(place: Place) -> None:
    place.living.world.eks.insights_block_upgrade = True
    insight("ERROR", "1.35")(place)
    assert isinstance(up(place).look(), Blocked)
    waiver = Waiver("known", "ada", date(2027, 1, 1), code="FK105")
    place.world = replace(place.world, decisions=Decisions((waiver,)))
    found = failed(ended(up(place)))
    assert "InvalidStateException" in found.why
    assert "never forces" in found.fix
    assert moves(place) == []


@pytest.mark.parametrize(
    ("lag", "version"), [(3, "1.31"), (0, "1.33")], ids=["more than three minors", "any, by the strict rule"]
)
def test_a_group_that_is_too_far_behind_is_named_by_eks(place: Place, lag: int, version: str) -> None:
    place.living.world.eks.node_group_lag = lag
    place.cluster.node_groups["main"].version = version
    found = failed(ended(up(place)))
    assert "Nodegroups [main]" in found.why
    assert "roll the node groups" in found.fix


def test_too_few_free_addresses_say_where_more_are_to_be_had(place: Place) -> None:
    for id in place.cluster.subnets:
        place.living.world.subnets[id] = SimSubnet(id, 1)
    found = failed(ended(up(place)))
    assert "InsufficientFreeAddresses" in found.why
    assert "update-cluster-config --name shop" in found.fix


@pytest.mark.parametrize(
    ("issue", "code", "do"),
    [
        ("AccessDenied", "AccessDenied", "give the role the rights"),
        ("IamRoleNotFound", "OperationNotPermitted", "AWSServiceRoleForAmazonEKS"),
        ("Ec2SubnetNotFound", "SubnetNotFound", "name subnets that exist"),
        ("Ec2SecurityGroupNotFound", "SecurityGroupNotFound", "securityGroupIds"),
        ("VpcNotFound", "VpcIdNotFound", "build a new cluster"),
        ("KmsKeyDisabled", "OperationNotPermitted", "KMS key"),
    ],
)
def test_what_is_missing_fails_the_update_with_what_to_do(place: Place, issue: str, code: str, do: str) -> None:
    place.cluster.issues = [SimIssue(issue, "gone")]
    waiver = Waiver("known", "ada", date(2027, 1, 1), code="FK105")
    place.world = replace(place.world, decisions=Decisions((waiver,)))
    found = failed(ended(up(place)))
    assert code in found.why
    assert do in found.fix


def test_api_servers_that_stay_unhealthy_leave_the_old_minor_and_another_attempt(place: Place) -> None:
    failing = place.living.world.eks.failing_control_planes
    failing.add(place.cluster.key)
    run = up(place)
    found = failed(ended(run))
    assert "the cluster is at 1.34" in found.why
    assert not found.final
    failing.clear()
    run.retry()
    assert isinstance(ended(run), Done)


def test_an_upgrade_carries_no_config_of_a_rollback(place: Place) -> None:
    with pytest.raises(ParamError, match="timeout_minutes"):
        place.walk("upgrade-control-plane", **{"from": "1.34", "to": "1.35", "timeout_minutes": "120"})
    assert isinstance(ended(up(place)), Done)


# ---- insights


def test_a_refresh_is_waited_for_to_its_end(place: Place) -> None:
    run = place.walk("refresh-insights")
    run.ticks(2)
    place.later(minutes=1)
    assert isinstance(run.tick(), Wait)
    place.later(minutes=1)
    assert isinstance(run.tick(), Done)


def test_a_first_refresh_and_one_of_a_cluster_that_moves(place: Place) -> None:
    assert cloud(place).insights_refresh("shop") is None
    assert isinstance(place.walk("refresh-insights").look(), Act)
    someone_moves(place, "1.35")
    assert isinstance(place.walk("refresh-insights").look(), Wait)


def test_a_deprecated_api_holds_for_thirty_days_unless_it_is_waived(place: Place) -> None:
    called = place.now - timedelta(days=8)
    name = "Deprecated APIs removed in Kubernetes v1.35"
    insight("ERROR", "1.35", name=name)(place)
    stats = [{"userAgent": "argocd", "numberOfRequestsLast30Days": 7, "lastRequestTime": called}]
    details = [{"usage": "/apis/x/v1/ys", "stopServingVersion": "1.35", "clientStats": stats}]
    place.cluster.insights["i-1"].summary = {"deprecationDetails": details}
    fresh(place)
    blocked = up(place).look()
    assert isinstance(blocked, Blocked)
    assert f"wait until {called + timedelta(days=30):%Y-%m-%d} or have an approver waive it" in blocked.fix
    waiver = Waiver("mended", "ada", date(2027, 1, 1), code="FK105", name="Deprecated*")
    place.world = replace(place.world, decisions=Decisions((waiver,)))
    assert isinstance(up(place).look(), Act)


def test_an_addon_and_kubelets_that_do_not_fit_the_next_minor_block(place: Place) -> None:
    join_at(place, "v1.31.2-eks-1")
    assert "Kubelet version skew" in told(up(place).look())
    place.cluster.addons["coredns"].version = "v1.12.3-eksbuild.1"
    fresh(place)
    assert "EKS add-on version compatibility" in told(up(place).look())


def test_a_kube_proxy_of_the_present_minor_does_not_hold_the_upgrade(place: Place) -> None:
    place.cluster.addons["kube-proxy"] = SimAddon("kube-proxy", "v1.34.7-eksbuild.4")
    fresh(place)
    assert isinstance(up(place).look(), Act)
    insight("ERROR", "1.35", name="kube-proxy version skew")(place)
    blocked = up(place).look()
    assert isinstance(blocked, Blocked)
    assert "kube-proxy version skew" in blocked.why


def test_the_next_hop_rests_on_insights_of_its_own_minor(place: Place) -> None:
    place.cluster.addons["coredns"].version = FOR_ALL
    run = up(place)
    assert isinstance(ended(run), Done)
    following = place.walk("upgrade-control-plane", **{"from": "1.35", "to": "1.36"})
    assert isinstance(following.look(), Act)
    place.cluster.insights = {
        key: each for key, each in place.cluster.insights.items() if each.kubernetes_version != "1.36"
    }
    assert "for 1.36: unknown is never ready" in told(following.look())
