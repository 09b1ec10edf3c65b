"""FK208 by the constraint and the version of the API server."""

from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.observed import HelmUse, ReleaseChart
from fleetkeeper.core.snapshot import Hop
from tests.core.checks.snapshots import HOP, control_plane, found, hops, snapshot


def chart(constraint: str, **more: Any) -> ReleaseChart:
    made: dict[str, Any] = {"revision": 3, "chart_version": "1.0.0", "kube_version": constraint}
    return ReleaseChart("shop", "api", chart="api", **{**made, **more})


def judged(*charts: ReleaseChart, hop: Hop = HOP, git_version: str = "") -> tuple[Finding, ...]:
    plane = control_plane(git_version=git_version)
    return found("FK208", snapshot({parts.HELM_USE: HelmUse(charts), parts.CONTROL_PLANE: plane}), hop)


def test_a_chart_that_refuses_the_target_fails_at_the_next_deploy() -> None:
    (finding,) = judged(chart(">=1.25.0-0 <1.35.0-0"))
    assert (finding.severity, finding.blocks, finding.breaks) == (Severity.WARNING, False, Breaks.AT_DEPLOY)
    assert finding.subject == Subject("HelmRelease", "api", "shop")
    assert finding.message == "chart api 1.0.0 wants kubeVersion >=1.25.0-0 <1.35.0-0: Helm refuses it on 1.35"
    assert finding.fix == "before 1.34 → 1.35: helm -n shop upgrade api to a version of the chart that takes both"


@pytest.mark.parametrize(
    ("constraint", "severity", "says"),
    [
        pytest.param(">=1.35.2-0 || ~1.34-0", Severity.WARNING, "hangs on the patch of 1.35", id="a patch decides"),
        pytest.param(">=1.25.0", Severity.INFO, "takes no version with a suffix (-eks-0000000)", id="no -0"),
        pytest.param("<1.30.0-0", Severity.INFO, "Helm refuses it on 1.34 already", id="refused today"),
        pytest.param("latest", Severity.INFO, "which Helm cannot read and so refuses", id="no constraint at all"),
    ],
)
def test_each_way_to_refuse_has_its_words(constraint: str, severity: Severity, says: str) -> None:
    (finding,) = judged(chart(constraint))
    assert (finding.severity, finding.blocks) == (severity, False)
    assert says in finding.message


def test_a_payload_that_could_not_be_read_is_unknown() -> None:
    (finding,) = judged(chart("", broken="not gzip"))
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, False)
    assert finding.message == "chart api 1.0.0 could not be read: not gzip"
    assert finding.fix == "helm -n shop get metadata api"


@pytest.mark.parametrize("constraint", ["", ">=1.25.0-0", "^1.25-0", "1.25.0-0 - 1.40.0-0"])
def test_a_chart_that_takes_the_target_is_not_told(constraint: str) -> None:
    assert judged(chart(constraint)) == ()


def test_a_cluster_without_a_suffix_is_judged_without_one() -> None:
    assert judged(chart(">=1.25.0"), git_version="v1.34.2") == ()


def test_the_suffix_that_the_api_server_tells_counts() -> None:
    (finding,) = judged(chart(">=1.25.0"), git_version="v1.34.2-eks-3025e55")
    assert "(-eks-3025e55)" in finding.message


def test_a_later_hop_is_judged_by_its_own_target_and_told_once() -> None:
    made = [[finding.severity for finding in judged(chart("<1.36.0-0"), hop=hop)] for hop in hops("1.34", "1.37")]
    assert made == [[], [Severity.WARNING], []]


def test_only_the_newest_revision_counts() -> None:
    old = chart("<1.30.0-0", revision=2)
    assert judged(replace(old, revision=9, kube_version=""), old) == ()
