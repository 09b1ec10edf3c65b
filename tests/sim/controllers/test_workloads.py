"""Workloads over time: what a comparison of end states with the real controllers cannot see."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.sim.controllers.autoscaler import LOAD
from fleetkeeper.sim.controllers.cronjob import next_time
from fleetkeeper.sim.controllers.matching import condition, is_true, quantity, scaled, selects
from fleetkeeper.sim.controllers.pods import ANNOTATION
from fleetkeeper.sim.kube.state_log import Change
from fleetkeeper.sim.world import Object
from tests.sim.controllers.behaving import (
    BUDGETS,
    CRONS,
    DAEMONS,
    DEPLOYMENTS,
    EPOCH,
    JOBS,
    PODS,
    SCALERS,
    SHOP,
    STATEFUL,
    Behaving,
)


def image(world: Behaving, resource: str, tag: str, name: str = "web") -> None:
    template = world.get(resource, name)["spec"]["template"]
    container = {**template["spec"]["containers"][0], "image": f"{name}:{tag}"}
    changed = {**template, "spec": {**template["spec"], "containers": [container]}}
    world.change(resource, name, template=changed)


@pytest.mark.parametrize(
    ("surge", "unavailable", "most", "least"),
    [
        pytest.param(1, 0, 5, 4, id="surge only never goes below the replicas"),
        pytest.param(0, 1, 4, 3, id="without surge one is missing at a time"),
        pytest.param("25%", "25%", 5, 3, id="the defaults round up and down"),
        pytest.param("50%", 0, 6, 4, id="half as many again"),
    ],
)
def test_a_rolling_update_stays_within_its_bounds(
    surge: int | str, unavailable: int | str, most: int, least: int
) -> None:
    world = Behaving.new("a", "b")
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    world.deploy(replicas=4, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    world.advance(120)
    seen: list[tuple[int, int]] = []

    def look(_event: object) -> None:
        active = [each for each in world.pods() if "deletionTimestamp" not in each["metadata"]]
        seen.append((len(active), sum(is_true(each, "Ready") for each in active)))

    world.live.objects.subscribe(look)
    image(world, DEPLOYMENTS, "2")
    world.advance(600)
    assert {each["spec"]["containers"][0]["image"] for each in world.pods()} == {"web:2"}
    assert max(count for count, _ in seen) == most
    assert min(ready for _, ready in seen) == least


def test_an_ordered_set_starts_each_pod_after_the_one_before_is_ready() -> None:
    world = Behaving.new("a")
    world.deploy(resource=STATEFUL)
    world.advance(120)
    born = [datetime.fromisoformat(each["metadata"]["creationTimestamp"]) for each in world.pods()]
    ready = [next(c for c in each["status"]["conditions"] if c["type"] == "Ready") for each in world.pods()]
    times = [datetime.fromisoformat(each["lastTransitionTime"]) for each in ready]
    assert all(later >= earlier for later, earlier in zip(born[1:], times, strict=False))


def test_a_parallel_set_starts_all_at_once() -> None:
    world = Behaving.new("a")
    world.deploy(resource=STATEFUL, podManagementPolicy="Parallel")
    world.advance(1)
    assert [each["metadata"]["name"] for each in world.pods()] == ["web-0", "web-1", "web-2"]


def test_a_set_rolls_from_the_highest_number_down_and_one_at_a_time() -> None:
    world = Behaving.new("a")
    world.deploy(resource=STATEFUL)
    world.advance(120)
    order: list[str] = []
    world.live.objects.subscribe(
        lambda event: order.append(event.key[1]) if (event.resource, event.change) == (PODS, Change.ADDED) else None
    )
    image(world, STATEFUL, "2")
    world.advance(300)
    assert order == ["web-2", "web-1", "web-0"]
    status = world.status(STATEFUL, "web")
    assert status["currentRevision"] == status["updateRevision"]


def test_a_set_whose_pod_never_becomes_ready_stops_there() -> None:
    world = Behaving.new("a")
    world.deploy(resource=STATEFUL, annotations={ANNOTATION + "ready-after": "never"})
    world.advance(600)
    assert [each["metadata"]["name"] for each in world.pods()] == ["web-0"]


def test_daemons_roll_one_node_at_a_time() -> None:
    world = Behaving.new("a", "b", "c")
    world.deploy(resource=DAEMONS)
    world.advance(60)
    missing: list[int] = []
    world.live.objects.subscribe(lambda _event: missing.append(3 - world.ready()))
    image(world, DAEMONS, "2")
    world.advance(300)
    assert max(missing) == 1
    assert {each["spec"]["containers"][0]["image"] for each in world.pods()} == {"web:2"}


def test_a_job_gives_up_after_its_backoff_limit() -> None:
    world = Behaving.new("a")
    pod = {"containers": [{"name": "m", "image": "i"}], "restartPolicy": "Never"}
    template = {"metadata": {"annotations": {ANNOTATION + "fails-after": "5"}}, "spec": pod}
    world.create(JOBS, "once", {"template": template, "backoffLimit": 2})
    world.advance(600)
    job = world.get(JOBS, "once")
    assert is_true(job, "Failed")
    assert job["status"]["failed"] == 3


def test_a_finished_job_expires() -> None:
    world = Behaving.new("a")
    pod = {"containers": [{"name": "m", "image": "i"}], "restartPolicy": "Never"}
    world.create(JOBS, "once", {"template": {"spec": pod}, "ttlSecondsAfterFinished": 60})
    world.advance(50)
    assert is_true(world.get(JOBS, "once"), "Complete")
    world.advance(60)
    assert (world.live.objects.of(JOBS), world.pods()) == ([], [])


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        pytest.param("*/15 * * * *", "2026-11-20T09:15:00+00:00", id="each quarter of an hour"),
        pytest.param("0 3 * * *", "2026-11-21T03:00:00+00:00", id="every night"),
        pytest.param("30 8 * * mon", "2026-11-23T08:30:00+00:00", id="a day of the week by name"),
        pytest.param("0 0 1 1-3 *", "2027-01-01T00:00:00+00:00", id="the first of the winter's months"),
        pytest.param("0 0 13 * 5", "2026-11-27T00:00:00+00:00", id="a day of the month or of the week"),
        pytest.param("@hourly", "2026-11-20T10:00:00+00:00", id="a macro"),
        pytest.param("0 0 30 2 *", "None", id="a day that never comes"),
    ],
)
def test_a_schedule_has_its_next_time(schedule: str, wanted: str) -> None:
    found = next_time(schedule, EPOCH)
    assert str(found and found.isoformat()) == wanted


def test_a_schedule_counts_in_its_time_zone() -> None:
    assert next_time("0 3 * * *", EPOCH, "America/New_York") == datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "running"),
    [pytest.param("Forbid", 1, id="forbid waits"), pytest.param("Allow", 3, id="allow piles up")],
)
def test_a_cron_job_minds_what_still_runs(policy: str, running: int) -> None:
    world = Behaving.new("a")
    pod = {"containers": [{"name": "m", "image": "i"}], "restartPolicy": "Never"}
    slow = {"metadata": {"annotations": {ANNOTATION + "runs-for": "3600"}}, "spec": pod}
    spec = {"schedule": "*/5 * * * *", "concurrencyPolicy": policy, "jobTemplate": {"spec": {"template": slow}}}
    world.create(CRONS, "tick", spec)
    world.advance(900)
    assert len(world.pods()) == running
    assert world.live.objects.of(JOBS)[0]["metadata"]["name"].startswith("tick-2")


@pytest.mark.parametrize(
    ("load", "replicas"),
    [
        pytest.param("400", 5, id="up to what the load needs"),
        pytest.param("9000", 8, id="never above the maximum"),
        pytest.param("170", 2, id="not within the tolerance"),
        pytest.param("10", 1, id="down to the minimum"),
    ],
)
def test_an_autoscaler_follows_the_load_that_it_is_given(load: str, replicas: int) -> None:
    world = Behaving.new("a", "b")
    world.deploy(replicas=2)
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": aim, "minReplicas": 1, "maxReplicas": 8, "metrics": [metric]}
    world.create(SCALERS, "web", spec, metadata={"annotations": {LOAD: load}})
    world.advance(120)
    assert world.get(DEPLOYMENTS, "web")["spec"]["replicas"] == replicas


def test_an_evicted_pod_that_stays_counts_as_disrupted_for_two_minutes() -> None:
    world = Behaving.new("a")
    world.deploy(replicas=3)
    world.budget(maxUnavailable=1)
    world.advance(60)
    name = world.pods()[0]["metadata"]["name"]
    at = world.live.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {**world.status(BUDGETS, "web"), "disruptedPods": {name: at}, "disruptionsAllowed": 0}
    world.live.objects.edit(BUDGETS, SHOP, "web", lambda obj: {**obj, "status": status})
    world.advance(110)
    assert (world.status(BUDGETS, "web")["disruptionsAllowed"], world.status(BUDGETS, "web")["currentHealthy"]) == (
        0,
        2,
    )
    world.advance(15)
    found = world.status(BUDGETS, "web")
    assert (found["disruptionsAllowed"], "disruptedPods" in found) == (1, False)


@pytest.mark.parametrize(("seconds", "status"), [(110, "True"), (130, "False")])
def test_a_pod_that_was_to_be_evicted_and_stays_loses_the_mark_after_two_minutes(seconds: int, status: str) -> None:
    world = Behaving.new("a")
    world.deploy(replicas=1)
    world.advance(60)
    pod, at = world.pods()[0], world.live.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    mark = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "lastTransitionTime": at}
    conditions = [*pod["status"]["conditions"], mark]
    world.live.objects.update(PODS, {**pod, "status": {**pod["status"], "conditions": conditions}})
    world.advance(seconds)
    assert (condition(world.pods()[0], "DisruptionTarget") or {})["status"] == status


def test_a_budget_follows_pods_that_leave_and_return() -> None:
    world = Behaving.new("a")
    world.deploy(replicas=3)
    world.budget(minAvailable="60%")
    world.advance(60)
    allowed: list[int] = []
    world.live.objects.subscribe(
        lambda event: (
            allowed.append(event.object["status"]["disruptionsAllowed"]) if event.resource == BUDGETS else None
        )
    )
    world.delete_pod(world.pods()[0]["metadata"]["name"])
    world.advance(120)
    assert allowed[0] == 0
    assert allowed[-1] == 1


def test_a_pod_that_leaves_is_not_healthy_though_it_still_is_ready() -> None:
    world = Behaving.new("a")
    world.deploy(replicas=3, annotations={ANNOTATION + "terminates-after": "never", ANNOTATION + "ready-after": "20"})
    world.budget(minAvailable=2)
    world.advance(60)
    world.delete_pod(world.pods()[0]["metadata"]["name"])
    world.advance(2)
    found = world.status(BUDGETS, "web")
    assert (world.ready(), found["currentHealthy"], found["disruptionsAllowed"]) == (3, 2, 0)


@pytest.mark.parametrize(
    ("text", "number"),
    [("100m", 0.1), ("2", 2.0), ("512Mi", 536870912.0), ("1k", 1000.0), ("7934412Ki", 8124837888.0), (3, 3.0)],
)
def test_a_quantity_is_a_number(text: str | int, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize(
    ("value", "total", "up", "wanted"),
    [("50%", 3, True, 2), ("50%", 3, False, 1), (2, 9, True, 2), ("0%", 9, True, 0), ("100%", 7, False, 7)],
)
def test_a_share_of_a_total(value: int | str, total: int, up: bool, wanted: int) -> None:
    assert scaled(value, total, round_up=up) == wanted


@pytest.mark.parametrize(
    ("selector", "takes"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_selector_takes_labels(selector: Object | None, takes: bool) -> None:
    assert selects(selector, {"app": "web"}) is takes


def test_a_share_that_is_no_percentage_is_refused_in_the_servers_words() -> None:
    with pytest.raises(ValueError, match='string is not a percentage "half"'):
        scaled("half", 3, round_up=True)


def test_two_runs_of_one_world_are_the_same() -> None:
    def run() -> list[object]:
        world = Behaving.new("a", "b")
        world.deploy(replicas=5)
        world.budget(maxUnavailable="20%")
        world.advance(120)
        image(world, DEPLOYMENTS, "2")
        world.advance(timedelta(minutes=10).total_seconds())
        return [world.live.objects.of(kind) for kind in sorted(world.live.objects.resources())]

    assert run() == run()
