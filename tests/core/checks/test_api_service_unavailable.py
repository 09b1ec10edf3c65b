"""FK332 by the condition."""

from dataclasses import replace

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.observed import ApiService
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen

METRICS = ApiService(
    "v1beta1.metrics.k8s.io",
    "metrics.k8s.io",
    "v1beta1",
    "kube-system/metrics",
    False,
    "MissingEndpoints",
    "no addresses",
)


def test_an_api_that_is_down_is_told_with_its_reason() -> None:
    (finding,) = found("FK332", snapshot({parts.API_SERVICES: (METRICS,)}))
    assert finding.severity is Severity.WARNING
    assert finding.message == "metrics.k8s.io/v1beta1 is not available (MissingEndpoints: no addresses)"
    assert "mend service kube-system/metrics" in finding.fix


def test_an_available_api_is_not_told() -> None:
    assert found("FK332", snapshot({parts.API_SERVICES: (replace(METRICS, available=True),)})) == ()


def test_apis_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK332", parts.API_SERVICES) is Verdict.READY
