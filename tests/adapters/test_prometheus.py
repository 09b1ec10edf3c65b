"""Metrics of a real Prometheus: what it answers, what it has nothing of, what it refuses, and when it is down."""

import math
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from fleetkeeper.adapters.prometheus import PrometheusSources
from fleetkeeper.config import PrometheusSettings, Secret
from fleetkeeper.core.playbook import Param
from fleetkeeper.core.verdict import Done, Wait
from fleetkeeper.engine.world import Sample
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.programs.prometheus import Prometheus
from tests.endpoint import Answer, Request, endpoint
from tests.engine.gating import Gating

_STEP = 15
_TARGET = b"""# TYPE queue_length gauge
queue_length{queue="mail"} 7
queue_length{queue="paper"} 2
"""


def history() -> Iterator[str]:
    """Twenty minutes until now: steady, one that was bad ten minutes ago, one that came four minutes ago."""
    now = int(time.time())
    yield "# TYPE errors gauge"
    for name, bad in (("steady", range(0)), ("shaken", range(591, 620))):
        for ago in range(1200, -1, -_STEP):
            yield f'errors{{service="{name}"}} {0.5 if ago in bad else 0.01} {now - ago}'
    for ago in range(240, -1, -_STEP):
        yield f'errors{{service="young"}} 0.01 {now - ago}'


@pytest.fixture(scope="module")
def server() -> Iterator[Prometheus]:
    try:
        with (
            endpoint(lambda _: (200, _TARGET)) as target,
            Prometheus(history(), [target.url.removeprefix("http://")]) as running,
        ):
            running.wait_for("queue_length")
            yield running
    except ControlPlaneError as error:
        pytest.fail(str(error), pytrace=False)


def settings(url: str, **other: object) -> PrometheusSettings:
    return PrometheusSettings("main", url, **other)  # type: ignore[arg-type]


@pytest.fixture
def sources(server: Prometheus) -> Iterator[PrometheusSources]:
    made = PrometheusSources([settings(server.url)])
    yield made
    made.close()


def without_origin(samples: tuple[Sample, ...]) -> list[tuple[float, str]]:
    return sorted((each.value, each.labels["queue"]) for each in samples)


# ---- the real one


def test_the_series_of_a_vector_come_with_their_labels(sources: PrometheusSources) -> None:
    assert without_origin(sources.query("main", "queue_length")) == [(2.0, "paper"), (7.0, "mail")]


def test_a_scalar_has_no_labels(sources: PrometheusSources) -> None:
    assert sources.query("main", "scalar(sum(queue_length))") == (Sample(9.0),)


def test_a_metric_that_is_not_there_is_empty(sources: PrometheusSources) -> None:
    assert sources.query("main", "no_such_metric") == ()


def test_what_is_no_number_comes_as_it_is(sources: PrometheusSources) -> None:
    (found,) = sources.query("main", "sum(queue_length) * 0 / 0")
    assert math.isnan(found.value)
    assert sources.query("main", "vector(1) / 0") == (Sample(math.inf),)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        pytest.param("sum(", "main refused the query (bad_data): ", id="one that does not parse"),
        pytest.param(
            "queue_length[5m]", "main: the query gives a matrix, it must give a vector or a scalar", id="one of a range"
        ),
        pytest.param('"text"', "main: the query gives a string, it must give a vector or a scalar", id="one of a text"),
        pytest.param(
            "queue_length * on() queue_length", "main refused the query (execution): ", id="one that cannot be computed"
        ),
    ],
)
def test_a_query_is_refused(sources: PrometheusSources, expression: str, says: str) -> None:
    with pytest.raises(ReadError) as raised:
        sources.query("main", expression)
    assert raised.value.reason is GapReason.REJECTED
    assert raised.value.detail.startswith(says)


def test_a_server_that_is_down_is_unreachable() -> None:
    with Prometheus() as running:
        made = PrometheusSources([settings(running.url)])
        running.stop()
        with pytest.raises(ReadError) as raised:
            made.query("main", "up")
        made.close()
    assert str(raised.value) == "unreachable: main: Connection refused"


# ---- the gate over it

RULE: Mapping[str, Param] = {"source": "main", "op": "<", "value": 0.05, "label": "the error rate"}


@pytest.mark.parametrize(
    ("query", "lasting", "kind", "says"),
    [
        pytest.param('errors{service="steady"}', "15m", Done, "0.01 (service=steady), < 0.05 for 15m", id="it held"),
        pytest.param(
            'errors{service="shaken"}', "5m", Done, "< 0.05 for 5m", id="it held since, and was bad before that"
        ),
        pytest.param(
            'errors{service="shaken"}', "15m", Wait, "is not < 0.05 for 15m yet: it held 9", id="it was bad in between"
        ),
        pytest.param(
            'errors{service="young"}',
            "15m",
            Wait,
            "was not measured during all of the last 15m",
            id="it was not measured all the time",
        ),
        pytest.param("queue_length", "1m", Wait, "is 7 (instance=", id="it does not hold now"),
        pytest.param("no_such_metric", "15m", Wait, "main has no value of it", id="there is nothing of it"),
    ],
)
def test_a_metric_that_must_hold_for_a_while(
    sources: PrometheusSources, query: str, lasting: str, kind: type, says: str
) -> None:
    found = Gating(metrics=sources).verdict("metric", {**RULE, "query": query, "for": lasting})
    assert isinstance(found, kind), found
    assert says in str(found)


# ---- what else speaks its API


def asked(answer: Callable[[Request], Answer], **other: object) -> tuple[Sample, ...]:
    with endpoint(answer) as server:
        made = PrometheusSources([settings(f"{server.url}/tenant/", **other)])
        try:
            return made.query("main", "up")
        finally:
            made.close()


ONE = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1, "2"]}]}}


@pytest.mark.parametrize(
    ("other", "header"),
    [
        pytest.param({"token": Secret("t0ken")}, "Bearer t0ken", id="a token"),
        pytest.param({"username": "ann", "password": Secret("pass")}, "Basic YW5uOnBhc3M=", id="a password"),
    ],
)
def test_it_is_asked_with(other: Mapping[str, object], header: str) -> None:
    def answer(request: Request) -> Answer:
        assert (request.method, request.path) == ("POST", "/tenant/api/v1/query")
        assert request.query == {"query": "up", "timeout": "10s"}
        return (200, ONE) if request.headers["Authorization"] == header else (401, {})

    assert asked(answer, **other) == (Sample(2.0, {"a": "b"}),)


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        pytest.param((401, {}), GapReason.UNAUTHENTICATED, "main answered 401", id="not let in"),
        pytest.param((403, {}), GapReason.FORBIDDEN, "main answered 403", id="without the right"),
        pytest.param((429, {}), GapReason.THROTTLED, "main answered 429", id="asked to slow down"),
        pytest.param((503, {}), GapReason.SERVER_ERROR, "main answered 503", id="out of order"),
        pytest.param((302, {}), GapReason.REJECTED, "main answered 302: it redirects", id="sent elsewhere"),
        pytest.param((400, b"<html>"), GapReason.REJECTED, "main answered 400", id="refused by what stands before it"),
        pytest.param(
            (200, b"<html>log in</html>"),
            GapReason.INVALID_ANSWER,
            "main did not answer as Prometheus",
            id="another site",
        ),
        pytest.param(
            (200, {**ONE, "warnings": ["store 10.0.0.1 is down"]}),
            GapReason.SERVER_ERROR,
            "main answered in part only: store 10.0.0.1 is down",
            id="told a part only",
        ),
        pytest.param(
            (422, {"status": "error", "errorType": "execution", "error": "t0ken is no metric"}),
            GapReason.REJECTED,
            "main refused the query (execution): *** is no metric",
            id="refused in words that hold our secret",
        ),
    ],
)
def test_it_is(answer: Answer, reason: GapReason, says: str) -> None:
    with pytest.raises(ReadError) as raised:
        asked(lambda _: answer, token=Secret("t0ken"))
    assert raised.value.reason is reason
    assert raised.value.detail.startswith(says)


def test_a_server_that_the_settings_do_not_have_is_named_with_those_that_they_have() -> None:
    with pytest.raises(ReadError, match=r"no \[\[engine.prometheus\]\] of the name other; they have main"):
        PrometheusSources([settings("http://127.0.0.1:1")]).query("other", "up")
