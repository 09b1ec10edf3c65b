"""Clusters that might go into a plan: which may, what they would rest on, and why the others are left out."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fleetkeeper.core import parts
from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.assess import NOT_SEEN, Verdict
from fleetkeeper.core.checks.support_end import EXTENDED_EXTRA, HOURS_A_MONTH
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.expanding.addons import addon_fact
from fleetkeeper.core.expanding.fold import Known, Walk, walk
from fleetkeeper.core.expanding.mending import MENDABLE, is_mended
from fleetkeeper.core.expanding.needs import needs_of
from fleetkeeper.core.expanding.nodes import group_fact
from fleetkeeper.core.expanding.releases import release_fact
from fleetkeeper.core.expanding.rotation import image_fact
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.hosting import ELSEWHERE, Hosting
from fleetkeeper.core.plan import Need
from fleetkeeper.core.playbook import Changes, Playbook, StepSpec
from fleetkeeper.core.readiness import ClusterReport, Entry
from fleetkeeper.core.release_plan import ChartSource
from fleetkeeper.core.rotation.preflight import immovable
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.support import Phase, support_of
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import some

VERSION = "version"
STATUS = "status"
"""The names of facts that every member of a playbook that changes something rests on."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the assessment of a cluster means for a kind of change.

    held: why it may not be changed, "" when it may. waived: what an approver has taken on, in words. hops: the minors
    on the way to its target. deadline: by when it should be there. holding: what stands behind held, finding by
    finding, where a plan may mend it.
    """

    held: str = ""
    waived: tuple[str, ...] = ()
    hops: tuple[str, ...] = ()
    deadline: datetime | None = None
    holding: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Back:
    """The way back of a control plane to the minor before. closed: why EKS takes none, "" when it does.

    until: when EKS takes it no more. first: what must be done before. history: EKS addon → its version from before
    the upgrade, as far as the store remembers it.
    """

    to: Minor | None = None
    until: datetime | None = None
    closed: str = ""
    first: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    history: Mapping[str, str] = field(default_factory=dict)


_TOLD = 2
"""So many findings say in a plan why a cluster is left out; `fleetkeeper assess` has them all."""

NO_WAY = Back(closed="it was not asked for")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored cluster that the selector wants. snapshot needs only the parts of `needed`; attributes as in `-l`.

    hosting: whether fleetkeeper itself runs in it. back: its way back, asked for only by a rollback.
    """

    snapshot: Snapshot
    attributes: Mapping[str, str]
    standing: Standing = Standing()
    hosting: Hosting = ELSEWHERE
    back: Back = NO_WAY

    @property
    def name(self) -> str:
        return self.snapshot.cluster.name


@dataclass(frozen=True, slots=True)
class Work:
    """What a playbook comes to for one cluster that may be worked on."""

    steps: tuple[StepSpec, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hops: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    traits: tuple[str, ...] = ()
    mends: tuple[str, ...] = ()


_NEEDED = (
    *(parts.CONTROL_PLANE, parts.MANAGED_ADDONS, parts.UPDATES, parts.CUSTOMISED),
    *(parts.NODE_GROUPS, parts.HELM_RELEASES, parts.GITOPS),
)
_OF_VERSIONS = (parts.NODES, parts.PREREQUISITES, parts.ADDONS, parts.HELM_USE)
_OF_NODES = (
    *(parts.NODES, parts.PREREQUISITES, parts.WORKLOADS, parts.PODS, parts.BUDGETS),
    *(parts.POD_NOTES, parts.VOLUMES, parts.IMAGES),
)


def needed(changes: Changes) -> tuple[str, ...]:
    """The parts of a cluster that a plan is made of; of its account and region all that is stored."""
    if changes is Changes.NODES:
        return (*_NEEDED, *_OF_NODES)
    return (*_NEEDED, *_OF_VERSIONS) if changes in (Changes.MINOR, Changes.ROLLBACK) else _NEEDED


_UNWELL = ("FK104", "FK110")
_FORBIDDING: Mapping[Changes, tuple[str, ...]] = {
    Changes.ADDONS: _UNWELL,
    Changes.NODES: (*_UNWELL, "FK4", "FK5"),
    Changes.ROLLBACK: ("FK110",),
}
_TOLD_INSTEAD = ("FK401", "FK405", "FK408", "FK409", "FK410")
"""Of those for nodes: a pod that cannot be moved is named in the plan, and only its own node waits for it."""
"""The codes, or beginnings of codes, of findings that forbid a change which takes no hop.

What a hop waits for forbids no addon update: that is what often mends it. A hop itself waits for everything that the
plan does not mend. A rollback is for clusters that are not well, and EKS judges them by insights of its own.
"""


_LOOKS_ITSELF = frozenset({"drain-nodes"})
"""Kinds of steps that name what never moves of their own nodes before they begin: other nodes do not matter to them."""


def standing_of(report: ClusterReport, changes: Changes, kinds: Collection[str] = ()) -> Standing:
    """What a report means for a change by steps of these kinds."""
    hops = tuple(str(each.hop.target) for each in report.hops)
    deadline = report.policy.deadline if hops else None
    if changes is Changes.NOTHING:
        return Standing(deadline=deadline)
    forbidding = [each for each in report.entries if _forbids(each, changes, kinds)]
    holding = [each for each in forbidding if each.holds]
    waived = [each for each in forbidding if each.finding.blocks and each.waiver]
    told = tuple(_waived(each) for each in waived)
    if changes is not Changes.MINOR:
        held = f"it is blocked: {_told(each.finding for each in holding)}" if holding else ""
        return Standing(held, told, (), deadline)
    found = tuple(each.finding for each in report.holding)
    held = ""
    if report.verdict is not Verdict.READY:
        held = f"it is {report.verdict.value}: {_told(found) or 'its target is not known'}"
    return Standing(held, told, hops, deadline, found)


def _forbids(entry: Entry, changes: Changes, kinds: Collection[str]) -> bool:
    code = entry.finding.code
    if changes is Changes.NODES and code in _TOLD_INSTEAD:
        return False
    if kinds and _LOOKS_ITSELF.issuperset(kinds):
        return code.startswith(_UNWELL)
    return changes is Changes.MINOR or code.startswith(_FORBIDDING[changes])


def _told(findings: Iterable[Finding]) -> str:
    """The first findings in their words; parts that were not seen in one, for each would name dozens of codes."""
    each = list(findings)
    unseen = [found.key.replace("_", " ") for found in each if found.code == NOT_SEEN]
    told = [f"{NOT_SEEN} {some(unseen)} could not be seen"] if unseen else []
    told += [f"{found.code} {found.message.removesuffix('.')}" for found in each if found.code != NOT_SEEN]
    more = f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return "; ".join(told[:_TOLD]) + more


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
    if candidate.hosting.leave:
        yield candidate.hosting.leave
    for part in _critical(snap):
        if gap := snap.missing(part):
            yield f"its {part.replace('_', ' ')} could not be seen ({gap.reason.value}: {gap.detail})"
    if running := [each for each in snap.updates if each.status == "InProgress"]:
        to = f" to {running[0].minor}" if running[0].minor else ""
        yield f"an update is in progress: {running[0].kind}{to} ({running[0].id})"
    if plane.status not in ("ACTIVE", ""):
        yield f"its control plane is {plane.status}, not ACTIVE"
    if candidate.standing.held and not candidate.standing.holding:
        yield candidate.standing.held
    if playbook.changes is Changes.MINOR and not candidate.standing.hops:
        yield f"nothing to do: it is at {plane.version}, where its policy wants it"
    if playbook.changes is Changes.ROLLBACK:
        yield from _no_way_back(candidate.back)


def _no_way_back(back: Back) -> Iterator[str]:
    if back.to is None:
        yield f"there is no way back: {back.closed}"
    if back.first:
        yield f"before it can go back to {back.to}: {'; '.join(back.first)}"


def _critical(snap: Snapshot) -> tuple[str, ...]:
    """A cluster that only a kubeconfig knows has no updates that a cloud could list."""
    return (parts.CONTROL_PLANE, parts.UPDATES) if snap.cluster.scope else (parts.CONTROL_PLANE,)


def work_of(
    candidate: Candidate, playbook: Playbook, compat: Compat, charts: tuple[ChartSource, ...] = ()
) -> Work | str:
    """The steps of a cluster that was seen, or why there are none. charts: those that the engine may install."""
    snap = candidate.snapshot
    hops = _hops(candidate, playbook)
    way = walk(playbook, snap, compat, hops, Known(candidate.back.history, charts))
    mended = tuple(each for each in candidate.standing.holding if is_mended(each, way, hops, snap, compat))
    left = [each for each in candidate.standing.holding if each not in mended]
    held = f"{candidate.standing.held.partition(':')[0]}: "
    if any(each.code not in MENDABLE for each in left):
        return held + _told(left)
    if way.obstacle or left or way.idle:
        return way.obstacle or (held + _told(left) if left else way.idle)
    return Work(
        steps=way.steps,
        facts={**_facts(candidate, playbook), **way.facts},
        notes=(*_notes(candidate, playbook, way), *way.notes),
        hops=tuple(str(each.target) for each in hops),
        needs=needs_of(snap, way.steps),
        traits=way.traits,
        mends=tuple(each.fingerprint for each in mended),
    )


def _hops(candidate: Candidate, playbook: Playbook) -> tuple[Hop, ...]:
    """Up to the target of an upgrade, or the one back."""
    plane, to = candidate.snapshot.control_plane, candidate.back.to
    if plane is None:
        return ()
    if playbook.changes is Changes.ROLLBACK:
        return (Hop(plane.version, to),) if to else ()
    if playbook.changes is not Changes.MINOR:
        return ()
    found: list[Hop] = []
    for text in candidate.standing.hops:
        source = found[-1].target if found else plane.version
        found.append(Hop(source, Minor.parse(text), first=not found))
    return tuple(found)


def _facts(candidate: Candidate, playbook: Playbook) -> dict[str, str]:
    plane = candidate.snapshot.control_plane
    if plane is None or playbook.changes is Changes.NOTHING:
        return {}
    return {VERSION: str(plane.version), STATUS: plane.status}


def _notes(candidate: Candidate, playbook: Playbook, way: Walk) -> tuple[str, ...]:
    cluster = candidate.snapshot.cluster
    found = list(candidate.standing.waived)
    if not cluster.placement.mapped:
        found.append("nothing maps it, so it counts as production")
    if candidate.hosting.note:
        found.append(candidate.hosting.note)
    if playbook.changes is Changes.MINOR and len(candidate.standing.hops) > 1:
        last, first = candidate.standing.hops[-1], candidate.standing.hops[-2]
        found.append(
            f"only the last hop can be rolled back, {last} to {first}: EKS takes no control plane back further"
        )
    if playbook.changes is Changes.ROLLBACK:
        found += _back_notes(candidate, way)
    if playbook.changes is Changes.NODES:
        found += immovable(candidate.snapshot)
    return tuple(found)


def _back_notes(candidate: Candidate, way: Walk) -> Iterator[str]:
    back = candidate.back
    if back.until:
        left = back.until - candidate.snapshot.now
        yield f"EKS takes it back until {back.until:%Y-%m-%d %H:%M} UTC, {duration_text(left)} from now"
    yield from back.notes
    moved = {name for each in way.strides for name in (str(each.step.params.get("addon", "")),)}
    if stays := [f"{name} {version}" for name, version in way.start.addons.items() if name not in moved]:
        yield f"these addons go with {back.to} as they are, and stay: {', '.join(stays)}"


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
    found |= {addon_fact(each.name): each.version for each in snap.managed_addons}
    found |= {group_fact(each.name): str(each.version) for each in snap.node_groups}
    found |= {image_fact(each.name): each.release_version for each in snap.node_groups}
    return found | {release_fact(each.namespace, each.name): each.chart_version for each in snap.helm_releases}
