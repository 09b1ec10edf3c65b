"""The checks of the control plane, the addons and the account where a part that they need was not seen."""

import pytest

from fleetkeeper.core import parts
from tests.core.checks.unseen import assert_not_seen, report_without

CRITICAL = [
    ("FK104", parts.CONTROL_PLANE),
    ("FK105", parts.INSIGHTS),
    ("FK107", parts.NODES),
    ("FK109", parts.ADDONS),
    ("FK110", parts.UPDATES),
    ("FK201", parts.ADDONS),
    ("FK202", parts.MANAGED_ADDONS),
    ("FK202", parts.ADDON_RELEASES),
    ("FK203", parts.MANAGED_ADDONS),
]
OTHERS = [
    ("FK101", parts.CONTROL_PLANE),
    ("FK103", parts.CONTROL_PLANE),
    ("FK106", parts.INSIGHTS),
    ("FK108", parts.NODES),
    ("FK111", parts.UPDATES),
    ("FK112", parts.CLUSTER_VERSIONS),
    ("FK204", parts.CUSTOMISED),
    ("FK205", parts.ADDONS),
    ("FK206", parts.ADDONS),
    ("FK207", parts.ADDONS),
    ("FK208", parts.HELM_USE),
    ("FK209", parts.ADDONS),
    ("FK210", parts.ADDONS),
    ("FK501", parts.PREREQUISITES),
    ("FK502", parts.PREREQUISITES),
    ("FK503", parts.PREREQUISITES),
    ("FK504", parts.QUOTAS),
    ("FK505", parts.PREREQUISITES),
]


@pytest.mark.parametrize(("code", "part"), [*CRITICAL, *OTHERS])
def test_a_part_that_was_not_seen_is_told(code: str, part: str) -> None:
    assert_not_seen(code, part)


@pytest.mark.parametrize(("code", "part"), CRITICAL)
def test_what_can_take_a_cluster_down_blocks_while_it_was_not_seen(code: str, part: str) -> None:
    (finding,) = report_without(code, part).findings
    assert finding.blocks
