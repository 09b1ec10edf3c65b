"""The metric gate opens when every series holds, now and for as long as asked; what is unknown never opens it."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from fleetkeeper.core.playbook import Param
from fleetkeeper.core.verdict import Done, Verdict, Wait
from fleetkeeper.engine.world import Sample
from fleetkeeper.errors import ReadError, Unreachable
from tests.engine.gating import FakeMetrics, Gating

RATE: Mapping[str, Param] = {"source": "main", "query": "errors", "op": "<", "value": 0.05, "label": "the error rate"}
LASTING: Mapping[str, Param] = {**RATE, "for": "10m"}
HELD = "avg_over_time(((errors) < bool 0.05)[600s:15s])"
POINTS = "count_over_time((errors)[600s:15s])"
EU, US = {"region": "eu"}, {"region": "us"}


def verdict(answers: dict[str, Sequence[Sample] | ReadError], params: Mapping[str, Param] = RATE) -> Verdict:
    return Gating(metrics=FakeMetrics(answers)).verdict("metric", params)


def waits(why: str) -> Wait:
    return Wait(why, timedelta(seconds=30), "who answers for the error rate")


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param([Sample(0.01)], Done("the error rate is 0.01, < 0.05"), id="opens when it holds"),
        pytest.param(
            [Sample(0.01, EU), Sample(0.02, US)],
            Done("the error rate is 0.02 (region=us) and 1 more, < 0.05"),
            id="opens when every series holds, and tells the nearest to the limit",
        ),
        pytest.param(
            [Sample(0.01, EU), Sample(0.2, US)],
            waits("the error rate is 0.2 (region=us), not < 0.05"),
            id="waits while one series does not hold, and names it",
        ),
        pytest.param([Sample(0.05)], waits("the error rate is 0.05, not < 0.05"), id="waits at the limit itself"),
        pytest.param([Sample(math.inf)], waits("the error rate is inf, not < 0.05"), id="waits at infinity"),
        pytest.param(
            [],
            waits("the error rate: main has no value of it, so nobody knows whether it holds"),
            id="waits for an empty answer",
        ),
        pytest.param(
            [Sample(math.nan)],
            waits("the error rate is no number (NaN: nothing was measured), so it is unknown"),
            id="waits for no number",
        ),
    ],
)
def test_the_metric_gate(samples: Sequence[Sample], expected: Verdict) -> None:
    assert verdict({"errors": samples}) == expected


@pytest.mark.parametrize(
    ("op", "value", "holds"),
    [
        *(("<", 1.0, False), ("<", 1.1, True), ("<=", 1.0, True), ("<=", 0.9, False)),
        *((">", 1.0, False), (">", 0.9, True), (">=", 1.0, True), (">=", 1.1, False)),
        *(("==", 1.0, True), ("==", 1.1, False)),
    ],
)
def test_the_value_one_is_compared(op: str, value: float, holds: bool) -> None:
    found = verdict({"errors": [Sample(1.0)]}, {**RATE, "op": op, "value": value})
    assert isinstance(found, Done if holds else Wait)


@pytest.mark.parametrize(
    ("share", "points", "expected"),
    [
        pytest.param(1.0, 40, Done("the error rate is 0.01, < 0.05 for 10m"), id="opens when it held all the time"),
        pytest.param(
            0.975,
            40,
            waits("the error rate is not < 0.05 for 10m yet: it held 97% of the last 10m"),
            id="waits when it did not hold at one of forty looks",
        ),
        pytest.param(
            1.0,
            20,
            waits("the error rate was not measured during all of the last 10m"),
            id="waits when half of the time has no samples",
        ),
    ],
)
def test_a_metric_must_hold_for_long_enough(share: float, points: float, expected: Verdict) -> None:
    answers: dict[str, Sequence[Sample] | ReadError] = {
        "errors": [Sample(0.01)],
        HELD: [Sample(share)],
        POINTS: [Sample(points)],
    }
    assert verdict(answers, LASTING) == expected


def test_a_series_that_is_new_was_not_measured_all_the_time() -> None:
    answers: dict[str, Sequence[Sample] | ReadError] = {
        "errors": [Sample(0.01, EU), Sample(0.01, US)],
        HELD: [Sample(1, EU), Sample(1, US)],
        POINTS: [Sample(40, EU), Sample(3, US)],
    }
    assert verdict(answers, LASTING) == waits("the error rate was not measured during all of the last 10m")


def test_a_server_that_does_not_answer_is_no_verdict_but_a_read_that_failed() -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        verdict({"errors": Unreachable("main: Connection refused")})
