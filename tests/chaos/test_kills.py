"""Kill -9 at random moments: nothing lost, nothing twice, nothing out of order."""

from pathlib import Path

from fleetkeeper.config import StoreSettings
from tests.chaos import cloud
from tests.chaos.fleet import Fleet, Shape, assert_hit, assert_whole, fleet
from tests.engine.rig import migrated
from tests.postgres import Postgres

SHAPE = Shape()


def kill_at_random(made: Fleet, replicas: int, kills: int) -> None:
    """Runs one after another, until so many replicas were killed that held work."""
    made.start(replicas)
    rounds = hits = 0
    while hits < kills or not all(replica.hit_with_work for replica in made.replicas):
        if not made.going():
            rounds += 1
            made.begin(f"run-{rounds}", SHAPE)
        made.answer()
        replica = made.chance.choice(made.replicas)
        if made.hit(replica):
            hits += 1
            made.revive(replica)
        elif not made.is_alive(replica):
            made.revive(replica)
    made.ends()


def test_random_kills_on_sqlite_lose_repeat_and_reorder_nothing(tmp_path: Path, seed: int, kills: int) -> None:
    with cloud.running(seed) as sky, fleet(migrated(tmp_path), sky, seed) as made:
        kill_at_random(made, 1, kills)
        effects = assert_whole(made, SHAPE, sky.journal())
        assert_hit(made, kills)
        print(f"{kills} kills, {len(made.runs.runs())} runs, {effects.repeated} repeated calls")


def test_random_kills_of_three_replicas_on_postgresql_lose_repeat_and_reorder_nothing(
    postgres: Postgres, seed: int, kills: int
) -> None:
    with cloud.running(seed) as sky, fleet(StoreSettings(postgres.migrated()), sky, seed) as made:
        kill_at_random(made, 3, kills)
        effects = assert_whole(made, SHAPE, sky.journal())
        assert_hit(made)
        assert sum(replica.hit_with_work for replica in made.replicas) >= kills
        print(f"{kills} kills, {len(made.runs.runs())} runs, {effects.repeated} repeated calls")


def test_what_a_replica_held_that_is_killed_for_good_is_taken_over_by_the_others(postgres: Postgres, seed: int) -> None:
    shape = Shape(members=24, at_once=24)
    with cloud.running(seed) as sky, fleet(StoreSettings(postgres.migrated()), sky, seed) as made:
        made.start(3)
        made.begin("run-1", shape)
        lost = made.replicas.pop()
        held = made.hit(lost)
        assert held, "it held nothing when it was killed"
        for other in made.replicas:
            assert made.sees_work(other)
        made.ends()
        journal = sky.journal()
        assert_whole(made, shape, journal)
        assert {call.worker for call in journal} >= {replica.name for replica in made.replicas}
