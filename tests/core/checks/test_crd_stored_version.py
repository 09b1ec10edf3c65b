"""FK310 by the versions that are served and stored."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Breaks
from fleetkeeper.core.model import Crd
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen

NEW = ("v1", True, True, False)


def crd(*versions: tuple[str, bool, bool, bool], stored: tuple[str, ...]) -> Crd:
    return Crd("widgets.example.com", "example.com", "Widget", versions, stored)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(crd(("v1beta1", False, False, True), NEW, stored=("v1beta1", "v1")), id="it is listed unserved"),
        pytest.param(crd(NEW, stored=("v1beta1", "v1")), id="it is not listed at all"),
    ],
)
def test_a_stored_version_that_is_not_served_is_told(made: Crd) -> None:
    (finding,) = found("FK310", snapshot({parts.CRDS: (made,)}))
    assert (finding.key, finding.breaks) == ("v1beta1", Breaks.AT_DEPLOY)
    assert "stored in v1beta1, which is not served; the storage version is v1" in finding.message
    assert """kubectl patch crd widgets.example.com --subresource status --type merge -p '{"status":""" in finding.fix


def test_stored_versions_that_are_served_are_not_told() -> None:
    made = crd(("v1beta1", True, False, True), NEW, stored=("v1beta1", "v1"))
    assert found("FK310", snapshot({parts.CRDS: (made,)})) == ()


def test_crds_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK310", parts.CRDS) is Verdict.READY
