"""What the last assessment of a member says of its plan, as steps and gates ask for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.finding import Finding
from fleetkeeper.core.plan import Member
from fleetkeeper.core.readiness import Entry, entries_of
from fleetkeeper.core.verdict import Blocked
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.world import World


@dataclass(frozen=True, slots=True)
class Judged:
    """One member. assessed_at None: its findings were never judged. holding: what its plan would have to wait for,
    after waivers."""

    assessed_at: datetime | None
    holding: tuple[Entry, ...]


def judged(world: World, member: Member, now: datetime) -> Judged:
    tracking = world.store.tracking(member.cluster)
    if tracking is None:
        return Judged(None, ())
    entries = entries_of(tracking.findings.values(), world.decisions, member.attributes, now)
    return Judged(tracking.at, tuple(each for each in entries if each.holds and _concerns(each, member)))


def held_by(findings: Sequence[Finding], text: str) -> Blocked:
    """Blocked by findings, of which there is one at least: the first owner that is known, the fix of the first one."""
    owner = next((name for each in findings for name in each.owner.values()), "")
    return Blocked(text, owner, findings[0].fix)


def _concerns(entry: Entry, member: Member) -> bool:
    """Whether it breaks at once, or at a minor that the plan takes the member to, and no step of the plan mends it."""
    minor = entry.finding.minor
    if entry.finding.fingerprint in member.mends:
        return False
    return minor is None or (bool(member.hops) and minor <= Minor.parse(member.hops[-1]))
