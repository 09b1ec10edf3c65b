"""The one message of a day to a team's channel: what is to do, by when, with everything that it takes."""

from collections.abc import Iterator, Sequence

from fleetkeeper.core.messages.ask_text import Reader, deadline_text, fix, title
from fleetkeeper.core.messages.blocks import divider, header, section, short_list
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import day_of, full, left
from fleetkeeper.core.messages.escape import words
from fleetkeeper.core.messages.matters import Matter, parted
from fleetkeeper.core.messages.message import Block, Message
from fleetkeeper.core.messages.parts import (
    MOST,
    all_over,
    also,
    common_news,
    done_lines,
    first_deadline,
    foot,
    in_full,
    in_turn,
    reader,
    things,
)
from fleetkeeper.core.notices.values import Notice
from fleetkeeper.core.wording import counted


def digest(notice: Notice, context: Context) -> Message:
    found, seen = parted(notice, context), reader(notice, context)
    asked = found.asked
    if not asked:
        return all_over(notice, found.every, context)
    common = common_news(asked)
    blocks = [
        header(headline(asked, seen)),
        section(_about(notice, asked, context, common)),
        *in_turn(asked, lambda each, number: in_full(each, number, notice, seen, common)),
        divider(),
        *also(found.aside),
        *_done(found.over, seen),
        foot(notice, asked, seen),
    ]
    return Message("\n".join(_text(notice, asked, seen)), tuple(blocks))


def headline(asked: Sequence[Matter], reader: Reader) -> str:
    """`3 things to fix before Tue 1 Dec 2026 (in 10 days)`."""
    found = first_deadline(asked, reader.context)
    what = f"{things(len(asked))} to fix"
    if found is None:
        return f"{what}, no date is set"
    day = f"{full(day_of(found.at, reader.tz))} ({left(found.at, reader.now, reader.tz)})"
    if found.at <= reader.now:
        return f"{what}, overdue since {day}"
    others = {first_deadline([each], reader.context) for each in asked}
    return f"{what}, the first before {day}" if len(others) > 1 else f"{what} before {day}"


def _about(notice: Notice, asked: Sequence[Matter], context: Context, common: str) -> Iterator[str]:
    items = [item for each in asked for item in each.open]
    clusters = counted(len({item.key.cluster for item in items}), "cluster")
    objects = [item for item in items if item.tracked.finding.subject.kind != "Cluster"]
    what = f"{counted(len(objects), 'object')} in {clusters}" if objects else clusters
    minors = sorted({each.ask.campaign for each in asked if each.ask.campaign})
    goal = f", for the upgrade to Kubernetes {' and '.join(words(each, 20) for each in minors)}" if minors else ""
    who = " and ".join(map(context.owner, notice.recipient.owners))
    yield f"*{who}*: {what}{goal}{f'; all {common}' if common else ''}."


def _done(over: Sequence[Matter], reader: Reader) -> Iterator[Block]:
    if over:
        yield section(done_lines(over, reader))


def _text(notice: Notice, asked: Sequence[Matter], reader: Reader) -> Iterator[str]:
    """What a push message and a screen reader say: what, until when, and how the first is mended."""
    who = " and ".join(map(reader.context.owner, notice.recipient.owners))
    found = first_deadline(asked, reader.context)
    yield f"{who}: {headline(asked, reader)}" + (f": {words(found.clock, 160)}" if found else "")
    yield short_list(bullets(asked, reader))
    yield first_fix(asked)


def first_fix(asked: Sequence[Matter]) -> str:
    return f"{'Fix of the first' if len(asked) > 1 else 'Fix'}: {fix(asked[0], 300)}"


def bullets(asked: Sequence[Matter], reader: Reader) -> Iterator[str]:
    """A line each; those that are due later than the first say when."""
    nearest = first_deadline(asked, reader.context)
    for each in asked[:MOST]:
        own = first_deadline([each], reader.context)
        yield f"• {title(each)}" + ("" if own == nearest else f": {deadline_text(own, reader)}")
    if len(asked) > MOST:
        yield f"and {len(asked) - MOST} more"
