"""FK413 by the volumes' nodes."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Breaks, Severity
from fleetkeeper.core.model import Workload
from fleetkeeper.core.observed import PersistentVolume
from fleetkeeper.core.pods import Volume
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import OWNER, unseen, workload

LOCAL = PersistentVolume("pv", "local", claim="shop/data-db-0", nodes=("node-a",))


@pytest.mark.parametrize(
    ("volume", "says"),
    [
        pytest.param(LOCAL, "the data of claim shop/data-db-0 lies on node-a: it is lost", id="local"),
        pytest.param(
            PersistentVolume("pv", "hostPath", claim="shop/data-db-0"), "in a hostPath of its node", id="path"
        ),
    ],
)
@pytest.mark.parametrize(
    ("user", "owner"),
    [
        pytest.param(workload("db", "StatefulSet", claim_templates=("data",)), OWNER, id="a stateful set"),
        pytest.param(workload(volumes=(Volume("v", "persistentVolumeClaim", "data-db-0"),)), OWNER, id="a deployment"),
        pytest.param(
            workload(volumes=(Volume("v", "persistentVolumeClaim", "data-db"),)), {}, id="a claim much like it"
        ),
        pytest.param(workload("dbx", "StatefulSet", claim_templates=("data",)), {}, id="nobody known"),
    ],
)
def test_a_volume_that_goes_with_its_node_is_told(
    volume: PersistentVolume, says: str, user: Workload, owner: dict[str, str]
) -> None:
    (finding,) = found("FK413", snapshot({parts.VOLUMES: (volume,), parts.WORKLOADS: (user,)}))
    assert (finding.severity, finding.breaks, finding.owner) == (Severity.WARNING, Breaks.LOST, owner)
    assert says in finding.message
    assert "one node at a time" in finding.fix


@pytest.mark.parametrize(
    "volume",
    [
        pytest.param(PersistentVolume("pv", "local", nodes=("node-a",)), id="nobody uses it"),
        pytest.param(PersistentVolume("pv", "ebs.csi.aws.com", claim="shop/data"), id="a disk of the cloud"),
    ],
)
def test_a_volume_that_stays_is_not_told(volume: PersistentVolume) -> None:
    assert found("FK413", snapshot({parts.VOLUMES: (volume,)})) == ()


def test_volumes_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK413", parts.VOLUMES) is Verdict.READY
