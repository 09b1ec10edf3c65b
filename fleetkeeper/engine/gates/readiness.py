"""readiness: nothing new stands in the way of what the plan does to the clusters of its stage."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.plan import Member
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.readiness import Entry, entries_of
from fleetkeeper.core.references import Names
from fleetkeeper.core.verdict import Blocked, Done, Moment, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World

_POLL = timedelta(minutes=1)
_FRESH = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class SeenReadiness:
    """One member. assessed_at None: its findings were never judged. holding: what its hops would have to wait for."""

    member: Member
    assessed_at: datetime | None
    holding: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class SeenStage:
    planned_at: datetime
    members: tuple[SeenReadiness, ...]


@dataclass(frozen=True, slots=True)
class ReadinessGate(OnlyLooks):
    """max_age: an older judgement is none. all: also what stood in the way when the plan was made."""

    kind: ClassVar[str] = "readiness"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}

    max_age: timedelta = _FRESH
    all: bool = False

    @classmethod
    def of(cls, params: Params) -> "ReadinessGate":
        given = Given(params)
        made = cls(given.duration("max_age", _FRESH), given.flag("all", False))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenStage:
        seen = []
        for member in subject.members:
            tracking = world.store.tracking(member.cluster)
            known = tracking.findings.values() if tracking else ()
            entries = entries_of(known, world.decisions, member.attributes, moment.now)
            holding = tuple(each for each in entries if each.holds and _concerns(each, member))
            seen.append(SeenReadiness(member, tracking.at if tracking else None, holding))
        return SeenStage(subject.header.created_at, tuple(seen))

    def decide(self, seen: SeenStage, moment: Moment) -> Verdict:
        found = [(each.member, entry) for each in seen.members for entry in each.holding if self._counts(entry, seen)]
        if found:
            return _held(found, "" if self.all else "new since the plan: ")
        old = [
            each for each in seen.members if each.assessed_at is None or moment.now - each.assessed_at > self.max_age
        ]
        if old:
            names = some(each.member.name for each in old)
            text = f"the readiness of {names} was not judged in the last {duration_text(self.max_age)}: it is unknown"
            command = f"fleetkeeper assess -l name={old[0].member.name}"
            return Wait(f"{text}; `{command}` shows why", _POLL, "the observing daemon")
        new = "" if self.all else "new "
        return Done(f"nothing {new}stands in the way of {counted(len(seen.members), 'cluster')}")

    def _counts(self, entry: Entry, seen: SeenStage) -> bool:
        # One that was quiet for a while and is not proven fixed is as old as it was.
        since = entry.since if entry.times > 1 else entry.first_seen
        return self.all or since > seen.planned_at


def _concerns(entry: Entry, member: Member) -> bool:
    """Whether it breaks at once, or at a minor that the plan takes the member to, and no step of the plan mends it."""
    minor = entry.finding.minor
    if entry.finding.fingerprint in member.mends:
        return False
    return minor is None or (bool(member.hops) and minor <= Minor.parse(member.hops[-1]))


def _held(found: list[tuple[Member, Entry]], new: str) -> Blocked:
    findings = [entry.finding for _, entry in found]
    told = some(
        f"{member.name}: {f.code} {f.subject}: {f.message}" for (member, _), f in zip(found, findings, strict=True)
    )
    owner = next((name for each in findings for name in each.owner.values()), "")
    return Blocked(f"{new}{told}", owner, findings[0].fix)
