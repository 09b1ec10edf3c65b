"""repair-release: renames in a stored Helm release what the next minor does not serve, so that helm can go on."""

from dataclasses import dataclass
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Memory, Moment, Skip, Undoing, Undone, Verdict
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.attempts import leaving, remembered
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.release_words import PENDING, kept_by_another, name_of, pending_of_another, wrong_name
from fleetkeeper.engine.releases import ReleaseRef, Renamed, SeenRelease
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.errors import GapReason, Refused


@dataclass(frozen=True, slots=True)
class SeenRepair:
    """The release now, and what of its newest deployed revision the minor does not serve."""

    release: SeenRelease | None
    renamed: tuple[Renamed, ...] = ()


@dataclass(frozen=True, slots=True)
class RepairRelease:
    """to is the minor that the control plane moves to next. The old revision stays as the way back."""

    kind: ClassVar[str] = "repair-release"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # the revision that it writes bears the token, and a second one cannot be
    cancellable: ClassVar[bool] = True

    namespace: str
    release: str
    to: Minor

    @classmethod
    def of(cls, params: Params) -> "RepairRelease":
        given = Given(params)
        to = given.text("to", check=_wrong_minor)
        made = cls(
            namespace=given.text("namespace", check=wrong_name),
            release=given.text("release", check=wrong_name),
            to=Minor.parse(to) if not _wrong_minor(to) else Minor(0, 0),
        )
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenRepair:  # noqa: ARG002  # by what is stored
        ref = self._ref(subject)
        found = world.releases.look(ref)
        if found is None or not found.deployed or found.newest.status in PENDING:
            return SeenRepair(found)
        return SeenRepair(found, world.releases.renamed(ref, self.to))

    def decide(self, seen: SeenRepair, moment: Moment) -> Verdict:
        name, release = self._name, seen.release
        if refused := remembered(moment).get("refused"):
            return Failed(f"{name} was not repaired: {refused}", "look at it, then retry")
        if release is None:
            return Skip(f"there is no {name} here")
        newest = release.newest
        if newest.status in PENDING:
            back = f"helm rollback {self.release} {max(release.deployed, default=1)} --namespace {self.namespace}"
            return pending_of_another(name, newest, moment, back)
        if not release.deployed:
            return Skip(f"{name} has no deployed revision: it is {newest.status}")
        is_ours = bool(moment.token) and newest.token == moment.token
        if is_ours and len(release.deployed) > 1:
            return Act(f"mark the revisions of {name} before {newest.number} as superseded", moment.memory)
        if not seen.renamed:
            note = f"revision {newest.number} of {name} names" if is_ours else f"{name} names"
            return Done(f"{note} nothing that {self.to} does not serve", keep=moment.memory)
        if newest.owner:
            return kept_by_another(name, newest.owner)
        if problems := [f"{each.what}: {each.problem}" for each in seen.renamed if each.problem]:
            fix = "upgrade it to a version of its chart that writes the new API, or skip: what runs is not touched"
            return Blocked(f"{name} cannot be repaired: {some(problems)}", "the release's owner", fix)
        return self._begin(release, seen.renamed)

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        try:
            world.releases.repair(self._ref(subject), self.to, moment.token)
        except Refused as refused:
            if refused.reason is not GapReason.REJECTED:
                raise  # somebody else's write came between: it is looked at again
            return leaving(memory, moment, refused=refused.detail)
        return leaving(memory, moment, repaired="yes")

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """Ours is removed and the one before is deployed again, as long as the cluster serves what that one names."""
        ref = self._ref(subject)
        before = world.releases.look(ref)
        if before is None or not moment.token or before.newest.token != moment.token:
            return Undone(f"{self._name} has no revision of this step as its newest")
        if why := world.releases.give_back(ref, moment.token):
            return Undone(f"{self._name} stays repaired: {why}")
        return Undone(f"{self._name} is as it was: revision {before.newest.number} was removed")

    @property
    def _name(self) -> str:
        return name_of(self.namespace, self.release)

    def _ref(self, subject: Subject) -> ReleaseRef:
        member = subject.member
        assert member is not None
        return ReleaseRef(member.scope, member.name, member.cluster, self.namespace, self.release)

    def _begin(self, release: SeenRelease, renamed: tuple[Renamed, ...]) -> Act:
        told = some(f"{each.what} → {each.to}" for each in renamed)
        return Act(
            f"write revision {release.newest.number + 1} of {self._name} with {counted(len(renamed), 'object')} renamed"
            f" for {self.to} ({told}); no object in the cluster is touched",
            {"revision": str(max(release.deployed))},
        )


def _wrong_minor(text: str) -> str:
    try:
        Minor.parse(text)
    except ValueError:
        return f"must be a minor such as 1.36, not {text!r}"
    return ""
