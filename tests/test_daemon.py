"""The schedule: which slot is due, who takes it, and what happens when something is in the way."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import cast

import pytest
import structlog
from apscheduler.triggers.cron import CronTrigger
from prometheus_client import generate_latest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, parts
from fleetkeeper.core.notices.values import Turn
from fleetkeeper.daemon import OBSERVE, PRUNE, RETRY, EngineThread, last_slot
from fleetkeeper.engine.execute import Executor
from fleetkeeper.engine.notify import Notified
from fleetkeeper.engine.ports import Observation, Store
from fleetkeeper.errors import SchemaError, StoreUnavailable
from fleetkeeper.metrics import Metrics
from tests.contract.observed import cluster_id, control_plane, listed
from tests.replicas import NOON, Replica, Replicas, replicas

__all__ = ["replicas"]

QUARTER = timedelta(minutes=15)
PATIENCE = 60.0


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# ---- which slot is due


@pytest.mark.parametrize(
    ("crontab", "zone", "now", "expected"),
    [
        pytest.param("*/15 * * * *", "UTC", "2026-11-20T12:00Z", "2026-11-20T12:00Z", id="the very moment counts"),
        pytest.param("*/15 * * * *", "UTC", "2026-11-20T12:14:59Z", "2026-11-20T12:00Z", id="the newest one"),
        pytest.param("0 2 * * *", "UTC", "2026-11-20T12:00Z", "2026-11-20T02:00Z", id="hours ago"),
        pytest.param("0 2 * * mon", "UTC", "2026-11-20T12:00Z", "2026-11-16T02:00Z", id="days ago"),
        pytest.param("0 2 1 * *", "UTC", "2026-11-20T12:00Z", None, id="weeks ago is not made up for"),
        pytest.param("0 9 * * *", "Asia/Tokyo", "2026-11-20T12:00Z", "2026-11-20T00:00Z", id="in the zone's own time"),
        pytest.param(
            "0 9 * * *", "Asia/Tokyo", "2026-11-20T23:59Z", "2026-11-20T00:00Z", id="not before its time there"
        ),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-03-29T12:00Z", "2026-03-29T01:30Z", id="a time that spring leaves out"
        ),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-10-25T00:45Z", "2026-10-25T00:30Z", id="the first of two in autumn"
        ),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-10-25T12:00Z", "2026-10-25T01:30Z", id="the second of two in autumn"
        ),
        pytest.param(
            "0 0 * * *", "America/Santiago", "2026-09-06T20:00Z", "2026-09-05T04:00Z", id="a midnight that is left out"
        ),
    ],
)
def test_the_slot_that_is_due(crontab: str, zone: str, now: str, expected: str | None) -> None:
    found = last_slot(CronTrigger.from_crontab(crontab, zone), at(now))
    assert found == (at(expected) if expected else None)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("begin", ["2026-03-28T00:00Z", "2026-10-03T00:00Z", "2026-10-24T00:00Z"])
def test_slots_only_go_forward_over_a_change_of_the_clocks(zone: str, begin: str) -> None:
    trigger = CronTrigger.from_crontab("*/20 * * * *", zone)
    slots = [last_slot(trigger, at(begin) + timedelta(minutes=5 * step)) for step in range(3 * 24 * 12)]
    found = [slot for slot in slots if slot is not None]
    assert found == sorted(found)
    assert {later - sooner for sooner, later in pairwise(found)} <= {
        timedelta(0),
        timedelta(minutes=10),  # Lord Howe changes by half an hour
        timedelta(minutes=20),
        timedelta(minutes=30),
    }


# ---- a replica


def value(replica: Replica, name: str, **labels: str) -> float | None:
    return replica.metrics.registry.get_sample_value(name, labels)


def test_every_slot_is_observed_once_at_its_time(replicas: Replicas) -> None:
    replica = replicas()
    replica.run_until(NOON + timedelta(minutes=50))
    assert replica.observed == [NOON, NOON + QUARTER, NOON + 2 * QUARTER, NOON + 3 * QUARTER]
    assert value(replica, "fleetkeeper_clusters_incomplete") == 1
    assert value(replica, "fleetkeeper_observation_seconds_count") == 4


class Teller:
    """Tells nobody, and notes how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def notify(self) -> Notified:
        self.asked += 1
        return Notified(Turn(), (), 0)


def test_owners_are_told_at_each_slot_of_their_own_by_one_replica(replicas: Replicas) -> None:
    one, other = Teller(), Teller()
    replicas(telling=one).run_until(NOON + timedelta(minutes=35))
    replicas(telling=other).run_until(NOON + timedelta(minutes=35))
    assert (one.asked, other.asked) == (4, 0)


def test_a_restart_makes_up_for_a_slot_that_nobody_took_and_for_no_other(replicas: Replicas) -> None:
    replicas().run_until(NOON + timedelta(minutes=5))
    restarted = replicas(now=NOON + timedelta(minutes=7))
    restarted.run_until(NOON + timedelta(minutes=10))
    assert restarted.observed == []
    late = replicas(now=NOON + timedelta(minutes=40))
    late.run_until(NOON + timedelta(minutes=44))
    assert late.observed == [NOON + timedelta(minutes=40)]


def test_a_daily_slot_is_made_up_for_hours_later(replicas: Replicas) -> None:
    replica = replicas("0 2 * * *")
    replica.run_until(NOON + timedelta(hours=20))
    assert replica.observed == [NOON, at("2026-11-21T02:00Z")]


def test_a_slot_of_one_replica_is_no_other_ones(replicas: Replicas) -> None:
    one, other = replicas(), replicas()
    for step in range(8):
        first, second = (one, other) if step % 3 else (other, one)
        for replica in (first, second):
            replica.run_until(NOON + step * QUARTER + timedelta(minutes=1))
    taken = sorted(at.replace(minute=at.minute // 15 * 15, second=0) for at in one.observed + other.observed)
    assert taken == [NOON + step * QUARTER for step in range(8)]
    assert len(one.observed) >= 3
    assert len(other.observed) >= 3


def test_an_observation_longer_than_the_interval_does_not_pile_up(replicas: Replicas) -> None:
    replica = replicas()

    def long() -> None:
        replica.clock.at += timedelta(minutes=40)

    replica.during = long
    replica.run_until(NOON + timedelta(hours=2))
    begun = [NOON + timedelta(minutes=minutes) for minutes in (0, 40, 80)]
    assert replica.observed == begun


def test_a_database_that_is_down_at_a_slot_is_asked_again_and_nothing_is_lost(replicas: Replicas) -> None:
    replica = replicas()
    replica.store.error = StoreUnavailable("the database is down")
    with structlog.testing.capture_logs() as logged:
        replica.run_until(NOON + timedelta(seconds=70))
    assert replica.waits[:3] == [NOON + RETRY, NOON + 2 * RETRY, NOON + 3 * RETRY]
    assert [e["reason"] for e in logged if e["event"] == "job_delayed" and e["job"] == OBSERVE] == [
        "the database is down"
    ] * 3
    replica.store.error = None
    replica.run_until(NOON + timedelta(minutes=14))
    assert replica.observed == [NOON + timedelta(seconds=70)]
    assert value(replica, "fleetkeeper_store_failures_total") == 6  # the prune's turn, too


def test_a_database_that_goes_away_in_mid_observation_costs_a_repetition_and_not_the_slot(replicas: Replicas) -> None:
    replica = replicas()

    def fail() -> None:
        replica.during = lambda: None
        raise StoreUnavailable("gone")

    replica.during = fail
    replica.run_until(NOON + timedelta(minutes=14))
    assert replica.observed == [NOON, NOON + RETRY]


def test_a_wait_that_ends_early_does_not_hurry_the_next_try(replicas: Replicas) -> None:
    replica = replicas()
    replica.store.error = StoreUnavailable("down")
    replica.end = NOON + timedelta(seconds=50)

    def early(until: datetime) -> None:
        replica.clock.at += timedelta(seconds=10)
        if replica.clock.at >= replica.end:
            replica.cancel.set()

    replica.wait = early  # type: ignore[method-assign]
    with structlog.testing.capture_logs() as logged:
        replica.daemon.run()
    assert len([e for e in logged if e["event"] == "job_delayed" and e["job"] == OBSERVE]) == 2


def test_a_fault_of_our_own_costs_one_slot_and_not_the_schedule(replicas: Replicas) -> None:
    replica = replicas()

    def fail() -> None:
        replica.during = lambda: None
        raise ZeroDivisionError

    replica.during = fail
    replica.run_until(NOON + timedelta(minutes=20))
    assert replica.observed == [NOON, NOON + QUARTER]
    assert value(replica, "fleetkeeper_job_failures_total", job=OBSERVE) == 1


def test_a_slot_is_left_to_others_when_the_schema_is_not_this_versions(replicas: Replicas) -> None:
    old, new = replicas(), replicas()
    old.store.error = SchemaError("the database is ahead of this fleetkeeper")
    old.run_until(NOON + timedelta(minutes=1))
    assert old.observed == []
    new.run_until(NOON + timedelta(minutes=1))
    assert new.observed == [NOON]


def test_the_next_slot_proceeds_when_the_winner_died_on_the_way(replicas: Replicas) -> None:
    dead, survivor = replicas(), replicas()

    def die() -> None:
        raise SystemExit

    dead.during = die
    with pytest.raises(SystemExit):
        dead.run_until(NOON + timedelta(minutes=1))
    survivor.run_until(NOON + timedelta(minutes=20))
    assert survivor.observed == [NOON + QUARTER]


def test_nothing_is_begun_after_the_word_to_stop(replicas: Replicas) -> None:
    replica, other = replicas(), replicas()
    replica.cancel.set()
    replica.daemon.tick()
    other.daemon.tick()
    assert (replica.observed, other.observed) == ([], [NOON])


def test_an_observation_that_was_stopped_does_not_count_as_the_last(replicas: Replicas) -> None:
    replica = replicas()
    replica.during = replica.cancel.set
    replica.end = NOON
    replica.daemon.run()
    assert replica.observed == [NOON]
    assert value(replica, "fleetkeeper_last_observation_timestamp_seconds") is None


def test_old_history_is_forgotten_once_a_day(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    pruned: list[tuple[datetime, int]] = []
    monkeypatch.setattr(SqlStore, "prune", lambda _self, now, days: pruned.append((now, days)))
    one, other = replicas("0 0 * * *"), replicas("0 0 * * *")
    for day in range(3):
        for replica in (one, other):
            replica.run_until(NOON + timedelta(days=day, hours=1))
    assert pruned == [(NOON, 30), (at("2026-11-21T04:23Z"), 30), (at("2026-11-22T04:23Z"), 30)]


def test_pruning_deletes_what_is_old(replicas: Replicas) -> None:
    replica = replicas()
    store = cast(Store, replica.store)
    scope = model.Scope("111122223333", "eu-west-1")
    where = model.Placement("dev", "", "", True, "")
    gone = model.ClusterId("arn:aws:eks:eu-west-1:111122223333:cluster/gone", NOON)
    store.save_cluster(gone, "gone", scope, where, NOON - timedelta(days=90))
    store.mark_gone(scope, [], NOON - timedelta(days=60))
    assert store.clusters(at=NOON - timedelta(days=80)) != ()
    replica.run_until(NOON + timedelta(minutes=1))
    assert store.clusters(at=NOON - timedelta(days=80)) == ()
    assert store.win_slot(PRUNE, at("2026-11-20T04:23Z"), "late", NOON) is False


def test_start_and_stop(replicas: Replicas) -> None:
    replica = replicas()
    begun = threading.Event()

    def hang() -> None:
        begun.set()
        replica.cancel.wait(60)

    replica.during = hang
    replica.end = NOON + timedelta(days=1)
    assert not replica.daemon.is_alive()
    replica.daemon.start()
    assert begun.wait(60)
    assert replica.daemon.is_alive()
    assert replica.daemon.stop(60)
    assert not replica.daemon.is_alive()


def test_stop_tells_that_it_could_not_wait_any_longer(replicas: Replicas) -> None:
    replica = replicas()
    begun, answer = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        answer.wait(60)

    replica.during = hang
    replica.end = NOON
    replica.daemon.start()
    assert begun.wait(60)
    assert not replica.daemon.stop(0.01)
    answer.set()
    assert replica.daemon.stop(60)


# ---- assessment


def see_shop(replica: Replica) -> None:
    """An observation stores a cluster of which only the control plane was read."""
    id, at = cluster_id(), replica.clock.at
    seen = [Observation(parts.CONTROL_PLANE, control_plane(), None, at)]
    cast(Store, replica.store).save_many([listed(id, at)], [(id, seen)])


def told(replica: Replica) -> str:
    return generate_latest(replica.metrics.registry).decode()


def test_what_was_observed_is_assessed_and_counted(replicas: Replicas) -> None:
    replica = replicas()
    replica.during = lambda: see_shop(replica)
    assert "fleetkeeper_findings" not in told(replica), "nothing is known before the first"
    with structlog.testing.capture_logs() as logs:
        replica.run_until(NOON + QUARTER)
    (done, *_) = [each for each in logs if each["event"] == "assessment_done"]
    assert {key: done[key] for key in ("blocked", "unknown", "ready")} == {"blocked": 0, "unknown": 1, "ready": 0}
    assert done["findings"]["unknown"] > 5
    assert 'fleetkeeper_clusters_by_readiness{verdict="unknown"} 1.0' in told(replica)
    assert 'fleetkeeper_findings{code="FK000",severity="unknown"} ' in told(replica)
    assert cast(Store, replica.store).tracking(cluster_id()) is not None


def test_an_observation_that_was_stopped_is_not_assessed(replicas: Replicas) -> None:
    replica = replicas()

    def stopped() -> None:
        see_shop(replica)
        replica.cancel.set()

    replica.during = stopped
    replica.run_until(NOON + QUARTER)
    assert cast(Store, replica.store).tracking(cluster_id()) is None
    assert "fleetkeeper_findings" not in told(replica)


# ---- the engine beside the schedule


class Looping:
    """An executor that works until told, or ends by a fault."""

    def __init__(self, fault: Exception | None = None) -> None:
        self._fault = fault

    def run(self, cancel: threading.Event) -> None:
        if self._fault:
            raise self._fault
        cancel.wait()


def test_the_engine_ends_with_the_schedule() -> None:
    cancel, metrics = threading.Event(), Metrics()
    engine = EngineThread(cast(Executor, Looping()), metrics, cancel)
    engine.start()
    assert engine.is_alive()
    assert not engine.ended(0.0)
    cancel.set()
    assert engine.ended(PATIENCE)
    assert metrics.registry.get_sample_value("fleetkeeper_engine_up") == 0


def test_an_engine_that_died_of_a_fault_is_told() -> None:
    metrics = Metrics()
    engine = EngineThread(cast(Executor, Looping(ValueError("broken"))), metrics, threading.Event())
    with structlog.testing.capture_logs() as logs:
        engine.start()
        assert engine.ended(PATIENCE)
    assert not engine.is_alive()
    assert [each["reason"] for each in logs if each["event"] == "engine_died"] == ["ValueError: broken"]
    assert metrics.registry.get_sample_value("fleetkeeper_engine_up") == 0
