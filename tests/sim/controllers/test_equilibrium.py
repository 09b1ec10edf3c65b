"""A world that is built from a shipped scenario is at rest: its controllers only add what the scenario left unsaid."""

from collections.abc import Iterator
from typing import Any

import pytest

from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.world import Object, SimCluster

DAY = 24 * 3600.0
# What the demo leaves unsettled on purpose: a daemon beside a Fargate taint, and a node that was lost just now.
UNSETTLED = {
    ("edge", "apps/daemonsets", "prometheus-node-exporter"),
    ("data", "/nodes", "ip-10-22-25-140.us-east-1.compute.internal"),
}


def listings(cluster: SimCluster) -> dict[tuple[str, str, str], Object]:
    return {(kind, *key): obj for kind in cluster.objects for key, obj in cluster.objects[kind].items()}


def differences(before: Object, after: Object) -> Iterator[tuple[str, Any, Any]]:
    """Members that changed, or went; members that a status gained do not count."""
    for member in before.keys() | after.keys():
        was, now = before.get(member), after.get(member)
        if member == "metadata":
            was, now = ({k: v for k, v in each.items() if k != "resourceVersion"} for each in (was or {}, now or {}))
        if member == "status":
            now = {key: value for key, value in (now or {}).items() if key in (was or {})}
        if was != now:
            yield member, was, now


@pytest.mark.parametrize("scenario", ["demo", "three", "bench"])
def test_the_controllers_change_nothing_but_what_is_unsettled(scenario: str) -> None:
    world = build(scenario_file.load(scenario_file.find(scenario)))
    living, found = LivingWorld(world, virtual=True), set()
    for cluster in list(world.clusters.values())[:15]:
        before = listings(cluster)
        living.of(cluster).wake()
        living.timeline.advance(60)
        after = listings(cluster)
        assert before.keys() == after.keys(), cluster.key
        for key in before:
            if list(differences(before[key], after[key])):
                found.add((cluster.key, key[0], key[2]))
    assert found <= UNSETTLED


def test_a_second_look_writes_nothing_at_all() -> None:
    world = build(scenario_file.load(scenario_file.find("three")))
    living = LivingWorld(world, virtual=True)
    live = living.of(world.clusters["shop"])
    live.wake()
    living.timeline.advance(60)
    revision = live.objects.revision
    live.look_at_everything()
    living.timeline.advance(60)
    assert live.objects.revision == revision


def test_a_cluster_sleeps_until_it_is_written() -> None:
    world = build(scenario_file.load(scenario_file.find("three")))
    living = LivingWorld(world, virtual=True)
    lives = [living.of(cluster) for cluster in world.clusters.values()]
    living.timeline.advance(DAY)
    assert not list(living.awake())
    lives[0].objects.create("/configmaps", {"metadata": {"name": "first", "namespace": "default"}})
    assert list(living.awake()) == [lives[0]]


def test_a_day_in_a_scenario_brings_only_its_cron_jobs() -> None:
    world = build(scenario_file.load(scenario_file.find("demo")))
    living = LivingWorld(world, virtual=True)
    cluster = world.clusters["commerce-prod-eu"]
    before = listings(cluster).keys()
    living.of(cluster).wake()
    living.timeline.advance(DAY)
    new = {(kind, name.rpartition("-")[0]) for kind, _, name in listings(cluster).keys() - before if kind != "/pods"}
    crons = {("batch/jobs", name) for kind, _, name in before if kind == "batch/cronjobs"}
    assert new <= crons
    assert before <= listings(cluster).keys()
