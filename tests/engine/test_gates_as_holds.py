"""Metrics and incidents as holds of a run, and a soak from its first look to its end by the rules of the engine."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core.playbook import GateSpec, StepSpec, When
from fleetkeeper.core.run import Cause, Hold, Role, Task, TaskKey, TaskState
from fleetkeeper.core.stepping import Tick, Ticked, first_look
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.holding import Outside
from fleetkeeper.engine.step import moment_of
from fleetkeeper.engine.world import Sample
from fleetkeeper.errors import ReadError, Unreachable
from tests.contract.observed import NOON, later
from tests.engine.gating import HEADER, RUN, FakeMetrics, Gating, gate, row, subject

ALERTS = 'ALERTS{alertstate="firing",severity="critical"}'
METRIC = GateSpec(
    "budget",
    "metric",
    When.BEFORE,
    {"source": "main", "query": "budget", "op": ">", "value": 0.1, "label": "the budget"},
)
INCIDENT = GateSpec("no page", "incident", When.BEFORE, {"source": "main"})


class NoCalendars:
    def holds(self, now: object, names: object) -> tuple[Hold, ...]:
        return ()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param({"budget": [Sample(0.5)]}, [], id="nothing is wrong"),
        pytest.param(
            {"budget": [Sample(0.05)]},
            [(Cause.GATE, "budget: the budget is 0.05, not > 0.1")],
            id="the metric does not hold",
        ),
        pytest.param(
            {},
            [(Cause.GATE, "budget: the budget: main has no value of it, so nobody knows whether it holds")],
            id="the metric is unknown",
        ),
        pytest.param(
            {"budget": [Sample(0.5)], ALERTS: [Sample(1, {"alertname": "Burn"})]},
            [(Cause.INCIDENT, "no page: an incident is open, main has firing alerts: Burn")],
            id="an alert fires",
        ),
        pytest.param(
            {"budget": [Sample(0.5)], ALERTS: Unreachable("main: Connection refused")},
            [
                (
                    Cause.INCIDENT,
                    "no page cannot be looked at, so nothing begins: unreachable: main: Connection refused",
                )
            ],
            id="the alerts cannot be asked",
        ),
    ],
)
def test_what_holds_a_run_when(answers: dict[str, list[Sample] | ReadError], expected: list[tuple[Cause, str]]) -> None:
    world = replace(Gating(metrics=FakeMetrics({**answers})).world, calendars=NoCalendars())
    outside = Outside(world, all_gates(), timedelta(seconds=30), timedelta(minutes=2))
    outside.look(RUN, replace(HEADER, holds=(METRIC, INCIDENT)))
    assert [(each.cause, each.text) for each in outside.holds(RUN.id, NOON)] == expected


# ---- a soak, tick by tick

SOAK = StepSpec("look", "soak", {"for": "1h"}, timedelta(days=7))
TASK = Task(TaskKey(RUN.id, 2), Role.GATE, "look", 0, "", TaskState.RUNNING, NOON, 1)


def ticked(made: Gating, before: Ticked | None, minutes: float) -> Ticked:
    """One look at the gate, with the clusters as they are then."""
    made.store.at = later(minutes)
    task = before.task if before else TASK
    step = before.step if before and before.step else first_look(task, SOAK, later(minutes))
    tick = Tick(task, step, SOAK, later(minutes), timedelta(seconds=15))
    code = gate("soak", SOAK.params)
    moment = moment_of(tick, code)
    return tick.decided(code.decide(code.look(made.world, subject(), moment), moment))


def test_a_soak_begins_with_its_first_look_and_ends_after_its_time() -> None:
    made, last = Gating(), None
    for minutes in (5, 30, 64, 65):
        assert last is None or last.task.state is TaskState.RUNNING
        last = ticked(made, last, minutes)
    assert last is not None
    assert last.task.state is TaskState.SUCCEEDED


def test_a_soak_that_is_tried_again_soaks_in_full() -> None:
    made = Gating()
    first = ticked(made, None, 0)
    made.runs.rows = [row(0, "preflight", {"nodes": "9", "nodes_not_ready": "0"})]
    made.store.parts["shop-eu-1"]["nodes"] = ()
    failed = ticked(made, first, 50)
    assert failed.task.state is TaskState.FAILED
    assert failed.step is not None

    made.store.parts["shop-eu-1"]["nodes"] = made.store.parts["shop-us-1"]["nodes"]
    tick = Tick(failed.task, failed.step, SOAK, later(90), timedelta(seconds=15))
    again = Ticked(replace(TASK, since=later(90)), tick.next_attempt())
    waiting = ticked(made, again, 90)
    assert waiting.task.why is not None
    assert waiting.task.why.text.startswith("soaks until 20 Nov 14:30 UTC, 1h left at most")
