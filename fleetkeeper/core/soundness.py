"""Is a cluster as sound as before it was worked on: control plane, addons, nodes, pods, and what was newly found."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core import model
from fleetkeeper.core.amount import Amount, duration_text
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.readiness import Entry
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Memory
from fleetkeeper.core.wording import counted, some

HEALTH = frozenset({"FK104", "FK330", "FK332", "FK418"})
"""Findings about what works now, whatever their severity: the cluster, webhooks and aggregated APIs, node groups.

Addons (FK203) and nodes (FK422) are judged by their own state, for those findings also tell of what is only starting.
So is the control plane (FK110): that finding tells of every update, also of the one whose end is judged here, where an
observation that began before that end is assessed after it.
"""

ADDON, NODES, UPDATE = "FK203", "FK422", "FK110"
BOOTING = timedelta(minutes=10)
"""A node that is younger may be not Ready because it is new: an autoscaler's, or one of a rotation."""

_BUSY = frozenset({"CREATING", "UPDATING", "DELETING"})
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Soundness:
    """One cluster as it was last seen. Parts are None where nothing was ever stored of them.

    entries: its findings that count, after waivers; assessed_at None: they were never judged. before: what `taken`
    gave when the work began, empty when nobody took it. began: when the work on it began.
    """

    name: str
    is_eks: bool
    control_plane: model.Part[model.ControlPlane] | None
    addons: model.Part[tuple[model.ManagedAddon, ...]] | None
    nodes: model.Part[tuple[model.Node, ...]] | None
    workloads: model.Part[tuple[model.Workload, ...]] | None
    entries: tuple[Entry, ...]
    assessed_at: datetime | None
    before: Memory
    began: datetime

    def known(self, code: str, subject: str = "") -> bool:
        """Whether a finding was there before the work began."""
        return any(
            each.finding.code == code and each.first_seen < self.began and subject in ("", each.finding.subject.name)
            for each in self.entries
        )


def taken(nodes: Iterable[model.Node] | None, workloads: Iterable[model.Workload] | None) -> Memory:
    """What to compare with later: nodes and pods, and how many of them were not ready; nothing of what is not seen."""
    found: dict[str, str] = {}
    if nodes is not None:
        every = list(nodes)
        found |= {"nodes": str(len(every)), "nodes_not_ready": str(sum(not each.ready for each in every))}
    if workloads is not None:
        found["pods_not_ready"] = str(_unready(workloads)[0])
    return found


def observed_at(seen: Soundness) -> datetime | None:
    """When the oldest of what the judgement rests on was seen well; None while something was not seen at all."""
    parts = [seen.control_plane, seen.nodes, seen.workloads, *([seen.addons] if seen.is_eks else [])]
    times = [part.observed_at if part else None for part in parts] + [seen.assessed_at]
    known = [each for each in times if each is not None]
    return min(known) if len(known) == len(times) else None


def unsound(seen: Soundness, since: datetime, more_pods: Amount) -> Iterator[str]:
    """What is worse than before, by what was seen at `since` or later: older reads tell of another time.

    more_pods: so many more pods may be not ready than before, of those that are wanted.
    """
    if plane := _value(seen.control_plane, since):
        yield from _of_control_plane(plane, seen)
    if addons := _value(seen.addons, since):
        yield from _of_addons(addons, seen)
    if nodes := _value(seen.nodes, since):
        yield from _of_nodes(nodes, seen)
    if workloads := _value(seen.workloads, since):
        yield from _of_pods(workloads, seen, more_pods)
    if seen.assessed_at is not None and seen.assessed_at >= since:
        yield from _of_findings(seen)


def _value(part: model.Part[model.T] | None, since: datetime) -> tuple[model.T, datetime] | None:
    if part is None or part.value is None or part.observed_at is None or part.observed_at < since:
        return None
    return part.value, part.observed_at


def _of_control_plane(found: tuple[model.ControlPlane, datetime], seen: Soundness) -> Iterator[str]:
    plane, at = found
    if seen.is_eks and plane.status not in ("ACTIVE", "UPDATING"):
        yield f"its control plane is {plane.status}{_at(at)}"


def _of_addons(found: tuple[tuple[model.ManagedAddon, ...], datetime], seen: Soundness) -> Iterator[str]:
    addons, at = found
    for addon in addons:
        fine = addon.status in ("ACTIVE", "") and not addon.issues
        if fine or (addon.status in _BUSY and not addon.issues) or seen.known(ADDON, addon.name):
            continue
        codes = ", ".join(each.code for each in addon.issues)
        yield f"the addon {addon.name} is {addon.status or 'in no state'}{f' ({codes})' if codes else ''}{_at(at)}"


def _of_nodes(found: tuple[tuple[model.Node, ...], datetime], seen: Soundness) -> Iterator[str]:
    nodes, at = found
    lost = [each for each in nodes if not each.ready and not (each.created_at and at - each.created_at < BOOTING)]
    if not nodes:
        if int(seen.before.get("nodes", "0")):
            yield f"it has no nodes any more{_at(at)}, it had {seen.before['nodes']} before"
        return
    if "nodes" not in seen.before:
        if lost and not seen.known(NODES):
            yield f"{_are(len(lost), 'node')} not Ready{_at(at)}: {some(each.name for each in lost)}"
        return
    total, bad = int(seen.before["nodes"]), int(seen.before["nodes_not_ready"])
    if len(lost) * max(1, total) > bad * len(nodes):
        names = some(each.name for each in lost)
        yield f"{len(lost)} of {counted(len(nodes), 'node')} not Ready{_at(at)}, {bad} of {total} before: {names}"


def _of_pods(found: tuple[tuple[model.Workload, ...], datetime], seen: Soundness, more: Amount) -> Iterator[str]:
    workloads, at = found
    if "pods_not_ready" not in seen.before:
        return
    unready, wanted, worst = _unready(workloads)
    before = int(seen.before["pods_not_ready"])
    if unready > before + more.failures(wanted):
        yield f"{_are(unready, 'pod')} not ready{_at(at)}, {before} before: {some(worst)}"


def _of_findings(seen: Soundness) -> Iterator[str]:
    for each in seen.entries:
        finding = each.finding
        since = each.since if each.times > 1 else each.first_seen
        is_grave = (
            finding.severity is Severity.BLOCKER and finding.minor is None and finding.code not in (ADDON, UPDATE)
        )
        if since >= seen.began and each.waiver is None and (is_grave or finding.code in HEALTH):
            yield f"new since {since:%H:%M} UTC: {finding.code} {finding.subject}: {safe(finding.message, _LONGEST)}"


def _unready(workloads: Iterable[model.Workload]) -> tuple[int, int, list[str]]:
    """How many pods are not ready, how many are wanted, and whose are missing, the most first."""
    missing: dict[str, int] = {}
    wanted = 0
    for each in workloads:
        if each.replicas is None or each.ready is None:
            continue
        wanted += each.replicas
        if each.replicas > each.ready:
            missing[f"{each.kind} {each.namespace}/{each.name}"] = each.replicas - each.ready
    return sum(missing.values()), wanted, sorted(missing, key=lambda name: (-missing[name], name))


def unseen(seen: Soundness, oldest: datetime, now: datetime) -> str:
    """What is not known of it, "" when all was seen since `oldest` and nothing is being changed."""
    parts: Mapping[str, datetime | None] = {
        "its control plane": _seen_at(seen.control_plane),
        **({"its addons": _seen_at(seen.addons)} if seen.is_eks else {}),
        "its nodes": _seen_at(seen.nodes),
        "its workloads": _seen_at(seen.workloads),
        "its findings": seen.assessed_at,
    }
    for what, at in parts.items():
        if at is None:
            return (
                f"{seen.name}: {what} were never seen" if what.endswith("s") else f"{seen.name}: {what} was never seen"
            )
        if at < oldest:
            return f"{seen.name}: what is known of {what} is {duration_text(now - at)} old"
    plane = seen.control_plane.value if seen.control_plane else None
    return f"{seen.name}: its control plane is being changed" if plane and plane.status == "UPDATING" else ""


def _seen_at(part: model.Part[model.T] | None) -> datetime | None:
    return part.observed_at if part else None


def _are(number: int, noun: str) -> str:
    return f"{counted(number, noun)} {'is' if number == 1 else 'are'}"


def _at(at: datetime) -> str:
    return f" at {at:%H:%M} UTC"
