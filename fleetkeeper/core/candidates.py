"""Clusters that might go into a plan: which may, what they would rest on, and why the others are left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.checks.support_end import EXTENDED_EXTRA, HOURS_A_MONTH
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.member_steps import EXPANDERS, Expansion, addon_fact
from fleetkeeper.core.playbook import Changes, Playbook, StepSpec
from fleetkeeper.core.readiness import ClusterReport, Entry
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.support import Phase, support_of
from fleetkeeper.core.wording import some

VERSION = "version"
STATUS = "status"
"""The names of facts that every member of a playbook that changes something rests on."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the assessment of a cluster means for a kind of change.

    held: why it may not be changed, "" when it may. waived: what an approver has taken on, in words. hops: the minors
    on the way to its target. deadline: by when it should be there.
    """

    held: str = ""
    waived: tuple[str, ...] = ()
    hops: tuple[str, ...] = ()
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored cluster that the selector wants. snapshot needs only the parts in NEEDED; attributes are those of `-l`.

    hosts_fleetkeeper: fleetkeeper itself runs in it.
    """

    snapshot: Snapshot
    attributes: Mapping[str, str]
    standing: Standing = Standing()
    hosts_fleetkeeper: bool = False

    @property
    def name(self) -> str:
        return self.snapshot.cluster.name


@dataclass(frozen=True, slots=True)
class Work:
    """What a playbook comes to for one cluster that may be worked on."""

    steps: tuple[StepSpec, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


NEEDED = (
    *(parts.CONTROL_PLANE, parts.MANAGED_ADDONS, parts.UPDATES, parts.CUSTOMISED),
    *(parts.NODE_GROUPS, parts.HELM_RELEASES, parts.GITOPS),
)
"""The parts of a cluster that a plan is made of; of its account and region the addon releases and support dates."""

_FORBIDDING: Mapping[Changes, tuple[str, ...]] = {
    Changes.ADDONS: ("FK104", "FK110"),
    Changes.NODES: ("FK104", "FK110", "FK4", "FK5"),
}
"""The codes, or beginnings of codes, of findings that forbid a change which takes no hop.

What a hop waits for forbids no addon update: that is what often mends it. A hop itself waits for everything.
"""


def standing_of(report: ClusterReport, changes: Changes) -> Standing:
    """What a report means for a change."""
    hops = tuple(str(each.hop.target) for each in report.hops)
    deadline = report.policy.deadline if hops else None
    if changes is Changes.NOTHING:
        return Standing(deadline=deadline)
    holding = [each for each in report.entries if _forbids(each, changes) and each.holds]
    waived = [each for each in report.entries if _forbids(each, changes) and each.finding.blocks and each.waiver]
    held = ""
    if changes is Changes.MINOR and report.verdict is not Verdict.READY:
        held = f"it is {report.verdict.value}: {_told(report.holding) or 'its target is not known'}"
    elif changes is not Changes.MINOR and holding:
        held = f"it is blocked: {_told(holding)}"
    return Standing(held, tuple(_waived(each) for each in waived), hops if changes is Changes.MINOR else (), deadline)


def _forbids(entry: Entry, changes: Changes) -> bool:
    return changes is Changes.MINOR or entry.finding.code.startswith(_FORBIDDING[changes])


def _told(entries: "list[Entry] | tuple[Entry, ...]") -> str:
    return some(f"{each.finding.code} {each.finding.message}" for each in entries)


def _waived(entry: Entry) -> str:
    waiver = entry.waiver
    by = f"waived until {waiver.expires} by {waiver.approver}: " if waiver else ""
    return f"{by}{entry.finding.code} {entry.finding.message}"


def reason_to_leave(candidate: Candidate, playbook: Playbook) -> str:
    """Why a cluster may not be worked on now, whatever its steps come to; "" when it may."""
    return next(_reasons(candidate, playbook), "")


def _reasons(candidate: Candidate, playbook: Playbook) -> Iterator[str]:
    snap = candidate.snapshot
    plane = snap.control_plane
    if plane is None:
        gap = snap.missing(parts.CONTROL_PLANE)
        yield "it was never seen" + (f" ({gap.reason.value}: {gap.detail})" if gap else "")
        return
    if playbook.changes is Changes.NOTHING:
        return
    for part in _critical(snap):
        if gap := snap.missing(part):
            yield f"its {part.replace('_', ' ')} could not be seen ({gap.reason.value}: {gap.detail})"
    if running := [each for each in snap.updates if each.status == "InProgress"]:
        to = f" to {running[0].minor}" if running[0].minor else ""
        yield f"an update is in progress: {running[0].kind}{to} ({running[0].id})"
    if plane.status not in ("ACTIVE", ""):
        yield f"its control plane is {plane.status}, not ACTIVE"
    if candidate.standing.held:
        yield candidate.standing.held
    if playbook.changes is Changes.MINOR and not candidate.standing.hops:
        yield f"nothing to do: it is at {plane.version}, where its policy wants it"


def _critical(snap: Snapshot) -> tuple[str, ...]:
    """A cluster that only a kubeconfig knows has no updates that a cloud could list."""
    return (parts.CONTROL_PLANE, parts.UPDATES) if snap.cluster.scope else (parts.CONTROL_PLANE,)


def work_of(candidate: Candidate, playbook: Playbook, compat: Compat) -> Work | str:
    """The steps of a cluster, or why there are none."""
    own = [(spec, EXPANDERS.get(spec.kind)) for spec in playbook.steps]
    made = [expand(spec, candidate.snapshot, compat) if expand else Expansion((spec,)) for spec, expand in own]
    if obstacle := next((each.obstacle for each in made if each.obstacle), ""):
        return obstacle
    notes = tuple(note for each in made for note in each.notes)
    settled = [each for each, (_, expand) in zip(made, own, strict=True) if expand]
    if settled and not any(each.steps for each in settled):
        return "; ".join((settled[-1].idle, *notes))
    facts = _facts(candidate, playbook)
    for each in made:
        facts |= each.facts
    return Work(tuple(step for each in made for step in each.steps), facts, (*_notes(candidate), *notes))


def _facts(candidate: Candidate, playbook: Playbook) -> dict[str, str]:
    plane = candidate.snapshot.control_plane
    if plane is None or playbook.changes is Changes.NOTHING:
        return {}
    return {VERSION: str(plane.version), STATUS: plane.status}


def _notes(candidate: Candidate) -> tuple[str, ...]:
    cluster = candidate.snapshot.cluster
    found = list(candidate.standing.waived)
    if not cluster.placement.mapped:
        found.append("nothing maps it, so it counts as production")
    if candidate.hosts_fleetkeeper:
        found.append("fleetkeeper runs in it: it goes alone, after all others")
    return tuple(found)


def saved_per_month(candidate: Candidate, playbook: Playbook, compat: Compat) -> float:
    """What extended support of its minor costs now in US dollars a month, when the plan takes the cluster off it."""
    snap, hops = candidate.snapshot, candidate.standing.hops
    if playbook.changes is not Changes.MINOR or not hops or snap.control_plane is None or not snap.cluster.scope:
        return 0.0
    now = support_of(snap.control_plane.version, snap.cluster_versions, compat, snap.now)
    return EXTENDED_EXTRA * HOURS_A_MONTH if now.phase is Phase.EXTENDED else 0.0


def moved(planned: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Which fact of a member is another than when the plan was made; "" when none is."""
    for name, before in planned.items():
        now = found.get(name)
        if now is None:
            return f"its {name} cannot be seen now, the plan was made for {before}"
        if now != before:
            return f"its {name} is {now} now, the plan was made for {before}"
    return ""


def current_facts(snap: Snapshot) -> dict[str, str]:
    """Every fact that a member of a plan may rest on, as it is stored now."""
    plane = snap.control_plane
    found = {} if plane is None else {VERSION: str(plane.version), STATUS: plane.status}
    return found | {addon_fact(each.name): each.version for each in snap.managed_addons}
