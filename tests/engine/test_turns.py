"""What rests in `serve` is not asked for, keeps its value and its time, and is asked for whenever that is in doubt."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, parts
from fleetkeeper.core.turns import SLOW
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.turns import Turns
from fleetkeeper.errors import GapReason
from tests.contract.observed import NOON
from tests.engine.fakes import FakeCloud, Fleet, fails

HOUR = timedelta(hours=1)
RESTED = 0.01  # minutes: all that may rest does so soon after it was read


@pytest.fixture
def fleet(store: SqlStore) -> Fleet:
    found = Fleet(store, FakeCloud())
    found.turns = Turns(found.clock, HOUR)
    found.observe()
    return found


def asked(fleet: Fleet) -> set[str]:
    return {part for part, _ in fleet.reads.done}


def test_a_slow_part_rests_and_is_as_old_as_it_is(fleet: Fleet) -> None:
    fleet.later(minutes=RESTED)

    found = fleet.rows()["shop"].parts
    assert asked(fleet).isdisjoint({*SLOW, "proxy mode"})
    assert {found[part].observed_at for part in SLOW} == {NOON}
    assert found[parts.NODES].observed_at == fleet.clock.now()
    assert fleet.gaps() == {}


def test_addons_are_found_with_what_rests(fleet: Fleet) -> None:
    before: model.Addons = fleet.rows()["shop"].value(parts.ADDONS)
    fleet.later(minutes=RESTED)

    after: model.Addons = fleet.rows()["shop"].value(parts.ADDONS)
    assert before.found
    assert before.proxy_mode
    assert after == before


def test_nothing_gets_stale_of_a_cluster_that_is_seen_every_quarter_of_an_hour(fleet: Fleet) -> None:
    for _ in range(8):
        fleet.later()
        found = fleet.rows()["shop"].parts
        seen = [found[part].observed_at for part in SLOW]
        assert all(at is not None and fleet.clock.now() - at <= timedelta(minutes=45) for at in seen)


def test_a_part_that_failed_is_read_again_at_the_next_look(fleet: Fleet) -> None:
    fleet.clock.turn(60)
    fleet.broken[parts.WEBHOOKS, "shop"] = fails(GapReason.SERVER_ERROR)
    fleet.observe()
    fleet.broken.clear()
    fleet.later(minutes=RESTED)

    assert asked(fleet) & set(SLOW) == {parts.WEBHOOKS}
    assert fleet.gaps() == {}


def test_after_a_look_in_which_the_cluster_was_not_described_everything_is_read(fleet: Fleet) -> None:
    fleet.broken[parts.CONTROL_PLANE, "shop"] = fails(GapReason.THROTTLED)
    fleet.later(minutes=RESTED)
    assert set(SLOW) <= fleet.gaps().keys()

    fleet.broken.clear()
    fleet.later(minutes=RESTED)
    assert set(SLOW) <= asked(fleet)
    assert fleet.gaps() == {}


def test_an_api_server_that_is_gone_is_a_gap_of_what_rests_too(fleet: Fleet) -> None:
    fleet.broken[parts.NODES, "shop"] = fails(GapReason.UNREACHABLE)
    fleet.later(minutes=RESTED)

    assert set(SLOW) <= fleet.gaps().keys()


def test_a_cluster_that_moved_to_another_minor_is_read_whole(fleet: Fleet) -> None:
    fleet.cloud.clusters["shop"][parts.CONTROL_PLANE] = moved(fleet)
    fleet.later(minutes=RESTED)

    assert set(SLOW) <= asked(fleet)


def test_another_process_reads_everything(fleet: Fleet) -> None:
    fleet.turns = Turns(fleet.clock, HOUR)
    fleet.later(minutes=RESTED)

    assert set(SLOW) <= asked(fleet)


def test_whoever_looks_without_turns_reads_everything(fleet: Fleet) -> None:
    fleet.turns = None
    fleet.later(minutes=RESTED)

    assert set(SLOW) <= asked(fleet)


def moved(fleet: Fleet) -> model.ControlPlane:
    known: model.ControlPlane = fleet.cloud.clusters["shop"][parts.CONTROL_PLANE]
    return replace(known, version=Minor(1, 99))
