"""The demo's wave: its playbooks, what of a log it prints, and that --check misses nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from fleetkeeper import wiring
from fleetkeeper.cli.demo_check import CAMPAIGN, POINTS, campaign_failures, drain_failures, wave_failures
from fleetkeeper.cli.demo_notices import Campaign
from fleetkeeper.cli.demo_run import Told, is_told
from fleetkeeper.cli.demo_wave import write_playbooks
from fleetkeeper.core.run import Event, RunState
from fleetkeeper.engine.run_ports import StoredRun
from tests.core.test_run_page import NOW, seen


def test_the_playbooks_are_the_shipped_ones_with_shorter_times(tmp_path: Path) -> None:
    write_playbooks(tmp_path / "playbooks")
    shipped, own = wiring.playbooks(()), wiring.playbooks((tmp_path / "playbooks",))
    for name in ("minor-upgrade", "rollback"):
        assert [each.name for each in own[name].steps] == [each.name for each in shipped[name].steps]
        assert [each.name for each in own[name].stages] == [each.name for each in shipped[name].stages]
        assert own[name].digest != shipped[name].digest


STEPS = {(0, 0): "preflight", (0, 1): "update-addon"}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        pytest.param(Event(NOW, "r", "run.started", "it started"), True, id="what becomes of the run"),
        pytest.param(Event(NOW, "r", "pause", "pause", "ann"), False, id="a command, which is printed with its answer"),
        pytest.param(Event(NOW, "r", "gate.began", "looked at"), False, id="a gate that is looked at"),
        pytest.param(Event(NOW, "r", "done", "at v2", task=0, step=1), True, id="the end of a step"),
        pytest.param(Event(NOW, "r", "failed", "conflict", task=0, step=1), True, id="the failure of a step"),
        pytest.param(Event(NOW, "r", "waits", "in progress", task=0, step=1), False, id="the course of a step"),
        pytest.param(Event(NOW, "r", "done", "sound", task=0, step=0), False, id="the end of a mere look"),
        pytest.param(Event(NOW, "r", "failed", "unsound", task=0, step=0), True, id="the failure of a mere look"),
    ],
)
def test_of_the_log_only_what_tells_something_is_printed(event: Event, told: bool) -> None:
    assert is_told(event, STEPS) is told


def told(state: RunState = RunState.SUCCEEDED, **more: object) -> Told:
    """What came of some run that is not the demo's."""
    page = seen()
    run = StoredRun(replace(page.run, state=state), page.plan, page.units, page.tasks, page.steps, page.approvals, ())
    return replace(Told(run, (("approve ann", False),), frozenset(POINTS)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("up", "missed"),
    [
        pytest.param(told(reached=frozenset()), "the wave was not held by a gate, paused", id="points not reached"),
        pytest.param(told(missed="not within 60 s: the soak ends"), "not within 60 s: the soak ends", id="stuck"),
        pytest.param(told(answers=()), "refused was [] instead of", id="nobody was refused"),
        pytest.param(told(RunState.FAILED), "failed instead of succeeded", id="the run failed"),
        pytest.param(told(), "the members of the wave ended as", id="other members"),
        pytest.param(told(), "data for its insight", id="nobody is left out for an insight"),
        pytest.param(told(), "takes two hops", id="no member takes two hops"),
        pytest.param(told(), "no control plane was taken back", id="nothing was taken back"),
        pytest.param(told(), "has its way back", id="no countdown"),
    ],
)
def test_what_the_wave_does_not_show_is_a_failure_of_its_check(up: Told, missed: str) -> None:
    back = told(answers=(("approve bob", True),))
    assert any(missed in each for each in wave_failures((up, back)))


@pytest.mark.parametrize(
    ("drain", "missed"),
    [
        pytest.param(told(missed="not within 60 s: the run is over"), "not within 60 s", id="stuck"),
        pytest.param(told(), "was not named", id="nobody was named"),
        pytest.param(told(RunState.FAILED), "failed instead of succeeded", id="the run failed"),
    ],
)
def test_what_the_drain_does_not_show_is_a_failure_of_its_check(drain: Told, missed: str) -> None:
    assert any(missed in each for each in drain_failures(drain))


@pytest.mark.parametrize(
    ("told", "missed"),
    [
        pytest.param(Campaign(list(CAMPAIGN), missed="nobody listens"), "nobody listens", id="stuck"),
        pytest.param(Campaign(list(CAMPAIGN[1:])), "the campaign went reminded, quiet", id="another course"),
        pytest.param(Campaign(list(CAMPAIGN), 1), "1 messages of the campaign were posted twice", id="a duplicate"),
    ],
)
def test_a_campaign_that_went_otherwise_is_told(told: Campaign, missed: str) -> None:
    (found,) = campaign_failures(told)
    assert found.startswith(missed)


def test_a_campaign_that_went_well_is_not() -> None:
    assert list(campaign_failures(Campaign(list(CAMPAIGN)))) == []
