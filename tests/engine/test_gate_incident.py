"""The hold of an incident: only an answer that says that nothing is open lets work begin."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from fleetkeeper.adapters.hooks import HttpHooks
from fleetkeeper.config import HookSettings
from fleetkeeper.core.playbook import Param
from fleetkeeper.core.verdict import Done, Verdict, Wait
from fleetkeeper.engine.world import Sample
from fleetkeeper.errors import ReadError
from tests.endpoint import Answer, endpoint
from tests.engine.gating import FakeMetrics, Gating

STATUS: Mapping[str, Param] = {"entry": "pager", "clear": "open=false"}
PAGER: Mapping[str, Param] = {
    "entry": "pager",
    "clear": "incidents.length=0",
    "id": "incidents.0.id",
    "title": "incidents.0.title",
}
"""As PagerDuty's GET /incidents?statuses[]=triggered answers."""


def asked(answer: Answer, params: Mapping[str, Param]) -> Verdict:
    with endpoint(lambda _: answer) as server:
        hooks = HttpHooks([HookSettings("pager", server.url)])
        try:
            return Gating(hooks=hooks).verdict("incident", params)
        finally:
            hooks.close()


def waits(why: str, owner: str = "who leads the incident") -> Wait:
    return Wait(why, timedelta(seconds=30), owner)


NOBODY_KNOWS = "so nobody knows whether an incident is open"


@pytest.mark.parametrize(
    ("params", "answer", "expected"),
    [
        pytest.param(
            STATUS,
            (200, {"open": False}),
            Done("no incident is open, pager answered open=false"),
            id="passes when none is",
        ),
        pytest.param(
            STATUS,
            (200, {"open": True, "id": "INC-42", "title": "checkout is slow"}),
            waits("incident INC-42 is open: checkout is slow"),
            id="holds while one is open, and names it",
        ),
        pytest.param(
            STATUS,
            (200, {"open": True}),
            waits("an incident is open: pager answered open=true"),
            id="holds while one is open that has no name",
        ),
        pytest.param(
            STATUS,
            (200, {"state": "fine"}),
            waits(f"pager answered without open, {NOBODY_KNOWS}", "who runs pager"),
            id="holds when the answer is of another shape",
        ),
        pytest.param(
            STATUS,
            (200, b"<html>please log in</html>"),
            waits(f"pager answered without open, {NOBODY_KNOWS}", "who runs pager"),
            id="holds when the answer is no JSON",
        ),
        pytest.param(
            STATUS,
            (401, {"error": "token"}),
            waits(f'pager answered 401 ({{"error": "token"}}), {NOBODY_KNOWS}', "who runs pager"),
            id="holds when it is not let in",
        ),
        pytest.param(
            PAGER,
            (200, {"incidents": [], "more": False}),
            Done("no incident is open, pager answered incidents.length=0"),
            id="passes for an empty list",
        ),
        pytest.param(
            PAGER,
            (200, {"incidents": [{"id": "Q1", "title": "db is down"}, {"id": "Q2", "title": "x"}], "more": False}),
            waits("incident Q1 is open: db is down"),
            id="holds for a list, and names the first",
        ),
    ],
)
def test_the_incident_hold(params: Mapping[str, Param], answer: Answer, expected: Verdict) -> None:
    assert asked(answer, params) == expected


def test_a_pager_that_is_down_is_a_read_that_failed() -> None:
    with endpoint(lambda _: (503, {})) as server:
        hooks = HttpHooks([HookSettings("pager", server.url)])
    # Its port refuses from here on.
    with pytest.raises(ReadError) as raised:
        Gating(hooks=hooks).verdict("incident", STATUS)
    hooks.close()
    assert str(raised.value) == "unreachable: pager: Connection refused"


ALERTS = 'ALERTS{alertstate="firing",severity="critical"}'
WATCHED: Mapping[str, Param] = {"source": "main", "alive": "ALERTS{alertname='Watchdog'}"}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param(
            {WATCHED["alive"]: [Sample(1)]},
            Done("no incident is open, main has no firing alerts"),
            id="passes when nothing fires and the watchdog does",
        ),
        pytest.param(
            {
                WATCHED["alive"]: [Sample(1)],
                ALERTS: [
                    Sample(1, {"alertname": "ErrorBudgetBurn", "cluster": "shop-eu-1"}),
                    Sample(1, {"alertname": "ErrorBudgetBurn", "cluster": "shop-eu-1", "severity": "critical"}),
                    Sample(1, {"alertname": "TargetDown"}),
                ],
            },
            waits("an incident is open, main has firing alerts: ErrorBudgetBurn (shop-eu-1), TargetDown"),
            id="holds while alerts fire, and names each once",
        ),
        pytest.param(
            {},
            waits(
                "main has no value of ALERTS{alertname='Watchdog'}: its alerting may not be alive, " + NOBODY_KNOWS,
                "who runs main",
            ),
            id="holds when the watchdog is silent",
        ),
    ],
)
def test_the_incident_hold_by_alerts(answers: dict[Param, list[Sample]], expected: Verdict) -> None:
    made = Gating(metrics=FakeMetrics({str(query): samples for query, samples in answers.items()}))
    assert made.verdict("incident", WATCHED) == expected
