"""FK207 by how far the addon has to go."""

from datetime import date

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import Range, Rule, Strength, VersionRow
from fleetkeeper.core.compat import AddonRow, Compat, Confidence, Detect, Source
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import Addon, AddonRelease, Addons, FoundBy
from fleetkeeper.core.versions import Minor
from tests.core.checks.addons import release
from tests.core.checks.snapshots import found, snapshot

SOURCE = Source("docs", date(2026, 11, 1), Confidence.HIGH)
ROWS = (
    VersionRow(Range.parse(">=1.16.0,<1.17.0"), Strength.REQUIRED, SOURCE, Minor(1, 28), Minor(1, 34)),
    VersionRow(Range.parse(">=1.19.0,<1.20.0"), Strength.REQUIRED, SOURCE, Minor(1, 30), Minor(1, 36)),
)
STEPWISE = (Rule.ONE_MINOR_AT_A_TIME,)


def judged(
    version: str, by: FoundBy, *releases: AddonRelease, rules: tuple[Rule, ...] = STEPWISE
) -> tuple[Finding, ...]:
    row = AddonRow("vpc-cni", "Amazon VPC CNI", Detect(), SOURCE, versions=ROWS, rules=rules)
    seen = {parts.ADDONS: Addons((Addon("vpc-cni", version, by, "vpc-cni"),)), parts.ADDON_RELEASES: releases}
    return found("FK207", snapshot(seen), compat=Compat(addons=(row,)))


NEW = release("v1.19.2-eksbuild.1", "1.34", "1.35")


@pytest.mark.parametrize(
    ("version", "by", "releases"),
    [
        pytest.param("v1.16.0-eksbuild.1", FoundBy.EKS, (NEW,), id="an EKS addon, by what EKS offers"),
        pytest.param("1.16.4", FoundBy.HELM, (), id="a release, by the rows"),
    ],
)
def test_several_minors_are_several_steps(version: str, by: FoundBy, releases: tuple[AddonRelease, ...]) -> None:
    (finding,) = judged(version, by, *releases)
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)
    assert finding.message == (
        f"Amazon VPC CNI {version} has 3 steps to 1.19, which 1.35 asks for, and moves one minor at a time"
    )
    assert finding.fix == "before 1.34 → 1.35: upgrade it to 1.17, 1.18, 1.19 in turn, and see it healthy after each"


@pytest.mark.parametrize(
    ("version", "rules"),
    [
        pytest.param("v1.18.0-eksbuild.1", STEPWISE, id="one step is enough"),
        pytest.param("v1.19.2-eksbuild.1", STEPWISE, id="the installed version will do"),
        pytest.param("v0.9.0", STEPWISE, id="another major"),
        pytest.param("", STEPWISE, id="a version that is not known"),
        pytest.param("v1.16.0-eksbuild.1", (), id="an addon that may jump"),
    ],
)
def test_without_steps_in_between_nothing_is_told(version: str, rules: tuple[Rule, ...]) -> None:
    assert judged(version, FoundBy.EKS, NEW, rules=rules) == ()
