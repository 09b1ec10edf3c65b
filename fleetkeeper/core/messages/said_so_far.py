"""What people said and did about one thing: who will mend it and by when, what was granted, what is done."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from fleetkeeper.core.messages.ask_text import Reader, short_title
from fleetkeeper.core.messages.dates import day_of, full, lasted, short
from fleetkeeper.core.messages.escape import words
from fleetkeeper.core.messages.matters import Matter, promised, standing_of
from fleetkeeper.core.notices.values import Item, Mode, Phase, Standing
from fleetkeeper.core.wording import counted

_MODES = {Mode.HOLD: "the cluster waits for it", Mode.PROCEED: "the upgrade goes on without it"}


def so_far(matter: Matter, reader: Reader) -> Iterator[str]:
    """Lines below an open one; nothing where nobody said or did anything yet."""
    yield from _part_done(matter)
    told = dict.fromkeys(_said(standing_of(item, reader.context), reader) for item in matter.open)
    yield from filter(None, told)
    busy = dict.fromkeys(item.busy for item in matter.open if item.busy)
    yield from (f"🔧 {words(each, 200)}" for each in busy)


def over_text(matter: Matter, reader: Reader) -> str:
    """`✅ Move 3 Ingresses ...: done on Thu 19 Nov, took 6 days`: one line of something that is over for its reader."""
    what = short_title(matter)
    if matter.mended:
        ended = max(_ended(item, reader) for item in matter.mended)
        took = f", took {lasted(min(matter.first, ended), ended)}" if matter.first else ""
        rest = _rest(matter, reader)
        return f"✅ {what}: done on {short(day_of(ended, reader.tz))}{took}{rest}"
    if matter.waived:
        return f"☑️ {what}: {_waived(matter.waived, reader)}"
    return f"➡️ {what}: {_moved(matter.moved, reader)}"


def is_thanked(matters: Sequence[Matter]) -> bool:
    """Whether somebody mended something of it."""
    return any(each.mended for each in matters)


def _part_done(matter: Matter) -> Iterator[str]:
    count = len(matter.mended)
    if count:
        yield f"✅ {count} of {len(matter.ask.items)} done"
    if matter.moved:
        yield f"➡️ {counted(len(matter.moved), 'object')} went to somebody else"


def _said(standing: Standing, reader: Reader) -> str:
    by = reader.context.name(standing.by) if standing.by else "somebody"
    match standing.phase:
        case Phase.ACKED:
            return f"👍 {by} will fix it {f'by {day}' if (day := promised(standing)) else 'soon'}"
        case Phase.EXTENSION_REQUESTED:
            return _asked(standing, reader)
        case Phase.EXTENDED:
            return _extended(standing, reader)
    return ""


def _asked(standing: Standing, reader: Reader) -> str:
    asked, context = standing.asked, reader.context
    if asked is None or asked.until is None:
        return "⏳ more time was asked for; an approver decides"
    who = context.names(tuple(each for each in context.approvers if each != asked.person))
    return f"⏳ {context.name(asked.person)} asked for more time, until {full(asked.until)}; {who} decides"


def _extended(standing: Standing, reader: Reader) -> str:
    asked = standing.extension
    until = f"until {full(day_of(standing.until, reader.tz))}" if standing.until else ""
    means = f": {_MODES[asked.mode]}" if asked else ""
    by = f" by {reader.context.name(standing.by)}" if standing.by else ""
    return f"🕓 extended {until}{by}{means}"


def _ended(item: Item, reader: Reader) -> datetime:
    """Of one that a look proved mended: when. Else when its people were told so."""
    told = reader.context.told.get(item.key)
    if item.is_over:
        return item.tracked.since
    return told.mended if told and told.mended else reader.now


def _rest(matter: Matter, reader: Reader) -> str:
    parts = [f"{len(matter.waived)} {_waived(matter.waived, reader)}" if matter.waived else ""]
    parts += [f"{len(matter.moved)} {_moved(matter.moved, reader)}" if matter.moved else ""]
    return "".join(f"; {each}" for each in parts if each)


def _waived(items: Sequence[Item], reader: Reader) -> str:
    by = next(filter(None, (standing_of(item, reader.context).by for item in items)), "")
    return "waived" + (f" by {reader.context.name(by)}" if by else ", the upgrade goes on without it")


def _moved(items: Sequence[Item], reader: Reader) -> str:
    context = reader.context
    who = next(filter(None, (standing_of(item, context).not_mine for item in items)), ())
    now = context.items[items[0].key].owned.owner
    because = f"{context.name(who[-1])} said it is not yours" if who else "its owner changed"
    return f"{because}, it went to {context.owner(now)}"
