"""backup: one Backup object per attempt, and what Velero's phases mean."""

from typing import Any

import pytest

from fleetkeeper.core.verdict import Act, Done, Failed, Residue, Undone, Unknown, Verdict, Wait
from fleetkeeper.engine.world import CommandState
from fleetkeeper.errors import ParamError, ReadError
from fleetkeeper.sim.faults import Fault
from tests.contract.kube_writer_cases import backup, velero_crd
from tests.engine.steps.walking import SECOND, TOKEN, Place, Walk, told

BACKUPS = "velero.io/backups"
NAME = f"fleetkeeper-{TOKEN}"


@pytest.fixture
def place() -> Place:
    made = Place()
    with made.living.world.lock:
        objects = made.living.of(made.cluster).objects
        objects.create("apiextensions.k8s.io/customresourcedefinitions", velero_crd())
        objects.create("/namespaces", {"metadata": {"name": "velero"}})
    return made


def backups(place: Place) -> dict[str, Any]:
    return {name: each for (_, name), each in place.cluster.objects.get(BACKUPS, {}).items()}


def velero_says(place: Place, **status: Any) -> None:
    with place.living.world.lock:
        objects = place.living.of(place.cluster).objects
        objects.edit(BACKUPS, "velero", NAME, lambda found: {**found, "status": status})


def begun(place: Place, **params: Any) -> Walk:
    walk = place.walk("backup", **params)
    walk.ticks(2)
    return walk


def test_it_makes_one_backup_as_the_playbook_says(place: Place) -> None:
    walk = place.walk("backup", include=("shop", "pay"), storage="cold", keep="7d", volumes=False)
    assert told(walk.tick()) == "back up the namespaces shop, pay with Velero"
    assert not backups(place)
    walk.tick()
    (made,) = backups(place).values()
    assert made["spec"] == {
        "includedNamespaces": ["shop", "pay"],
        "storageLocation": "cold",
        "ttl": "604800s",
        "snapshotVolumes": False,
    }
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "fleetkeeper"}
    assert made["metadata"]["annotations"]["fleetkeeper/plan"] == "plan-1"


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        pytest.param({}, Wait, "has not taken up", id="not taken up"),
        pytest.param({"phase": "New"}, Wait, "has not taken up", id="new"),
        pytest.param(
            {"phase": "InProgress", "progress": {"totalItems": 500, "itemsBackedUp": 120}},
            Wait,
            "InProgress, 120 of 500 items",
            id="in progress, with its count",
        ),
        pytest.param({"phase": "WaitingForPluginOperations"}, Wait, "WaitingForPlugin", id="waiting for snapshots"),
        pytest.param({"phase": "Finalizing"}, Wait, "Finalizing", id="finalizing"),
        pytest.param({"phase": "Completed"}, Done, "is complete", id="complete"),
        pytest.param(
            {"phase": "PartiallyFailed", "errors": 2, "warnings": 1},
            Failed,
            f"ended as PartiallyFailed: 2 errors, 1 warnings velero --namespace velero backup logs {NAME}",
            id="failed in part",
        ),
        pytest.param(
            {"phase": "Failed", "failureReason": "bucket is gone"},
            Failed,
            "ended as Failed: bucket is gone",
            id="failed",
        ),
        pytest.param(
            {"phase": "FailedValidation", "validationErrors": ["no such storage location"]},
            Failed,
            "no such storage location",
            id="not valid",
        ),
        pytest.param({"phase": "Deleting"}, Failed, "ended as Deleting", id="being deleted"),
    ],
)
def test_of_a_backup_that_is(place: Place, status: dict[str, Any], kind: type[Verdict], says: str) -> None:
    walk = begun(place)
    velero_says(place, **status)
    verdict = walk.tick()
    assert isinstance(verdict, kind)
    assert says in told(verdict)


def test_a_backup_that_nobody_takes_up_says_where_to_look(place: Place) -> None:
    walk = begun(place)
    assert "get pods" not in told(walk.tick())
    place.later(minutes=3)
    assert "does Velero run? kubectl --namespace velero get pods" in told(walk.tick())


@pytest.mark.parametrize("ticks", [0, 1, 2, 3], ids=["nothing", "the intent", "the act", "the first look"])
def test_a_crash_after_that_is_stored_leaves_one_backup(place: Place, ticks: int) -> None:
    walk = place.walk("backup")
    for _ in range(ticks):
        walk.tick()
    walk.forgets = ticks == 1
    walk.ticks(4)
    assert list(backups(place)) == [NAME]
    velero_says(place, phase="Completed")
    assert isinstance(walk.tick(), Done)


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "error"])
def test_an_answer_that_is_lost_leaves_one_backup(place: Place, kind: str) -> None:
    place.living.world.faults = [Fault("kube", kind, verb="create", count=1)]
    walk = place.walk("backup")
    walk.tick()
    with pytest.raises(ReadError):
        walk.tick()
    walk.ticks(2)
    assert list(backups(place)) == [NAME]


def test_a_backup_that_somebody_deleted_fails_and_the_next_attempt_makes_another(place: Place) -> None:
    walk = begun(place)
    member = place.member()
    place.world.writers.kube(member.scope, member.name, member.cluster).delete(backup(NAME))
    assert "somebody deleted it" in told(walk.tick())
    walk.retry()
    walk.ticks(2)
    assert list(backups(place)) == [f"fleetkeeper-{SECOND}"]


def test_without_velero_it_fails_and_says_so() -> None:
    failed = Place().walk("backup").tick()
    assert isinstance(failed, Failed)
    assert "Velero is not installed" in failed.why


@pytest.mark.parametrize(
    ("phase", "kind", "stays"),
    [
        pytest.param("", Undone, False, id="not taken up is removed"),
        pytest.param("InProgress", Residue, True, id="in progress is left to Velero"),
        pytest.param("Completed", Undone, True, id="complete is kept"),
    ],
)
def test_at_an_abort_a_backup_that_is(place: Place, phase: str, kind: type, stays: bool) -> None:
    walk = begun(place)
    velero_says(place, phase=phase)
    assert isinstance(walk.undo(), kind)
    assert (NAME in backups(place)) is stays


def test_at_an_abort_before_it_was_made_there_is_nothing(place: Place) -> None:
    assert told(place.walk("backup").undo()) == "no Backup is there"


def test_a_command_backs_up_as_well(place: Place) -> None:
    walk = begun(place, command="etcd-copy", parameters=("bucket=cold",))
    assert not backups(place)
    assert place.programs.told[TOKEN][1]["FLEETKEEPER_BUCKET"] == "cold"
    assert isinstance(walk.tick(), Wait)
    place.programs.end(TOKEN, 0)
    assert isinstance(walk.tick(), Done)
    assert (walk.step.repeatable, place.walk("backup").step.repeatable) == (False, True)
    assert isinstance(walk.undo(), Residue)


def test_a_command_whose_end_nobody_saw_asks_a_person(place: Place) -> None:
    walk = begun(place, command="etcd-copy")
    place.programs.runs[TOKEN] = CommandState(None, "", lost=True)
    assert isinstance(walk.tick(), Unknown)
    del place.programs.runs[TOKEN]
    walk.retry()
    assert isinstance(walk.look(), Act)


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({"command": "a", "storage": "b"}, "storage", "is for Velero", id="storage of a command"),
        pytest.param({"parameters": ("a=b",)}, "parameters", "are for a command", id="parameters of Velero"),
        pytest.param({"keep": 7}, "keep", "must be a text", id="a number for a duration"),
        pytest.param({"include": ("a", "a")}, "include", "listed twice", id="a namespace twice"),
        pytest.param({"volume": True}, "volume", "did you mean volumes?", id="an unknown one"),
    ],
)
def test_it_refuses(params: dict[str, Any], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("backup", **params)
    assert says in refused.value.wrong[name]
