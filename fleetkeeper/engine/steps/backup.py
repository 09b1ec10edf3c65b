"""backup: has Velero (or a program of the allow-list) back up the member, and waits until the backup is whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Residue, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.wording import some
from fleetkeeper.engine import commands
from fleetkeeper.engine.attempts import leaving, remembered
from fleetkeeper.engine.commands import SeenCommand
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import KubeWriter, ObjectRef
from fleetkeeper.errors import GapReason, ReadError

POLL = timedelta(seconds=20)
_TTL = timedelta(days=30)  # Velero's own default
_TAKEN_UP = timedelta(minutes=2)

# Phases of a Backup: https://velero.io/docs/v1.17/api-types/backup/ and pkg/apis/velero/v1/backup_types.go (2026-11).
_WAITING = ("", "New", "Queued", "ReadyToStart")
_WORKING = (
    *("InProgress", "WaitingForPluginOperations", "WaitingForPluginOperationsPartiallyFailed"),
    *("Finalizing", "FinalizingPartiallyFailed"),
)


@dataclass(frozen=True, slots=True)
class SeenBackup:
    """The Backup object of this attempt, None when it is not there. served: the cluster has Velero's API at all."""

    object: Mapping[str, Any] | None
    served: bool = True


@dataclass(frozen=True, slots=True)
class Backup:
    """command: a program's name in the settings; "" is Velero. The rest is Velero's.

    namespace is where Velero runs; include are namespaces, none is all; storage is a BackupStorageLocation, "" the
    default one. A Backup's name follows from the attempt's token, so it is made once.
    """

    kind: ClassVar[str] = "backup"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {"command": Where.PROGRAMS}
    cancellable: ClassVar[bool] = True

    command: str = ""
    parameters: Mapping[str, str] | None = None
    namespace: str = "velero"
    include: tuple[str, ...] = ()
    storage: str = ""
    keep: timedelta = _TTL
    volumes: bool = True

    @property
    def repeatable(self) -> bool:
        """A second Backup of one name cannot be; a program may not be run twice."""
        return not self.command

    @classmethod
    def of(cls, params: Params) -> "Backup":
        given = Given(params)
        made = cls(
            command=given.text("command", ""),
            parameters=commands.read_parameters(given),
            namespace=given.text("namespace", "velero"),
            include=given.texts("include", ()),
            storage=given.text("storage", ""),
            keep=given.duration("keep", _TTL),
            volumes=given.flag("volumes", True),
        )
        for name in ("namespace", "include", "storage", "keep", "volumes"):
            if made.command and name in params:
                given.wrong(name, "is for Velero; a command gets `parameters`")
        if made.parameters and not made.command:
            given.wrong("parameters", "are for a command; Velero takes namespace, include, storage, keep and volumes")
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenBackup | SeenCommand:
        if self.command:
            return commands.look(world, moment)
        kube = _kube(world, subject)
        try:
            return SeenBackup(kube.read(self._ref(moment)))
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
            return SeenBackup(None, served=False)
        finally:
            kube.close()

    def decide(self, seen: SeenBackup | SeenCommand, moment: Moment) -> Verdict:
        if not isinstance(seen, SeenBackup):
            return commands.judged(self.command, seen, moment, again=False)
        name = self._ref(moment).name
        if not seen.served:
            return Failed("Velero is not installed here: the cluster has no backups.velero.io", "install it, or skip")
        if seen.object is not None:
            return self._of_phase(name, seen.object, moment.now)
        if "created" in remembered(moment):
            return Failed(f"the Backup {name} is gone: somebody deleted it", "find out who, then retry")
        of = f"the namespaces {some(self.include)}" if self.include else "all namespaces"
        return Act(f"back up {of} with Velero{' and their volumes' if self.volumes else ''}")

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        if self.command:
            return commands.begin(world, self.command, subject, self.parameters or {}, moment, memory)
        kube = _kube(world, subject)
        try:
            kube.create(self._ref(moment), self._body(subject, moment))
        finally:
            kube.close()
        return leaving(memory, moment, created=self._ref(moment).name)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """A backup does no harm: one that Velero has not taken up is removed, any other is left to its time to live."""
        if self.command:
            return commands.taken_back(world, self.command, "", subject, self.parameters or {}, moment)
        kube, ref = _kube(world, subject), self._ref(moment)
        try:
            found = kube.read(ref)
            if found is None:
                return Undone("no Backup is there")
            phase = _status(found).get("phase", "")
            if phase in _WAITING:
                kube.delete(ref)
                return Undone(f"the Backup {ref.name} was removed before Velero took it up")
        finally:
            kube.close()
        if phase in _WORKING:
            return Residue(f"Velero still makes the Backup {ref.name}, and ends it by itself")
        return Undone(f"the Backup {ref.name} ({phase}) is kept until its time to live ends")

    def _ref(self, moment: Moment) -> ObjectRef:
        """Before the attempt has a token this is no name that an object can have: then only the API is looked for."""
        return ObjectRef("velero.io", "v1", "backups", self.namespace, f"fleetkeeper-{moment.token}")

    def _body(self, subject: Subject, moment: Moment) -> Mapping[str, object]:
        ref = self._ref(moment)
        spec: dict[str, object] = {
            "includedNamespaces": list(self.include) or ["*"],
            "ttl": f"{round(self.keep.total_seconds())}s",
            "snapshotVolumes": self.volumes,
        }
        if self.storage:
            spec["storageLocation"] = self.storage
        notes = {"fleetkeeper/run": subject.run.id if subject.run else "", "fleetkeeper/plan": subject.header.id}
        metadata = {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {"app.kubernetes.io/managed-by": "fleetkeeper"},
            "annotations": notes,
        }
        return {"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": metadata, "spec": spec}

    def _of_phase(self, name: str, found: Mapping[str, Any], now: datetime) -> Verdict:
        status = _status(found)
        phase = status.get("phase", "")
        if phase == "Completed":
            return Done(f"the Backup {name} is complete{_items(status)}", keep={"backup": name})
        if phase in _WAITING:
            return Wait(f"Velero has not taken up the Backup {name}{self._late(found, now)}", POLL)
        if phase in _WORKING:
            return Wait(f"Velero makes the Backup {name}: {phase}{_items(status)}", POLL)
        told = _reasons(status)
        return Failed(
            f"the Backup {name} ended as {phase}{f': {told}' if told else ''}",
            f"velero --namespace {self.namespace} backup logs {name}; mend it, then retry",
        )

    def _late(self, found: Mapping[str, Any], now: datetime) -> str:
        """A hint once it should have been taken up."""
        made = found.get("metadata", {}).get("creationTimestamp")
        if not made or now - datetime.fromisoformat(made) < _TAKEN_UP:
            return ""
        return f" since {made}: does Velero run? kubectl --namespace {self.namespace} get pods"


def _kube(world: World, subject: Subject) -> KubeWriter:
    member = subject.member
    assert member is not None
    return world.writers.kube(member.scope, member.name, member.cluster)


def _status(found: Mapping[str, Any]) -> Mapping[str, Any]:
    status: Mapping[str, Any] = found.get("status") or {}
    return status


def _items(status: Mapping[str, Any]) -> str:
    progress = status.get("progress") or {}
    return f", {progress.get('itemsBackedUp', 0)} of {progress['totalItems']} items" if "totalItems" in progress else ""


def _reasons(status: Mapping[str, Any]) -> str:
    """What Velero says went wrong; the counts where it gives no words."""
    words = [status.get("failureReason", ""), *(status.get("validationErrors") or ())]
    counts = [f"{status[key]} {key}" for key in ("errors", "warnings") if status.get(key)]
    return some(safe(str(each), 300) for each in (*filter(None, words), *counts))
