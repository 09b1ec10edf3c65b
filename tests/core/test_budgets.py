"""The arithmetic of budgets, against the formulas of the disruption controller written down a second time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core import budgets
from fleetkeeper.core.budgets import Guard, guards
from fleetkeeper.core.model import Pods, Workload
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.pods import Labels, PodTemplate

WEB = PodTemplate(labels={"app": "web"})
limits = st.one_of(st.integers(0, 40).map(str), st.integers(0, 100).map(lambda each: f"{each}%"))


def limited(minimum: str = "", maximum_unavailable: str = "", **more: object) -> Budget:
    made = {"minimum": minimum, "maximum_unavailable": maximum_unavailable, "selector": Labels({"app": "web"}), **more}
    return Budget("shop", "web", **made)  # type: ignore[arg-type]


def workload(replicas: int | None, kind: str = "Deployment", minimum: int | None = None) -> Workload:
    return Workload(kind, "shop", f"web-{kind}", "u", (), replicas, template=WEB, minimum=minimum)


def controller(limit: str, of: str, expected: int, healthy: int) -> int:
    """getExpectedPodCount and updatePdbStatus, as Go computes them: in floating point, and upwards."""
    value = math.ceil(float(limit[:-1]) * float(expected) / 100) if limit.endswith("%") else int(limit)
    desired = max(0, expected - value) if of == "maximum_unavailable" else value
    return 0 if expected <= 0 or healthy - desired <= 0 else healthy - desired


@given(limits, st.sampled_from(["minimum", "maximum_unavailable"]), st.integers(0, 60), st.integers(0, 60))
def test_allowed_is_what_the_disruption_controller_computes(limit: str, of: str, expected: int, healthy: int) -> None:
    assert budgets.allowed(limited(**{of: limit}), expected, healthy) == controller(limit, of, expected, healthy)


@given(limits, st.sampled_from(["minimum", "maximum_unavailable"]), st.integers(1, 60), st.integers(0, 60))
def test_a_budget_that_never_allows_does_not_at_any_health(limit: str, of: str, replicas: int, sick: int) -> None:
    budget = limited(**{of: limit}, expected=replicas)
    guard = Guard(budget, (workload(replicas),))
    if guard.never:
        assert budgets.allowed(budget, replicas, max(0, replicas - sick)) == 0
    else:
        assert budgets.allowed(budget, replicas, replicas) > 0


@pytest.mark.parametrize(
    ("minimum", "maximum", "replicas", "never"),
    [
        pytest.param("50%", "", 1, True, id="half of one is one and must stay"),
        pytest.param("50%", "", 3, False, id="half of three is two, and one may go"),
        pytest.param("67%", "", 3, True, id="67 percent of three is three"),
        pytest.param("", "30%", 1, False, id="30 percent of one is one and may go"),
        pytest.param("", "0%", 9, True, id="no percent"),
        pytest.param("", "0", 9, True, id="none"),
        pytest.param("100%", "", 9, True, id="all must stay"),
        pytest.param("2", "", 2, True, id="two of two must stay"),
        pytest.param("2", "", 3, False, id="two of three must stay"),
        pytest.param("0", "", 1, False, id="none has to stay"),
        pytest.param("", "0", 0, False, id="nothing runs, so nothing is held"),
        pytest.param("many", "", 3, True, id="a limit that cannot be read lets none go"),
    ],
)
def test_never_is_arithmetic(minimum: str, maximum: str, replicas: int, never: bool) -> None:
    assert Guard(limited(minimum, maximum, expected=replicas), (workload(replicas),)).never is never


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        pytest.param(Guard(limited("2", expected=1), (workload(3),)), 3, id="pods that are not made yet count"),
        pytest.param(Guard(limited("2", expected=4), (workload(3),)), 3, id="the surge of a rollout does not"),
        pytest.param(Guard(limited("", "1", expected=5), (workload(3),)), 5, id="the controller's count of sizes wins"),
        pytest.param(Guard(limited("", "1"), (workload(3),)), 3, id="before it has counted, the sizes do"),
        pytest.param(Guard(limited("2", expected=4), (workload(3), workload(None, "Job"))), 4, id="a size is unknown"),
        pytest.param(Guard(limited("2", expected=4)), 4, id="no workload is known"),
        pytest.param(
            Guard(limited("2", expected=4), (workload(3),), (workload(None, "Pod"),)),
            4,
            id="pods without an owner count",
        ),
    ],
)
def test_expected_is_the_size_without_a_rollout(guard: Guard, expected: int) -> None:
    assert guard.expected == expected


def test_what_the_server_allows_wins_over_arithmetic() -> None:
    assert not Guard(limited("3", expected=4, allowed=1), (workload(3),)).never


@pytest.mark.parametrize("status", [{"observed": False}, {"reason": "SyncFailed"}])
def test_a_status_that_cannot_be_trusted_proves_nothing(status: dict[str, object]) -> None:
    assert not Guard(limited("", "0", expected=3, **status), (workload(3),)).never


@pytest.mark.parametrize(
    ("minimum", "at_minimum"),
    [pytest.param(None, None, id="no autoscaler"), pytest.param(2, 0, id="two"), pytest.param(3, 1, id="three")],
)
def test_an_autoscaler_may_shrink_what_a_budget_holds(minimum: int | None, at_minimum: int | None) -> None:
    guard = Guard(limited("2", expected=5), (workload(5, minimum=minimum),))
    assert (guard.allowed_at_best, guard.allowed_at_minimum) == (3, at_minimum)


def test_pods_without_an_owner_are_healthy_beside_the_expected_ones() -> None:
    guard = Guard(limited("100%", expected=2), (workload(2),), (workload(None, "Pod"),))
    assert guard.allowed_at_best == 1


@pytest.mark.parametrize(
    ("selector", "taken"),
    [
        pytest.param(Labels({"app": "web"}), ["web-Deployment"], id="by label"),
        pytest.param(Labels(), ["web-Deployment", "other"], id="an empty one takes all of the namespace"),
        pytest.param(None, [], id="an absent one takes none"),
    ],
)
def test_a_selector_takes_workloads_of_its_namespace(selector: Labels | None, taken: list[str]) -> None:
    other = Workload("Deployment", "shop", "other", "u", (), 1, template=PodTemplate(labels={"app": "other"}))
    elsewhere = Workload("Deployment", "bank", "web", "u", (), 1, template=WEB)
    unread = Workload("Deployment", "shop", "unread", "u", (), 1)
    bare = Workload("Pod", "shop", "bare", "u", (), template=WEB)
    budget = Budget("shop", "web", selector=selector, minimum="1")
    (guard,) = guards([budget], [workload(2), other, elsewhere, unread], Pods(1, (bare,)))
    assert [each.name for each in guard.workloads] == taken
    assert guard.bare == ((bare,) if taken else ())


def test_a_budget_of_daemon_sets_alone_holds_no_drain() -> None:
    agents = workload(None, "DaemonSet")
    assert not Guard(limited("1"), (agents,)).is_drained
    assert Guard(limited("1"), (agents, workload(1))).is_drained
    assert Guard(limited("1")).is_drained


def test_a_budget_of_jobs_alone_passes() -> None:
    job = workload(None, "CronJob")
    assert Guard(limited("1"), (job,)).passes
    assert not Guard(limited("1"), (job, workload(1))).passes
    assert not Guard(limited("1")).passes
