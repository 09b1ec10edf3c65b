"""FK112 by the list of versions."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import SupportedVersion
from fleetkeeper.core.versions import Minor
from tests.core.checks.snapshots import HOP, found, snapshot


def judged(**offered: str) -> tuple[Finding, ...]:
    """Minors as v1_34="STANDARD_SUPPORT"."""
    versions = tuple(
        SupportedVersion(Minor.parse(name.replace("_", ".")), None, None, status) for name, status in offered.items()
    )
    return found("FK112", snapshot({parts.CLUSTER_VERSIONS: versions}))


def test_a_target_that_the_region_lacks_blocks() -> None:
    (finding,) = judged(v1_33="EXTENDED_SUPPORT", v1_34="STANDARD_SUPPORT")
    assert (finding.severity, finding.blocks, finding.minor) == (Severity.BLOCKER, True, HOP.target)
    assert finding.message == "EKS does not offer 1.35 in eu-west-1; the newest there is 1.34"


def test_a_target_that_is_no_longer_supported_blocks() -> None:
    (finding,) = judged(v1_35="UNSUPPORTED")
    assert finding.message == "EKS does not offer 1.35 in eu-west-1"


@pytest.mark.parametrize("status", ["STANDARD_SUPPORT", "EXTENDED_SUPPORT"])
def test_an_offered_target_is_not_told(status: str) -> None:
    assert judged(v1_35=status) == ()


def test_an_empty_list_says_nothing_of_any_minor() -> None:
    assert judged() == ()
