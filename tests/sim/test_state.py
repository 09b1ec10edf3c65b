"""The mutable state of a cluster: what the API server's storage does on create, update, delete and watch."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.sim.kube.state import Expect, Objects, Propagation
from fleetkeeper.sim.kube.state_errors import AlreadyExists, Conflict, NotFound, PreconditionFailed, StateError, TooOld
from fleetkeeper.sim.kube.state_log import Change, Event
from fleetkeeper.sim.objects.recipes import Identity, Kept, Recipe, RecipeObjects
from fleetkeeper.sim.world import Object, SimCluster

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PODS, DEPLOYMENTS = "/pods", "apps/deployments"


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def objects(clock: Clock) -> Objects:
    return Objects(a_cluster(), clock.now, kept_events=4)


def a_cluster() -> SimCluster:
    return SimCluster("k", "n", "1" * 12, "eu-west-1", "aws", "1.36", "v1.36.4", "eks.1", NOON)


def pod(name: str = "web", **spec: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def running(**spec: Any) -> Object:
    return {**pod(nodeName="a", **spec), "status": {"phase": "Running"}}


def deployment(replicas: int = 1) -> Object:
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": replicas}}


def test_a_new_object_gets_what_the_server_gives(objects: Objects) -> None:
    made = objects.create(DEPLOYMENTS, deployment())
    metadata = made["metadata"]
    assert metadata["creationTimestamp"] == "2026-11-20T12:00:00Z"
    assert (metadata["generation"], metadata["resourceVersion"]) == (1, "1001")
    assert len(metadata["uid"]) == 36
    assert objects.get(DEPLOYMENTS, "shop", "web") is made


def test_generated_names_are_free_and_the_same_in_every_run() -> None:
    def names() -> list[str]:
        found = Objects(a_cluster(), Clock().now)
        generated = {"metadata": {"generateName": "web-", "namespace": "shop"}, "spec": {}}
        return [found.create(PODS, generated)["metadata"]["name"] for _ in range(50)]

    assert names() == names()
    assert len(set(names())) == 50


def test_a_second_object_of_the_name_is_refused(objects: Objects) -> None:
    objects.create(PODS, pod())
    with pytest.raises(AlreadyExists):
        objects.create(PODS, pod())


def test_an_object_that_comes_again_has_another_uid(objects: Objects) -> None:
    first = objects.create(PODS, pod())
    objects.delete(PODS, ("shop", "web"))
    assert objects.create(PODS, pod())["metadata"]["uid"] != first["metadata"]["uid"]


@pytest.mark.parametrize(
    ("change", "generation"),
    [
        pytest.param({"spec": {"replicas": 2}}, 2, id="the spec raises the generation"),
        pytest.param({"status": {"replicas": 2}}, 1, id="the status does not"),
        pytest.param({}, 1, id="nothing does not"),
    ],
)
def test_generation_counts_what_is_asked_for(objects: Objects, change: Object, generation: int) -> None:
    made = objects.create(DEPLOYMENTS, deployment())
    assert objects.update(DEPLOYMENTS, {**made, **change})["metadata"]["generation"] == generation


def test_an_update_of_nothing_spends_no_revision(objects: Objects) -> None:
    made = objects.create(DEPLOYMENTS, deployment())
    assert objects.update(DEPLOYMENTS, dict(made)) is made
    assert objects.revision == 1001


def test_a_status_is_written_as_by_an_update(objects: Objects) -> None:
    heard: list[Event] = []
    other = Objects(a_cluster(), Clock().now)
    made, same = (each.create(DEPLOYMENTS, deployment()) for each in (objects, other))
    objects.subscribe(heard.append)
    other.subscribe(heard.append)
    objects.set_status(DEPLOYMENTS, ("shop", "web"), {"replicas": 1})
    other.update(DEPLOYMENTS, {**same, "status": {"replicas": 1}})
    assert heard[0] == heard[1]
    assert heard[0].is_of_status
    assert heard[0].before == made
    objects.set_status(DEPLOYMENTS, ("shop", "web"), {"replicas": 1})
    objects.set_status(DEPLOYMENTS, ("shop", "gone"), {"replicas": 1})
    assert len(heard) == 2


def test_the_servers_own_members_cannot_be_changed(objects: Objects) -> None:
    made = objects.create(DEPLOYMENTS, deployment())
    forged = {**made["metadata"], "creationTimestamp": "1999-01-01T00:00:00Z", "generation": 7, "labels": {"a": "b"}}
    found = objects.update(DEPLOYMENTS, {**made, "metadata": forged})["metadata"]
    assert (found["creationTimestamp"], found["generation"]) == ("2026-11-20T12:00:00Z", 1)
    assert found["labels"] == {"a": "b"}


def stale(objects: Objects) -> None:
    made = objects.create(DEPLOYMENTS, deployment())
    objects.update(DEPLOYMENTS, {**made, "spec": {"replicas": 2}})
    objects.update(DEPLOYMENTS, {**made, "spec": {"replicas": 3}})


def other_uid(objects: Objects) -> None:
    objects.create(PODS, pod())
    objects.delete(PODS, ("shop", "web"), Expect(uid="other"))


def other_revision(objects: Objects) -> None:
    objects.create(PODS, pod())
    objects.delete(PODS, ("shop", "web"), Expect(resource_version="7"))


def missing(objects: Objects) -> None:
    objects.delete(PODS, ("shop", "web"))


@pytest.mark.parametrize(
    ("write", "refusal"),
    [
        pytest.param(stale, Conflict, id="an update from an older state is a conflict"),
        pytest.param(other_uid, PreconditionFailed, id="another uid fails the precondition"),
        pytest.param(other_revision, PreconditionFailed, id="another revision fails the precondition"),
        pytest.param(missing, NotFound, id="what is not there cannot be deleted"),
    ],
)
def test_a_write_is_refused(objects: Objects, write: Callable[[Objects], None], refusal: type[StateError]) -> None:
    with pytest.raises(refusal):
        write(objects)


def test_a_failed_precondition_says_what_was_wanted_and_found(objects: Objects) -> None:
    uid = objects.create(PODS, pod())["metadata"]["uid"]
    with pytest.raises(PreconditionFailed) as refused:
        objects.delete(PODS, ("shop", "web"), Expect(uid="other"))
    assert (refused.value.field, refused.value.wanted, refused.value.found) == ("UID", "other", uid)


@pytest.mark.parametrize(
    ("made", "grace", "left"),
    [
        pytest.param(running(), None, 30, id="a running pod has thirty seconds"),
        pytest.param(running(terminationGracePeriodSeconds=90), None, 90, id="or what it asks for"),
        pytest.param(running(), 5, 5, id="or what the caller gives"),
        pytest.param(running(), 0, None, id="none at all when forced"),
        pytest.param(pod(), None, None, id="none before it has a node"),
        pytest.param({**running(), "status": {"phase": "Succeeded"}}, None, None, id="none after it ended"),
    ],
)
def test_a_pod_is_given_its_grace(objects: Objects, made: Object, grace: int | None, left: int | None) -> None:
    objects.create(PODS, made)
    objects.delete(PODS, ("shop", "web"), grace=grace)
    found = objects.get(PODS, "shop", "web")
    assert (None if found is None else found["metadata"]["deletionGracePeriodSeconds"]) == left


def test_a_second_delete_can_only_shorten_the_grace(objects: Objects, clock: Clock) -> None:
    objects.create(PODS, running())
    objects.delete(PODS, ("shop", "web"))
    clock.pass_by(3)
    assert objects.delete(PODS, ("shop", "web"), grace=60)["metadata"]["deletionGracePeriodSeconds"] == 30
    shorter = objects.delete(PODS, ("shop", "web"), grace=10)["metadata"]
    assert (shorter["deletionGracePeriodSeconds"], shorter["deletionTimestamp"]) == (10, "2026-11-20T12:00:10Z")


def test_an_object_goes_with_its_last_finalizer(objects: Objects) -> None:
    made = deployment()
    made["metadata"]["finalizers"] = ["a", "b"]
    objects.create(DEPLOYMENTS, made)
    held = objects.delete(DEPLOYMENTS, ("shop", "web"))
    assert held["metadata"]["deletionTimestamp"] == "2026-11-20T12:00:00Z"
    held = objects.update(DEPLOYMENTS, {**held, "metadata": {**held["metadata"], "finalizers": ["b"]}})
    assert objects.get(DEPLOYMENTS, "shop", "web") == held
    objects.update(DEPLOYMENTS, {**held, "metadata": {**held["metadata"], "finalizers": []}})
    assert objects.get(DEPLOYMENTS, "shop", "web") is None


@pytest.mark.parametrize(
    ("propagation", "finalizer"), [(Propagation.FOREGROUND, "foregroundDeletion"), (Propagation.ORPHAN, "orphan")]
)
def test_propagation_leaves_the_work_to_the_collector(
    objects: Objects, propagation: Propagation, finalizer: str
) -> None:
    objects.create(DEPLOYMENTS, deployment())
    found = objects.delete(DEPLOYMENTS, ("shop", "web"), propagation=propagation)
    assert found["metadata"]["finalizers"] == [finalizer]


def test_a_namespace_is_terminating_until_it_is_finalized(objects: Objects) -> None:
    objects.create("/namespaces", {"metadata": {"name": "shop"}, "spec": {"finalizers": ["kubernetes"]}})
    found = objects.delete("/namespaces", ("", "shop"))
    assert found["status"] == {"phase": "Terminating"}
    objects.update("/namespaces", {**found, "spec": {"finalizers": []}})
    assert objects.get("/namespaces", "", "shop") is None


def test_a_watch_continues_from_a_revision_in_order(objects: Objects) -> None:
    made = objects.create(DEPLOYMENTS, deployment())
    since = objects.revision
    objects.update(DEPLOYMENTS, {**made, "spec": {"replicas": 2}})
    objects.create(PODS, pod())
    objects.delete(DEPLOYMENTS, ("shop", "web"))
    found = objects.events(DEPLOYMENTS, since)
    assert [(event.change, event.revision) for event in found] == [(Change.MODIFIED, 1002), (Change.DELETED, 1004)]
    assert found[1].object["metadata"]["resourceVersion"] == "1004"
    assert objects.events(DEPLOYMENTS, since, namespace="other") == []


def test_a_watch_from_what_fell_out_of_the_log_is_too_old(objects: Objects) -> None:
    for number in range(6):  # the log keeps four
        objects.create(PODS, pod(f"p{number}"))
    with pytest.raises(TooOld) as refused:
        objects.events(PODS, 1001)
    assert (refused.value.asked, refused.value.oldest) == (1001, 1002)
    assert len(objects.events(PODS, 1002)) == 4


def test_a_write_around_the_state_makes_older_watches_too_old_and_is_told(objects: Objects) -> None:
    told: list[str] = []
    objects.subscribe(lambda event: None, lambda: told.append("look again"))
    objects.create(PODS, pod())
    objects.cluster.put(PODS, pod("other"))
    with pytest.raises(TooOld):
        objects.events(PODS, 1001)
    assert told == ["look again"]
    assert objects.events(PODS, 1002) == []


def test_listeners_hear_every_write_until_they_leave(objects: Objects) -> None:
    heard: list[Event] = []
    leave = objects.subscribe(heard.append)
    made = objects.create(PODS, running())
    leave()
    objects.delete(PODS, ("shop", "web"))
    assert [(event.change, event.object, event.before) for event in heard] == [(Change.ADDED, made, None)]


def test_an_index_follows_writes_and_writes_around(objects: Objects) -> None:
    objects.index("node", PODS, lambda obj: obj["spec"].get("nodeName", ""))
    objects.create(PODS, pod())
    assert objects.find("node", PODS, "a") == []
    objects.edit(PODS, "shop", "web", lambda obj: {**obj, "spec": {"nodeName": "a"}})
    assert [each["metadata"]["name"] for each in objects.find("node", PODS, "a")] == ["web"]
    objects.cluster.put(PODS, {**pod("other"), "spec": {"nodeName": "a"}})
    assert len(objects.find("node", PODS, "a")) == 2
    objects.delete(PODS, ("shop", "web"), grace=0)
    assert [each["metadata"]["name"] for each in objects.find("node", PODS, "a")] == ["other"]


def test_a_lazy_cluster_stays_lazy_until_it_is_written() -> None:
    recipes = tuple(Recipe(kind, "web", {"spec": {}}, namespace="shop") for kind in (PODS, DEPLOYMENTS))
    cluster, made = a_cluster(), []

    class Counting(Kept):
        def of(self, key: str, build: Callable[[], Any]) -> Any:
            made.append(key)
            return super().of(key, build)

    cluster.objects = RecipeObjects(recipes, Identity("k", NOON), Counting())
    objects = Objects(cluster, Clock().now)
    assert made == []
    objects.delete(PODS, ("shop", "web"))
    made.clear()
    assert objects.of(PODS) == []
    assert made == []
    assert len(objects.of(DEPLOYMENTS)) == 1
    assert made == ["k"]
