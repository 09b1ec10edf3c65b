"""FK311 by the mark of the author."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import Crd
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen

Row = tuple[str, bool, bool, bool]


def crd(*versions: Row) -> Crd:
    return Crd("widgets.example.com", "example.com", "Widget", versions)


@pytest.mark.parametrize(
    ("versions", "severity", "says"),
    [
        pytest.param(
            (("v1beta1", True, False, True), ("v1", True, True, False)),
            Severity.INFO,
            "v1beta1 of example.com is deprecated",
            id="it is only served",
        ),
        pytest.param(
            (("v1beta1", True, True, True), ("v1", True, False, False)),
            Severity.WARNING,
            "v1beta1 of example.com is deprecated and still what is stored",
            id="it is stored",
        ),
    ],
)
def test_a_deprecated_version_is_told(versions: tuple[Row, ...], severity: Severity, says: str) -> None:
    (finding,) = found("FK311", snapshot({parts.CRDS: (crd(*versions),)}))
    assert (finding.severity, finding.message) == (severity, says)
    assert finding.fix == "write Widget as example.com/v1 in manifests and charts"


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(crd(("v1beta1", False, False, True), ("v1", True, True, False)), id="it is not served"),
        pytest.param(crd(("v1beta1", True, True, True)), id="there is no other"),
        pytest.param(crd(("v1", True, True, False)), id="none is deprecated"),
    ],
)
def test_a_version_that_need_not_move_is_not_told(made: Crd) -> None:
    assert found("FK311", snapshot({parts.CRDS: (made,)})) == ()


def test_crds_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK311", parts.CRDS) is Verdict.READY
