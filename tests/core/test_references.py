"""What playbooks name must be in the settings: told before a plan is made, not in mid-wave."""

import pytest

from fleetkeeper.core.playbook import Changes, GateSpec, Playbook, StageSpec, StepSpec, When
from fleetkeeper.core.references import Where, not_there

STEPS = {"webhook": {"entry": Where.HOOKS, "undo": Where.HOOKS}, "notify": {"channel": Where.CHANNELS}}
GATES = {"metric": {"source": Where.PROMETHEUS}}
ALLOWED = {
    Where.HOOKS: frozenset({"chat", "deploys"}),
    Where.CHANNELS: frozenset({"oncall"}),
    Where.PROMETHEUS: frozenset({"main"}),
    Where.CALENDARS: frozenset({"retail"}),
}


def playbook(
    step: StepSpec = StepSpec("tell", "notify", {"channel": "oncall"}),  # noqa: B008  # frozen
    gate: GateSpec = GateSpec("health", "metric", When.AFTER, {"source": "main"}),  # noqa: B008  # frozen
    hold: GateSpec = GateSpec("calm", "metric", When.BEFORE, {"source": "main"}),  # noqa: B008  # frozen
    freezes: tuple[str, ...] = ("retail",),
) -> Playbook:
    return Playbook("p", "P", "", Changes.ADDONS, (step,), (StageSpec("all", gates=(gate,)),), freezes, (hold,))


def test_a_playbook_that_names_what_is_there_is_good() -> None:
    assert not_there(playbook(), STEPS, GATES, ALLOWED) == ()


@pytest.mark.parametrize(
    ("made", "says"),
    [
        pytest.param(
            playbook(StepSpec("call", "webhook", {"entry": "deploy"})),
            "step call: entry: deploy is not in engine.hooks: did you mean deploys?",
            id="the entry of a step",
        ),
        pytest.param(
            playbook(StepSpec("call", "webhook", {"entry": "chat", "undo": "xyz"})),
            "step call: undo: xyz is not in engine.hooks: it has chat, deploys",
            id="what an abort would call",
        ),
        pytest.param(
            playbook(gate=GateSpec("health", "metric", When.AFTER, {"source": "eu"})),
            "gate health of all: source: eu is not in engine.prometheus: it has main",
            id="the server of a gate",
        ),
        pytest.param(
            playbook(hold=GateSpec("calm", "metric", When.BEFORE, {"source": "eu"})),
            "hold calm: source: eu is not in engine.prometheus: it has main",
            id="the server of a hold",
        ),
        pytest.param(
            playbook(freezes=("sales",)), "freezes: sales is not in engine.calendars: it has retail", id="a calendar"
        ),
    ],
)
def test_what_is_not_there_is_named_with_what_is(made: Playbook, says: str) -> None:
    assert not_there(made, STEPS, GATES, ALLOWED) == (says,)


def test_settings_that_have_nothing_say_so() -> None:
    found = not_there(playbook(), STEPS, GATES, {})
    assert found[0] == "step tell: channel: oncall is not in engine.channels: it has nothing"
    assert len(found) == 4
