"""What operators say to engines that are being killed: measured at the cloud, where it counts."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetkeeper.config import StoreSettings
from fleetkeeper.core.run import Freeze, RunState, TaskState, Verb
from tests.chaos import cloud
from tests.chaos.cloud import AGAIN, ONCE, Call
from tests.chaos.fleet import Effects, Fleet, Shape, assert_ordered, assert_whole, fleet, wait_until

SHAPE = Shape(members=30, at_once=12, steps=4, once=frozenset())
WITHIN = 1.0
"""Seconds from a stored command until nothing new begins: the promise of the engine."""


@dataclass(frozen=True, slots=True)
class Still:
    """A time, in seconds since 1970, in which nothing may begin."""

    why: str
    begin: float
    end: float


def acts(journal: Sequence[Call], begin: float, end: float) -> list[Call]:
    return [call for call in journal if call.what in {ONCE, AGAIN} and begin < call.at < end]


def new_act(made: Fleet) -> Callable[[], bool]:
    """Whether something began since now, or nothing is left to begin."""
    at = time.time()
    return lambda: bool(acts(made.sky.journal(), at, time.time())) or not made.going()


def held_back(made: Fleet, number: int, chance: random.Random) -> Still:
    """Pause or freeze, kill somebody meanwhile, wait, and let it go on: then something begins again."""
    freezes = chance.random() < 0.5
    id = f"freeze-{number}"
    if freezes:
        made.runs.add_freeze(Freeze(id, "Black Friday", "dora", datetime.now(UTC)))
    else:
        made.say("run-1", Verb.PAUSE)
    said = time.time()
    victim = chance.choice(made.replicas)
    made.kill(victim)
    made.revive(victim)
    # A span and no condition: the replicas are watched for that long beginning nothing.
    time.sleep(WITHIN + chance.uniform(0.5, 1.0))
    over = time.time()
    if freezes:
        made.runs.lift_freeze(id, "dora", datetime.now(UTC))
    else:
        made.say("run-1", Verb.RESUME)
    wait_until(new_act(made), "something begins again", made.told)
    return Still("freeze" if freezes else "pause", said + WITHIN, over)


def test_nothing_begins_after_a_pause_or_a_freeze_and_all_ends_well(
    settings: StoreSettings, seed: int, kills: int
) -> None:
    with cloud.running(seed) as sky, fleet(settings, sky, seed) as made:
        made.start(1 if made.database.file else 3)
        made.begin("run-1", SHAPE)
        stills: list[Still] = []
        for number in range(max(2, min(10, kills // 10))):
            if not made.going():
                break
            made.sees_work(made.replicas[0])
            time.sleep(made.chance.uniform(0.0, 0.3))  # the command comes at a moment of chance, and nothing tells it
            stills.append(held_back(made, number, made.chance))
        made.ends()
        journal = sky.journal()
        assert_whole(made, SHAPE, journal)
        broken = [(still, call) for still in stills for call in acts(journal, still.begin, still.end)]
        assert not broken, broken
        followed = [call for call in journal if stills[0].end < call.at]
        assert followed, "there was nothing left to hold back"


def test_an_abort_begins_nothing_follows_what_runs_and_takes_all_back(settings: StoreSettings, seed: int) -> None:
    with cloud.running(seed) as sky, fleet(settings, sky, seed) as made:
        made.start(1 if made.database.file else 3)
        made.begin("run-1", SHAPE)
        wait_until(lambda: len(acts(sky.journal(), 0, time.time())) >= 15, "work is under way", made.told)
        made.say("run-1", Verb.ABORT)
        said = time.time()
        victim = made.chance.choice(made.replicas)
        made.kill(victim)
        made.revive(victim)
        made.ends()
        journal, stored = sky.journal(), made.runs.run("run-1")
        assert stored is not None
        assert stored.run.state is RunState.ABORTED
        assert {task.state for task in stored.tasks} <= {TaskState.ABORTED, TaskState.SKIPPED, TaskState.SUCCEEDED}
        assert not acts(journal, said + WITHIN, time.time())
        effects = Effects.of(journal)
        assert {len(calls) for calls in effects.by.values()} == {1}
        assert_ordered(effects, "run-1", SHAPE)
        undone = {call.token: call.at for call in journal if call.what == "undo"}
        begun = [call for calls in effects.by.values() for call in calls]
        standing = {step.token for step in stored.steps if stored.tasks[step.key.idx].state is TaskState.SUCCEEDED}
        # What was intended and not seen to have begun is taken back as well: better once too often.
        assert {call.token for call in begun} - standing <= set(undone), "what was begun was not taken back"
        assert not standing & set(undone), "what a member had ended with was taken back"
        early = [call for call in begun if call.token in undone and undone[call.token] < call.ends]
        assert not early, "what runs is followed to its end before it is taken back"
