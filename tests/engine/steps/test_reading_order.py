"""An update that ends while a step looks: what it left is read after it, so that nobody else is taken for its cause."""

from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from fleetkeeper.core.verdict import Act, Done, Wait
from fleetkeeper.engine.writers import CloudWriter
from fleetkeeper.sim.world import SimAddon
from tests.engine.steps.moving import back, fresh, knows_support, up, upgraded
from tests.engine.steps.rolling import behind
from tests.engine.steps.rolling import walk as roll
from tests.engine.steps.walking import Place, Walk

READS = ("addon", "node_group", "control_plane", "update", "updates")


@dataclass
class Slow:
    """A cloud whose first answer takes so long that every update is over when the next read begins."""

    place: Place
    cloud: CloudWriter
    answered: bool = False

    def __getattr__(self, name: str) -> Any:
        read = getattr(self.cloud, name)
        return (lambda *given, **named: self._answer(read(*given, **named))) if name in READS else read

    def _answer(self, found: Any) -> Any:
        if not self.answered:
            self.answered = True
            self.place.later(minutes=45)
        return found


@dataclass(frozen=True)
class SlowWriters:
    place: Place
    writers: Any

    def cloud(self, scope: Any) -> CloudWriter:
        return cast(CloudWriter, Slow(self.place, self.writers.cloud(scope)))

    def kube(self, *given: Any) -> Any:
        return self.writers.kube(*given)


def upgrade() -> Walk:
    place = Place()
    fresh(place)
    return up(place)


def rollback() -> Walk:
    place = Place()
    upgraded(place)
    knows_support(place)
    return back(place)


def addon() -> Walk:
    return Place().walk("update-addon", addon="coredns", version="v1.14.3-eksbuild.11")


def group() -> Walk:
    return roll(behind())


@pytest.mark.parametrize("forgets", [False, True], ids=["known by its id", "after a lost answer"])
@pytest.mark.parametrize("begin", [upgrade, rollback, addon, group], ids=lambda each: each.__name__)
def test_an_update_of_ours_that_ends_while_the_step_looks_is_done_or_waited_for(begin: Any, forgets: bool) -> None:
    run = begin()
    run.forgets = forgets
    assert isinstance(run.ticks(2), Act)
    place = run.place
    world, place.world = place.world, replace(place.world, writers=SlowWriters(place, place.world.writers))
    assert isinstance(run.tick(), Done | Wait)
    place.world = world
    assert isinstance(run.tick(), Done)


def test_an_update_of_others_that_ends_while_propose_looks_proposes_nothing() -> None:
    place = Place()
    place.cluster.addons["coredns"] = SimAddon("coredns", "v1.13.2-eksbuild.19")
    other = place.walk("update-addon", addon="coredns", version="v1.14.3-eksbuild.11")
    assert isinstance(other.ticks(2), Act)
    words = {"change": "addon", "name": "coredns", "from": "v1.13.2-eksbuild.19", "to": "v1.14.3-eksbuild.11"}
    run = place.walk("propose", **words, via="hook:changes")
    world, place.world = place.world, replace(place.world, writers=SlowWriters(place, place.world.writers))
    waiting = run.tick()
    assert isinstance(waiting, Wait), waiting
    assert "UPDATING" in waiting.why
    place.world = world
    assert isinstance(run.tick(), Done)
    assert place.hooks.effects == {}
