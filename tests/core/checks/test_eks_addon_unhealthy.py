"""FK203 by status, issue and how much hangs on the addon."""

from dataclasses import replace

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.checks.eks_addon_unhealthy import FIXES
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import Issue, ManagedAddon
from tests.core.checks.addons import ROWS, managed
from tests.core.checks.snapshots import found, snapshot


def judged(addon: ManagedAddon) -> tuple[Finding, ...]:
    return found("FK203", snapshot({parts.MANAGED_ADDONS: (addon,)}), compat=ROWS)


@pytest.mark.parametrize(
    ("name", "status", "severity"),
    [
        pytest.param("vpc-cni", "DEGRADED", Severity.BLOCKER, id="a broken CNI blocks"),
        pytest.param("vpc-cni", "UPDATE_FAILED", Severity.BLOCKER, id="a CNI whose update failed blocks"),
        pytest.param("vpc-cni", "UPDATING", Severity.WARNING, id="a CNI that is being updated warns"),
        pytest.param("adot", "DEGRADED", Severity.WARNING, id="another broken addon warns"),
    ],
)
def test_an_addon_that_is_not_active_is_told(name: str, status: str, severity: Severity) -> None:
    (finding,) = judged(managed(name, status=status))
    assert (finding.severity, finding.blocks) == (severity, severity is Severity.BLOCKER)
    assert finding.message == f"{name} v1.19.0-eksbuild.1 is {status}"


def test_a_busy_addon_is_waited_for() -> None:
    (finding,) = judged(managed(status="UPDATING"))
    assert finding.fix == "wait: aws eks wait addon-active --cluster-name shop --addon-name vpc-cni"


@pytest.mark.parametrize("code", sorted(FIXES))
def test_a_known_issue_has_its_own_fix(code: str) -> None:
    (finding,) = judged(replace(managed(), issues=(Issue(code, "it is so"),)))
    assert finding.fix == FIXES[code]
    assert f"with {code}: it is so" in finding.message


def test_an_issue_that_we_do_not_know_points_to_the_source() -> None:
    (finding,) = judged(replace(managed(), issues=(Issue("New", "it is so"),)))
    assert finding.fix == "mend what aws eks describe-addon --cluster-name shop --addon-name vpc-cni says"


def test_a_healthy_addon_is_not_told() -> None:
    assert judged(managed()) == ()
