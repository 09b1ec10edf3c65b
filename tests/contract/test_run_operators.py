"""Which commands a run may take up, by who said them, on SQLite and on a real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.run import Applied, Changes, Command, Freeze, Verb
from tests.contract.observed import later
from tests.contract.running import approval, begin, command, event, plan, run, view_of

MARK = "a mark"


@pytest.fixture
def strict(settings: StoreSettings) -> Callable[[], SqlRuns]:
    """Opens the runs as an engine has them: only marked commands are of somebody who is known."""
    return lambda: SqlRuns(settings, knows=lambda said: said.proof == MARK)


def said_to(runs: SqlRuns, id: str) -> list[tuple[str, str]]:
    return [(each.verb, each.actor) for each in view_of(runs, id).commands]


def test_a_run_takes_up_what_is_marked_and_every_stop(strict: Callable[[], SqlRuns]) -> None:
    runs = strict()
    id = begin(runs).id
    for number, verb in enumerate(Verb):
        runs.add_command(command(id, verb, f"c-{number}", actor="eve", at=later(number)))
    assert said_to(runs, id) == [("pause", "eve (not verified)"), ("abort", "eve (not verified)")]
    runs.add_command(command(id, Verb.RETRY, "marked", actor="olga", at=later(30), proof=MARK))
    runs.add_command(command(id, Verb.UNFREEZE, "elsewhere", actor="olga", at=later(31), proof=MARK))
    runs.add_command(command(id, Verb.PAUSE, "known", actor="olga", at=later(32), proof=MARK))
    assert said_to(runs, id)[2:] == [("retry", "olga"), ("pause", "olga")]
    assert {each.verb for each in runs.to_verify()} == set(Verb) - {Verb.PAUSE, Verb.ABORT}
    runs.close()


def test_what_was_verified_replaces_what_was_said_and_wakes_the_run(strict: Callable[[], SqlRuns]) -> None:
    runs = strict()
    id = begin(runs).id
    said = command(id, Verb.RESUME, actor="root", identity="oidc", proof="eyJ")
    runs.add_command(said)
    runs.tick_run(id, lambda view: Changes(run=replace(view.run, due=later(99))))
    assert runs.vouch(replace(said, actor="olga", proof=MARK), later(5))
    assert runs.due_runs(later(5)) == (id,)
    assert view_of(runs, id).commands == (replace(said, actor="olga", proof=MARK),)
    runs.close()


@pytest.mark.parametrize(
    ("stop", "minutes", "stands"),
    [
        pytest.param(Verb.PAUSE, 10, False, id="a pause after it"),
        pytest.param(Verb.ABORT, 10, False, id="an abort after it"),
        pytest.param(Verb.PAUSE, 1, True, id="a pause before it"),
        pytest.param(Verb.SKIP, 10, True, id="a skip after it"),
    ],
)
def test_a_later_stop_of_its_run_overtakes_a_command(
    strict: Callable[[], SqlRuns], stop: Verb, minutes: float, stands: bool
) -> None:
    runs = strict()
    id, other = begin(runs).id, begin(runs, id="other").id
    said = command(id, Verb.RESUME, at=later(5))
    for each in (said, command(id, stop, "stop", at=later(minutes)), command(other, Verb.PAUSE, "o", at=later(20))):
        runs.add_command(each)
    assert runs.vouch(replace(said, proof=MARK), later(30)) is stands
    runs.close()


def test_one_that_has_its_answer_is_not_marked_any_more(strict: Callable[[], SqlRuns]) -> None:
    runs = strict()
    id = begin(runs).id
    said = command(id, Verb.RESUME)
    runs.add_command(said)
    runs.settle(Applied(said.id, False, "no"), None, event(run(plan()[0]), "refused"), later(2))
    runs.vouch(replace(said, proof=MARK), later(3))
    assert said_to(runs, id) == []
    assert _proofs(runs) == [""]
    runs.close()


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "refused"])
@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.PAUSE], ids=["settled as a decision", "answered by the run"])
def test_the_token_that_showed_who_said_it_is_gone_with_the_answer(runs: SqlRuns, verb: Verb, accepted: bool) -> None:
    id = begin(runs).id
    said = command(id, verb, identity="oidc", proof="eyJhbGciOiJSUzI1NiJ9.token")
    runs.add_command(said)
    assert _proofs(runs) == [said.proof]
    answer, made = Applied(said.id, accepted, "so be it"), plan()[0]
    if verb is Verb.APPROVE:
        runs.settle(answer, approval(made) if accepted else None, event(run(made), "settled"), later(4))
    else:
        runs.tick_run(id, lambda _: Changes(applied=(answer,)))
    assert runs.applied(said.id) == answer
    assert _proofs(runs) == [""]


def test_a_token_stays_while_the_answer_could_not_be_written(runs: SqlRuns) -> None:
    made, id = plan()[0], begin(runs).id
    runs.add_command(command(id, Verb.APPROVE, identity="oidc", proof="eyJ"))
    twice = replace(approval(made), id=object())  # type: ignore[arg-type]  # what no database takes
    with pytest.raises(sa.exc.SQLAlchemyError):
        runs.settle(Applied("click-1", True, "yes"), twice, event(run(made)), later(4))
    assert _proofs(runs) == ["eyJ"]
    assert runs.applied("click-1") is None


def test_what_lifted_a_freeze_is_forgotten_with_it(runs: SqlRuns, store: SqlStore) -> None:
    for id in ("old", "young"):
        runs.add_freeze(Freeze(id, "holidays", "ada", later(3)))
        runs.add_command(Command(f"c-{id}", id, Verb.UNFREEZE, "", "ada", "local", later(4)))
    runs.lift_freeze("old", "ada", later(5))
    store.prune(later(6) + timedelta(days=30), history_days=30)
    assert [each.id for each in runs.to_verify()] == ["c-young"]


def test_what_was_said_of_anything_else_is_forgotten_when_it_is_old(runs: SqlRuns, store: SqlStore) -> None:
    known = begin(runs).id
    for at, id in ((4, "old"), (9, "young")):
        runs.add_command(Command(f"notice-{id}", "n1", Verb.SETTLE, "sent", "ada", "local", later(at)))
    runs.add_command(Command("of a run", known, Verb.RESUME, "", "ada", "local", later(4)))
    store.prune(later(6) + timedelta(days=30), history_days=30)
    assert [each.id for each in runs.to_verify()] == ["of a run", "notice-young"]


def _proofs(runs: SqlRuns) -> list[str]:
    with runs._database.engine.begin() as connection:
        return list(connection.scalars(sa.select(tables.command.c.proof)))
