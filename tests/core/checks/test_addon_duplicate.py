"""FK209 by the installations."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import Addon, Addons, FoundBy
from tests.core.checks.addons import ROWS
from tests.core.checks.snapshots import found, snapshot


def judged(*addons: Addon) -> tuple[Finding, ...]:
    return found("FK209", snapshot({parts.ADDONS: Addons(addons)}), compat=ROWS)


@pytest.mark.parametrize(("id", "severity"), [("vpc-cni", Severity.WARNING), ("argo-cd", Severity.INFO)])
def test_two_installations_are_one_finding_with_both_places(id: str, severity: Severity) -> None:
    (finding,) = judged(Addon(id, "1.2", FoundBy.EKS, id), Addon(id, "", FoundBy.HELM, "kube-system/x"))
    assert (finding.severity, finding.blocks) == (severity, False)
    assert finding.message.endswith(
        f"is installed 2 times: eks addon {id} 1.2, helm release kube-system/x of no known version"
    )


def test_single_installations_and_unknown_charts_are_not_told() -> None:
    chart = [Addon("helm:api", "1", FoundBy.HELM, f"team-{number}/api") for number in range(2)]
    assert judged(Addon("vpc-cni", "1.2", FoundBy.EKS, "vpc-cni"), *chart) == ()
