"""The clocks of a cluster, for all that was found in it: its target and date, the end of its support, its waves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.durations import stage_range
from fleetkeeper.core.model import ClusterId, SupportedVersion
from fleetkeeper.core.notices.deadlines import Removal, Wave
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.playbook import Changes
from fleetkeeper.core.run import OVER, Run
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.windows import openings


@dataclass(frozen=True, slots=True)
class Clocks:
    """campaign: the target minor's text, "" without one. clock: what the policy's deadline is, for people."""

    campaign: str = ""
    deadline: datetime | None = None
    clock: str = ""
    removal: Removal = field(default_factory=Removal)
    waves: tuple[Wave, ...] = ()


def clocks_of(snap: Snapshot, compat: Compat, waves: Sequence[Wave]) -> Clocks:
    """Of a cluster with its policy. Without its minor only its waves are known."""
    plane, policy = snap.control_plane, snap.policy
    if plane is None:
        return Clocks(waves=tuple(waves))
    at = plane.version
    dates = _dates(at, (*snap.cluster_versions, compat.support(at)))
    standard = dates.end_of_standard if dates else None
    extended = dates.end_of_extended if dates else None
    ahead = standard if standard and standard > snap.now else None
    clock = f"standard support of {at} ends"
    if policy.deadline and policy.deadline != ahead:
        clock = f"{policy.target} is due by the fleet's policy"
    removal = Removal(ahead, extended, f"extended support of {at} ends")
    if plane.support_type == "STANDARD":  # no extended support: EKS upgrades it then
        removal = Removal(ahead, standard, f"standard support of {at} ends")
    return Clocks(str(policy.target or ""), policy.deadline, clock, removal, tuple(waves))


def _dates(at: Minor, sources: Iterable[SupportedVersion | None]) -> SupportedVersion | None:
    """The first that has any, as core/support.py takes them."""
    known = (each for each in sources if each and each.minor == at)
    return next((each for each in known if each.end_of_standard or each.end_of_extended), None)


def waves_of(plans: Iterable[Plan], runs: Iterable[Run], now: datetime) -> Mapping[ClusterId, tuple[Wave, ...]]:
    """Of upgrades: when each cluster's stage begins, as far as anybody said when.

    A plan that nobody started begins with its next window, if it has windows, and else at no time that is known. A run
    began when it was started, and its stages follow one another as they are expected to last.
    """
    begun = {run.plan: run for run in runs}
    found: dict[ClusterId, tuple[Wave, ...]] = {}
    for plan in plans:
        run = begun.get(plan.header.id)
        if plan.header.changes is not Changes.MINOR or not _is_ahead(plan, run, now):
            continue
        for cluster, at in _begins(plan, run, now).items():
            wave = Wave(at, run.id if run else plan.header.id, run is not None and run.started_at is not None)
            found[cluster] = (*found.get(cluster, ()), wave)
    return found


def _is_ahead(plan: Plan, run: Run | None, now: datetime) -> bool:
    return run.state not in OVER if run else now < plan.header.expires_at


def _begins(plan: Plan, run: Run | None, now: datetime) -> Mapping[ClusterId, datetime]:
    found: dict[ClusterId, datetime] = {}
    started = run.started_at if run else None
    ahead = timedelta()
    for number, stage in enumerate(plan.header.stages):
        own = [each for each in plan.members if each.stage == number]
        at = started + ahead if started else _opening(plan, number, now)
        if at is not None:
            found |= {each.cluster: at for each in own}
        ahead += stage_range(stage, own).p50 if own else timedelta()
    return found


def _opening(plan: Plan, number: int, now: datetime) -> datetime | None:
    """The next time at which the windows of a stage open, while the plan may be started. Not one that is open now: that
    nobody has started the plan in it makes nothing overdue."""
    windows = plan.header.stages[number].windows
    try:
        spans = openings(windows, now) if windows else ()
    except (KeyError, ValueError):
        return None
    return next((each.start for each in spans if now < each.start < plan.header.expires_at), None)
