"""FK317 by volumes and the driver that serves them."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import Addon, Addons, FoundBy
from fleetkeeper.core.observed import PersistentVolume
from fleetkeeper.core.pods import Volume
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.snapshots import NO_ROWS, found, snapshot
from tests.core.checks.workloads import unseen, workload

CHANGE = change(row("in-tree-volumes", minor="1.27"))
DRIVER = Addon("aws-ebs-csi-driver", "1.50.0", FoundBy.EKS, "aws-ebs-csi-driver")
OLD = {
    parts.VOLUMES: (PersistentVolume("pv", "awsElasticBlockStore"),),
    parts.WORKLOADS: (workload(volumes=(Volume("v", "awsElasticBlockStore", "vol-0"),)),),
}


@pytest.mark.parametrize(
    ("not_seen", "severity", "says"),
    [
        pytest.param((), Severity.BLOCKER, "and no aws-ebs-csi-driver was found", id="no driver"),
        pytest.param(
            ("helm_releases",), Severity.UNKNOWN, "but helm_releases could not be looked at", id="perhaps unseen"
        ),
    ],
)
def test_volumes_without_their_driver_block(not_seen: tuple[str, ...], severity: Severity, says: str) -> None:
    (finding,) = found("FK317", snapshot({**OLD, parts.ADDONS: Addons((), not_seen)}), compat=CHANGE)
    assert (finding.severity, finding.blocks) == (severity, True)
    assert "2 in-tree EBS volumes (PersistentVolume pv, Deployment shop/web)" in finding.message
    assert says in finding.message
    assert "aws eks create-addon --cluster-name shop --addon-name aws-ebs-csi-driver" in finding.fix


def test_volumes_with_their_driver_are_not_told() -> None:
    assert found("FK317", snapshot({**OLD, parts.ADDONS: Addons((DRIVER,))}), compat=CHANGE) == ()


def test_volumes_of_a_driver_are_not_told() -> None:
    volumes = (PersistentVolume("pv", "ebs.csi.aws.com"),)
    assert found("FK317", snapshot({parts.VOLUMES: volumes}), compat=CHANGE) == ()


def test_nothing_is_told_before_the_change() -> None:
    assert found("FK317", snapshot(OLD), compat=NO_ROWS) == ()


@pytest.mark.parametrize("part", [parts.VOLUMES, parts.WORKLOADS, parts.ADDONS])
def test_what_was_not_seen_blocks_as_unknown(part: str) -> None:
    assert unseen("FK317", part) is Verdict.UNKNOWN
