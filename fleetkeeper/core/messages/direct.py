"""To a lead or a manager: the few things, why they come to this person, and who was told of them before."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from fleetkeeper.core.messages.ask_text import Reader, deadline_text, fix, title
from fleetkeeper.core.messages.blocks import header, section
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import day_of, short
from fleetkeeper.core.messages.digest import headline
from fleetkeeper.core.messages.escape import words
from fleetkeeper.core.messages.matters import Matter, matters, standing_of
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.parts import MOST, all_over, and_more, done_lines, first_deadline, foot, in_full, reader
from fleetkeeper.core.notices.values import Audience, Notice, Phase, Told
from fleetkeeper.core.wording import counted


def direct(notice: Notice, context: Context) -> Message:
    found = matters(notice, context)
    left = [each for each in found if each.open]
    over = [each for each in found if each.is_over]
    seen = reader(notice, context)
    if not left:
        return all_over(notice, over, context)
    shared = len(notice.recipient.owners) > 1
    blocks = [
        header(headline(left, seen)),
        section([f"*Why it comes to you* {_why(notice, context)}", *history(left, seen), *done_lines(over, seen)]),
        *(
            block
            for number, each in enumerate(left[:MOST], 1)
            for block in in_full(each, number, notice, seen, owner=shared)
        ),
        *and_more(left[MOST:]),
        foot(notice, left, seen),
    ]
    return Message("\n".join(_text(notice, left, seen)), tuple(blocks))


def _why(notice: Notice, context: Context) -> str:
    teams = " and ".join(map(context.owner, notice.recipient.owners))
    role = {Audience.LEAD: "you lead", Audience.MANAGER: "you are the manager of"}.get(notice.recipient.audience)
    reason = words(notice.why, 300)
    return f"{role} {teams}; {reason}" if role and reason else f"{role} {teams}" if role else reason or teams


def history(left: Sequence[Matter], reader: Reader) -> Iterator[str]:
    """Who was told when, and what came of it, a line for each owner: whoever gets it now can act on it."""
    for owner in dict.fromkeys(each.ask.owner for each in left):
        own = [each for each in left if each.ask.owner == owner]
        records = [reader.context.told.get(item.key) for each in own for item in each.open]
        known = [each for each in records if each]
        if known:
            yield f"*So far* {reader.context.owner(owner)} {_told(known, reader)}; {_answered(own, reader)}"


def _told(records: Sequence[Told], reader: Reader) -> str:
    first, last = min(each.first for each in records), max(each.last for each in records)
    times = max(each.times for each in records)
    again = f", {counted(times, 'time')}, last {_day(last, reader)}" if times > 1 else ""
    levels = dict.fromkeys(level for each in records for level in each.levels)
    to = f" ({', '.join(words(each, 60) for each in levels)})" if levels else ""
    return f"was told on {_day(first, reader)}{again}{to}"


def _answered(own: Sequence[Matter], reader: Reader) -> str:
    standings = [standing_of(item, reader.context) for each in own for item in each.open]
    said = dict.fromkeys(
        f"{reader.context.name(each.by)} said by {_day(each.until, reader)}"
        for each in standings
        if each.phase is Phase.ACKED and each.by and each.until
    )
    return ", ".join(said) or "nobody said when it will be fixed"


def _day(moment: datetime, reader: Reader) -> str:
    return short(day_of(moment, reader.tz))


def _text(notice: Notice, left: Sequence[Matter], reader: Reader) -> Iterator[str]:
    teams = " and ".join(map(reader.context.owner, notice.recipient.owners))
    yield f"{teams}: {headline(left, reader)}"
    yield f"It comes to you because {_why(notice, reader.context)}"
    for each in left[:MOST]:
        yield f"• {title(each)}: {deadline_text(first_deadline([each], reader.context), reader)}"
    yield f"Fix of the first: {fix(left[0], 300)}"
