"""The shipped rows of changes that are no API: which checks tell them, which block, and which are left to people."""

from collections import Counter

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.behaviours import BREAKING, Detector, is_seen
from fleetkeeper.core.compat import Confidence

SHIPPED = read_compat()


@pytest.mark.parametrize(
    ("check", "rows"),
    [
        (Detector.ADDONS, {"1.26 requires", "1.35 deprecated"}),
        (Detector.APIS, {"1.16 removed", "1.22 removed", "1.25 removed", "1.29 removed", "1.32 removed"}),
        (Detector.AMAZON_LINUX_2, {"1.32 deprecated", "1.33 removed"}),
        (Detector.CGROUP_V1, {"1.35 default-changed"}),
        (Detector.CONTAINERD_1, {"1.35 deprecated", "1.36 requires"}),
        (Detector.DOCKER, {"1.24 removed"}),
        (Detector.GIT_REPO, {"1.36 removed"}),
        (Detector.IN_TREE, {"1.23 default-changed", "1.27 removed"}),
        (Detector.IPVS, {"1.35 deprecated", "1.36 conflict", "1.40 planned", "1.43 planned"}),
    ],
)
def test_a_detector_has_the_changes(check: Detector, rows: set[str]) -> None:
    assert {f"{row.minor} {row.type}" for row in SHIPPED.behaviours if row.check == check} == rows


def test_every_detector_has_a_change_to_tell() -> None:
    assert {row.check for row in SHIPPED.behaviours if row.check} == set(Detector)


def test_the_keys_that_go_away() -> None:
    assert {(str(row.minor), row.key) for row in SHIPPED.behaviours if row.key} == {
        ("1.24", "node-role.kubernetes.io/master"),
        ("1.27", "seccomp.security.alpha.kubernetes.io/"),
        ("1.27", "container.seccomp.security.alpha.kubernetes.io/"),
    }


def test_only_a_removal_or_requirement_that_was_read_at_its_source_blocks_by_a_detector() -> None:
    blocking = {
        row.id
        for row in SHIPPED.behaviours
        if row.check not in ("", Detector.APIS, Detector.ADDONS)
        and row.type in BREAKING
        and row.source.confidence is Confidence.HIGH
    }
    assert blocking == {"ebs-csi-migration", "dockershim-removed", "al2-gone", "cgroup-v1-fail", "gitrepo-volume"}


def test_a_removal_that_is_left_to_the_rows_of_apis_has_some_in_its_minor() -> None:
    minors = {row.minor for row in SHIPPED.behaviours if row.check == Detector.APIS}
    assert minors <= {row.removed for row in SHIPPED.apis.rows if row.served_by_default}


def test_there_is_something_to_read_before_recent_minors() -> None:
    unseen = Counter(str(row.minor) for row in SHIPPED.behaviours if not is_seen(row))
    assert all(unseen[minor] for minor in ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"))
    assert len(SHIPPED.behaviours) >= 51
