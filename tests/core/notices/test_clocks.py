"""The clocks of a cluster: what its policy's date is, when its support ends, and when a wave reaches it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.model import SupportedVersion
from fleetkeeper.core.notices.clocks import clocks_of, waves_of
from fleetkeeper.core.notices.deadlines import Wave
from fleetkeeper.core.plan import Header, Member, Plan, Range, Stage
from fleetkeeper.core.playbook import Changes, OnFailure, Window
from fleetkeeper.core.run import Control, Run, RunState
from fleetkeeper.core.snapshot import Policy, Snapshot
from fleetkeeper.core.versions import Minor
from tests.contract.observed import NOON, SCOPE, cluster_id, control_plane, listed

STANDARD, EXTENDED = datetime(2026, 12, 2, tzinfo=UTC), datetime(2027, 12, 2, tzinfo=UTC)
SUPPORT = SupportedVersion(Minor(1, 34), STANDARD, EXTENDED)


def snapshot(policy: Policy, now: datetime = NOON, support_type: str = "EXTENDED") -> Snapshot:
    part = model.Part(control_plane(support_type=support_type), NOON)
    found = listed(cluster_id())
    cluster = model.SeenCluster(
        found.id, found.name, SCOPE, found.placement, NOON, NOON, None, {parts.CONTROL_PLANE: part}
    )
    return Snapshot(cluster, now, {parts.CLUSTER_VERSIONS: model.Part((SUPPORT,), NOON)}, policy)


def test_the_end_of_support_is_named_where_it_is_the_date() -> None:
    found = clocks_of(snapshot(Policy(Minor(1, 35), STANDARD)), Compat(), ())
    assert (found.campaign, found.deadline, found.clock) == ("1.35", STANDARD, "standard support of 1.34 ends")
    assert (found.removal.support_end, found.removal.removal) == (STANDARD, EXTENDED)


def test_another_date_is_the_fleets_policy() -> None:
    found = clocks_of(snapshot(Policy(Minor(1, 35), STANDARD - timedelta(days=9))), Compat(), ())
    assert found.clock == "1.35 is due by the fleet's policy"


def test_without_extended_support_the_cloud_acts_when_the_standard_one_ends() -> None:
    found = clocks_of(snapshot(Policy(Minor(1, 35), STANDARD), support_type="STANDARD"), Compat(), ())
    assert (found.removal.removal, found.removal.clock) == (STANDARD, "standard support of 1.34 ends")


def test_standard_support_that_is_over_is_no_clock_any_more() -> None:
    found = clocks_of(snapshot(Policy(Minor(1, 35)), STANDARD + timedelta(days=1)), Compat(), ())
    assert (found.deadline, found.removal.support_end, found.removal.removal) == (None, None, EXTENDED)


HOUR = timedelta(hours=1)
CANARY, REST = cluster_id("canary"), cluster_id("shop")


def plan(changes: Changes = Changes.MINOR, windows: tuple[Window, ...] = ()) -> Plan:
    """Two stages of one cluster each; the first takes an hour."""
    stages = tuple(
        Stage(name, 1, 0, OnFailure.PAUSE, {}, (), windows if name == "rest" else ()) for name in ("canary", "rest")
    )
    members = tuple(
        Member(number, id, id.arn.rpartition("/")[2], SCOPE, {}, number, "", (), expected=Range(HOUR, 2 * HOUR))
        for number, id in enumerate((CANARY, REST))
    )
    header = Header(
        id="up-1",
        playbook="minor-upgrade",
        playbook_title="Upgrade",
        playbook_origin="",
        playbook_digest="",
        changes=changes,
        selector="",
        created_at=NOON,
        created_by="ann",
        expires_at=NOON + timedelta(days=7),
        stages=stages,
        members=("", ""),
        left=(),
    )
    return Plan(header, members, "")


def run(state: RunState = RunState.RUNNING) -> Run:
    return Run("run-7", "up-1", "", state, NOON, Control.RUN, NOON, "ann", started_at=NOON)


def test_a_run_reaches_each_stage_when_those_before_it_are_expected_to_be_done() -> None:
    found = waves_of([plan()], [run()], NOON + timedelta(minutes=5))
    assert found == {CANARY: (Wave(NOON, "run-7", True),), REST: (Wave(NOON + HOUR, "run-7", True),)}


def test_a_plan_that_nobody_started_begins_with_its_next_window() -> None:
    nights = Window((0,), 1200, 240, "Europe/Berlin")
    monday = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
    assert waves_of([plan(windows=(nights,))], [], NOON) == {REST: (Wave(monday, "up-1", False),)}


def test_a_window_that_opened_without_a_start_gives_way_to_the_next() -> None:
    """Else all that is to be done before it would be overdue, for a wave that nobody began."""
    planned, opens = plan(windows=(Window((4,), 600, 840, "UTC"),)), NOON.replace(hour=10)
    week = timedelta(days=7)
    assert waves_of([planned], [], opens - HOUR) == {REST: (Wave(opens, "up-1", False),)}
    assert waves_of([planned], [], NOON) == {REST: (Wave(opens + week, "up-1", False),)}
    assert waves_of([planned], [], NOON + week - HOUR) == {}  # it expires before the window after that


@pytest.mark.parametrize(
    ("planned", "runs", "days"),
    [
        pytest.param(plan(), (), 0, id="nobody said when"),
        pytest.param(plan(windows=(Window((0,), 1200, 240, "UTC"),)), (), 8, id="it expired"),
        pytest.param(plan(), (run(RunState.SUCCEEDED),), 0, id="it is over"),
        pytest.param(plan(Changes.ADDONS), (run(),), 0, id="it is no upgrade"),
        pytest.param(plan(windows=(Window((0,), 1200, 240, "Mars/Phobos"),)), (), 0, id="an unknown zone"),
    ],
)
def test_no_wave_is_expected_when(planned: Plan, runs: tuple[Run, ...], days: int) -> None:
    assert waves_of([planned], runs, NOON + timedelta(days=days)) == {}


def test_a_run_that_nobody_started_is_as_its_plan() -> None:
    assert waves_of([plan()], [replace(run(), started_at=None)], NOON) == {}
