"""What the steps of a plan would do now: each looks and decides, and nothing is carried out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from fleetkeeper.core.plan import Member, Plan
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Moment, Skip, Unknown, Verdict, Wait
from fleetkeeper.engine.step import Kinds, Subject
from fleetkeeper.engine.world import World
from fleetkeeper.errors import FleetkeeperError

_THREADS = 8  # the rate of each account and region is limited elsewhere


class Effect(StrEnum):
    """What a step would do if it were its turn now."""

    ACTS = "would"
    DONE = "done"  # the world is as it wants it
    NOTHING = "nothing"  # it is not needed here
    WAITS = "waits"
    BLOCKED = "blocked"
    FAILS = "fails"
    UNKNOWN = "unknown"  # it could not be looked at


@dataclass(frozen=True, slots=True)
class Tried:
    """One step of one member. text: what it would do, or what it says; fix: what would free it; details: a diff."""

    member: str
    stage: str
    step: str
    effect: Effect
    text: str
    fix: str = ""
    details: str = ""


def dry_run(world: World, steps: Kinds, plan: Plan) -> Iterator[Tried]:
    """Every step of every member, in the plan's order. Later steps see the world before the earlier ones acted."""
    with ThreadPoolExecutor(_THREADS, "dry-run") as pool:
        for found in pool.map(lambda member: _member(world, steps, plan, member), plan.members):
            yield from found


def _member(world: World, steps: Kinds, plan: Plan, member: Member) -> tuple[Tried, ...]:
    subject = Subject(plan.header, None, member, member.stage, member.group)
    stage = plan.header.stages[member.stage].name
    return tuple(Tried(member.name, stage, spec.name, *_step(world, steps, subject, spec)) for spec in member.steps)


def _step(world: World, steps: Kinds, subject: Subject, spec: StepSpec) -> tuple[Effect, str, str, str]:
    kind = steps.get(spec.kind)
    if kind is None:
        return Effect.UNKNOWN, f"this release has no {spec.kind}", "update fleetkeeper", ""
    now = world.clock.now()
    try:
        code = kind.of(spec.params)
        moment = Moment(now, now, "")
        return _told(code.decide(code.look(world, subject, moment), moment), spec)
    except FleetkeeperError as error:
        return Effect.UNKNOWN, f"it could not be looked at: {error}", "", ""


def _told(verdict: Verdict, spec: StepSpec) -> tuple[Effect, str, str, str]:
    match verdict:
        case Act():
            return Effect.ACTS, verdict.what, "", verdict.details
        case Done():
            return Effect.DONE, verdict.note or spec.name, "", ""
        case Skip():
            return Effect.NOTHING, verdict.why, "", ""
        case Wait():
            return Effect.WAITS, verdict.why, f"{verdict.owner} can end it" if verdict.owner else "", ""
        case Blocked():
            return Effect.BLOCKED, verdict.why, verdict.fix, ""
        case Failed():
            return Effect.FAILS, verdict.why, verdict.fix, ""
        case Unknown():
            return Effect.UNKNOWN, verdict.question, "", ""
