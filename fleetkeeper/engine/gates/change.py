"""change: a change ticket is opened from the plan, and somebody approves it there. `change-close` closes it.

An abort closes a ticket that this gate opened, with what was done until then, unless `change-close` did so before.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Residue, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.wording import counted
from fleetkeeper.engine import tickets
from fleetkeeper.engine.attempts import leaving, remembered
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.told import told
from fleetkeeper.engine.world import Answer, World

_EVERY = timedelta(minutes=1)
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class SeenTicket:
    """members: how many the ticket is about. answer: what `ask` says of it; None before it was opened."""

    members: int
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class ChangeGate:
    """entry opens the ticket and answers its id, ask tells its state by GET with that id, close closes it.

    field of ask's answer is its state: approved opens the gate, rejected fails it, anything else is waited for. id is
    the field of entry's answer that names the ticket.
    """

    kind: ClassVar[str] = tickets.CHANGE
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {"entry": Where.HOOKS, "ask": Where.HOOKS, "close": Where.HOOKS}
    repeatable: ClassVar[bool] = True  # by the token, as the Idempotency-Key
    cancellable: ClassVar[bool] = True

    entry: str
    ask: str
    close: str
    field: str = "state"
    approved: str = "approved"
    rejected: str = "rejected"
    id: str = "id"
    every: timedelta = _EVERY

    @classmethod
    def of(cls, params: Params) -> "ChangeGate":
        given = Given(params)
        made = cls(
            entry=given.text("entry"),
            ask=given.text("ask"),
            close=given.text("close"),
            field=given.text("field", "state"),
            approved=given.text("approved", "approved"),
            rejected=given.text("rejected", "rejected"),
            id=given.text("id", "id"),
            every=given.duration("every", _EVERY),
        )
        if made.approved == made.rejected:
            given.wrong("rejected", "must be another state than approved")
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenTicket:
        id = remembered(moment).get("id", "")
        answer = world.hooks.ask(self.ask, {**told(subject), "id": id, "token": moment.token}) if id else None
        return SeenTicket(len(subject.members), answer)

    def decide(self, seen: SeenTicket, moment: Moment) -> Verdict:
        opened = remembered(moment)
        if "status" not in opened:
            return Act(f"open a change ticket for {counted(seen.members, 'cluster')} by {self.entry}")
        if not 200 <= int(opened["status"]) < 300:
            return Failed(
                f"no ticket was opened, {self.entry} answered {opened['status']}: {opened['text'] or 'nothing'}"
            )
        if seen.answer is None:
            why = f"{self.entry} answered {opened['status']} without {self.id}: nobody knows which ticket was opened"
            return Failed(why, f"close what it opened by hand; name the field of its answer by `id`: {opened['text']}")
        return self._answered(opened["id"], seen.answer)

    def _answered(self, ticket: str, answer: Answer) -> Verdict:
        text = safe(answer.text, _LONGEST)
        if not tickets.is_good(answer):
            return Wait(f"{self.ask} answered {answer.status} ({text}) for ticket {ticket}: asked again", self.every)
        state = answer.fields.get(self.field)
        if state == self.approved:
            return Done(f"ticket {ticket} is {state}")
        if state == self.rejected:
            return Failed(
                f"ticket {ticket} is {state}: {text}", "plan anew, or retry the gate for another ticket", final=True
            )
        is_now = f"is {safe(state, _LONGEST)}" if state else f"has no {self.field} in the answer of {self.ask}"
        return Wait(f"ticket {ticket} {is_now}, not {self.approved} yet", self.every, "who approves changes")

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        digest = subject.run.digest if subject.run else ""
        answer = world.hooks.call(self.entry, tickets.opening(subject, digest, moment.token), moment.token)
        said, id = safe(answer.text, _LONGEST), answer.fields.get(self.id, "") if tickets.is_good(answer) else ""
        return leaving(memory, moment, status=str(answer.status), text=said, id=id)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        opened = remembered(moment)
        if not opened.get("id"):
            unknown = "status" not in opened or 200 <= int(opened["status"]) < 300
            return (
                Residue(f"{self.entry} may have opened a ticket, its id is unknown")
                if unknown
                else Undone("none was opened")
            )
        ticket = tickets.Ticket(opened["id"], subject.gate)
        stored = world.runs.run(subject.run.id) if subject.run else None
        if tickets.is_closed(stored, ticket):
            return Undone(f"ticket {ticket.id} was closed before")
        outcome = "aborted" if stored is None else f"aborted: {tickets.outcome_of(stored)}"
        body = tickets.closing(subject, stored, ticket, outcome)
        answer = tickets.close(world, self.close, body, moment.token)
        if tickets.is_good(answer):
            return Undone(f"ticket {ticket.id} is closed")
        said = safe(answer.text, _LONGEST)
        return Residue(f"ticket {ticket.id} is open, {self.close} answered {answer.status} ({said}): close it by hand")
