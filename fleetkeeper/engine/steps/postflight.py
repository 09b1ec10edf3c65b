"""postflight: is the member what the plan wanted, and as sound as before? Tells what stays, what the source needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from fleetkeeper.core import model, parts
from fleetkeeper.core.amount import Amount
from fleetkeeper.core.left_behind import left_behind
from fleetkeeper.core.managed_by import Change, lines_to_change, managed_by
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.readiness import Entry
from fleetkeeper.core.references import Names
from fleetkeeper.core.run import TaskKey
from fleetkeeper.core.run_after import After
from fleetkeeper.core.soundness import Soundness, observed_at, unseen, unsound
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Done, Failed, Memory, Moment, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wanted import Wanted, wanted
from fleetkeeper.core.wording import EXAMPLES, counted, some
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.soaking import is_baseline, soundness_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World

_POLL = timedelta(minutes=1)
_FRESH = timedelta(minutes=30)
_PODS = Amount(2, percent=True)
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class SeenAfter:
    """plane, addons and groups are live, of what is wanted; older: what is stored of nodes that were left behind.

    plane None: EKS knows nothing of the member. is_begun False: a dry run, before any step. since: when the last step
    that acted ended: what was observed later counts; None where none acted.
    """

    wanted: Wanted
    is_begun: bool
    plane: model.ControlPlane | None
    addons: Mapping[str, model.ManagedAddon | None] = field(default_factory=dict)
    groups: Mapping[str, model.NodeGroup | None] = field(default_factory=dict)
    health: Soundness | None = None
    older: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Postflight(OnlyLooks):
    """Waits until the member was observed after its last step; memory keeps versions and the lines of the source."""

    kind: ClassVar[str] = "postflight"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}

    @classmethod
    def of(cls, params: Params) -> "Postflight":
        Given(params).finish()
        return cls()

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenAfter:
        member = subject.member
        assert member is not None
        if subject.run is None:
            return SeenAfter(wanted(member.steps, None), is_begun=False, plane=None)
        rows = world.runs.steps(TaskKey(subject.run.id, member.idx))
        want = wanted(member.steps, {row.idx: row.state for row in rows})
        baseline = next((row for row in rows if is_baseline(row)), None)
        began = (baseline.ended_at if baseline else None) or moment.started_at
        before = baseline.memory if baseline else {}
        health = soundness_of(world, member, before, began, moment.now)
        since = max((row.ended_at for row in rows if row.intent and row.ended_at), default=None)
        if member.scope is None:
            return SeenAfter(want, is_begun=True, plane=None, health=health, since=since)
        cloud, name = world.writers.cloud(member.scope), member.name
        plane = cloud.control_plane(name)[1]
        groups = _stored(world, member.cluster, parts.NODE_GROUPS)
        nodes = _stored(world, member.cluster, parts.NODES)
        return SeenAfter(
            wanted=want,
            is_begun=True,
            plane=plane,
            addons={each: cloud.addon(name, each) for each in want.addons},
            groups={each: cloud.node_group(name, each) for each in want.groups},
            health=health,
            older=tuple(left_behind(plane.version, groups, nodes, want.groups)),
            since=since,
        )

    def decide(self, seen: SeenAfter, moment: Moment) -> Verdict:
        if not seen.is_begun or seen.health is None:
            return Wait(
                f"looks then whether it is at: {', '.join(seen.wanted.facts) or 'what it was'}; as sound as before"
            )
        if wrong := list(_differs(seen)):
            return Failed(f"it is not what the plan wanted: {some(wrong)}", "see who changed it, then retry")
        since = seen.since or moment.started_at
        if unwell := list(unsound(seen.health, since, _PODS)):
            return Failed(f"it is not as sound as before: {some(unwell)}", "mend it, then retry")
        last = observed_at(seen.health)
        if last is None or last < since:
            return Wait("nobody has observed it since its last step", _POLL, "the observing daemon")
        if unknown := unseen(seen.health, moment.now - _FRESH, moment.now):
            return Wait(f"it is not known whether all is sound: {unknown}", _POLL, "the observing daemon")
        return Done(_told(seen), keep=_kept(seen))


def _stored(world: World, cluster: model.ClusterId, name: str) -> tuple[Any, ...]:
    part = cast("model.Part[Any] | None", world.store.cluster_part(cluster, name))
    return tuple(part.value or ()) if part else ()


# ---- is it what was wanted


def _differs(seen: SeenAfter) -> Iterator[str]:
    want, plane = seen.wanted, seen.plane
    if plane is None:
        return
    if want.minor and plane.version != Minor.parse(want.minor):
        yield f"its control plane is at {plane.version}, not {want.minor}"
    for name, version in want.addons.items():
        addon = seen.addons.get(name)
        if addon is None or addon.version != version:
            yield f"{name} is {f'at {addon.version}' if addon else 'gone'}, not at {version}"
    for name, (minor, release) in want.groups.items():
        group = seen.groups.get(name)
        if group is None:
            yield f"the group {name} is gone"
        elif minor and group.version is not None and group.version != Minor.parse(minor):
            yield f"the group {name} is at {group.version}, not {minor}"
        elif release and group.release_version != release:
            yield f"the group {name} is at release {group.release_version}, not {release}"


def _new(health: Soundness) -> list[Entry]:
    """Findings since preflight that do not fail the member: of later minors, or no blockers."""
    return [each for each in health.entries if _since(each) >= health.began and each.waiver is None]


def _since(entry: Entry) -> datetime:
    return entry.since if entry.times > 1 else entry.first_seen


# ---- what is told and kept


def _told(seen: SeenAfter) -> str:
    """A line of the log, so a few of each; what is kept has all of it, for the page of the run."""
    assert seen.health is not None
    told = [f"as planned and as sound as before: {some(seen.wanted.facts) or 'nothing was changed'}"]
    if seen.wanted.skipped:
        told.append(f"not done: {some(seen.wanted.skipped)}")
    if new := _new(seen.health):
        texts = (f"{e.finding.code} {e.finding.subject}: {safe(e.finding.message, _LONGEST)}" for e in new)
        told.append(f"{counted(len(new), 'finding')} new since preflight: {some(texts)}")
    if seen.older:
        told.append(f"left as it was: {some(seen.older)}")
    if lines := _lines(seen):
        count, more = counted(len(lines), "line"), f" and {len(lines) - EXAMPLES} more" if len(lines) > EXAMPLES else ""
        shown = " | ".join(lines[:EXAMPLES])
        told.append(f"{count} for the source, so that the next apply takes nothing back: {shown}{more}")
    return "; ".join(told)


def _kept(seen: SeenAfter) -> Memory:
    assert seen.health is not None
    new = tuple(f"{each.finding.code}/{each.finding.subject}" for each in _new(seen.health))
    return After(", ".join(seen.wanted.facts), tuple(_lines(seen)), seen.older, new).memory


def _lines(seen: SeenAfter) -> list[str]:
    """What the owner writes into the source, by the tool that marked it, else by the likely ones."""
    if seen.plane is None:
        return []
    tags, want = seen.plane.tags, seen.wanted
    keeper = managed_by(tags)
    lines = list(lines_to_change(keeper, Change.MINOR, "", want.minor)) if want.minor else []
    for name, version in want.addons.items():
        lines += lines_to_change(keeper, Change.ADDON, name, version)
    for name, (minor, _) in want.groups.items():
        group = seen.groups.get(name)
        own = managed_by(group.tags, tags) if group else keeper
        lines += lines_to_change(own, Change.NODE_GROUP, name, minor)
    return lines
