"""The parts that several kinds of messages share: one thing with its buttons, who to ask, why you, what comes next."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from fleetkeeper.core.messages.ask_text import Reader, lines, short_title, title
from fleetkeeper.core.messages.blocks import actions, button, context, length, section
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import zone
from fleetkeeper.core.messages.escape import code, words
from fleetkeeper.core.messages.matters import Matter, nearest
from fleetkeeper.core.messages.message import Block, Do, Message
from fleetkeeper.core.messages.place_text import list_command
from fleetkeeper.core.messages.said_so_far import is_thanked, over_text, so_far
from fleetkeeper.core.notices.values import Audience, Deadline, Notice
from fleetkeeper.core.titles import title_of
from fleetkeeper.core.wording import counted, lowered

MOST = 5
"""Things that are told in full: more are not read."""

_ROOM = 9_000
"""Characters for the things of one message, of the 13,200 that Slack takes: the rest is head, foot and what is done."""

_LABELS = {
    Do.DIFF: "Fix diff",
    Do.ACK: "Ack until…",
    Do.EXTEND: "Ask for extension",
    Do.NOT_MINE: "Not mine",
    Do.RECHECK: "Recheck now",
}
ALL = tuple(_LABELS)


def reader(notice: Notice, context: Context) -> Reader:
    return Reader(context, zone(notice.recipient.timezone))


def things(number: int) -> str:
    return counted(number, "thing")


def in_turn(asked: Sequence[Matter], one: Callable[[Matter, int], Iterable[Block]]) -> list[Block]:
    """The first things one after the other, as many as there is room for, then `and 7 more`."""
    found: list[Block] = []
    for number, each in enumerate(asked[:MOST], 1):
        blocks = list(one(each, number))
        if found and length(found) + length(blocks) > _ROOM:
            return [*found, *and_more(asked[number - 1 :])]
        found += blocks
    return [*found, *and_more(asked[MOST:])]


def in_full(matter: Matter, number: int, notice: Notice, reader: Reader, common: str) -> Iterator[Block]:
    """One thing with all that its owner needs, and its buttons; for a reader of several teams also whose it is."""
    shared = len(notice.recipient.owners) > 1
    told = [f"*{number}. {title(matter)}*{news_text(matter, common)}"]
    told += [f"*Whose:* {reader.context.owner(matter.ask.owner)}"] if shared else []
    yield section([*told, *lines(matter, reader), *so_far(matter, reader)])
    yield buttons(matter, notice.id, ALL)


def buttons(matter: Matter, notice: str, which: Sequence[str]) -> Block:
    about = Button(notice, matter.ask.id)
    return actions(f"ask:{matter.ask.id}", [button(each, _LABELS[each], about) for each in which])


def common_news(asked: Sequence[Matter]) -> str:
    """What is new about all of several things: it is told once."""
    found = {_news(each) for each in asked}
    return found.pop() if len(found) == 1 and len(asked) > 1 else ""


def news_text(matter: Matter, common: str) -> str:
    """` · came back, due in 5 days`: what is new about it, behind its headline; "" for nothing of its own."""
    told = _news(matter)
    return f" · {told}" if told != common else ""


def _news(matter: Matter) -> str:
    return words("; ".join(matter.news[:2]), 120)


def and_more(rest: Sequence[Matter]) -> Iterator[Block]:
    """`and 7 more`, with the command that lists them."""
    if rest:
        items = [item for each in rest for item in each.open]
        codes = {each.ask.code for each in rest}
        command = list_command(codes.pop(), items) if len(codes) == 1 else code("fleetkeeper get findings")
        titles = "; ".join(short_title(each) for each in rest[:2])
        yield section([f"*and {len(rest)} more*: {titles}{' …' if len(rest) > 2 else ''}", f"All of them: {command}"])


def also(matters: Sequence[Matter]) -> Iterator[Block]:
    """What is good to know and not asked for: one line of counts."""
    counts: Counter[str] = Counter()
    for each in matters:
        counts[each.ask.code] += len(each.open)
    if not counts:
        return
    shown = [f"{number} × {_named(check)}" for check, number in counts.most_common(3)]
    more = f" and {len(counts) - 3} more kinds" if len(counts) > 3 else ""
    yield section([f"*Not urgent, no date:* {'; '.join(shown)}{more}. See {code('fleetkeeper get findings')}"])


def _named(check: str) -> str:
    title = title_of(check)
    return words(lowered(title), 80) if title else "found by a check of another release"


def done_lines(over: Sequence[Matter], reader: Reader) -> list[str]:
    shown = [over_text(each, reader) for each in over[:MOST]]
    return [*shown, *([f"and {len(over) - MOST} more"] if len(over) > MOST else [])]


def foot(notice: Notice, matters: Sequence[Matter], reader: Reader) -> Block:
    """Why you, whom to ask, and what comes next."""
    whom = "them" if notice.recipient.audience is Audience.FLEET else "you"
    told = [f"*Why {whom}:* {why_you(matters)}"]
    asked = dict.fromkeys(filter(None, map(reader.context.question, notice.recipient.owners)))
    told.append(f"*Questions:* {', '.join(asked) or 'the people who run this fleet'}")
    if notice.following:
        told.append(_next(notice.following))
    return context(told)


def _next(following: str) -> str:
    said = words(following, 300)
    return f"*Next* {said[5:]}" if said.startswith("next ") else f"*Next:* {said}"


def why_you(matters: Iterable[Matter]) -> str:
    """By which places they are the owners: the two that most of it rests on."""
    counts = Counter(item.owned.why for each in matters for item in (each.open or each.ask.items) if item.owned.why)
    shown = [words(each, 160) for each, _ in counts.most_common(2)]
    more = f" and {len(counts) - 2} more places" if len(counts) > 2 else ""
    return f"{'; '.join(shown)}{more}" or "nobody is named as its owner"


def all_over(notice: Notice, matters: Sequence[Matter], context: Context) -> Message:
    """What a message becomes when nothing of it is to do any more: short, and without buttons."""
    over = [each for each in matters if each.is_over]
    told = done_lines(over, reader(notice, context)) or ["☑️ Nothing of this is to do any more."]
    thanks = f"Thank you, {' and '.join(map(context.owner, notice.recipient.owners))}." if is_thanked(matters) else ""
    every = [*told, *filter(None, [thanks])]
    return Message("\n".join(every), (section(every),))


def superseded(newer: str) -> Message:
    """newer: `the digest of Mon 30 Nov`."""
    text = f"☑️ Superseded by {words(newer, 200)}, which has all that is still to do."
    return Message(text, (section([text]),))


def first_deadline(matters: Iterable[Matter], context: Context) -> Deadline | None:
    return nearest((item for each in matters for item in each.open), context)
