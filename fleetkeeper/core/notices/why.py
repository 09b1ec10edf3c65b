"""Why an item is told, or not: who owns it by which evidence, its clock, its rung, and what was told and answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.notices.standing import by_item
from fleetkeeper.core.notices.values import Answer, AnswerKind, Item, ItemKey, Notice, Phase, Situation, Turn
from fleetkeeper.core.notices.view import view_of


@dataclass(frozen=True, slots=True)
class Named:
    """One place that names an owner; holds: it is the one that counts."""

    source: str
    where: str
    value: str
    team: str
    why_not: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody answered. until: a day's text, "" for none."""

    at: datetime
    kind: str
    person: str
    identity: str
    until: str
    reason: str


@dataclass(frozen=True, slots=True)
class Why:
    """One item, for people and programs. now: what becomes of it in the next turn, with until when it stays so."""

    cluster: str
    environment: str
    fingerprint: str
    code: str
    severity: str
    subject: str
    message: str
    fix: str
    state: str
    owner: str
    owners: tuple[Named, ...]
    campaign: str
    must: bool
    busy: str
    deadline: datetime | None
    clock: str
    consequence: str
    hard: datetime | None
    phase: str
    by: str
    until: datetime | None
    rung: int | None
    first_told: datetime | None
    last_told: datetime | None
    times_told: int
    escalated: tuple[str, ...]
    notice: str
    now: str
    now_until: datetime | None
    answers: tuple[Said, ...]


def whys(items: Iterable[Item], situation: Situation, turn: Turn) -> tuple[Why, ...]:
    """Of these items of a situation, by cluster and code."""
    view, said = view_of(situation), by_item(situation.answers)
    told_now = {entry.item: notice for notice in (*turn.later, *turn.shadow, *turn.notices) for entry in notice.entries}
    found = []
    for item in sorted(items, key=lambda each: (each.cluster, each.tracked.finding.code, each.key)):
        known = view.items[item.key]
        finding, standing = item.tracked.finding, known.standing
        told, deadline = situation.told.get(item.key), standing.deadline
        now, until = _now(item, standing.phase, told_now, turn)
        found.append(
            Why(
                cluster=item.cluster,
                environment=item.environment,
                fingerprint=finding.fingerprint,
                code=finding.code,
                severity=finding.severity.value,
                subject=str(finding.subject),
                message=finding.message,
                fix=finding.fix,
                state=item.tracked.state.value,
                owner=known.owner,
                owners=_named(item),
                campaign=item.campaign,
                must=item.must,
                busy=item.busy,
                deadline=deadline.at if deadline else None,
                clock=deadline.clock if deadline else "",
                consequence=deadline.consequence if deadline else "",
                hard=deadline.hard if deadline else None,
                phase=standing.phase.value,
                by=standing.by,
                until=standing.until,
                rung=told.rung if told else None,
                first_told=told.first if told else None,
                last_told=told.last if told else None,
                times_told=told.times if told else 0,
                escalated=told.levels if told else (),
                notice=told.notice if told else "",
                now=now,
                now_until=until,
                answers=tuple(map(_said, said.get(item.key, ()))),
            )
        )
    return tuple(found)


def _named(item: Item) -> tuple[Named, ...]:
    by = item.owned.by
    return tuple(
        Named(hit.source.value, hit.where, hit.value, hit.owner, hit.why_not, hit == by)
        for hit in item.owned.hits or (by,)
    )


def _now(item: Item, phase: Phase, told_now: Mapping[ItemKey, Notice], turn: Turn) -> tuple[str, datetime | None]:
    if phase is Phase.FIXED:
        return "fixed", None
    silence = next((each for each in turn.silences if each.key == item.key), None)
    if silence is not None:
        return silence.why, silence.until
    notice = told_now.get(item.key)
    return (f"told: {notice.why}", notice.at) if notice else ("nothing is to be told", None)


def _said(answer: Answer) -> Said:
    kind = f"{answer.kind.value} ({answer.mode.value})" if answer.kind is AnswerKind.EXTEND else answer.kind.value
    until = answer.until.isoformat() if answer.until else ""
    return Said(answer.at, kind, answer.person, answer.identity, until, answer.reason)
