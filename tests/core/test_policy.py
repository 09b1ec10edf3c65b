"""The minor that a cluster should be on."""

from datetime import UTC, date, datetime, timedelta

import pytest

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.model import SupportedVersion
from fleetkeeper.core.policy import TargetRule, policy_for
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from tests.core.checks.snapshots import NOW

CLOUD = tuple(
    SupportedVersion(Minor(1, minor), NOW + timedelta(days=days), NOW + timedelta(days=days + 365))
    for minor, days in ((36, 400), (35, 200), (34, 20), (33, -50))
)
SOON = date(2026, 12, 1)
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "target"),
    [
        pytest.param(None, "1.35", id="no rule"),
        pytest.param(TargetRule(behind=0), "1.36", id="the newest"),
        pytest.param(TargetRule(behind=9), "1.34", id="never out of standard support"),
        pytest.param(TargetRule(minor=Minor(1, 37)), "1.37", id="a fixed one"),
        pytest.param(TargetRule(Selector.parse("ring=late"), behind=0), "1.35", id="a rule for others"),
    ],
)
def test_the_target(rule: TargetRule | None, target: str) -> None:
    found = policy_for({"ring": "canary"}, Minor(1, 34), (rule,) if rule else (), CLOUD, Compat(), NOW)
    assert str(found.target) == target


@pytest.mark.parametrize(
    ("at", "before", "expected"),
    [
        pytest.param("1.34", None, NOW + timedelta(days=20), id="the end of standard support"),
        pytest.param("1.34", SOON, MIDNIGHT, id="an earlier day of the rule"),
        pytest.param("1.33", None, None, id="extended support is no deadline"),
        pytest.param("1.33", SOON, MIDNIGHT, id="but the rule's day is"),
    ],
)
def test_the_deadline(at: str, before: date | None, expected: datetime | None) -> None:
    found = policy_for({}, Minor.parse(at), (TargetRule(before=before),), CLOUD, Compat(), NOW)
    assert found.deadline == expected


def test_without_any_known_minor_there_is_no_target() -> None:
    assert policy_for({}, Minor(1, 34), (), (), Compat(), NOW).target is None
