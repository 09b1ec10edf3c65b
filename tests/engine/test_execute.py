"""The engine over SQLite and PostgreSQL: one effect for each step, whatever is lost, stopped or taken back."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.config import StoreSettings
from fleetkeeper.core.advance import advance
from fleetkeeper.core.approval import seal
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Cause, Command, Freeze, Hold, RunState, StepState, Task, TaskKey, TaskState, Verb
from fleetkeeper.engine.budgets import Budgets
from fleetkeeper.engine.guarding import Frozen
from fleetkeeper.engine.run_ports import Claim, Guard, StoredRun
from fleetkeeper.engine.step import Kinds
from fleetkeeper.engine.task_tick import Pace
from fleetkeeper.errors import Refused, StoreUnavailable, Unreachable
from tests.contract.conftest import postgres, settings
from tests.engine.rig import KEY, T0, WORKER, Cloud, Engine, Operate, SetClock, begin, engine, settle

__all__ = ["postgres", "settings"]

MINUTE = timedelta(minutes=1)
ONE = (StepSpec("one", "operate"),)


@pytest.fixture
def made(settings: StoreSettings) -> Iterator[Engine]:
    clock = SetClock()
    found = engine(settings, Cloud(clock, MINUTE), clock, pace=Pace(timedelta(seconds=20)))
    yield found
    found.runs.close()


def stored(made: Engine) -> StoredRun:
    found = made.runs.run("run-1")
    assert found is not None
    return found


def task(made: Engine, idx: int = 0) -> Task:
    return stored(made).tasks[idx]


def starts(made: Engine) -> int:
    return sum(call.startswith("start") for call in made.cloud.calls)


def later(made: Engine, by: timedelta = MINUTE) -> None:
    """Time passes, in pieces, as an engine that looks now and then meets it."""
    until = made.clock.at + by
    while made.clock.at < until:
        made.clock.at = min(until, made.clock.at + timedelta(seconds=20))
        settle(made)


def say(made: Engine, verb: Verb, target: str = "", id: str = "") -> None:
    made.runs.add_command(Command(id or f"{verb}-{target}", "run-1", verb, target, "cy", "local", made.clock.now()))
    settle(made)


def result(made: Engine, id: str) -> str:
    found = made.runs.applied(id)
    assert found is not None
    return found.result


def test_a_run_goes_through_its_steps_and_ends(made: Engine) -> None:
    begin(made.runs, T0, members=3)
    settle(made)
    assert starts(made) == 3
    assert {each.state for each in stored(made).steps} == {StepState.WAITING}
    later(made)
    assert starts(made) == 6
    later(made)
    assert stored(made).run.state is RunState.SUCCEEDED
    assert {each.state for each in stored(made).steps} == {StepState.SUCCEEDED}
    assert starts(made) == 6


def test_nothing_is_done_before_the_approval(made: Engine) -> None:
    begin(made.runs, T0, approve=False)
    later(made)
    assert made.cloud.calls == []
    assert stored(made).run.state is RunState.NOT_STARTED
    why = stored(made).run.why
    assert why is not None
    assert why.cause is Cause.APPROVAL


def test_an_answer_that_is_lost_after_the_effect_is_adopted(made: Engine) -> None:
    made.cloud.lose.append(Unreachable("the connection was cut"))
    begin(made.runs, T0, steps=ONE)
    settle(made)
    assert task(made).state is TaskState.PENDING
    why = task(made).why
    assert why is not None
    assert why.cause is Cause.UNREACHABLE
    later(made, 2 * MINUTE)
    assert stored(made).run.state is RunState.SUCCEEDED
    assert starts(made) == 1


def test_a_cloud_that_does_not_answer_is_waited_for(made: Engine) -> None:
    made.cloud.refuse.extend([Unreachable("timeout")] * 3)
    begin(made.runs, T0, steps=ONE)
    later(made, 5 * MINUTE)
    assert stored(made).run.state is RunState.SUCCEEDED
    assert starts(made) == 1


class TestAnActThatMustNotBeRepeated:
    STEPS = (StepSpec("one", "operate", {"repeatable": False, "blind": True}),)

    def test_is_made_once_when_all_goes_well(self, made: Engine) -> None:
        begin(made.runs, T0, steps=self.STEPS)
        later(made)
        assert stored(made).run.state is RunState.SUCCEEDED
        assert starts(made) == 1

    def test_is_a_question_to_a_person_after_a_lost_answer(self, made: Engine) -> None:
        made.cloud.lose.append(Unreachable("the connection was cut"))
        begin(made.runs, T0, steps=self.STEPS)
        later(made)
        assert stored(made).steps[0].state is StepState.UNKNOWN
        assert task(made).state is TaskState.BLOCKED
        later(made, timedelta(hours=1))
        assert starts(made) == 1

    def test_goes_on_with_a_new_attempt_when_a_person_says_retry(self, made: Engine) -> None:
        made.cloud.lose.append(Unreachable("the connection was cut"))
        begin(made.runs, T0, steps=self.STEPS)
        later(made)
        say(made, Verb.RETRY, "member:shop-0")
        later(made)
        assert stored(made).run.state is RunState.SUCCEEDED
        assert stored(made).steps[0].attempt == 1
        assert starts(made) == 2

    def test_goes_on_without_it_when_a_person_says_skip(self, made: Engine) -> None:
        made.cloud.lose.append(Unreachable("the connection was cut"))
        begin(made.runs, T0, steps=(*self.STEPS, StepSpec("two", "operate")))
        later(made)
        say(made, Verb.SKIP, "member:shop-0")
        later(made, 2 * MINUTE)
        assert task(made).state is not TaskState.BLOCKED
        assert starts(made) <= 2

    def test_is_made_again_after_a_plain_refusal_for_nothing_was_done(self, made: Engine) -> None:
        begin(made.runs, T0, steps=self.STEPS)
        made.cloud.refuse.append(Refused("not now"))
        later(made)
        assert stored(made).run.state is RunState.SUCCEEDED
        assert starts(made) == 1


def test_a_failed_attempt_is_made_again_with_another_token(made: Engine) -> None:
    made.cloud.outcome = "failed"
    begin(made.runs, T0, steps=(StepSpec("one", "operate", retries=1, backoff=MINUTE),))
    settle(made)
    later(made)
    made.cloud.outcome = "done"
    later(made, 3 * MINUTE)
    assert stored(made).run.state is RunState.SUCCEEDED
    assert len(made.cloud.started) == 2


class TestPause:
    def test_what_is_under_way_is_followed_and_nothing_new_begins(self, made: Engine) -> None:
        begin(made.runs, T0)
        settle(made)
        say(made, Verb.PAUSE)
        assert stored(made).run.state is RunState.PAUSING
        later(made, 3 * MINUTE)
        assert stored(made).run.state is RunState.PAUSED
        assert starts(made) == 1
        assert stored(made).steps[0].state is StepState.SUCCEEDED

    def test_a_resumed_run_goes_on_where_it_was(self, made: Engine) -> None:
        begin(made.runs, T0)
        settle(made)
        say(made, Verb.PAUSE)
        later(made, 3 * MINUTE)
        say(made, Verb.RESUME)
        assert starts(made) == 2
        later(made, 2 * MINUTE)
        assert stored(made).run.state is RunState.SUCCEEDED


def test_a_freeze_stops_the_next_act_and_its_end_lets_it_go_on(made: Engine) -> None:
    begin(made.runs, T0)
    settle(made)
    made.runs.add_freeze(Freeze("f1", "Black Friday", "dora", made.clock.now()))
    later(made, 5 * MINUTE)
    assert starts(made) == 1
    why = task(made).why
    assert why is not None
    assert (why.cause, why.owner) == (Cause.FREEZE, "dora")
    made.runs.lift_freeze("f1", "dora", made.clock.now())
    later(made, 3 * MINUTE)
    assert stored(made).run.state is RunState.SUCCEEDED


def test_an_act_that_was_intended_before_its_window_closed_waits_for_the_next_one(
    made: Engine, settings: StoreSettings
) -> None:
    made.cloud.refuse.extend([Unreachable("timeout")] * 2)
    begin(made.runs, T0, steps=ONE)
    settle(made)
    assert stored(made).steps[0].state is StepState.INTENDED
    opens = T0 + timedelta(hours=1)
    closed = Hold(Cause.WINDOW, "the window is closed", opens)

    def holding(_claim: Claim, _frozen: Frozen, now: datetime) -> Hold | None:
        return closed if now < opens else None

    made.runs.release(WORKER.name)
    after = engine(settings, made.cloud, made.clock, holding=holding, worker=replace(WORKER, name="two"))
    later(after, timedelta(minutes=30))
    assert starts(after) == 0
    why = task(after).why
    assert why is not None
    assert (why.cause, why.next_attempt) == (Cause.WINDOW, opens)
    later(after, timedelta(minutes=35))
    assert stored(after).run.state is RunState.SUCCEEDED
    assert starts(after) == 1
    after.runs.close()


def test_a_freeze_whose_selector_cannot_be_read_holds_and_fails_nobody(made: Engine) -> None:
    begin(made.runs, T0, steps=ONE)
    made.runs.add_freeze(Freeze("f1", "sale", "dora", T0, "rings=prod"))
    later(made)
    assert starts(made) == 0
    assert task(made).state is TaskState.PENDING


class TestAbort:
    def test_what_cannot_be_cancelled_is_followed_to_its_end_and_then_undone(self, made: Engine) -> None:
        begin(made.runs, T0)
        settle(made)
        say(made, Verb.ABORT)
        assert stored(made).run.state is RunState.ABORTING
        assert not any(call.startswith("undo") for call in made.cloud.calls)
        later(made, 2 * MINUTE)
        assert stored(made).run.state is RunState.ABORTED
        assert starts(made) == 1
        assert [call.split()[0] for call in made.cloud.calls] == ["start", "undo"]
        assert stored(made).steps[0].memory["end"] == "seen"  # what an end keeps is kept in an abort too
        assert task(made).why is None

    def test_what_can_be_cancelled_is_let_go_and_undone_at_once(self, made: Engine) -> None:
        begin(made.runs, T0, steps=(StepSpec("one", "operate", {"cancellable": True}),))
        settle(made)
        say(made, Verb.ABORT)
        assert stored(made).run.state is RunState.ABORTED
        assert [call.split()[0] for call in made.cloud.calls] == ["start", "undo"]

    def test_steps_are_undone_newest_first(self, made: Engine) -> None:
        begin(made.runs, T0)
        settle(made)
        later(made)
        say(made, Verb.ABORT)
        later(made, 2 * MINUTE)
        tokens = [call.rsplit("/")[-1] for call in made.cloud.calls]
        assert tokens[:2] == tokens[:1:-1]
        assert {each.state for each in stored(made).steps} == {StepState.UNDONE}

    def test_what_could_not_be_undone_is_named_and_a_cleanup_tries_once_more(self, made: Engine) -> None:
        made.cloud.undoes = False
        begin(made.runs, T0, steps=(StepSpec("one", "operate", {"cancellable": True}),))
        settle(made)
        say(made, Verb.ABORT)
        why = stored(made).run.why
        assert why is not None
        assert "a taint on node-1" in why.text
        made.cloud.undoes = True
        later(made)
        say(made, Verb.CLEANUP)
        assert stored(made).steps[0].state is StepState.UNDONE
        assert (stored(made).run.state, stored(made).run.why) == (RunState.ABORTED, None)
        assert [call.split()[0] for call in made.cloud.calls] == ["start", "undo", "undo"]

    def test_a_run_that_is_over_answers_every_other_verb_with_a_refusal(self, made: Engine) -> None:
        begin(made.runs, T0, steps=ONE)
        later(made, 2 * MINUTE)
        assert stored(made).run.state is RunState.SUCCEEDED
        say(made, Verb.PAUSE)
        assert "is over (succeeded)" in result(made, "pause-")

    def test_a_step_that_was_intended_and_not_begun_has_nothing_to_be_undone(self, made: Engine) -> None:
        made.cloud.refuse.append(Unreachable("timeout"))
        begin(made.runs, T0, steps=ONE)
        settle(made)
        assert stored(made).steps[0].state is StepState.INTENDED
        say(made, Verb.ABORT)
        assert stored(made).run.state is RunState.ABORTED
        assert made.cloud.calls == []

    def test_a_member_that_had_not_begun_is_left_alone(self, made: Engine) -> None:
        begin(made.runs, T0, members=2, at_once=1)
        settle(made)
        say(made, Verb.ABORT)
        later(made, 2 * MINUTE)
        assert [each.state for each in stored(made).tasks] == [TaskState.ABORTED, TaskState.SKIPPED]


def test_a_database_that_was_restored_does_not_replay(made: Engine) -> None:
    """The rows of a step go back to before its act: looking first shows that it happened."""
    begin(made.runs, T0, steps=ONE)
    settle(made)
    before = stored(made).steps[0]
    assert before.state is StepState.WAITING
    old = replace(before, state=StepState.INTENDED, memory={})
    sealed = seal(old, "{}", stored(made).plan.digest, KEY)
    by_hand(made, f"UPDATE run_step SET state = 'intended', memory = '{{}}', seal = '{sealed}'")
    later(made, 2 * MINUTE)
    assert stored(made).run.state is RunState.SUCCEEDED
    assert starts(made) == 1


def by_hand(made: Engine, statement: str) -> None:
    """What somebody with the database's password can do."""
    with made.runs._database.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_member_whose_row_was_moved_past_a_step_by_hand_goes_nowhere(made: Engine) -> None:
    begin(made.runs, T0)
    settle(made)
    by_hand(made, "UPDATE run_task SET step = 1 WHERE idx = 0")
    later(made, 3 * MINUTE)
    assert starts(made) == 1
    why = task(made).why
    assert why is not None
    assert (why.cause, why.text) == (Cause.TAMPERED, "shop-0 stands at two, but one before it has not ended")


class TestADeployInMidRun:
    def test_that_adds_kinds_and_steps_changes_nothing_of_what_is_under_way(
        self, made: Engine, settings: StoreSettings
    ) -> None:
        begin(made.runs, T0)
        settle(made)
        newer: Kinds = {"operate": NewerOperate, "another": NewerOperate}
        after = engine(settings, made.cloud, made.clock, kinds=newer, worker=replace(WORKER, name="two"))
        made.runs.release(WORKER.name)
        later(after, 3 * MINUTE)
        assert stored(after).run.state is RunState.SUCCEEDED
        assert starts(after) == 2
        after.runs.close()

    def test_that_takes_a_kind_away_says_so_and_does_nothing(self, made: Engine, settings: StoreSettings) -> None:
        begin(made.runs, T0)
        settle(made)
        after = engine(settings, made.cloud, made.clock, kinds={}, worker=replace(WORKER, name="two"))
        made.runs.release(WORKER.name)
        later(after, 3 * MINUTE)
        why = task(after).why
        assert why is not None
        assert "this release has no operate of version 1" in why.text
        assert starts(after) == 1
        after.runs.close()


class NewerOperate(Operate):
    """The next release's: it still carries out what the one before has frozen."""

    version = 2


def test_a_database_that_goes_away_right_after_a_claim_loses_no_task(made: Engine, monkeypatch: Any) -> None:
    """A claim whose guard could not be read was in flight for ever, with its lease renewed: nobody worked on it."""
    begin(made.runs, T0, steps=ONE)
    read, gone = made.runs.guards, [True, True]

    def guards(keys: Sequence[TaskKey]) -> Mapping[TaskKey, Guard]:
        if gone:
            gone.pop()
            raise StoreUnavailable("the server closed the connection")
        return read(keys)

    monkeypatch.setattr(made.runs, "guards", guards)
    with ThreadPoolExecutor(4) as pool:
        while gone:
            made.executor.turn(pool)
        while made.executor.in_flight:
            made.executor.turn(pool)
    by_hand(made, "UPDATE run_task SET lease_until = NULL")  # the lease runs out
    later(made, 2 * MINUTE)
    assert stored(made).run.state is RunState.SUCCEEDED
    assert starts(made) == 1


class TestAnIntentAndItsAct:
    """The lease is kept from one to the other; the world is looked at and the guard is read in between all the same."""

    def test_are_one_claim(self, made: Engine, monkeypatch: Any) -> None:
        claim = made.runs.claim
        claimed: list[Claim] = []

        def counted(*asked: Any) -> tuple[Claim, ...]:
            found = claim(*asked)
            claimed.extend(found)
            return found

        monkeypatch.setattr(made.runs, "claim", counted)
        begin(made.runs, T0, steps=ONE)
        settle(made)
        assert (len(claimed), starts(made)) == (1, 1)
        assert stored(made).steps[0].state is StepState.WAITING

    def test_are_parted_by_an_abort_that_waits_for_no_lease(self, made: Engine) -> None:
        begin(made.runs, T0, steps=ONE)
        self._until_intended(made)
        made.runs.add_command(Command("c9", "run-1", Verb.ABORT, "", "cy", "local", T0))
        made.runs.tick_run("run-1", lambda view: advance(view, T0))  # by another replica, right now
        settle(made)
        assert stored(made).run.state is RunState.ABORTED
        assert made.cloud.calls == []

    def test_are_parted_by_a_pause_and_by_a_freeze(self, made: Engine) -> None:
        begin(made.runs, T0, steps=ONE)
        self._until_intended(made)
        made.runs.add_freeze(Freeze("f1", "sales", "cy", T0, "", T0 + MINUTE))
        say(made, Verb.PAUSE)
        assert (task(made).state, starts(made)) == (TaskState.PENDING, 0)
        say(made, Verb.RESUME)
        assert starts(made) == 0
        later(made, 2 * MINUTE)
        assert starts(made) == 1

    def test_are_parted_by_a_hand_in_the_database(self, made: Engine) -> None:
        begin(made.runs, T0, steps=ONE)
        self._until_intended(made)
        by_hand(made, "UPDATE run_step SET token = 'mine'")
        settle(made)
        why = task(made).why
        assert why is not None
        assert (why.cause, starts(made)) == (Cause.TAMPERED, 0)

    def test_are_both_made_when_the_budget_could_not_be_asked_in_between(self, made: Engine, monkeypatch: Any) -> None:
        begin(made.runs, T0, steps=ONE)
        self._until_intended(made)
        gone: Any = GoneOnce()
        monkeypatch.setattr(made.executor, "_budgets", Budgets(gone, 10.0, 20))
        by_hand(made, "UPDATE run_task SET account = '111122223333'")
        with ThreadPoolExecutor(4) as pool, pytest.raises(StoreUnavailable):
            made.executor.turn(pool)
        settle(made)
        assert starts(made) == 1

    def _until_intended(self, made: Engine) -> None:
        with ThreadPoolExecutor(4) as pool:
            while not any(step.state is StepState.INTENDED for step in stored(made).steps):
                made.executor.turn(pool)


class GoneOnce:
    """Buckets that are full, of a database that does not answer when it is asked for the first time."""

    def __init__(self) -> None:
        self.asked = 0

    def take_budget(self, *_: object) -> float:
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailable("the server closed the connection")
        return 0.0
