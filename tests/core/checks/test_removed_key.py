"""FK312 by what templates and volumes ask for."""

from typing import Any

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.compat import Confidence
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.observed import PersistentVolume
from fleetkeeper.core.pods import Requirement, Toleration
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.snapshots import NO_ROWS, found, snapshot
from tests.core.checks.workloads import bare_pod, unseen, workload

MASTER = "node-role.kubernetes.io/master"
SECCOMP = "seccomp.security.alpha.kubernetes.io/"
CHANGE = change(row(key=MASTER), row(key=SECCOMP))
NEEDS_IT = (Requirement(MASTER, "Exists"),)


@pytest.mark.parametrize(
    ("template", "severity", "message"),
    [
        pytest.param(
            {"node_terms": NEEDS_IT}, Severity.BLOCKER, f"requires nodes with {MASTER}: it is gone", id="required"
        ),
        pytest.param(
            {"node_terms": (Requirement(MASTER, "In", ("",)),)}, Severity.BLOCKER, "requires nodes with", id="by value"
        ),
        pytest.param(
            {"node_terms": (Requirement(MASTER, "DoesNotExist"),)}, Severity.INFO, "keeps off nodes with", id="excluded"
        ),
        pytest.param({"preferred_terms": NEEDS_IT}, Severity.WARNING, f"prefers nodes with {MASTER}", id="preferred"),
        pytest.param(
            {"tolerations": (Toleration(MASTER, "Exists"),)}, Severity.INFO, "tolerates the taint", id="a taint"
        ),
        pytest.param(
            {"node_terms": NEEDS_IT, "tolerations": (Toleration(MASTER, "Exists"),)},
            Severity.BLOCKER,
            "requires nodes with",
            id="the gravest of two",
        ),
        pytest.param(
            {"annotations": {f"{SECCOMP}pod": "runtime/default"}},
            Severity.WARNING,
            f"carries the annotation {SECCOMP}: it is gone",
            id="an annotation by its prefix",
        ),
    ],
)
def test_what_a_template_asks_for_is_told_by_what_it_breaks(
    template: dict[str, Any], severity: Severity, message: str
) -> None:
    (finding,) = found("FK312", snapshot({parts.WORKLOADS: (workload(**template),)}), compat=CHANGE)
    assert (finding.severity, finding.blocks) == (severity, severity is Severity.BLOCKER)
    assert finding.message.startswith(message)
    assert finding.owner == {"team": "shop"}


def test_a_pod_without_an_owner_is_told() -> None:
    pods = model.Pods(1, (bare_pod(node_terms=NEEDS_IT),))
    (finding,) = found("FK312", snapshot({parts.PODS: pods}), compat=CHANGE)
    assert str(finding.subject) == "Pod shop/lonely"


def test_a_volume_that_can_be_nowhere_is_told() -> None:
    volumes = (PersistentVolume("pv", "ebs.csi.aws.com", keys=(MASTER,)),)
    (finding,) = found("FK312", snapshot({parts.VOLUMES: volumes}), compat=CHANGE)
    assert (finding.blocks, str(finding.subject)) == (True, "PersistentVolume pv")


@pytest.mark.parametrize(
    ("type", "confidence", "severity"),
    [
        pytest.param("removed", Confidence.LOW, Severity.WARNING, id="by hearsay"),
        pytest.param("deprecated", Confidence.HIGH, Severity.INFO, id="deprecated"),
    ],
)
def test_what_is_not_sure_to_break_does_not_block(type: str, confidence: Confidence, severity: Severity) -> None:
    compat = change(row(key=MASTER, type=type, confidence=confidence))
    (finding,) = found("FK312", snapshot({parts.WORKLOADS: (workload(node_terms=NEEDS_IT),)}), compat=compat)
    assert (finding.severity, finding.blocks) == (severity, False)


def test_other_keys_are_not_told() -> None:
    made = workload(node_terms=(Requirement("kubernetes.io/os", "In", ("linux",)),))
    assert found("FK312", snapshot({parts.WORKLOADS: (made,)}), compat=CHANGE) == ()


def test_nothing_is_told_without_the_change() -> None:
    assert found("FK312", snapshot({parts.WORKLOADS: (workload(node_terms=NEEDS_IT),)}), compat=NO_ROWS) == ()


def test_workloads_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK312", parts.WORKLOADS) is Verdict.READY
