"""FK105 by status, minor and the last call."""

from datetime import timedelta

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.insights import ClientStat, Deprecation, Insight, InsightStatus
from fleetkeeper.core.snapshot import Hop
from fleetkeeper.core.versions import Minor
from tests.core.checks.snapshots import HOP, NOW, found, snapshot

PSP = "/apis/policy/v1beta1/podsecuritypolicies"


def insight(
    status: InsightStatus = InsightStatus.ERROR,
    *,
    minor: Minor | None = HOP.target,
    category: str = "UPGRADE_READINESS",
    refreshed: int = 1,
    deprecations: tuple[Deprecation, ...] = (),
) -> Insight:
    at = NOW - timedelta(hours=refreshed)
    return Insight("id-1", "Deprecated APIs removed", category, status, minor, "it is used", at, deprecations)


def called(days: int | None) -> tuple[Deprecation, ...]:
    last = None if days is None else NOW - timedelta(days=days)
    return (Deprecation(PSP, "Pod Security Admission", "1.35", (ClientStat("argocd/v2", 12, last),)),)


def judged(seen: Insight, hop: Hop = HOP) -> tuple[Finding, ...]:
    return found("FK105", snapshot({parts.INSIGHTS: (seen,)}), hop)


@pytest.mark.parametrize(
    ("status", "severity", "blocks"),
    [
        pytest.param(InsightStatus.ERROR, Severity.BLOCKER, True, id="an error blocks"),
        pytest.param(InsightStatus.WARNING, Severity.WARNING, False, id="a warning warns"),
        pytest.param(InsightStatus.UNKNOWN, Severity.UNKNOWN, True, id="an unknown blocks as unknown"),
    ],
)
def test_an_insight_that_does_not_pass_is_told(status: InsightStatus, severity: Severity, blocks: bool) -> None:
    (finding,) = judged(insight(status))
    assert (finding.severity, finding.blocks, finding.minor) == (severity, blocks, HOP.target)
    assert finding.message == f"EKS says {status.value} for 1.35: it is used"
    assert "aws eks describe-insight --cluster-name shop --id id-1" in finding.fix


def test_a_passing_insight_is_not_told() -> None:
    assert judged(insight(InsightStatus.PASSING)) == ()


def test_a_misconfiguration_only_warns() -> None:
    (finding,) = judged(insight(category="MISCONFIGURATION"))
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)


def test_an_insight_about_the_way_back_is_left_to_its_own_check() -> None:
    assert judged(insight(category="ROLLBACK_READINESS")) == ()


@pytest.mark.parametrize(
    ("minor", "first", "told"),
    [
        pytest.param(Minor(1, 35), True, 1, id="of the target"),
        pytest.param(Minor(1, 36), True, 0, id="of a later hop"),
        pytest.param(Minor(1, 34), True, 1, id="of the present minor, at the first hop"),
        pytest.param(Minor(1, 34), False, 0, id="of the present minor, at a later hop"),
        pytest.param(None, True, 1, id="of no minor, at the first hop"),
        pytest.param(None, False, 0, id="of no minor, at a later hop"),
    ],
)
def test_an_insight_is_told_for_the_hop_that_it_concerns(minor: Minor | None, first: bool, told: int) -> None:
    assert len(judged(insight(minor=minor), Hop(HOP.source, HOP.target, first))) == told


def test_a_live_caller_is_named_with_its_calls() -> None:
    (finding,) = judged(insight(deprecations=called(1)))
    assert f"{PSP} (12 calls in 30 days by argocd/v2)" in finding.message
    assert "stale" not in finding.message
    assert finding.fix == f"move the callers of {PSP} to Pod Security Admission"


def test_a_stale_insight_blocks_with_the_day_on_which_it_expires() -> None:
    (finding,) = judged(insight(deprecations=called(18)))
    assert finding.blocks
    assert "stale: no call for 18 days (the last by argocd/v2), it expires on 2026-12-02" in finding.message
    assert "wait until 2026-12-02 or have an approver waive it" in finding.fix
    assert finding.evidence[1].at == NOW - timedelta(days=18)


def test_a_call_without_a_time_is_never_taken_for_stale() -> None:
    (finding,) = judged(insight(deprecations=called(None)))
    assert "stale" not in finding.message


def test_an_insight_that_eks_has_not_refreshed_asks_for_a_refresh() -> None:
    (finding,) = judged(insight(refreshed=72, deprecations=called(18)))
    assert finding.fix.startswith("it is from 2026-11-17: aws eks start-insights-refresh --cluster-name shop")
    assert finding.blocks


def test_a_client_cannot_put_terminal_commands_into_a_message() -> None:
    stat = ClientStat("\x1b[2Jevil", 1, NOW)
    (finding,) = judged(insight(deprecations=(Deprecation(PSP, "", "1.35", (stat,)),)))
    assert "\x1b" not in finding.message
