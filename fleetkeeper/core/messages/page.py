"""What wakes somebody: one line that says what is blocked by whom, then the details."""

from collections.abc import Iterator, Sequence

from fleetkeeper.core.messages.ask_text import Reader, fix, title
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.direct import history
from fleetkeeper.core.messages.escalation import blocked
from fleetkeeper.core.messages.matters import Matter, parted
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.parts import MOST, all_over, reader
from fleetkeeper.core.messages.place_text import where
from fleetkeeper.core.notices.values import Notice

SUMMARY = 1024
"""Characters that PagerDuty takes of a summary (developer.pagerduty.com, Events API v2, read 2026-11-21)."""


def page(notice: Notice, context: Context) -> Message:
    """Text alone; its first line is the summary. A pager reads no markup."""
    found, seen = parted(notice, context), reader(notice, context)
    left = found.asked
    if not left:
        return Message(all_over(notice, found.every, context).text)
    return Message("\n".join([blocked(left, seen)[:SUMMARY], "", *_details(left, notice, seen)]))


def _details(left: Sequence[Matter], notice: Notice, reader: Reader) -> Iterator[str]:
    for each in left[:MOST]:
        yield f"{title(each)}"
        yield f"  Where: {where(each)}"
        yield f"  Fix: {fix(each, 300)}"
    if len(left) > MOST:
        yield f"and {len(left) - MOST} more"
    yield from history(left, reader)
    yield "Decide: hold the clusters (that is so until somebody decides), or proceed with an extension."
    if asked := dict.fromkeys(filter(None, map(reader.context.question, notice.recipient.owners))):
        yield f"Questions: {', '.join(asked)}"
