"""FK201 by the rows of compat and how binding they are."""

from dataclasses import replace
from datetime import date

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import Range, Rule, Strength, VersionRow
from fleetkeeper.core.compat import AddonRow, Compat, Confidence, Critical, Detect, Source
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import Addon, Addons, FoundBy, HelmRelease
from fleetkeeper.core.versions import Minor, Version
from tests.core.checks.snapshots import found, snapshot

SOURCE = Source("cilium.io", date(2026, 11, 1), Confidence.HIGH)
WHERE = "kube-system/cilium"


def said(versions: str, oldest: str, newest: str, strength: Strength = Strength.REQUIRED) -> VersionRow:
    return VersionRow(Range.parse(versions), strength, SOURCE, Minor.parse(oldest), Minor.parse(newest))


def row(*versions: VersionRow, critical: Critical | None = None, rules: tuple[Rule, ...] = ()) -> AddonRow:
    return AddonRow("cilium", "Cilium", Detect(), SOURCE, critical, versions, Version.parse("9.0"), rules=rules)


def judged(
    known: AddonRow, version: str = "1.16.2", by: FoundBy = FoundBy.HELM, chart: str = "1.16.2"
) -> tuple[Finding, ...]:
    release = HelmRelease("kube-system", "cilium", 1, "deployed", "cilium", chart, version, "key")
    seen = {parts.ADDONS: Addons((Addon("cilium", version, by, WHERE),)), parts.HELM_RELEASES: (release,)}
    return found("FK201", snapshot(seen), compat=Compat(addons=(known,)))


OLD = said(">=1.16.0,<1.17.0", "1.28", "1.34")


def test_a_hard_requirement_blocks_and_the_fix_names_what_goes_with_both_minors() -> None:
    (finding,) = judged(row(OLD, said(">=1.18.0,<1.19.0", "1.32", "1.36")))
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert finding.message == (
        "Cilium 1.16.2 does not go with 1.35: versions >=1.16.0,<1.17.0 go with 1.28 to 1.34 (required)"
    )
    assert finding.fix == "before 1.34 → 1.35: upgrade Cilium to one of >=1.18.0,<1.19.0"
    assert finding.evidence[1].text == "cilium.io (2026-11-01)"


def test_what_can_only_be_mended_after_the_hop_does_not_hold_it_up() -> None:
    (finding,) = judged(row(OLD, said(">=1.18.0,<1.19.0", "1.35", "1.36"), critical=Critical.CNI))
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)
    assert finding.fix.startswith("right after 1.34 → 1.35: upgrade Cilium")


@pytest.mark.parametrize(
    ("strength", "critical", "severity", "blocks"),
    [
        pytest.param(Strength.SUPPORTED, None, Severity.WARNING, False, id="a support table warns"),
        pytest.param(Strength.SUPPORTED, Critical.CNI, Severity.BLOCKER, True, id="a support table of a CNI blocks"),
        pytest.param(Strength.TESTED, None, Severity.UNKNOWN, False, id="untested is unknown"),
        pytest.param(Strength.TESTED, Critical.CNI, Severity.UNKNOWN, True, id="an untested CNI blocks as unknown"),
        pytest.param(Strength.HEURISTIC, None, Severity.UNKNOWN, False, id="hearsay never blocks"),
    ],
)
def test_it_is_as_grave_as_its_row_is_binding(
    strength: Strength, critical: Critical | None, severity: Severity, blocks: bool
) -> None:
    (finding,) = judged(row(said(">=1.16.0,<1.17.0", "1.28", "1.34", strength), critical=critical))
    assert (finding.severity, finding.blocks) == (severity, blocks)
    assert finding.fix == "ask Cilium which version goes with 1.35, and write it into compat/addons/cilium.toml"


def test_a_requirement_that_is_general_knowledge_only_warns() -> None:
    low = replace(OLD, source=replace(SOURCE, confidence=Confidence.LOW))
    (finding,) = judged(row(low))
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)


@pytest.mark.parametrize(("critical", "blocks"), [(Critical.CNI, True), (None, False)])
def test_a_version_that_nobody_knows_is_unknown(critical: Critical | None, blocks: bool) -> None:
    (finding,) = judged(row(OLD, critical=critical), version="")
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, blocks)
    assert finding.message == "Cilium is not known to go with 1.35: its version is not known"


@pytest.mark.parametrize(("chart", "told"), [("1.0.0", 1), ("2.0.0", 0)])
def test_a_row_of_charts_is_asked_with_the_version_of_the_chart(chart: str, told: int) -> None:
    rows = (said("chart >=2.0.0", "1.30", "1.36"), said("chart <2.0.0", "1.20", "1.30"))
    assert len(judged(row(*rows), chart=chart)) == told


@pytest.mark.parametrize(
    ("known", "by"),
    [
        pytest.param(row(said(">=1.16.0,<1.17.0", "1.28", "1.35")), FoundBy.HELM, id="it goes with the target"),
        pytest.param(row(OLD), FoundBy.EKS, id="EKS manages it"),
        pytest.param(row(OLD, rules=(Rule.EQUAL_MINOR,)), FoundBy.HELM, id="it has the cluster's minor"),
        pytest.param(row(OLD, rules=(Rule.NOT_AHEAD,)), FoundBy.HELM, id="the skew policy judges it"),
        pytest.param(replace(row(OLD), id="other"), FoundBy.HELM, id="no row names it"),
    ],
)
def test_what_is_fine_or_judged_elsewhere_is_not_told(known: AddonRow, by: FoundBy) -> None:
    assert judged(known, by=by) == ()
