"""Where an item stands with its people: a fold of what they answered, which never outlives the deadline."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo

from fleetkeeper.core.notices.hours import end_of, zone_of
from fleetkeeper.core.notices.ladder import begins, final_days
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Audience,
    Deadline,
    Item,
    ItemKey,
    Phase,
    Policy,
    Rung,
    Situation,
    Standing,
    Told,
)

_ANSWERS_TO_REQUESTS = frozenset({AnswerKind.GRANT, AnswerKind.DENY})
_HIGH = (Audience.FLEET.value, Audience.PAGER.value)


LAPSES = timedelta(days=14)
"""How long a request for more time keeps an item quiet while nobody answers it."""


@dataclass(slots=True)
class _Said:
    """What holds of the answers so far."""

    ack: Answer | None = None
    asked: Answer | None = None
    granted: list[tuple[Answer, Answer]] = field(default_factory=list)
    not_mine: tuple[str, ...] = ()


def by_item(answers: Iterable[Answer]) -> Mapping[ItemKey, tuple[Answer, ...]]:
    """The answers about each item, in their order. A GRANT or DENY is about all that was asked for."""
    found: defaultdict[ItemKey, list[Answer]] = defaultdict(list)
    asked: dict[str, Answer] = {}
    for answer in answers:
        if answer.kind is AnswerKind.EXTEND:
            asked[answer.id] = answer
        request = asked.get(answer.of) if answer.kind in _ANSWERS_TO_REQUESTS else None
        for key in request.items if request else answer.items:
            found[key].append(answer)
    return {key: tuple(some) for key, some in found.items()}


def standings(situation: Situation) -> Mapping[ItemKey, Standing]:
    """Of all items of a situation."""
    said = by_item(situation.answers)
    return {
        item.key: standing(item, situation.told.get(item.key), said.get(item.key, ()), situation.now, situation.policy)
        for item in situation.items
    }


def standing(item: Item, told: Told | None, answers: Sequence[Answer], now: datetime, policy: Policy) -> Standing:
    """answers: those about this item, oldest first."""
    if not answers:
        return Standing(_unanswered(item, told), deadline=item.deadline, until=_mended(item))
    said = _fold(answers)
    asked = said.asked if said.asked and now < said.asked.at + LAPSES else None
    deadline = extended(item.deadline, said.granted, policy)
    found = Standing(
        _unanswered(item, told),
        until=_mended(item),
        deadline=deadline,
        extension=said.granted[-1][0] if said.granted else None,
        asked=asked,
        not_mine=said.not_mine,
        extensions=min(len(said.granted), policy.most_extensions),
    )
    return found if item.is_over else _answered(found, said, now, policy)


def promise_end(item: Item, answers: Sequence[Answer], policy: Policy) -> datetime | None:
    """The end of the day that the last acknowledgement names, also where reminders go on before it; None without."""
    said = _fold(answers)
    return ack_end(said.ack, None, policy) if said.ack and not item.is_over else None


def ack_end(ack: Answer, deadline: Deadline | None, policy: Policy) -> datetime:
    """The end of the day that was named, but not beyond the last rung before the deadline; without a day, at once."""
    if ack.until is None:
        return ack.at
    zone = zone_of(policy.timezone)
    end = end_of(ack.until, zone)
    return end if deadline is None else min(end, heard_again(deadline, policy, zone))


def heard_again(deadline: Deadline, policy: Policy, zone: tzinfo) -> datetime:
    """From when on everybody is told again, whatever was answered."""
    return begins(Rung(final_days(policy.ladder), ()), deadline.at, zone)


def last_quiet(deadline: Deadline | None, policy: Policy, zone: tzinfo) -> date | None:
    """The last day that an acknowledgement can keep quiet, in the zone of its readers; None where any day can be."""
    if deadline is None:
        return None
    return (heard_again(deadline, policy, zone) - timedelta(seconds=1)).astimezone(zone).date()


def extended(deadline: Deadline | None, granted: Sequence[tuple[Answer, Answer]], policy: Policy) -> Deadline | None:
    """The deadline with its extensions (each asked, granted): never past the hard limit, nor longer or more often than
    the policy lets them be, whatever stands in a row."""
    if deadline is None:
        return None
    at, zone = deadline.at, zone_of(policy.timezone)
    for asked, grant in granted[: policy.most_extensions]:
        until = grant.until or asked.until
        if until is not None:
            longest = max(at, grant.at) + policy.longest_extension
            at = max(at, min(end_of(until, zone), longest, deadline.hard or longest))
    return deadline if at == deadline.at else replace(deadline, at=at, clock=f"{deadline.clock}, extended")


def _fold(answers: Sequence[Answer]) -> _Said:
    said = _Said()
    for answer in answers:
        if answer.kind is AnswerKind.ACK:
            said.ack = answer
        elif answer.kind is AnswerKind.EXTEND:
            said.asked = answer
        elif answer.kind in _ANSWERS_TO_REQUESTS and said.asked and _settles(answer, said.asked):
            if answer.kind is AnswerKind.GRANT:
                said.granted.append((said.asked, answer))
                said.ack = None
            said.asked = None
        elif answer.kind is AnswerKind.DENY:  # of what was granted: it is taken back
            said.granted = [each for each in said.granted if each[0].id != answer.of]
        elif answer.kind is AnswerKind.NOT_MINE:
            said.ack = said.asked = None
            said.not_mine = (*said.not_mine, answer.person)
    return said


def _settles(answer: Answer, asked: Answer) -> bool:
    """Nobody gives time to themselves, whatever stands in a row."""
    return answer.of == asked.id and answer.person != asked.person


def _unanswered(item: Item, told: Told | None) -> Phase:
    if item.is_over:
        return Phase.FIXED
    if told and any(level.startswith(_HIGH) for level in told.levels):
        return Phase.ESCALATED
    if item.owned.is_unowned:
        return Phase.UNOWNED
    return Phase.NOTIFIED if told else Phase.OPEN


def _mended(item: Item) -> datetime | None:
    return item.tracked.since if item.is_over else None


def _answered(found: Standing, said: _Said, now: datetime, policy: Policy) -> Standing:
    if found.asked:
        return replace(found, phase=Phase.EXTENSION_REQUESTED, by=found.asked.person)
    if said.granted and found.deadline and now < found.deadline.at:
        grant = said.granted[-1][1]
        return replace(found, phase=Phase.EXTENDED, by=grant.person, until=found.deadline.at)
    if said.ack:
        end = ack_end(said.ack, found.deadline, policy)
        if now < end:
            return replace(found, phase=Phase.ACKED, by=said.ack.person, until=end, promised=said.ack.until)
    return found
