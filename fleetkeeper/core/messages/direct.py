"""To a lead or a manager: the few things, why they come to this person, and what came of it before."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from fleetkeeper.core.messages.ask_text import Reader
from fleetkeeper.core.messages.blocks import header, section, short_list
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import day_of, full, short
from fleetkeeper.core.messages.digest import bullets, first_fix, headline
from fleetkeeper.core.messages.escape import words
from fleetkeeper.core.messages.matters import Matter, parted, promised, standing_of
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.parts import all_over, common_news, done_lines, foot, in_full, in_turn, reader
from fleetkeeper.core.notices.values import AnswerKind, Audience, Notice
from fleetkeeper.core.wording import counted

_ROLES = {Audience.LEAD: "you lead", Audience.MANAGER: "you are the manager of"}


def direct(notice: Notice, context: Context) -> Message:
    found, seen = parted(notice, context), reader(notice, context)
    left = found.asked
    if not left:
        return all_over(notice, found.every, context)
    blocks = [
        header(headline(left, seen)),
        section(
            [f"*Why it comes to you:* {_why(notice, context)}", *history(left, seen), *done_lines(found.over, seen)]
        ),
        *in_turn(left, lambda each, number: in_full(each, number, notice, seen, common_news(left))),
        foot(notice, left, seen),
    ]
    return Message("\n".join(_text(notice, left, seen)), tuple(blocks))


def _why(notice: Notice, context: Context) -> str:
    teams = " and ".join(map(context.owner, notice.recipient.owners))
    role = _ROLES.get(notice.recipient.audience, "it belongs to")
    return "; ".join(filter(None, (f"{role} {teams}", words(notice.why, 400))))


def history(left: Sequence[Matter], reader: Reader) -> Iterator[str]:
    """How often an owner was told, and what came of it, a line each: whoever gets it now can act on it."""
    for owner in dict.fromkeys(each.ask.owner for each in left):
        own = [each for each in left if each.ask.owner == owner]
        records = [reader.context.told.get(item.key) for each in own for item in each.open]
        known = [each for each in records if each]
        if known:
            times, first = max(each.times for each in known), min(each.first for each in known)
            told = f"was told {counted(times, 'time')} since {_day(first, reader)}"
            yield f"*So far:* {reader.context.owner(owner)} {told}; {_answered(own, reader)}"


def _answered(own: Sequence[Matter], reader: Reader) -> str:
    standings = [standing_of(item, reader.context) for each in own for item in each.open]
    said = dict.fromkeys(
        f"{reader.context.name(each.by)} said by {promised(each)}" for each in standings if each.by and promised(each)
    )
    return ", ".join(said) or _promised(own, reader) or "nobody said when it will be fixed"


def _promised(own: Sequence[Matter], reader: Reader) -> str:
    """The last day that somebody named, which may be ahead where it is too close to the deadline to keep it quiet; ""
    where nobody did."""
    keys = {item.key for each in own for item in each.open}
    acks = [
        each
        for each in reader.context.answers.values()
        if each.kind is AnswerKind.ACK and keys.intersection(each.items)
    ]
    last = max(acks, key=lambda each: each.at, default=None)
    if last is None or last.until is None:
        return ""
    said = f"{reader.context.name(last.person)} said by {full(last.until)}"
    return said if last.until >= day_of(reader.now, reader.tz) else f"{said}, and it is not done"


def _day(moment: datetime, reader: Reader) -> str:
    return short(day_of(moment, reader.tz))


def _text(notice: Notice, left: Sequence[Matter], reader: Reader) -> Iterator[str]:
    teams = " and ".join(map(reader.context.owner, notice.recipient.owners))
    yield f"{teams}: {headline(left, reader)}"
    yield f"It comes to you because {_why(notice, reader.context)}"
    yield short_list(bullets(left, reader))
    yield first_fix(left)
