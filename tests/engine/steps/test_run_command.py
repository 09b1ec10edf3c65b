"""run-command: begun once, followed to its exit code, and a person is asked where nobody knows how it ended."""

import pytest

from fleetkeeper.core.verdict import Act, Done, Failed, Residue, Undone, Unknown, Wait
from fleetkeeper.engine.attempts import token_of
from fleetkeeper.engine.world import CommandState
from fleetkeeper.errors import ParamError
from tests.engine.steps.walking import SECOND, TOKEN, Place, Walk, told

UNDO = token_of(TOKEN, "undo")


@pytest.fixture
def place() -> Place:
    return Place()


def walk(place: Place, **more: bool | str) -> Walk:
    return place.walk("run-command", entry="smoke", parameters=("mode=full",), **more)


def test_it_runs_once_and_is_done_when_the_program_ends_well(place: Place) -> None:
    run = walk(place)
    assert told(run.tick()) == "run smoke"
    assert place.programs.starts == 0
    run.tick()
    place.programs.runs[TOKEN] = CommandState(None, "one\ntwo\n")
    assert told(run.tick()) == "smoke runs: two"
    place.programs.end(TOKEN, 0)
    assert isinstance(run.tick(), Done)
    name, variables = place.programs.told[TOKEN]
    assert (name, place.programs.starts) == ("smoke", 1)
    assert variables["FLEETKEEPER_CLUSTER"] == "shop"
    assert (variables["FLEETKEEPER_MODE"], variables["FLEETKEEPER_TOKEN"]) == ("full", TOKEN)


def test_its_last_words_are_told_when_it_fails(place: Place) -> None:
    run = walk(place)
    run.ticks(2)
    place.programs.end(TOKEN, 3, "checking dns\n\x1b[31mno answer\x1b[0m\n")
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert failed.why == "smoke ended with exit code 3: checking dns | \\x1b[31mno answer\\x1b[0m"
    run.retry()
    assert isinstance(run.look(), Act)
    run.ticks(2)
    assert list(place.programs.runs) == [TOKEN, SECOND]


def test_a_crash_after_its_start_finds_it_running(place: Place) -> None:
    run = walk(place)
    run.forgets = True
    run.ticks(2)
    assert isinstance(run.tick(), Wait)
    place.programs.end(TOKEN, 0)
    assert isinstance(run.tick(), Done)
    assert place.programs.starts == 1


@pytest.mark.parametrize("repeatable", [False, True], ids=["asks a person", "runs again where the playbook says so"])
def test_a_crash_that_hides_whether_it_was_begun(place: Place, repeatable: bool) -> None:
    run = walk(place, repeatable=repeatable)
    run.forgets = True
    run.ticks(2)
    del place.programs.runs[TOKEN]  # on the machine that died
    verdict = run.tick()
    assert isinstance(verdict, Act if repeatable else Unknown)
    assert place.programs.starts == (2 if repeatable else 1)


def test_another_replica_waits_for_the_one_that_began_it(place: Place) -> None:
    run = walk(place, undo="clean")
    run.ticks(2)
    here = place.programs.runs
    place.programs.home, place.programs.runs = "beta", {}
    waits = run.tick()
    assert isinstance(waits, Wait)
    assert "begun by alpha" in waits.why
    assert isinstance(run.undo(), Wait)
    assert place.programs.starts == 1
    place.later(hours=25)
    assert isinstance(run.undo(), Residue)

    place.programs.home, place.programs.runs = "alpha", here
    place.programs.end(TOKEN, 0)
    assert isinstance(run.tick(), Done)


@pytest.mark.parametrize("lost", [True, False], ids=["its watcher died", "what it left was removed"])
@pytest.mark.parametrize("repeatable", [False, True], ids=["asks a person", "fails where it may be repeated"])
def test_an_end_that_nobody_saw(place: Place, lost: bool, repeatable: bool) -> None:
    run = walk(place, repeatable=repeatable)
    run.ticks(2)
    if lost:
        place.programs.runs[TOKEN] = CommandState(None, "", lost=True)
    else:
        del place.programs.runs[TOKEN]
    verdict = run.tick()
    assert isinstance(verdict, Failed if repeatable else Unknown)
    assert "nobody saw how it ended" in told(verdict)
    assert place.programs.starts == 1


def test_an_abort_stops_it_and_runs_its_undo_once(place: Place) -> None:
    run = walk(place, undo="clean")
    run.ticks(2)
    assert told(run.undo()) == "smoke is being stopped"
    assert place.programs.stopped == [TOKEN]
    assert told(run.undo()) == "clean runs"
    assert told(run.undo()) == "clean runs"
    name, variables = place.programs.told[UNDO]
    assert (name, variables["FLEETKEEPER_UNDOES"], variables["FLEETKEEPER_MODE"]) == ("clean", TOKEN, "full")
    place.programs.end(UNDO, 0)
    assert isinstance(run.undo(), Undone)
    assert place.programs.starts == 2


def test_an_undo_that_fails_leaves_a_residue(place: Place) -> None:
    run = walk(place, undo="clean")
    run.ticks(2)
    place.programs.end(TOKEN, 0)
    run.undo()
    place.programs.end(UNDO, 1, "locked")
    left = run.undo()
    assert isinstance(left, Residue)
    assert "exit code 1: locked" in left.what


def test_without_an_undo_something_is_left_and_before_it_began_nothing(place: Place) -> None:
    run = walk(place)
    assert isinstance(run.undo(), Undone)
    run.ticks(2)
    place.programs.end(TOKEN, 0)
    assert isinstance(run.undo(), Residue)


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({}, "entry", "is missing", id="no entry"),
        pytest.param({"command": "rm -rf /"}, "command", "unknown parameter", id="a command"),
        pytest.param({"entry": "a", "parameters": ("token=x",)}, "parameters", "by fleetkeeper itself", id="our names"),
        pytest.param({"entry": "a", "parameters": ("a-b=x",)}, "parameters", "environment variable", id="odd names"),
        pytest.param({"entry": "a", "parameters": "a=b"}, "parameters", "must be a list", id="a text for a list"),
        pytest.param({"entry": "a", "repeatable": "yes"}, "repeatable", "true or false", id="a text for a flag"),
    ],
)
def test_it_refuses(params: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("run-command", **params)
    assert says in refused.value.wrong[name]
