"""To the fleet's on-call channel: who holds which clusters up, what was tried, and what is to decide."""

from collections.abc import Iterator, Sequence

from fleetkeeper.core.messages.ask_text import Reader, deadline_text, fix, title
from fleetkeeper.core.messages.blocks import header, section, short_list
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.digest import bullets, first_fix
from fleetkeeper.core.messages.direct import history
from fleetkeeper.core.messages.escape import words
from fleetkeeper.core.messages.matters import Matter, nearest, parted
from fleetkeeper.core.messages.message import Block, Do, Message
from fleetkeeper.core.messages.parts import (
    all_over,
    buttons,
    done_lines,
    first_deadline,
    foot,
    in_turn,
    reader,
    things,
)
from fleetkeeper.core.messages.place_text import where
from fleetkeeper.core.messages.said_so_far import so_far
from fleetkeeper.core.notices.values import Notice
from fleetkeeper.core.wording import counted

_BUTTONS = (Do.DIFF, Do.EXTEND, Do.RECHECK)


def escalation(notice: Notice, context: Context) -> Message:
    found, seen = parted(notice, context), reader(notice, context)
    left = found.asked
    if not left:
        return all_over(notice, found.every, context)
    blocks = [
        header(_head(left)),
        section([f"*{blocked(left, seen)}*", *_why(notice), *history(left, seen), *done_lines(found.over, seen)]),
        *in_turn(left, lambda each, number: _one(each, number, notice, seen)),
        section(_to_decide()),
        foot(notice, left, seen),
    ]
    return Message("\n".join(_text(left, seen)), tuple(blocks))


def _why(notice: Notice) -> Iterator[str]:
    if notice.why:
        yield f"*Why here:* {words(notice.why, 400)}"


def blocked(left: Sequence[Matter], reader: Reader) -> str:
    """`Blocked by payments: prod-eu, prod-us, before Tue 1 Dec 2026 (tomorrow): wave eu-prod begins`: one line."""
    found = first_deadline(left, reader.context)
    clusters = sorted({item.cluster for each in left for item in each.open})
    names = ", ".join(words(each, 60) for each in clusters[:3])
    more = f" and {len(clusters) - 3} more" if len(clusters) > 3 else ""
    owners = " and ".join(dict.fromkeys(reader.context.owner(each.ask.owner) for each in left[:3]))
    return f"Blocked by {owners}: {names}{more}, {deadline_text(found, reader)}"


def _head(left: Sequence[Matter]) -> str:
    clusters = len({item.key.cluster for each in left for item in each.open})
    return f"{counted(clusters, 'cluster')} blocked by {things(len(left))} that nobody fixed"


def _one(matter: Matter, number: int, notice: Notice, reader: Reader) -> Iterator[Block]:
    yield section(
        [
            f"*{number}. {title(matter)}*",
            f"*Whose:* {_who(matter, reader)}",
            f"*When:* {deadline_text(nearest(matter.open, reader.context), reader)}",
            f"*Where:* {where(matter)}",
            f"*Fix:* {fix(matter, 300)}",
            *so_far(matter, reader),
        ]
    )
    yield buttons(matter, notice.id, _BUTTONS)


def _who(matter: Matter, reader: Reader) -> str:
    """The team and who leads it: whoever is on call has to reach a person."""
    team = reader.context.team(matter.ask.owner)
    lead = f", led by {reader.context.name(team.lead)}" if team.lead else ""
    return f"{reader.context.owner(matter.ask.owner)}{lead}"


def _to_decide() -> Iterator[str]:
    yield "*To decide:* hold or proceed. Until somebody decides, the clusters are held."
    yield "• *Hold:* the wave leaves them out until it is fixed, and takes the others."
    yield "• *Proceed:* Ask for extension, with Proceed; an approver grants it, and what this breaks, breaks."


def _text(left: Sequence[Matter], reader: Reader) -> Iterator[str]:
    yield blocked(left, reader)
    yield short_list(bullets(left, reader))
    yield first_fix(left)
    yield "To decide: hold or proceed."
