"""FK420 by the versions of the launch template."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.observed import LaunchTemplate
from tests.core.checks.nodes import group
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen


def template(in_use: int, default: int, latest: int, group: str = "workers") -> LaunchTemplate:
    return LaunchTemplate("lt-0", "base", in_use, default, latest, group)


@pytest.mark.parametrize(
    ("name", "subject", "fix"),
    [
        pytest.param(
            "workers",
            "NodeGroup workers",
            "update-nodegroup-version --cluster-name shop --nodegroup-name workers --launch-template id=lt-0,version=5",
            id="a managed group",
        ),
        pytest.param(
            "own",
            "AutoScalingGroup own",
            "--auto-scaling-group-name own --launch-template LaunchTemplateId=lt-0,Version=5",
            id="a group of their own",
        ),
    ],
)
def test_a_version_that_is_not_the_newest_is_told(name: str, subject: str, fix: str) -> None:
    made = {parts.LAUNCH_TEMPLATES: (template(3, 3, 5, name),), parts.NODE_GROUPS: (group(),)}
    (finding,) = found("FK420", snapshot(made))
    assert str(finding.subject) == subject
    assert "from version 3 of launch template base, whose newest is 5" in finding.message
    assert fix in finding.fix


def test_the_default_version_says_nothing() -> None:
    assert found("FK420", snapshot({parts.LAUNCH_TEMPLATES: (template(5, 1, 5),)})) == ()


def test_launch_templates_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK420", parts.LAUNCH_TEMPLATES) is Verdict.READY
