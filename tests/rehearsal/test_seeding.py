"""A world made from placements shows the same nodes, pods, budgets and volumes again, and stays as it is by itself."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.live import LiveNode, LivePod, Taint, Toleration
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.times import Luck, observed
from fleetkeeper.rehearsal.seeding import Seed, timing_of, world_of
from fleetkeeper.rehearsal.simulated import WorldPlacements
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.ports_execute import WorldWriters
from fleetkeeper.values import from_json, to_json
from tests.rehearsal.clusters import GROUP, NEW, placed, snapshot_of

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def seeded(seen: Placed, hours: int = 0) -> Placed:
    """What the world shows that is made of what was seen, after so many hours."""
    snapshot = snapshot_of(seen, parallel=1)
    times = observed(seen)
    world = world_of(Seed(snapshot, seen, times, NEW), Luck.USUAL)
    living = LivingWorld(world, virtual=True, timing=timing_of(times, Luck.USUAL))
    world.clock = living.timeline.now
    living.of(next(iter(world.clusters.values()))).wake()
    living.timeline.advance(timedelta(hours=hours))
    return WorldPlacements(living).of(snapshot.cluster)


def names(pods: tuple[LivePod, ...]) -> set[tuple[str, str, str, str]]:
    return {(each.place, each.node, each.controller, each.uid) for each in pods}


@pytest.mark.parametrize("hours", [0, 3])
def test_pods_stand_where_they_stood_and_stay_there(hours: int) -> None:
    seen = placed(9, AT)
    found = seeded(seen, hours)
    assert names(found.pods) == names(seen.pods)
    assert all(each.ready for each in found.pods)


def test_nodes_have_their_room_zone_group_and_age() -> None:
    seen = placed(4, AT)

    def of(each: LiveNode) -> tuple[object, ...]:
        return each.name, each.room, each.node.zone, each.node.group, each.node.created_at, each.ready_since

    assert set(map(of, seeded(seen).nodes)) == set(map(of, seen.nodes))


def test_budgets_count_what_the_cluster_counted() -> None:
    seen = placed(6, AT)
    found = {each.name: each for each in seeded(seen, 1).budgets}
    for each in seen.budgets:
        got = found[each.name]
        assert (got.expected, got.healthy, got.selector) == (each.expected, each.healthy, each.selector)
        assert (got.owner, got.maximum_unavailable) == (each.owner, each.maximum_unavailable)


def test_volumes_are_in_their_zones_and_attached_where_their_pods_are() -> None:
    seen = placed(6, AT)
    assert set(seeded(seen, 1).volumes) == set(seen.volumes)


def test_requests_tolerations_and_selectors_are_those_of_the_pods() -> None:
    seen = placed(3, AT)
    toleration = Toleration("dedicated", "Equal", "shop", "NoSchedule")
    pods = tuple(replace(each, tolerates=(toleration,), selects={"kubernetes.io/os": "linux"}) for each in seen.pods)
    for each in seeded(replace(seen, pods=pods)).pods:
        assert toleration in each.tolerates
        assert each.selects == {"kubernetes.io/os": "linux"}
        assert each.wants in {other.wants for other in pods}


APART = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {
                    "matchLabels": {"app": "web", "pod-template-hash": "5c7"},
                    "matchExpressions": [
                        {"key": "app", "operator": "Exists"},
                        {"key": "controller-revision-hash", "operator": "In", "values": ["web-5c7"]},
                    ],
                },
            }
        ]
    }
}


def test_affinities_and_spread_are_those_of_the_pods_but_for_their_generation() -> None:
    seen = placed(3, AT)
    spread = [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}]
    around = to_json({"affinity": APART, "topologySpreadConstraints": spread})
    pods = tuple(replace(each, around=around) for each in seen.pods)
    for each in seeded(replace(seen, pods=pods)).pods:
        if each.kind == "DaemonSet":
            assert each.around == ""
            continue
        found = from_json(each.around, dict[str, Any])
        assert found["topologySpreadConstraints"] == spread
        (term,) = found["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert term["labelSelector"] == {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "app", "operator": "Exists"}],
        }


def test_a_group_gets_the_taints_that_all_its_nodes_have() -> None:
    seen = placed(3, AT)
    taint = Taint("dedicated", "shop", "NoSchedule")
    nodes = tuple(replace(each, taints=(taint,)) for each in seen.nodes)
    world = world_of(Seed(snapshot_of(seen, 1), replace(seen, nodes=nodes), observed(seen), NEW), Luck.USUAL)
    group = world.clusters["big"].node_groups[GROUP]
    assert group.taints == [{"key": "dedicated", "value": "shop", "effect": "NO_SCHEDULE"}]
    assert group.zones == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


def test_a_bare_pod_is_not_brought_back_and_one_of_an_unknown_kind_is() -> None:
    seen = placed(3, AT)
    pod = replace(seen.pods[0], claims=())
    bare = replace(pod, name="alone", uid="uid-alone", controller="", labels={})
    rollout = replace(pod, name="web-1", uid="uid-web", controller="Rollout/web", labels={"app": "web"})
    given = replace(seen, pods=(bare, rollout), budgets=(), volumes=())
    snapshot = snapshot_of(seen, 1)
    world = world_of(Seed(snapshot, given, observed(given), NEW), Luck.USUAL)
    living = LivingWorld(world, virtual=True)
    world.clock = living.timeline.now
    writers = WorldWriters(living, User("test", ("system:masters",)))
    with closing(writers.kube(snapshot.cluster.scope, "big", snapshot.cluster.id)) as kube:
        for each in kube.pods():
            kube.evict(each)
        living.timeline.advance(timedelta(minutes=10))
        assert [each.controller for each in kube.pods()] == ["Rollout/web"]
        assert all(each.ready for each in kube.pods())


def test_the_instances_of_an_auto_scaling_group_are_older_than_its_launch_template() -> None:
    """That is what a plan to replace them rests on; without it nothing of the group would move."""
    seen = placed(3, AT)
    instances = tuple(each.node.provider_id.rpartition("/")[2] for each in seen.nodes)
    snapshot = snapshot_of(seen, 1)
    own = model.AutoScalingGroup("workers", snapshot.cluster.name, 3, instances)
    snapshot = replace(snapshot, shared={parts.AUTO_SCALING_GROUPS: model.Part((own,), AT)})
    world = world_of(Seed(snapshot, seen, observed(seen), NEW), Luck.USUAL)
    living = LivingWorld(world, virtual=True)
    world.clock = living.timeline.now
    assert snapshot.cluster.scope is not None
    group = WorldWriters(living).cloud(snapshot.cluster.scope).scaling_group("workers")
    assert group is not None
    assert {each.id for each in group.instances} == set(instances)
    assert all(each.template not in ("", group.template) for each in group.instances)
