"""The readiness gate: what is new and stands in the way holds, by name; what was not judged lately is unknown."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from fleetkeeper.core.finding import Severity
from fleetkeeper.core.finding import Subject as About
from fleetkeeper.core.playbook import Param
from fleetkeeper.core.verdict import Blocked, Done, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Decisions, Waiver
from tests.contract.observed import NOON, later
from tests.engine.gating import EU, PLANNED, US, Gating, at, tracked

WEB = About("PodDisruptionBudget", "web", "shop")
OLD, NEW = PLANNED - timedelta(days=1), PLANNED + timedelta(hours=1)
Change = Callable[[Gating], None]


def found(first_seen: Any = NEW, **other: Any) -> Change:
    finding = tracked("FK401", WEB, first_seen, owner={"team": "shop-team"}, **other)
    return lambda made: made.store.findings.update({EU: [finding]})


def waived(made: Gating) -> None:
    found()(made)
    made.decisions = Decisions((Waiver("why", "ada", date(2027, 1, 1), code="FK401"),))


HELD = Blocked(
    "new since the plan: shop-eu-1: FK401 PodDisruptionBudget shop/web: it is broken", "shop-team", "mend it"
)
WELL = Done("nothing new stands in the way of 2 clusters")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda _: None, WELL, id="opens when nothing was found"),
        pytest.param(found(), HELD, id="holds a new blocker, with its owner and its fix"),
        pytest.param(found(minor=Minor(1, 35)), HELD, id="holds what breaks at the plan's own hop"),
        pytest.param(found(severity=Severity.UNKNOWN), HELD, id="holds what could not be judged and blocks"),
        pytest.param(found(minor=Minor(1, 36)), WELL, id="passes what breaks at a later minor"),
        pytest.param(found(OLD), WELL, id="passes what was there when the plan was made"),
        pytest.param(found(blocks=False), WELL, id="passes what does not block"),
        pytest.param(waived, WELL, id="passes what is waived"),
        pytest.param(
            lambda made: made.store.assessed.update({US: None}),
            Wait(
                "the readiness of shop-us-1 was not judged in the last 2h: it is unknown; "
                "`fleetkeeper assess -l name=shop-us-1` shows why",
                timedelta(minutes=1),
                "the observing daemon",
            ),
            id="waits for a cluster that was never judged",
        ),
        pytest.param(
            lambda made: made.store.assessed.update({EU: NOON - timedelta(hours=3)}),
            Wait(
                "the readiness of shop-eu-1 was not judged in the last 2h: it is unknown; "
                "`fleetkeeper assess -l name=shop-eu-1` shows why",
                timedelta(minutes=1),
                "the observing daemon",
            ),
            id="waits for a cluster whose judgement is old",
        ),
    ],
)
def test_the_readiness_gate(change: Change, expected: object) -> None:
    made = Gating()
    change(made)
    assert made.verdict("readiness", {}) == expected


def test_a_finding_that_came_back_after_the_plan_is_new() -> None:
    made = Gating()
    returned = tracked("FK401", WEB, OLD)
    made.store.findings[EU] = [type(returned)(returned.finding, returned.state, OLD, NOON, NEW, None, 2)]
    assert isinstance(made.verdict("readiness", {}), Blocked)


@pytest.mark.parametrize("params", [{"all": True}])
def test_it_may_hold_all_that_stands_in_the_way(params: Mapping[str, Param]) -> None:
    made = Gating()
    found(OLD)(made)
    verdict = made.verdict("readiness", params, at(1))
    assert isinstance(verdict, Blocked)
    assert verdict.why == "shop-eu-1: FK401 PodDisruptionBudget shop/web: it is broken"


def test_an_older_judgement_may_be_allowed() -> None:
    made = Gating()
    made.store.at = later(-180)
    assert made.verdict("readiness", {"max_age": "4h"}) == WELL
