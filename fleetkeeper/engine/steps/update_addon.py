"""update-addon: brings one EKS addon of the member to a version, through EKS, and keeps its configuration.

With `undo = "restore"` an abort takes it back, and so does the failure of another one of its set (core/step_sets.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, cast

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.addon_fields import conflicts, whats_own
from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.eks_errors import addon as troubled
from fleetkeeper.core.eks_errors import retrying
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.step_sets import outliving
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
from fleetkeeper.core.way_back import RUNNING, SUCCESSFUL
from fleetkeeper.core.wording import some
from fleetkeeper.engine.addon_restore import CONFIGURATION, VERSION, Restore
from fleetkeeper.engine.attempts import remembered, token_of
from fleetkeeper.engine.eks_updates import begun, issues_text, known, none_of_what_is_gone, own_of, reasons
from fleetkeeper.engine.foreign_updates import SOMEONE, running, who_began
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import AddonUpdate, CloudWriter

BY_PLAN = ("default", "latest")
"""Versions that a playbook may name by a word; the plan puts in what EKS offers the member by that word."""

POLL = timedelta(seconds=15)
SETTLING = timedelta(minutes=10)
"""EKS calls an addon DEGRADED while its new pods are not Ready yet; longer than this it is more than that."""

_FIELDS = 10


@dataclass(frozen=True, slots=True)
class SeenAddon:
    """The addon as EKS has it now, and its updates, newest first, as far as they matter. is_eks: the member is.

    changed: fields of its objects that somebody changed in the cluster, as they are stored; None: never seen.

    cluster is its name. who: who began the update that runs and is not ours, as far as CloudTrail tells.
    """

    addon: model.ManagedAddon | None
    updates: tuple[observed.EksUpdate, ...] = ()
    is_eks: bool = True
    changed: tuple[observed.Customised, ...] | None = None
    cluster: str = ""
    who: str = ""


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
        own = remembered(moment).get("update", "")
        if own:  # the update first: one that is over by then has left the addon as it is read after
            update = cloud.update(cluster, own, addon=self.addon)
            return SeenAddon(cloud.addon(cluster, self.addon), (update,), cluster=cluster)
        updates = self._updates(cloud, cluster) if moment.tried or moment.attempt > 0 else ()
        addon = cloud.addon(cluster, self.addon)
        if addon is not None and addon.status in ("UPDATING", "UPDATE_FAILED") and not updates:
            updates = self._updates(cloud, cluster)
        seen = SeenAddon(addon, updates, changed=self._changed(world, subject), cluster=cluster)
        if addon is None or addon.status != "UPDATING" or self._own(seen, moment) is not None:
            return seen
        return replace(seen, who=who_began(cloud, cluster, self.addon, updates))

    def _updates(self, cloud: CloudWriter, cluster: str) -> tuple[observed.EksUpdate, ...]:
        return none_of_what_is_gone(lambda: cloud.updates(cluster, addon=self.addon))

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
            return self._followed(seen, addon, own, moment)
        if addon.status in ("CREATING", "UPDATING"):
            return self._busy(addon, seen)
        if addon.status == "DELETING":
            return Blocked(f"{self.addon} is being deleted", "whoever deletes it", "let it end, then skip or retry")
        return self._compared(seen, addon, moment)

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        assert subject.scope is not None
        # OVERWRITE without a configuration would drop the one that is there.
        configuration = (memory.get("configuration") or None) if self.resolve == "OVERWRITE" else None
        update = AddonUpdate(_name(subject), self.addon, self.to, configuration, self.resolve)
        cloud = world.writers.cloud(subject.scope)
        return begun(lambda: cloud.update_addon(update, moment.token), moment, memory)

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
        return own_of(seen.updates, moment, lambda each: each.addon_version == self.to)

    def _followed(
        self, seen: SeenAddon, addon: model.ManagedAddon, update: observed.EksUpdate, moment: Moment
    ) -> Verdict:
        what = f"update {update.id} of {self.addon} to {self.to}"
        if update.status == RUNNING:
            return Wait(f"{what} is in progress{_since(update, moment.now)}", POLL)
        if update.status != SUCCESSFUL:
            do = retrying(update.errors, troubled(seen.cluster, self.addon))
            return Failed(f"{what} ended as {update.status}: {_ended(update)}", do)
        if addon.version != self.to:
            return Failed(
                f"{what} was successful, and {self.addon} is at {addon.version}: somebody else changed it since",
                "find out who (CloudTrail: UpdateAddon), then retry or skip",
            )
        if addon.status == "ACTIVE":
            return Done(f"{self.addon} is at {self.to}", keep=moment.memory)
        return self._settling(seen.cluster, addon, update, moment)

    def _settling(self, cluster: str, addon: model.ManagedAddon, update: observed.EksUpdate, moment: Moment) -> Verdict:
        """The update is over, and EKS does not call the addon ACTIVE yet."""
        said = issues_text(addon.issues)
        began = update.created_at or moment.started_at
        if addon.status in ("UPDATING", "DEGRADED") and moment.now < began + SETTLING:
            return Wait(f"{self.addon} is at {self.to} and {addon.status}{said}", POLL)
        return self._unwell(cluster, addon)

    def _busy(self, addon: model.ManagedAddon, seen: SeenAddon) -> Verdict:
        if addon.status == "CREATING":
            return Wait(f"{self.addon} is being created", POLL, "whoever creates it")
        update = running(seen.updates)
        if update is None:
            return Wait(f"{self.addon} is UPDATING, by nothing that fleetkeeper began", POLL, "whoever updates it")
        to = f" to {update.addon_version}" if update.addon_version else ""
        at = f" since {update.created_at:%H:%M} UTC" if update.created_at else ""
        text = f"{self.addon} is being updated{to} by {seen.who or SOMEONE} (update {update.id}{at})"
        return Wait(text, POLL, seen.who or "whoever updates it")

    def _compared(self, seen: SeenAddon, addon: model.ManagedAddon, moment: Moment) -> Verdict:
        """Nobody is at work on it: where is it, and where should it be? Updates that are over now are not the next."""
        if addon.version == self.to:
            if addon.status == "ACTIVE":
                return Done(f"{self.addon} is at {self.to} already")
            return self._unwell(seen.cluster, addon)
        is_back = _is_newer(addon.version, self.to)
        if is_back and self.direction == "up":
            return Skip(
                f"{self.addon} is at {addon.version}, newer than {self.to}: somebody else updated it, and this step "
                "takes no addon back"
            )
        if addon.status == "DEGRADED" and self.degraded == "fail":
            return self._unwell(seen.cluster, addon)
        own = whats_own(addon.configuration, seen.changed, self.resolve)
        memory = {
            "configuration": addon.configuration,
            "known": known(seen.updates),
            VERSION: addon.version,
            CONFIGURATION: addon.configuration,
            **outliving(moment.memory),
        }
        verb = "take" if is_back else "update"
        way = f" {'back ' if is_back else ''}from {addon.version} to {self.to} through EKS"
        return Act(f"{verb} {self.addon}{way} ({own})", memory)

    def _unwell(self, cluster: str, addon: model.ManagedAddon) -> Failed:
        codes = [each.code for each in addon.issues]
        why = f"{self.addon} is at {addon.version} and {addon.status}{issues_text(addon.issues)}"
        return Failed(why, retrying(codes, troubled(cluster, self.addon)))


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
        return reasons(update.errors)
    return f"ConfigurationConflict: changed in the cluster, and not in its configuration: {some(fields, _FIELDS)}"
