"""FK103 by the upgrade policy and the dates of support."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.compat import Compat, Confidence, MinorRow, Source
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.model import SupportedVersion
from fleetkeeper.core.snapshot import Policy
from fleetkeeper.core.versions import Minor
from tests.core.checks.snapshots import HOP, NOW, control_plane, found, snapshot

ANY = Policy()


def judged(support: str, standard: int, extended: int, policy: Policy = ANY) -> tuple[Finding, ...]:
    """With so many days until each end."""
    ends = (NOW + timedelta(days=standard), NOW + timedelta(days=extended))
    seen = {
        parts.CONTROL_PLANE: control_plane(support_type=support),
        parts.CLUSTER_VERSIONS: (SupportedVersion(HOP.source, *ends),),
    }
    return found("FK103", snapshot(seen, policy=policy))


def planned(days: int) -> Policy:
    return Policy(Minor(1, 35), NOW + timedelta(days=days))


@pytest.mark.parametrize(
    ("support", "standard", "extended", "says", "fix"),
    [
        pytest.param(
            "STANDARD",
            12,
            377,
            "EKS upgrades 1.34 to 1.35 by itself from 2026-12-02 on, in 12 days",
            "$365 a month: aws eks update-cluster-config --name shop --upgrade-policy supportType=EXTENDED",
            id="at the end of standard support with the policy standard",
        ),
        pytest.param(
            "EXTENDED", -340, 25, "from 2026-12-15 on, in 25 days", "no way back", id="at the end of extended"
        ),
        pytest.param("", -340, 25, "in 25 days", "no way back", id="a policy that is not told counts as extended"),
        pytest.param("STANDARD", -1, 364, "standard support of 1.34 ended on 2026-11-19", "put it off", id="past"),
        pytest.param(
            "EXTENDED", -400, -1, "extended support of 1.34 ended on 2026-11-19", "no way back", id="long past"
        ),
    ],
)
def test_an_upgrade_that_nobody_starts_is_told(support: str, standard: int, extended: int, says: str, fix: str) -> None:
    (finding,) = judged(support, standard, extended)
    assert (finding.severity, finding.blocks, finding.breaks) == (Severity.WARNING, False, Breaks.AT_DATE)
    assert says in finding.message
    assert fix in finding.fix
    assert finding.deadline is not None


def test_an_end_before_the_planned_day_is_told_however_far_it_is() -> None:
    (finding,) = judged("STANDARD", 100, 465, planned(120))
    assert finding.message.endswith("in 100 days; the policy plans it by 2027-03-20 only")


@pytest.mark.parametrize(
    ("support", "policy"),
    [
        pytest.param("STANDARD", ANY, id="far away"),
        pytest.param("EXTENDED", planned(120), id="extended support lasts beyond the planned day"),
        pytest.param("STANDARD", planned(99), id="the plan comes first"),
        pytest.param("STANDARD", Policy(Minor(1, 34), NOW + timedelta(days=120)), id="no upgrade is planned"),
    ],
)
def test_an_end_that_races_nothing_is_not_told(support: str, policy: Policy) -> None:
    assert judged(support, 100, 465, policy) == ()


def test_the_dates_of_compat_count_where_eks_told_none() -> None:
    source = Source("endoflife.date", date(2026, 8, 22), Confidence.HIGH)
    row = MinorRow(HOP.source, source, eks_end_of_standard=date(2026, 12, 2), eks_end_of_extended=date(2027, 12, 2))
    snap = snapshot({parts.CONTROL_PLANE: control_plane(support_type="STANDARD")})
    (finding,) = found("FK103", snap, compat=Compat(minor_rows=(row,)))
    assert "2026-12-02" in finding.message


def test_a_minor_without_dates_is_not_told() -> None:
    assert found("FK103", snapshot()) == ()


def test_a_cluster_outside_of_eks_upgrades_never_by_itself() -> None:
    snap = snapshot({parts.CLUSTER_VERSIONS: (SupportedVersion(HOP.source, NOW, NOW),)})
    assert found("FK103", replace(snap, cluster=replace(snap.cluster, scope=None))) == ()
