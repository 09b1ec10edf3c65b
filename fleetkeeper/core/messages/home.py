"""App Home: everything that is one person's, by deadline, with how each stands."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from fleetkeeper.core.messages.ask_text import Reader, deadline_text, fix, title
from fleetkeeper.core.messages.blocks import context as foot
from fleetkeeper.core.messages.blocks import divider, header, section
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import zone
from fleetkeeper.core.messages.escape import code, words
from fleetkeeper.core.messages.matters import Matter, matter_of, nearest
from fleetkeeper.core.messages.message import Block, View
from fleetkeeper.core.messages.parts import things
from fleetkeeper.core.messages.place_text import where
from fleetkeeper.core.messages.said_so_far import so_far
from fleetkeeper.core.notices.values import Ask
from fleetkeeper.core.run import Run

MOST = 20
"""Things on the page: a view has at most 100 blocks, and nobody scrolls further."""


def home(person: str, asks: Sequence[Ask], context: Context, waiting: Sequence[Run] = ()) -> View:
    """asks: those of the person's teams. waiting: runs that wait for an approval, for those who may give it."""
    reader = Reader(context, _zone(person, context))
    found = [matter_of(each, context) for each in asks]
    left = [each for each in found if each.open]
    due = sorted((each for each in left if each.must), key=lambda each: _order(each, context))
    blocks = [
        *_approvals(waiting),
        header(f"{things(len(due))} to fix" if due else "Nothing to fix"),
        *(block for each in due[:MOST] for block in _one(each, reader)),
        *_rest(len(due) - MOST),
        *_empty(due),
        *_aside([each for each in left if not each.must]),
        foot([f"As of {context.now:%H:%M} UTC. Everything: {code('fleetkeeper get findings')}"]),
    ]
    return View("home", "fleetkeeper", tuple(blocks))


def _zone(person: str, context: Context) -> tzinfo:
    contact = context.contacts.get(person.lower())
    own = [each.timezone for each in context.teams.values() if person in (*each.members, each.lead, each.manager)]
    return zone(contact.timezone if contact and contact.timezone else own[0] if own else "UTC")


def _order(matter: Matter, context: Context) -> tuple[float, str]:
    found = nearest(matter.open, context)
    return found.at.timestamp() if found else float("inf"), matter.ask.id


def _one(matter: Matter, reader: Reader) -> Iterator[Block]:
    yield section(
        [
            f"*{title(matter)}*",
            f"*When:* {deadline_text(nearest(matter.open, reader.context), reader)}",
            f"*Where:* {where(matter)}",
            f"*Fix:* {fix(matter, 300)}",
            *so_far(matter, reader),
        ]
    )


def _rest(hidden: int) -> Iterator[Block]:
    if hidden > 0:
        yield section([f"and {hidden} more, due later: {code('fleetkeeper get findings')}"])


def _empty(due: Sequence[Matter]) -> Iterator[Block]:
    if not due:
        yield section(["✅ Nothing of yours stands in the way of an upgrade. You are told here and in your channel."])


def _aside(others: Sequence[Matter]) -> Iterator[Block]:
    if others:
        count = sum(len(each.open) for each in others)
        yield divider()
        yield section([f"*Not urgent, no date:* {count} more, such as: {title(others[0])}"])


def _approvals(waiting: Sequence[Run]) -> Iterator[Block]:
    if waiting:
        runs = [f"• {code(each.id, 120)} asked for by {words(each.created_by, 80)}" for each in waiting[:MOST]]
        yield header(f"{len(waiting)} to approve")
        by = (
            f"decide by the buttons of its message in the on-call channel, or by {code('fleetkeeper run approve RUN')}."
        )
        yield section([*runs, f"Look at one with {code('/fleetkeeper wave RUN')}; {by}"])
