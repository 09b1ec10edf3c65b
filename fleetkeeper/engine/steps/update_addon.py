"""update-addon: brings one EKS addon of the member to a version, through EKS, and keeps its configuration.

With `undo = "restore"` an abort takes it back, and so does the failure of another one of its set (core/step_sets.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, cast

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.addon_fields import conflicts, whats_own
from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.step_sets import outliving
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import (
    Act,
    Blocked,
    Done,
    Failed,
    Memory,
    Moment,
    Skip,
    Undoing,
    Undone,
    Verdict,
    Wait,
)
from fleetkeeper.core.versions import Version
from fleetkeeper.core.wording import some
from fleetkeeper.engine.addon_failures import advice
from fleetkeeper.engine.addon_restore import CONFIGURATION, REFUSALS, VERSION, Restore
from fleetkeeper.engine.attempts import leaving, remembered, token_of
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import AddonUpdate, CloudWriter
from fleetkeeper.errors import GapReason, ReadError, Refused

BY_PLAN = ("default", "latest")
"""Versions that a playbook may name by a word; the plan puts in what EKS offers the member by that word."""

RUNNING = "InProgress"
POLL = timedelta(seconds=15)
SETTLING = timedelta(minutes=10)
"""EKS calls an addon DEGRADED while its new pods are not Ready yet; longer than this it is more than that."""

_CLOCKS_DIFFER = timedelta(minutes=2)
_FIELDS = 10


@dataclass(frozen=True, slots=True)
class SeenAddon:
    """The addon as EKS has it now, and its updates, newest first, as far as they matter. is_eks: the member is.

    changed: fields of its objects that somebody changed in the cluster, as they are stored; None: never seen.
    """

    addon: model.ManagedAddon | None
    updates: tuple[observed.EksUpdate, ...] = ()
    is_eks: bool = True
    changed: tuple[observed.Customised, ...] | None = None


@dataclass(frozen=True, slots=True)
class UpdateAddon:
    """addon is EKS's name of it, to the wanted version.

    resolve: what becomes of fields that others changed: PRESERVE, OVERWRITE, or NONE, with which a conflict fails.

    degraded: what is done with an addon that EKS calls DEGRADED before the update: "fail", or "update" all the same.

    direction: "up", or "any" where a newer one is to be taken back. undo: "keep", or "restore": it is put back by an
    abort, and when a step of its set fails for good.
    """

    kind: ClassVar[str] = "update-addon"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # by the token: EKS answers the same update to it
    cancellable: ClassVar[bool] = False

    addon: str
    to: str
    resolve: str = "PRESERVE"
    degraded: str = "fail"
    direction: str = "up"
    undoes: str = "keep"

    @classmethod
    def of(cls, params: Params) -> "UpdateAddon":
        given = Given(params)
        made = cls(
            addon=given.text("addon"),
            to=given.text("version", check=_wrong_version),
            resolve=given.choice("resolve", ("PRESERVE", "OVERWRITE", "NONE"), "PRESERVE"),
            degraded=given.choice("degraded", ("fail", "update"), "fail"),
            direction=given.choice("direction", ("up", "any"), "up"),
            undoes=given.choice("undo", ("keep", "restore"), "keep"),
        )
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenAddon:
        if subject.scope is None:
            return SeenAddon(None, is_eks=False)
        cloud, cluster = world.writers.cloud(subject.scope), _name(subject)
        updates = self._updates(cloud, cluster, moment)  # first: one that is over by then left the addon as read after
        addon = cloud.addon(cluster, self.addon)
        if "update" in remembered(moment):
            return SeenAddon(addon, updates)
        if addon is not None and addon.status in ("UPDATING", "UPDATE_FAILED") and not updates:
            updates = cloud.updates(cluster, addon=self.addon)
        return SeenAddon(addon, updates, changed=self._changed(world, subject))

    def _updates(self, cloud: CloudWriter, cluster: str, moment: Moment) -> tuple[observed.EksUpdate, ...]:
        """Of an attempt that may have begun one; none of an addon that is gone."""
        if own := remembered(moment).get("update", ""):
            return (cloud.update(cluster, own, addon=self.addon),)
        if not moment.tried and moment.attempt == 0:
            return ()
        try:
            return cloud.updates(cluster, addon=self.addon)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
            return ()

    def decide(self, seen: SeenAddon, moment: Moment) -> Verdict:
        addon = seen.addon
        if not seen.is_eks:
            return Failed("the cluster is known by a kubeconfig alone: EKS has no addons of it", final=True)
        if self.to in BY_PLAN:
            return Failed(f"the plan left the version of {self.addon} as {self.to!r}", "plan anew", final=True)
        if refused := remembered(moment).get("refused"):
            return Failed(f"EKS refused to update {self.addon}: {refused}", "mend what it says, then retry")
        if addon is None:
            return self._absent(moment)
        own = self._own(seen, moment)
        if own is not None:
            return self._followed(addon, own, moment)
        if addon.status in ("CREATING", "UPDATING"):
            return self._busy(addon, seen.updates)
        if addon.status == "DELETING":
            return Blocked(f"{self.addon} is being deleted", "whoever deletes it", "let it end, then skip or retry")
        return self._compared(seen, addon, moment)

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        assert subject.scope is not None
        # OVERWRITE without a configuration would drop the one that is there.
        configuration = (memory.get("configuration") or None) if self.resolve == "OVERWRITE" else None
        update = AddonUpdate(_name(subject), self.addon, self.to, configuration, self.resolve)
        try:
            id = world.writers.cloud(subject.scope).update_addon(update, moment.token)
        except Refused as refused:
            if refused.reason not in REFUSALS:
                raise
            return leaving(memory, moment, refused=refused.detail)
        return leaving(memory, moment, update=id)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """With `undo = "keep"` the update is what was wanted: an abort leaves it, and says how to go back by hand."""
        before = moment.memory.get(VERSION, "")
        if not before or subject.scope is None:
            return Undone(f"{self.addon} was not touched")
        if self.undoes == "restore":
            run = subject.run.id if subject.run else ""
            own = f"{run}/{subject.member.idx if subject.member else ''}/{self.addon}/{self.to}/{moment.attempt}"
            cloud = world.writers.cloud(subject.scope)
            return Restore(cloud, _name(subject), self.addon, self.to, token_of(own, "restore")).undoing(moment.memory)
        return Undone(
            f"{self.addon} stays as EKS has it; it was {before} before: aws eks update-addon --cluster-name "
            f"{_name(subject)} --addon-name {self.addon} --addon-version {before} --resolve-conflicts PRESERVE"
        )

    def _changed(self, world: World, subject: Subject) -> tuple[observed.Customised, ...] | None:
        part = cast(
            "model.Part[tuple[observed.Customised, ...]] | None",
            world.store.cluster_part(subject.cluster, parts.CUSTOMISED),
        )
        if part is None or part.value is None:
            return None
        return tuple(each for each in part.value if each.addon == self.addon)

    def _absent(self, moment: Moment) -> Verdict:
        if remembered(moment) or moment.tried:
            return Failed(f"{self.addon} is gone: somebody deleted the addon during its update", final=True)
        return Skip(f"{self.addon} is not installed here as an EKS addon")

    def _own(self, seen: SeenAddon, moment: Moment) -> observed.EksUpdate | None:
        """The update of this attempt; after a lost answer the newest one to this version that began since."""
        if id := remembered(moment).get("update"):
            return next((each for each in seen.updates if each.id == id), None)
        if not moment.tried:
            return None
        since, known = moment.started_at - _CLOCKS_DIFFER, moment.memory.get("known", "").split()
        ours = (each for each in seen.updates if each.addon_version == self.to and each.id not in known)
        return next((each for each in ours if each.created_at is not None and each.created_at >= since), None)

    def _followed(self, addon: model.ManagedAddon, update: observed.EksUpdate, moment: Moment) -> Verdict:
        what = f"update {update.id} of {self.addon} to {self.to}"
        if update.status == RUNNING:
            return Wait(f"{what} is in progress{_since(update, moment.now)}", POLL)
        if update.status != "Successful":
            return Failed(f"{what} ended as {update.status}: {_ended(update)}", advice(update.errors, self.addon))
        if addon.version != self.to:
            return Failed(
                f"{what} was successful, and {self.addon} is at {addon.version}: somebody else changed it since",
                "find out who (CloudTrail: UpdateAddon), then retry or skip",
            )
        if addon.status == "ACTIVE":
            return Done(f"{self.addon} is at {self.to}", keep=moment.memory)
        return self._settling(addon, update, moment)

    def _settling(self, addon: model.ManagedAddon, update: observed.EksUpdate, moment: Moment) -> Verdict:
        """The update is over, and EKS does not call the addon ACTIVE yet."""
        said = _issues(addon)
        began = update.created_at or moment.started_at
        if addon.status in ("UPDATING", "DEGRADED") and moment.now < began + SETTLING:
            return Wait(f"{self.addon} is at {self.to} and {addon.status}{said}", POLL)
        return self._unwell(addon)

    def _busy(self, addon: model.ManagedAddon, updates: Iterable[observed.EksUpdate]) -> Verdict:
        if addon.status == "CREATING":
            return Wait(f"{self.addon} is being created", POLL, "whoever creates it")
        running = next((each for each in updates if each.status == RUNNING), None)
        if running is None:
            return Wait(f"{self.addon} is UPDATING, by nothing that fleetkeeper began", POLL, "whoever updates it")
        to = f" to {running.addon_version}" if running.addon_version else ""
        at = f" since {running.created_at:%H:%M} UTC" if running.created_at else ""
        return Wait(
            f"{self.addon} is being updated{to} by someone else (update {running.id}{at})", POLL, "whoever updates it"
        )

    def _compared(self, seen: SeenAddon, addon: model.ManagedAddon, moment: Moment) -> Verdict:
        """Nobody is at work on it: where is it, and where should it be? Updates that are over now are not the next."""
        if addon.version == self.to:
            if addon.status == "ACTIVE":
                return Done(f"{self.addon} is at {self.to} already")
            return self._unwell(addon)
        is_back = _is_newer(addon.version, self.to)
        if is_back and self.direction == "up":
            return Skip(
                f"{self.addon} is at {addon.version}, newer than {self.to}: somebody else updated it, and this step "
                "takes no addon back"
            )
        if addon.status == "DEGRADED" and self.degraded == "fail":
            return self._unwell(addon)
        own = whats_own(addon.configuration, seen.changed, self.resolve)
        memory = {
            "configuration": addon.configuration,
            "known": " ".join(each.id for each in seen.updates),
            VERSION: addon.version,
            CONFIGURATION: addon.configuration,
            **outliving(moment.memory),
        }
        verb = "take" if is_back else "update"
        way = f" {'back ' if is_back else ''}from {addon.version} to {self.to} through EKS"
        return Act(f"{verb} {self.addon}{way} ({own})", memory)

    def _unwell(self, addon: model.ManagedAddon) -> Failed:
        codes = [each.code for each in addon.issues]
        return Failed(
            f"{self.addon} is at {addon.version} and {addon.status}{_issues(addon)}", advice(codes, self.addon)
        )


def _name(subject: Subject) -> str:
    assert subject.member is not None
    return subject.member.name


def _wrong_version(text: str) -> str:
    if text in BY_PLAN:
        return ""
    try:
        Version.parse(text)
    except ValueError:
        return f"must be an addon's version such as v1.11.4-eksbuild.2, or {' or '.join(BY_PLAN)}, not {text!r}"
    return ""


def _is_newer(text: str, than: str) -> bool:
    """Whether a version is above another; one that cannot be read is not."""
    try:
        return Version.parse(than) < Version.parse(text)
    except ValueError:
        return False


def _since(update: observed.EksUpdate, now: datetime) -> str:
    return f" for {duration_text(now - update.created_at)}" if update.created_at else ""


def _ended(update: observed.EksUpdate) -> str:
    """What EKS says of an update that failed; of a conflict every field that it names."""
    fields = conflicts(update.errors)
    if not fields:
        return _told(update.errors)
    return f"ConfigurationConflict: changed in the cluster, and not in its configuration: {some(fields, _FIELDS)}"


def _told(errors: Iterable[str]) -> str:
    return some(safe(" ".join(each.split()), 300) for each in errors) or "EKS gave no reason"


def _issues(addon: model.ManagedAddon) -> str:
    said = some(f"{each.code}: {safe(' '.join(each.message.split()), 300)}" for each in addon.issues)
    return f" ({said})" if said else ""
