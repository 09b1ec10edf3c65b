"""What is said in the thread of a digest: only what is new since, what is left of the time, and what was mended."""

from collections.abc import Iterator, Sequence

from fleetkeeper.core.messages.ask_text import Reader, deadline_text, fix, title
from fleetkeeper.core.messages.blocks import section, short_list
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.digest import first_fix, headline
from fleetkeeper.core.messages.matters import Matter, parted
from fleetkeeper.core.messages.message import Block, Do, Message
from fleetkeeper.core.messages.parts import (
    MOST,
    all_over,
    buttons,
    common_news,
    done_lines,
    first_deadline,
    foot,
    in_turn,
    news_text,
    reader,
)
from fleetkeeper.core.messages.said_so_far import so_far
from fleetkeeper.core.notices.values import Notice

_BUTTONS = (Do.DIFF, Do.ACK, Do.EXTEND)
"""Those that still matter here; all of them stand in the digest above."""


def reminder(notice: Notice, context: Context) -> Message:
    found, seen = parted(notice, context), reader(notice, context)
    left = found.asked
    if not left:
        return all_over(notice, found.every, context)
    common = common_news(left)
    blocks = [
        section([f"*{_head(left, found.over, seen)}*", *_all(common), *done_lines(found.over, seen)]),
        *in_turn(left, lambda each, _: _one(each, notice, seen, common)),
        foot(notice, left, seen),
    ]
    return Message("\n".join(_text(left, found.over, seen)), tuple(blocks))


def _all(common: str) -> Iterator[str]:
    if common:
        yield f"All of it: {common}"


def _head(left: Sequence[Matter], over: Sequence[Matter], reader: Reader) -> str:
    done = f"; {len(over)} done since" if over else ""
    return f"Still {headline(left, reader)}{done}"


def _one(matter: Matter, notice: Notice, reader: Reader, common: str) -> Iterator[Block]:
    yield section(
        [
            f"*{title(matter)}*{news_text(matter, common)}",
            f"*When:* {deadline_text(first_deadline([matter], reader.context), reader)}",
            f"*Fix:* {fix(matter, 300)}",
            *so_far(matter, reader),
        ]
    )
    yield buttons(matter, notice.id, _BUTTONS)


def _text(left: Sequence[Matter], over: Sequence[Matter], reader: Reader) -> Iterator[str]:
    yield _head(left, over, reader)
    yield short_list(f"• {title(each)}{news_text(each, common_news(left))}" for each in left[:MOST])
    yield first_fix(left)
