"""FK316 by the mode of kube-proxy."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import Addon, Addons, FoundBy, ManagedAddon
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen


def judged(mode: str, type: str, configuration: str = "") -> tuple[Finding, ...]:
    proxy = Addon("kube-proxy", "1.34.1", FoundBy.EKS, "kube-proxy")
    managed = ManagedAddon("kube-proxy", "v1.34.1-eksbuild.2", "ACTIVE", configuration=configuration)
    values = {parts.ADDONS: Addons((proxy,), proxy_mode=mode), parts.MANAGED_ADDONS: (managed,)}
    return found("FK316", snapshot(values), compat=change(row("ipvs", type=type)))


@pytest.mark.parametrize(
    ("mode", "type", "configuration", "severity", "says"),
    [
        pytest.param("ipvs", "deprecated", "", Severity.INFO, "runs in mode ipvs: it is gone", id="deprecated"),
        pytest.param("ipvs", "removed", "", Severity.BLOCKER, "runs in mode ipvs", id="removed"),
        pytest.param(
            "", "removed", '{"mode": "ipvs"}', Severity.BLOCKER, "runs in mode ipvs", id="by its configuration"
        ),
        pytest.param("", "removed", "", Severity.UNKNOWN, "its mode was not seen", id="not seen when it matters"),
        pytest.param(
            "", "removed", "[", Severity.UNKNOWN, "its mode was not seen", id="a configuration that is no JSON"
        ),
        pytest.param("", "removed", '{"mode": 1}', Severity.UNKNOWN, "its mode was not", id="a mode that is no text"),
        pytest.param(
            "", "removed", "[]", Severity.UNKNOWN, "its mode was not seen", id="a configuration that is a list"
        ),
    ],
)
def test_the_mode_is_told(mode: str, type: str, configuration: str, severity: Severity, says: str) -> None:
    (finding,) = judged(mode, type, configuration)
    assert (finding.severity, finding.blocks) == (severity, type == "removed")
    assert says in finding.message
    assert 'set mode to "nftables"' in finding.fix


@pytest.mark.parametrize(
    ("mode", "type"),
    [
        pytest.param("iptables", "removed", id="another mode"),
        pytest.param("", "deprecated", id="not seen while it still works"),
    ],
)
def test_a_mode_that_works_is_not_told(mode: str, type: str) -> None:
    assert judged(mode, type) == ()


def test_a_cluster_without_kube_proxy_is_not_told() -> None:
    assert found("FK316", snapshot(), compat=change(row("ipvs"))) == ()


def test_addons_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK316", parts.ADDONS) is Verdict.READY
