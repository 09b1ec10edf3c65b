"""Random clusters, played to their end: what must hold in every one of them."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.live import Room
from fleetkeeper.core.rotation.turn import Turn
from tests.core.rotation.little_world import Load, World
from tests.core.rotation.playing import Event, Play, quick

ZONES = ("a", "b", "c")
BIG = Room(4000, 16 << 30, 12)


def random_play(seed: int) -> Play:
    """A cluster of a few nodes and workloads, and what others do to it meanwhile."""
    chance = Random(seed)
    loads = [_load(chance, f"w{i}") for i in range(chance.randint(1, 6))]
    if chance.random() < 0.3 and len(loads) > 1 and loads[0].kind and loads[1].kind:
        _share(chance, loads[0], loads[1])
    world = World(loads, {}, knows_sizes=chance.random() < 0.6)
    number = chance.randint(2, 7)
    for i in range(number):
        world.add(f"old-{i}", ZONES[i % 3], BIG, old=True)
    world.settle()
    for i in range(chance.randint(0, number)):
        world.add(f"new-{i}", ZONES[i % 3], BIG, boot=chance.choice((0, 30)))
    rules = quick(
        parallel=chance.randint(1, 3),
        canary=chance.random() < 0.5,
        reserve=chance.choice((0.0, 0.1, 0.2)),
        unbudgeted=chance.choice((0.1, 0.25, 0.5)),
    )
    return Play(world, rules, _events(chance, loads, number))


def _load(chance: Random, name: str) -> Load:
    kind = chance.choice(("Deployment", "Deployment", "StatefulSet"))
    return Load(
        name,
        kind,
        chance.randint(1, 5),
        Room(chance.choice((100, 300, 800)), 1 << 30, 1),
        start=chance.choice((0, 10, 40)),
        stop=chance.choice((1, 10, 30)),
        pinned=kind == "StatefulSet" and chance.random() < 0.7,
        priority=chance.choice((0, 0, 1000, 2_000_000_000)),
        budget=chance.choice((None, ("1", ""), ("50%", ""), ("", "1"), ("", "34%"), ("", "0"))),
        labels={"app": name},
    )


def _share(chance: Random, one: Load, other: Load) -> None:
    """One budget for the pods of both."""
    both = {"tier": "x"}
    one.labels, other.labels = {**one.labels, **both}, {**other.labels, **both}
    one.budget, other.budget, one.takes = chance.choice((("", "1"), ("60%", ""), ("", "40%"))), None, both


def _events(chance: Random, loads: list[Load], number: int) -> list[Event]:
    kinds = chance.sample(("triple", "guard", "closes", "joins", "vanishes"), chance.randint(0, 2))
    found = []
    for what in kinds:
        who = f"old-{chance.randrange(number)}" if what == "vanishes" else chance.choice(loads).name
        found.append(Event(chance.randint(5, 200), what, who))
    return found


def left_over(play: Play, end: Turn) -> list[str]:
    """Old nodes that are still there without anybody who is named for it."""
    named = {each.pod.node for each in end.blocked}
    return [each.name for each in play.world.machines.values() if each.old and each.name not in named]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_rotation_of_any_cluster_breaks_no_promise_and_ends_or_names_who_blocks(seed: int) -> None:
    play = random_play(seed)
    end = play.to_end()
    assert play.wrongs == []
    assert left_over(play, end) == []


@pytest.mark.parametrize("seed", [7, 11, 13])
def test_the_same_world_gives_the_same_rotation(seed: int) -> None:
    one, other = random_play(seed), random_play(seed)
    one.to_end()
    other.to_end()
    assert one.evictions == other.evictions
