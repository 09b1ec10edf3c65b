"""The kinds of gates: all are found, and their parameters are read strictly, every mistake at once."""

from collections.abc import Mapping

import pytest

from fleetkeeper.core.playbook import Param
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.errors import ParamError
from tests.engine.gating import gate

SOUND: Mapping[str, Mapping[str, Param]] = {
    "approval": {},
    "change": {"entry": "open", "ask": "ask", "close": "close"},
    "change-close": {"close": "close"},
    "incident": {"source": "main"},
    "metric": {"source": "main", "query": "up", "op": "==", "value": 1},
    "readiness": {},
    "soak": {"for": "1h"},
}


def test_every_kind_is_found_by_being_there() -> None:
    assert list(all_gates()) == sorted(SOUND)
    assert not set(all_gates()) & set(all_steps())


@pytest.mark.parametrize("kind", SOUND)
def test_a_gate_refuses_a_parameter_that_it_does_not_know(kind: str) -> None:
    with pytest.raises(ParamError) as raised:
        gate(kind, {**SOUND[kind], "colour": "red"})
    assert list(raised.value.wrong) == ["colour"]
    assert raised.value.wrong["colour"].startswith("unknown parameter (")


@pytest.mark.parametrize(
    ("kind", "params", "wrong"),
    [
        pytest.param("soak", {}, {"for": "is missing"}, id="a soak without its length"),
        pytest.param(
            "soak",
            {"for": "1h", "more_pods": "many"},
            {"more_pods": "'many' is neither a count such as 5 nor a percentage such as 20%"},
            id="a soak with an amount that is none",
        ),
        pytest.param(
            "soak",
            {"for": "1h", "query": "up"},
            {"source": "is missing", "op": "is missing", "value": "is missing"},
            id="a soak with half a metric",
        ),
        pytest.param(
            "metric",
            {"source": "main", "query": "", "op": "under", "value": "1"},
            {
                "query": "must not be empty",
                "op": "must be one of <, <=, >, >=, ==",
                "value": "must be a number, not '1'",
            },
            id="a metric with three mistakes",
        ),
        pytest.param(
            "incident",
            {},
            {
                "": "needs entry (an endpoint of engine.hooks), source (one of engine.prometheus), aws_health = true"
                " or zonal_shift = true"
            },
            id="an incident that is asked of nobody",
        ),
        pytest.param(
            "incident",
            {"entry": "pager"},
            {"clear": "is missing: which field=value of the answer says that no incident is open?"},
            id="an incident without the word for none",
        ),
        pytest.param(
            "incident",
            {"entry": "pager", "clear": "open=false", "alerts": "ALERTS"},
            {"alerts": "belongs to source, a Prometheus server"},
            id="an incident of an endpoint with alerts",
        ),
        pytest.param(
            "change",
            {**SOUND["change"], "rejected": "approved"},
            {"rejected": "must be another state than approved"},
            id="a change that is approved and rejected by one word",
        ),
    ],
)
def test_a_gate_refuses(kind: str, params: Mapping[str, Param], wrong: Mapping[str, str]) -> None:
    with pytest.raises(ParamError) as raised:
        gate(kind, params)
    assert raised.value.wrong == wrong
