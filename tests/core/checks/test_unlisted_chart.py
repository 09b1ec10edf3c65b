"""FK206 by the rows of compat."""

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import Addon, Addons, FoundBy
from tests.core.checks.addons import ROWS
from tests.core.checks.snapshots import found, snapshot


def judged(*addons: Addon) -> tuple[Finding, ...]:
    return found("FK206", snapshot({parts.ADDONS: Addons(addons)}), compat=ROWS)


def test_each_release_of_an_unknown_chart_is_unknown_and_blocks_nothing() -> None:
    findings = judged(
        Addon("helm:shop-api", "2.1", FoundBy.HELM, "shop/api"), Addon("helm:shop-api", "", FoundBy.HELM, "test/api")
    )
    assert {(finding.severity, finding.blocks) for finding in findings} == {(Severity.UNKNOWN, False)}
    assert [finding.subject for finding in findings] == [
        Subject("HelmRelease", "api", "shop"),
        Subject("HelmRelease", "api", "test"),
    ]
    assert [finding.message for finding in findings] == [
        "nothing is known of the chart shop-api (app 2.1)",
        "nothing is known of the chart shop-api",
    ]
    assert "write compat/addons/shop-api.toml" in findings[0].fix


def test_a_listed_chart_and_an_eks_addon_without_a_row_are_left_to_other_checks() -> None:
    assert judged(Addon("argo-cd", "3", FoundBy.HELM, "a/b"), Addon("new", "1", FoundBy.EKS, "new")) == ()
