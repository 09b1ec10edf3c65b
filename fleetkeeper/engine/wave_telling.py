"""Runs as the on-call channel follows them: one message that is as things are, and news in its thread."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.render import render
from fleetkeeper.core.messages.wave import is_news
from fleetkeeper.core.notices.values import Audience, Notice, NoticeKind, Policy, Recipient, Via
from fleetkeeper.core.owners import Contact
from fleetkeeper.core.run import OVER, Event, Run
from fleetkeeper.core.run_page import Seen
from fleetkeeper.engine.notice_ports import Notices, WaveThread, Writing
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.run_ports import Runs, StoredEvent, StoredRun
from fleetkeeper.errors import Tampered
from fleetkeeper.values import to_json

_log = structlog.get_logger("notices")

LATELY = timedelta(hours=1)
"""A run that ended longer ago, and was never told of, is not told any more."""

_PAGE = 1000
_CLOSED = "over "
_HOOK = "hook:"


@dataclass(frozen=True, slots=True)
class WaveTelling:
    """policy: whose oncall_channel it is; "" tells nothing. approvers: by the names of approvals.people.

    Several replicas may take turns at once: what is stored is fenced by what it rests on, so each thing is told once.
    """

    notices: Notices
    runs: Runs
    clock: Clock
    policy: Policy
    approvers: tuple[str, ...] = ()

    def turn(self) -> int:
        """Tell what happened since the last turn; of how many runs there was something to tell."""
        if not self.policy.oncall_channel:
            return 0
        threads = self.notices.wave_threads()
        found = list(self._to_tell(threads))
        contacts = {key: contact for key, (contact, _) in self.notices.contacts().items()} if found else {}
        return sum(self._tell(run, threads.get(run.id), contacts) for run in found)

    def _to_tell(self, threads: Mapping[str, WaveThread]) -> Iterator[Run]:
        """Runs at work, and those that ended since they were last told of."""
        now = self.clock.now()
        for run in self.runs.runs():
            thread = threads.get(run.id)
            ended = run.ended_at if run.state in OVER else None
            is_new = thread is None and (run.state not in OVER or (ended is not None and now - ended <= LATELY))
            if is_new or (thread is not None and not thread.state.startswith(_CLOSED)):
                yield run

    def _tell(self, run: Run, thread: WaveThread | None, contacts: Mapping[str, Contact]) -> bool:
        try:
            stored = self.runs.run(run.id)
        except Tampered as error:
            _log.warning("wave_not_told", run=run.id, reason=str(error))
            return False
        if stored is None:
            return False
        now = self.clock.now()
        context = Context(now, contacts=contacts, approvers=self.approvers, run=_seen(stored), policy=self.policy)
        root = self._root(stored.run)
        message = render(root, context)
        state = _state(stored.run, message)
        if thread is None:
            return self._begin(root, message, state, context)
        return self._go_on(thread, root, message, state, context)

    def _begin(self, root: Notice, message: Message, state: str, context: Context) -> bool:
        """The message has all that was: only an end that came before it is told on top."""
        found = list(self._events(root.subject, 0))
        seen = found[-1].id if found else 0
        writings = [Writing(root, message)]
        if state.startswith(_CLOSED):
            ends = [each for each in found if each.event.kind == "run.ended"]
            writings += self._news(root, ends, context)
        thread = WaveThread(root.subject, root.id, seen, state)
        return self.notices.save_wave(thread, writings, {}, context.now)

    def _go_on(self, thread: WaveThread, root: Notice, message: Message, state: str, context: Context) -> bool:
        found = list(self._events(thread.run, thread.seen))
        news = [each for each in found if is_news(each.event)]
        if not news and state == thread.state:
            return False
        seen = found[-1].id if found else thread.seen
        following = replace(thread, seen=seen, state=state, before=thread.seen)
        is_edited = state != thread.state and root.recipient.via is Via.SLACK  # a hook has only what is new
        edits = {thread.notice: message} if is_edited else {}
        return self.notices.save_wave(following, self._news(root, news, context), edits, context.now)

    def _news(self, root: Notice, found: Sequence[StoredEvent], context: Context) -> list[Writing]:
        """At most one reply, of all that happened; its id is of the last event, so it is the same for every replica."""
        if not found:
            return []
        id = _id("news", root.subject, str(found[-1].id))
        notice = replace(root, id=id, kind=NoticeKind.NEWS, day=context.now.date(), at=context.now, thread=root.id)
        return [Writing(notice, render(notice, replace(context, events=_of(found))))]

    def _root(self, run: Run) -> Notice:
        """The same for as long as the run is told of, whoever tells it."""
        channel = self.policy.oncall_channel
        via = Via.WEBHOOK if channel.startswith(_HOOK) else Via.SLACK
        return Notice(
            id=_id("wave", run.id),
            kind=NoticeKind.WAVE,
            recipient=Recipient(via, channel.removeprefix(_HOOK), Audience.FLEET, (), self.policy.timezone),
            day=run.created_at.date(),
            at=run.created_at,
            entries=(),
            why="a run is at work",
            is_urgent=True,
            subject=run.id,
        )

    def _events(self, run: str, after: int) -> Iterator[StoredEvent]:
        while True:
            page = self.runs.events(run, after, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].id


def _of(found: Sequence[StoredEvent]) -> tuple[Event, ...]:
    return tuple(each.event for each in found)


def _seen(stored: StoredRun) -> Seen:
    return Seen(
        run=stored.run,
        plan=stored.plan,
        units=stored.units,
        tasks=stored.tasks,
        steps=stored.steps,
        approvals=stored.approvals,
        taken=stored.taken,
    )


def _state(run: Run, message: Message) -> str:
    """Changes when the message does; a run that is over and told so needs no further look."""
    digest = _id(message.text, to_json(message.blocks))
    return f"{_CLOSED}{digest}" if run.state in OVER else digest


def _id(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
