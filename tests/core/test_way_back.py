"""The way back of a control plane: every rule of EKS that closes it or must be met first, and its countdown."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.support import Phase, Support
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.way_back import Standing, WayBack, countdown, left, way_back, way_back_of

MADE = datetime(2026, 3, 1, tzinfo=UTC)
UPGRADED = datetime(2026, 11, 19, 14, 10, tzinfo=UTC)
NOW = UPGRADED + timedelta(days=1, hours=21)
PLANE = model.ControlPlane("shop", Minor(1, 36), "ACTIVE", "https://x", "", support_type="STANDARD")
UPGRADE = EksUpdate("u-1", "VersionUpdate", "Successful", UPGRADED, Minor(1, 36))
EARLIER = EksUpdate("u-0", "VersionUpdate", "Successful", UPGRADED - timedelta(days=90), Minor(1, 35))
STANDARD = Support(Minor(1, 35), Phase.STANDARD, datetime(2027, 3, 1, tzinfo=UTC))
HEALTHY = Standing(model.ClusterId("arn:shop", MADE), PLANE, (EARLIER, UPGRADE), STANDARD)

Change = Callable[[Standing], Standing]


def plane(**values: object) -> Change:
    return lambda seen: replace(seen, control_plane=replace(seen.control_plane, **values))  # type: ignore[arg-type]


def updates(*every: EksUpdate) -> Change:
    return lambda seen: replace(seen, updates=every)


def target(phase: Phase, ends_at: datetime | None = None) -> Change:
    return lambda seen: replace(seen, target=Support(Minor(1, 35), phase, ends_at))


def test_it_is_possible_for_seven_days_after_the_upgrade() -> None:
    found = way_back(HEALTHY, NOW)
    assert found == WayBack(Minor(1, 35), UPGRADED + timedelta(days=7))
    assert countdown(found, NOW) == "rollback to 1.35 possible for 5 d 3 h, until 26 Nov 14:10 UTC"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda s: replace(s, updates=None), "its updates were not seen", id="of unseen updates"),
        pytest.param(updates(), "made at 1.36 (2026-03-01), not upgraded", id="made at its minor"),
        pytest.param(
            updates(EARLIER, UPGRADE, replace(UPGRADE, status="Failed")), "", id="a failed update changes nothing"
        ),
        pytest.param(updates(replace(UPGRADE, status="Failed")), "not upgraded to it", id="whose only upgrade failed"),
        pytest.param(
            updates(replace(UPGRADE, created_at=None)), "not upgraded to it", id="of an update without a time"
        ),
        pytest.param(
            updates(replace(UPGRADE, kind="ConfigUpdate", minor=None)), "not upgraded", id="of other updates alone"
        ),
        pytest.param(updates(EARLIER), "led to 1.35, and it is at 1.36", id="moved by no update that is listed"),
        pytest.param(
            updates(UPGRADE, EksUpdate("u-2", "VersionRollback", "Successful", NOW, Minor(1, 36))),
            "taken back to 1.36 already",
            id="taken back once",
        ),
        pytest.param(target(Phase.UNSUPPORTED), "no longer supports 1.35", id="to an unsupported minor"),
        pytest.param(target(Phase.UNKNOWN), "is not known", id="to a minor of unknown support"),
        pytest.param(
            updates(replace(UPGRADE, created_at=NOW - timedelta(days=7))), "until 21 Nov 11:10 UTC", id="after 7 days"
        ),
        pytest.param(
            target(Phase.EXTENDED, NOW),
            "until 21 Nov 11:10 UTC: the end of the support of 1.35",
            id="when the support of the minor before has ended",
        ),
    ],
)
def test_a_cluster_is_closed(change: Change, says: str) -> None:
    found = way_back(change(HEALTHY), NOW)
    assert found.is_possible is (not says)
    assert says in found.closed
    assert (found.until is None) is bool(says)
    assert (countdown(found, NOW) == f"no rollback: {found.closed}") is bool(says)


@pytest.mark.parametrize(
    ("change", "why", "do"),
    [
        pytest.param(plane(status="UPDATING"), "UPDATING, not ACTIVE", "ACTIVE", id="a cluster that is not active"),
        pytest.param(
            updates(UPGRADE, EksUpdate("u-3", "LoggingUpdate", "InProgress", NOW)),
            "LoggingUpdate u-3 is in progress",
            "let it end",
            id="an update that runs",
        ),
        pytest.param(
            target(Phase.EXTENDED, datetime(2027, 3, 1, tzinfo=UTC)),
            "1.35 is in extended support, and the support policy of shop is STANDARD",
            "aws eks update-cluster-config --name shop --upgrade-policy supportType=EXTENDED; extended support costs "
            "$0.50 more an hour, $365 a month",
            id="a target in extended support",
        ),
    ],
)
def test_something_comes_first(change: Change, why: str, do: str) -> None:
    found = way_back(change(HEALTHY), NOW)
    assert found.is_possible
    (first,) = found.first
    assert why in first.why
    assert do in first.do
    assert countdown(found, NOW).endswith(f"after: {first.why}")


def test_the_policy_extended_asks_for_nothing_first() -> None:
    wanted = target(Phase.EXTENDED, datetime(2027, 3, 1, tzinfo=UTC))(plane(support_type="EXTENDED")(HEALTHY))
    assert way_back(wanted, NOW).first == ()


def test_the_end_of_extended_support_ends_the_window_early() -> None:
    end = NOW + timedelta(days=1)
    assert way_back(target(Phase.EXTENDED, end)(HEALTHY), NOW).until == end


def test_a_minor_that_an_earlier_upgrade_reached_is_not_gone_back_to_twice() -> None:
    later = EksUpdate("u-2", "VersionUpdate", "Successful", NOW, Minor(1, 37))
    found = way_back(updates(UPGRADE, later)(plane(version=Minor(1, 37))(HEALTHY)), NOW)
    assert found.to == Minor(1, 36)


@pytest.mark.parametrize(
    ("ended", "counts_from"),
    [
        pytest.param(UPGRADED + timedelta(minutes=12), UPGRADED + timedelta(minutes=12), id="that was seen counts"),
        pytest.param(UPGRADED + timedelta(days=3), UPGRADED, id="that was seen days later does not"),
        pytest.param(UPGRADED - timedelta(days=90), UPGRADED, id="of an earlier upgrade does not"),
        pytest.param(None, UPGRADED, id="that nobody saw does not"),
    ],
)
def test_the_end_of_our_own_upgrade(ended: datetime | None, counts_from: datetime) -> None:
    assert way_back(replace(HEALTHY, ended=ended), NOW).until == counts_from + timedelta(days=7)


def test_auto_mode_is_told_that_its_nodes_go_first() -> None:
    (note,) = way_back(plane(auto_mode=True)(HEALTHY), NOW).notes
    assert "its nodes back first" in note


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (timedelta(days=5, hours=3, minutes=59), "5 d 3 h"),
        (timedelta(hours=3, minutes=20, seconds=59), "3 h 20 min"),
        (timedelta(minutes=12, seconds=1), "12 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(seconds=-5), "0 min"),
    ],
)
def test_what_is_left_is_rounded_down(before: timedelta, says: str) -> None:
    assert left(WayBack(Minor(1, 35), NOW + before), NOW) == says


def test_nothing_is_left_of_a_way_that_is_closed() -> None:
    assert left(WayBack(None, None, "made so"), NOW) == ""


def stored(scope: model.Scope | None = None, **values: object) -> model.SeenCluster:
    here = {name: model.Part(value, NOW) for name, value in values.items()}
    placement = model.Placement("production", "", "shop", True, "")
    return model.SeenCluster(HEALTHY.cluster, "shop", scope, placement, MADE, NOW, None, here)


IN_EKS = model.Scope("111122223333", "eu-west-1")
DATES = (model.SupportedVersion(Minor(1, 35), datetime(2027, 3, 1, tzinfo=UTC), None),)


def test_a_stored_cluster_has_one_too() -> None:
    cluster = stored(IN_EKS, **{parts.CONTROL_PLANE: PLANE, parts.UPDATES: (EARLIER, UPGRADE)})
    assert way_back_of(cluster, DATES, Compat(), NOW) == way_back(HEALTHY, NOW)


@pytest.mark.parametrize(
    ("cluster", "says"),
    [
        pytest.param(stored(None), "known by a kubeconfig", id="of a kubeconfig"),
        pytest.param(stored(IN_EKS), "never seen", id="never seen"),
        pytest.param(stored(IN_EKS, **{parts.CONTROL_PLANE: PLANE}), "updates were not seen", id="without its updates"),
    ],
)
def test_a_stored_cluster_is_closed(cluster: model.SeenCluster, says: str) -> None:
    assert says in way_back_of(cluster, DATES, Compat(), NOW).closed
