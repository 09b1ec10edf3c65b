"""silence-alerts and end-silences: one silence whatever happens, found by its token, and never of what gates read."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core.playbook import GateSpec, StepSpec, When
from fleetkeeper.core.run import StepState
from fleetkeeper.core.verdict import Act, Done, Failed, Skip, Undone
from fleetkeeper.errors import ParamError
from tests.engine.steps.walking import RUN, TOKEN, Place, Walk

SPECS = (StepSpec("quiet", "silence-alerts", {"source": "am", "for": "2h"}), StepSpec("loud", "end-silences"))


@pytest.fixture
def place() -> Place:
    return Place()


def silence(place: Place, **other: str) -> Walk:
    run = place.walk("silence-alerts", **{"source": "am", **other})
    run.subject = place.subject(RUN, steps=SPECS)
    return run


def ending(place: Place, begun: bool = True) -> Walk:
    """end-silences behind a silence that holds, unless none was begun."""
    if begun:
        silence(place).ticks(2)
        place.runs.add("silence-alerts", token=TOKEN)
    run = place.walk("end-silences", source="am")
    run.subject = place.subject(RUN, steps=SPECS)
    return run


def test_it_silences_for_its_time_and_says_what(place: Place) -> None:
    run = silence(place, **{"for": "2h"})
    act = run.tick()
    assert act == Act("silence at am for 2h, renewed while the member is at work: alerts of shop")
    run.tick()
    done = run.tick()
    assert isinstance(done, Done)
    assert done.note == "silenced at am until 11:00 UTC, renewed while the member is at work: alerts of shop"
    assert place.silences.until == {TOKEN: place.now + timedelta(hours=2)}


@pytest.mark.parametrize("forgets", [False, True], ids=["stored", "killed before the act was stored"])
def test_a_crash_leaves_one_silence(place: Place, forgets: bool) -> None:
    run = silence(place)
    run.forgets = forgets
    run.ticks(2)
    assert isinstance(run.tick(), Done)
    assert list(place.silences.until) == [TOKEN]


def test_a_lost_answer_is_found_again_by_the_token(place: Place) -> None:
    place.silences.deaf = 1
    run = silence(place)
    run.ticks(2)
    assert isinstance(run.tick(), Done)
    assert place.silences.made("hold") == 1


def test_a_silencer_that_is_down_is_waited_for(place: Place) -> None:
    place.silences.down = 3
    run = silence(place)
    assert isinstance(run.ticks(8), Done)


def test_a_cluster_that_the_silencer_knows_nothing_of_is_skipped(place: Place) -> None:
    place.silences.knows = False
    assert isinstance(silence(place).look(), Skip)
    assert place.silences.calls == []


def test_one_that_somebody_ended_at_once_fails(place: Place) -> None:
    run = silence(place)
    run.ticks(2)
    place.silences.until.clear()
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "ended by somebody else" in failed.why


def test_what_gates_holds_and_bakes_of_the_plan_read_stays_heard(place: Place) -> None:
    run = silence(place)
    hold = GateSpec("calm", "incident", When.BEFORE, {"source": "main", "alerts": 'ALERTS{alertname="NodeDown"}'})
    bake = StepSpec("bake", "bake", {"query": 'ALERTS{alertname=~"Api.*"}'})
    header = replace(run.subject.header, holds=(hold,))
    run.subject = replace(place.subject(RUN, steps=(*SPECS, bake)), header=header)
    run.ticks(2)
    quiet = place.silences.quiets[TOKEN]
    assert quiet.heard == ("NodeDown", "Api.*")
    assert (quiet.values["cluster"], quiet.values["account"]) == ("shop", "222222222222")
    assert quiet.why == "Addons of shop, run run-1"


def test_an_abort_ends_it(place: Place) -> None:
    run = silence(place)
    run.ticks(2)
    assert run.undo() == Undone("nothing is silenced at am any more")
    assert place.silences.until == {}


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({}, "source", "is missing", id="no source"),
        pytest.param({"source": "am", "for": "1m"}, "for", "must be at least 5m", id="one that would end at once"),
        pytest.param({"source": "am", "matchers": ("x",)}, "matchers", "is no matcher", id="no matcher"),
    ],
)
def test_it_refuses_parameters(params: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("silence-alerts", **params)
    assert says in refused.value.wrong[name]


# ---- its end


def test_the_end_ends_it_once(place: Place) -> None:
    run = ending(place)
    run.ticks(2)
    assert run.tick() == Done("nothing is silenced at am any more")
    assert (place.silences.until, place.silences.made("end")) == ({}, 1)


def test_what_ended_by_itself_is_fine(place: Place) -> None:
    run = ending(place)
    place.later(hours=3)
    assert run.look() == Done("nothing is silenced at am any more")


def test_where_nothing_was_silenced_there_is_nothing_to_end(place: Place) -> None:
    assert isinstance(ending(place, begun=False).look(), Skip)


def test_one_of_another_source_is_left_alone(place: Place) -> None:
    run = ending(place)
    run.step = run.step.of({"source": "pager"})
    assert isinstance(run.look(), Skip)
    assert list(place.silences.until) == [TOKEN]


def test_one_that_was_undone_already_is_not_asked_for(place: Place) -> None:
    run = ending(place)
    place.runs.rows[0] = replace(place.runs.rows[0], state=StepState.UNDONE)
    assert isinstance(run.look(), Skip)
