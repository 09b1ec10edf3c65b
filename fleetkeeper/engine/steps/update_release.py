"""update-release: brings one Helm release of the member to a version of its chart, and keeps its values."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import (
    Act,
    Blocked,
    Done,
    Failed,
    Memory,
    Moment,
    Residue,
    Skip,
    Undoing,
    Undone,
    Verdict,
    Wait,
)
from fleetkeeper.core.versions import Version
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.attempts import leaving, remembered, token_of
from fleetkeeper.engine.command_state import CommandState
from fleetkeeper.engine.commands import ELSEWHERE
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.release_words import PATIENCE, PENDING, kept_by_another, name_of, pending_of_another, wrong_name
from fleetkeeper.engine.releases import ChartChoice, Difference, ReleaseRef, Revision, SeenRelease
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.errors import GapReason, Refused

POLL = timedelta(seconds=15)
DEPLOYED = "deployed"
_BACK = "back"
_REFUSALS = (GapReason.REJECTED, GapReason.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class SeenUpdate:
    """The release now, what this attempt began here, and what an upgrade would change where that is the question."""

    release: SeenRelease | None
    run: CommandState | None = None
    back: CommandState | None = None
    home: str = ""
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class UpdateRelease:
    """source is a name of [[engine.charts]]; to is the chart's version.

    after_undo: "keep" leaves the release at the new version when the run is aborted, "restore" rolls it back.
    """

    kind: ClassVar[str] = "update-release"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {"source": Where.CHARTS}
    repeatable: ClassVar[bool] = True  # by the token: helm is begun once for it, and its revision bears it
    cancellable: ClassVar[bool] = False

    namespace: str
    release: str
    chart: str
    to: str
    source: str
    after_undo: str = "keep"

    @classmethod
    def of(cls, params: Params) -> "UpdateRelease":
        given = Given(params)
        made = cls(
            namespace=given.text("namespace", check=wrong_name),
            release=given.text("release", check=wrong_name),
            chart=given.text("chart"),
            to=given.text("version", check=_wrong_version),
            source=given.text("source"),
            after_undo=given.choice("undo", ("keep", "restore"), "keep"),
        )
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenUpdate:
        ref, releases = self._ref(subject), world.releases
        # helm before what it did: one that ends between the two is still waited for, not taken as cut off.
        run = releases.state(ref, moment.token) if moment.token else None
        back = releases.state(ref, token_of(moment.token, _BACK)) if moment.token else None
        found = releases.look(ref)
        asked = found is not None and run is None and self._may_begin(found, moment)
        difference = releases.difference(ref, self._choice) if asked else None
        return SeenUpdate(found, run, back, releases.home, difference)

    def decide(self, seen: SeenUpdate, moment: Moment) -> Verdict:
        if refused := remembered(moment).get("refused"):
            return Failed(f"{self._what} was not begun: {refused}", "mend what it says, then retry")
        release = seen.release
        own = release.newest if release is not None and self._is_own(release.newest, moment) else None
        if own is not None:
            return self._of_own(own, seen, moment)
        if seen.run is not None or "home" in remembered(moment):
            return self._begun(seen, moment)
        if release is None:
            return Skip(f"there is no release {self._name} here")
        return self._compared(release, seen.difference, moment)

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        ref, releases = self._ref(subject), world.releases
        run, found = releases.state(ref, moment.token), releases.look(ref)
        if found is not None and self._is_own(found.newest, moment):
            if _is_cut_off(found.newest, run):
                releases.roll_back(ref, int(memory["revision"]), token_of(moment.token, _BACK))
            return leaving(memory, moment)
        try:
            releases.upgrade(ref, self._choice, memory.get("package", ""), moment.token)
        except Refused as refused:
            if refused.reason not in _REFUSALS:
                raise
            return leaving(memory, moment, refused=refused.detail)
        return leaving(memory, moment, home=releases.home)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """keep: it says how to go back. An upgrade that was cut off is rolled back in any case."""
        before = moment.memory.get("revision", "")
        if not before:
            return Undone(f"{self._name} was not touched")
        ref, releases = self._ref(subject), world.releases
        run, token = releases.state(ref, moment.token), token_of(moment.token, _BACK)
        if run is not None and run.exit_code is None and not run.lost:
            return Wait(f"helm upgrades {self._name}, and is followed to its end", POLL)
        back, release = releases.state(ref, token), releases.look(ref)
        if back is not None:
            return self._rolled_back(back, before)
        if release is None or not self._is_own(release.newest, moment):
            return Undone(f"{self._name} has no revision of this step as its newest")
        crds = moment.memory.get("crds", "")
        cut_off = _is_cut_off(release.newest, run)
        if release.newest.status in PENDING and not cut_off:
            return self._pending_elsewhere(release.newest, moment, before)
        if not cut_off and (self.after_undo == "keep" or crds):
            kept = f" (CRDs were changed with it: {crds})" if crds else ""
            return Undone(f"{self._name} stays as it is{kept}; to go back: {self._command(before)}")
        if cut_off or release.newest.status in (DEPLOYED, "failed"):
            releases.roll_back(ref, int(before), token)
            return Wait(f"helm rolls {self._name} back to revision {before}", POLL)
        return Residue(f"{self._name} is {release.newest.status}: {self._command(before)}")

    @property
    def _name(self) -> str:
        return name_of(self.namespace, self.release)

    @property
    def _what(self) -> str:
        return f"the upgrade of {self._name} to {self.chart} {self.to}"

    @property
    def _choice(self) -> ChartChoice:
        return ChartChoice(self.source, self.chart, self.to)

    def _ref(self, subject: Subject) -> ReleaseRef:
        member = subject.member
        assert member is not None
        return ReleaseRef(member.scope, member.name, member.cluster, self.namespace, self.release)

    def _command(self, revision: str) -> str:
        return f"helm rollback {self.release} {revision} --namespace {self.namespace} --wait"

    def _is_own(self, newest: Revision, moment: Moment) -> bool:
        """Helm hands the token on to what comes after, so the number must be the one that this attempt made."""
        before = moment.memory.get("revision", "")
        return bool(moment.token) and newest.token == moment.token and str(newest.number - 1) == before

    def _may_begin(self, release: SeenRelease, moment: Moment) -> bool:
        """Whether what would change is the question at all."""
        newest = release.newest
        well = newest.status == DEPLOYED or self._may_go_on(newest, moment)
        behind = newest.version != self.to or newest.status != DEPLOYED
        is_ours = newest.chart == self.chart and not newest.owner and not _is_newer(newest.version, self.to)
        return well and behind and is_ours and not self._is_own(newest, moment) and "home" not in remembered(moment)

    def _may_go_on(self, newest: Revision, moment: Moment) -> bool:
        """A person said retry after an attempt of ours failed: helm goes on from a failed revision."""
        return newest.status == "failed" and bool(newest.token) and moment.attempt > 0

    def _compared(self, release: SeenRelease, difference: Difference | None, moment: Moment) -> Verdict:
        newest = release.newest
        if newest.chart != self.chart:
            told = f"{self._name} is of the chart {newest.chart}, not of {self.chart}"
            return Failed(told, "plan anew", final=True)
        if newest.status == DEPLOYED and newest.version == self.to:
            return Done(f"{self._name} is at {self.chart} {self.to} already")
        if newest.status in PENDING:
            return pending_of_another(self._name, newest, moment, self._command(str(max(release.deployed, default=1))))
        if _is_newer(newest.version, self.to):
            return Skip(
                f"{self._name} is at {newest.version}, newer than {self.to}: somebody else upgraded it, and "
                "fleetkeeper never takes a release back"
            )
        if newest.owner:
            return kept_by_another(self._name, newest.owner)
        if difference is None:
            fix = "see what it says, mend it, upgrade or roll back by hand; then retry"
            return Failed(f"{self._name} is {newest.status} at revision {newest.number}: {newest.description}", fix)
        return self._begin(newest, difference)

    def _begin(self, newest: Revision, difference: Difference) -> Verdict:
        what = f"upgrade {self._name} (chart {self.chart}) from {newest.version} to {self.to}"
        if difference.refused:
            return Failed(f"helm cannot {what}: {difference.refused}", "mend what it says, then retry")
        if difference.contested:
            return Blocked(
                f"CRDs of {self.chart} {self.to} cannot be applied: {some(difference.contested)}",
                "whoever owns them",
                "apply the CRDs of the new chart in the way of their owner, then this goes on",
            )
        memory = {"revision": str(newest.number), "package": difference.package, "from": newest.version}
        if difference.crds:
            memory["crds"] = some(difference.crds)
        return Act(f"{what} with helm, values kept: {_summary(difference)}", memory, difference.text)

    def _of_own(self, own: Revision, seen: SeenUpdate, moment: Moment) -> Verdict:
        """The revision of this attempt is the newest one."""
        if own.status == DEPLOYED:
            return Done(f"{self._name} is at {self.chart} {own.version}, revision {own.number}", keep=moment.memory)
        if own.status in PENDING:
            return self._pending(own, seen, moment)
        before = moment.memory.get("revision", "")
        return Failed(
            f"{self._what} ended as {own.status}: {own.description}",
            f"see why its pods or hooks fail; {self._command(before)} takes it back; retry goes on from here",
        )

    def _pending(self, own: Revision, seen: SeenUpdate, moment: Moment) -> Verdict:
        run, before = seen.run, moment.memory.get("revision", "")
        if run is not None and run.exit_code is None and not run.lost:
            return Wait(f"helm upgrades {self._name} to {self.to}", POLL)
        if not own.began_here:
            return Wait(f"helm was begun on another machine, which alone sees how far {self._what} is", ELSEWHERE)
        if run is None:
            return Blocked(
                f"{self._what} was cut off, and what began it was removed", "the operator", self._command(before)
            )
        if seen.back is None:
            what = f"roll {self._name} back to revision {before}: helm ended in the middle of the upgrade"
            return Act(what, moment.memory)
        return self._going_back(seen.back, before)

    def _begun(self, seen: SeenUpdate, moment: Moment) -> Verdict:
        """helm was begun, and its revision is not the newest one: not yet, or no more."""
        run, before = seen.run, moment.memory.get("revision", "")
        if seen.back is not None:
            return self._going_back(seen.back, before)
        if run is None:
            home = remembered(moment).get("home", "")
            if home != seen.home:
                return Wait(f"helm was begun by {home}, which alone sees how far it is", ELSEWHERE)
            return Failed(f"{self._what} was begun, and what it left was removed", "see helm history, then retry")
        if run.lost:
            return Failed(f"{self._what}: helm was ended before it began anything", "retry")
        if run.exit_code is None:
            return Wait(f"helm begins {self._what}", POLL)
        newest = seen.release.newest if seen.release else None
        if run.exit_code == 0 and newest is not None and newest.version == self.to and newest.status == DEPLOYED:
            return Done(f"{self._name} is at {self.to}; revision {newest.number} came after ours", keep=moment.memory)
        if run.exit_code == 0:
            return Failed(f"{self._what} ended well, and somebody changed the release since", "see helm history")
        return Failed(f"{self._what} failed: {run.output or 'helm said nothing'}", "mend what helm says, then retry")

    def _going_back(self, back: CommandState, before: str) -> Verdict:
        if back.exit_code is None and not back.lost:
            return Wait(f"helm rolls {self._name} back to revision {before}", POLL)
        cut_off = f"helm ended in the middle of {self._what}"
        if back.exit_code == 0:
            return Failed(f"{cut_off}; {self._name} was rolled back to revision {before}", "retry")
        return Failed(
            f"{cut_off}, and the rollback failed: {back.output or 'nobody saw its end'}", self._command(before)
        )

    def _pending_elsewhere(self, own: Revision, moment: Moment, before: str) -> Undoing:
        """Of our token, and begun where we cannot see it; a machine may never come back."""
        if own.at is None or moment.now - own.at < PATIENCE:
            return Wait(f"helm was begun on another machine, and upgrades {self._name}", ELSEWHERE)
        return Residue(
            f"{self._name} is {own.status}, and the machine that began it is silent: {self._command(before)}"
        )

    def _rolled_back(self, back: CommandState, before: str) -> Undoing:
        if back.exit_code is None and not back.lost:
            return Wait(f"helm rolls {self._name} back to revision {before}", POLL)
        if back.exit_code == 0:
            return Undone(f"{self._name} was rolled back to revision {before}")
        return Residue(f"{self._name}: the rollback failed: {back.output}; {self._command(before)}")


def _is_cut_off(own: Revision, run: CommandState | None) -> bool:
    """helm is over, for certain, and its revision is not: only where it was begun can that be seen."""
    is_over = run is not None and (run.lost or run.exit_code is not None)
    return own.status in PENDING and own.began_here and is_over


def _summary(found: Difference) -> str:
    parts = [
        f"{counted(len(found.changed), 'object')} {'changes' if len(found.changed) == 1 else 'change'}",
        f"{len(found.new)} new",
        f"{len(found.gone)} {'goes' if len(found.gone) == 1 else 'go'}{f' ({some(found.gone)})' if found.gone else ''}",
    ]
    text = ", ".join(parts)
    if found.crds:
        text += f"; CRDs, which helm never upgrades, are applied first: {some(found.crds)}"
    return safe(text, 1000)


def _wrong_version(text: str) -> str:
    try:
        Version.parse(text)
    except ValueError:
        return f"must be a chart's version such as 1.18.2, not {text!r}"
    return ""


def _is_newer(text: str, than: str) -> bool:
    """Whether a version is above another; one that cannot be read is not."""
    try:
        return Version.parse(than) < Version.parse(text)
    except ValueError:
        return False
