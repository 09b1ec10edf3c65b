"""An update that ends in the middle of a look: its subject is read after it, and nobody seems to have changed it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fleetkeeper.core.verdict import Done, Failed
from tests.engine.steps.moving import back, fresh, knows_support, up, upgraded
from tests.engine.steps.rolling import behind, walk
from tests.engine.steps.walking import Place, Walk


@dataclass
class Between:
    """Writers, of whose clouds every read but the first comes long after the one before."""

    place: Place
    writers: Any
    reads: int = 0

    def cloud(self, scope: object) -> "Between":
        return Between(self.place, self.writers.cloud(scope))

    def kube(self, *of: object) -> Any:
        return self.writers.kube(*of)

    def __getattr__(self, name: str) -> Any:
        if self.reads:
            self.place.later(minutes=40)
        self.reads += 1
        return getattr(self.writers, name)


def an_upgrade() -> Walk:
    place = Place()
    fresh(place)
    return up(place)


def a_rollback() -> Walk:
    place = Place()
    knows_support(place)
    upgraded(place)
    return back(place)


def an_addon() -> Walk:
    return Place().walk("update-addon", addon="coredns", version="v1.14.3-eksbuild.11")


def a_group() -> Walk:
    return walk(behind())


@pytest.mark.parametrize("begins", [an_upgrade, a_rollback, an_addon, a_group], ids=lambda each: each.__name__)
@pytest.mark.parametrize("forgets", [False, True], ids=["known by its id", "found again after a lost answer"])
def test_an_update_that_ends_between_two_reads_is_done(begins: Callable[[], Walk], forgets: bool) -> None:
    run = begins()
    run.forgets = forgets
    run.ticks(2)
    place = run.place
    assert ("update" in run.memory) is not forgets
    calm = place.world
    place.world = replace(calm, writers=Between(place, calm.writers))
    verdict = run.tick()
    assert not isinstance(verdict, Failed), verdict
    place.world = calm
    assert isinstance(run.tick(), Done)
