"""After whatever happens, a cluster comes to rest where it should, and what is kept up to date is what is there."""

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest

from fleetkeeper.sim.controllers.covers import Cover, Covers
from fleetkeeper.sim.controllers.hosts import Fit
from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.nodes import silence
from fleetkeeper.sim.controllers.placing import manner_of
from fleetkeeper.sim.controllers.pods import is_active
from fleetkeeper.sim.controllers.tallies import Tallies, Tally
from fleetkeeper.sim.controllers.usage import Request, Usage
from fleetkeeper.sim.kube.state_log import Event
from tests.sim.controllers.behaving import BUDGETS, DAEMONS, DEPLOYMENTS, NODES, PODS, SETS, SHOP, STATEFUL, Behaving

WORKLOADS = {"web": DEPLOYMENTS, "api": DEPLOYMENTS, "db": STATEFUL, "agent": DAEMONS}


def trouble(world: Behaving, chance: random.Random) -> None:
    """One thing that an operator, an autoscaler or bad luck does."""
    name = chance.choice(["web", "api", "db"])
    nodes = [each["metadata"]["name"] for each in world.live.objects.of(NODES)]
    match chance.randrange(7):
        case 0:
            world.change(WORKLOADS[name], name, replicas=chance.randrange(6))
        case 1:
            template = world.get(WORKLOADS[name], name)["spec"]["template"]
            container = {**template["spec"]["containers"][0], "image": f"{name}:{chance.randrange(3)}"}
            world.change(
                WORKLOADS[name], name, template={**template, "spec": {**template["spec"], "containers": [container]}}
            )
        case 2 if world.pods():
            world.delete_pod(chance.choice(world.pods())["metadata"]["name"], grace=chance.choice([None, 0]))
        case 3:
            world.change(NODES, chance.choice(nodes), unschedulable=chance.random() < 0.5)
        case 4 if len(nodes) > 2:
            world.live.objects.delete(NODES, ("", chance.choice(nodes)))
        case 5 if len(nodes) > 2:
            silence(world.live, chance.choice(nodes))
        case _:
            world.node(f"new-{world.live.objects.revision}")


def busy() -> Behaving:
    """Three nodes with a workload of each kind, and a budget for each."""
    world = Behaving.new("a", "b", "c")
    for name, resource in WORKLOADS.items():
        pod = {"containers": [{"name": "m", "image": name, "resources": {"requests": {"cpu": "100m"}}}]}
        world.deploy(name, resource=resource, pod=pod)
        world.budget(name, maxUnavailable=1)
    return world


@pytest.mark.parametrize("seed", range(8))
def test_a_troubled_cluster_comes_to_rest_where_it_should(seed: int) -> None:
    chance, world = random.Random(seed), busy()
    for _ in range(40):
        trouble(world, chance)
        world.advance(chance.random() * 40)
        _is_answered_as_afresh(world)
    for node in world.live.objects.of(NODES):  # the silent ones are given up, the others opened
        name = node["metadata"]["name"]
        if name in world.live.silent:
            world.live.objects.delete(NODES, ("", name))
        else:
            world.change(NODES, name, unschedulable=False)
    world.node("spare")
    world.advance(1800)
    revision = world.live.objects.revision
    world.live.start_over()
    world.advance(300)
    assert world.live.objects.revision == revision
    _is_as_asked(world)
    _is_counted(world)


@pytest.mark.parametrize("seed", range(4))
def test_controllers_that_rest_write_what_those_that_always_look_write(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested = _writes(seed)
    never = property(lambda _: None, lambda _, __: None)
    monkeypatch.setattr(Tally, "settled", never)
    monkeypatch.setattr(Cover, "settled", never)
    monkeypatch.setattr(Live, "is_settled", lambda *_: False)
    assert rested == _writes(seed)


def _writes(seed: int) -> list[tuple[datetime, Event]]:
    """Every write of a troubled hour, with its time."""
    found: list[tuple[datetime, Event]] = []
    chance, world = random.Random(seed), busy()
    world.live.objects.subscribe(lambda event: found.append((world.live.now(), event)))
    for _ in range(40):
        trouble(world, chance)
        world.advance(chance.random() * 40)
    return found


def _is_answered_as_afresh(world: Behaving) -> None:
    """What is kept of the nodes' answers to pods of a manner and size is what they answer now."""
    for pod in world.pods():
        manner, asked = manner_of(world.live, pod), world.live.used.asked(pod)
        kept, fresh = world.live.hosts.fit(manner, asked), Fit(manner, asked)
        for name, host in world.live.hosts.by_name().items():
            fresh.ask(name, host)
        assert (kept.possible, kept.reasons) == (fresh.possible, fresh.reasons)


def _is_as_asked(world: Behaving) -> None:
    nodes = [each["metadata"]["name"] for each in world.live.objects.of(NODES)]
    have = Counter(each["metadata"]["labels"]["app"] for each in world.pods())
    for name, resource in WORKLOADS.items():
        wanted = len(nodes) if resource == DAEMONS else world.get(resource, name)["spec"]["replicas"]
        assert have[name] == wanted, name
    assert all(is_active(each) for each in world.pods())
    assert world.ready() == len(world.pods())
    assert set(world.placed()) <= set(nodes)
    for budget in world.live.objects.of(BUDGETS):
        name, status = budget["metadata"]["name"], budget["status"]
        if name == "agent":  # daemons have no scale: the budget's sync fails for good
            assert status["conditions"][0]["reason"] == "SyncFailed"
            continue
        assert (status["currentHealthy"], status["disruptionsAllowed"]) == (have[name], min(1, have[name]))
    active = [each for each in world.live.objects.of(SETS, SHOP) if each["spec"]["replicas"]]
    assert len(active) == sum(bool(have[name]) for name in ("web", "api"))


def _is_counted(world: Behaving) -> None:
    """Requests, indexes, tallies and what budgets count say what a fresh count says."""
    kept_tallies, kept_covers = world.live.follower(Tallies), world.live.follower(Covers)
    for budget in world.live.objects.of(BUDGETS):
        cover, afresh = kept_covers.of(world.live.objects, budget), Covers().of(world.live.objects, budget)
        assert (cover.pods, cover.healthy, cover.makers) == (afresh.pods, afresh.healthy, afresh.makers)
    for owner in (*world.live.objects.of(SETS), *world.live.objects.of(STATEFUL)):
        tally, again = (each.of(world.live.objects, owner["metadata"]["uid"]) for each in (kept_tallies, Tallies()))
        assert replace(tally, settled=None) == replace(again, settled=None)
    fresh = Usage(lambda: world.live.objects.of(PODS))
    for node in (*(each["metadata"]["name"] for each in world.live.objects.of(NODES)), "gone"):
        kept, counted = world.live.used.of(node), fresh.of(node)
        assert Request(round(kept.cpu, 6), kept.memory, kept.pods) == Request(
            round(counted.cpu, 6), counted.memory, counted.pods
        )
        there = {each["metadata"]["name"] for each in world.pods(node)}
        assert {each["metadata"]["name"] for each in world.live.objects.find("node", PODS, node)} == there
