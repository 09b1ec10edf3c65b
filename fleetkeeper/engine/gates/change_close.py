"""change-close: closes the ticket of a `change` gate with the evidence: members, results, how long it took."""

from dataclasses import dataclass
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Residue, Skip, Undoing, Undone, Verdict
from fleetkeeper.core.wording import some
from fleetkeeper.engine import tickets
from fleetkeeper.engine.attempts import leaving, remembered
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.tickets import Ticket
from fleetkeeper.engine.world import World

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class SeenTickets:
    """The tickets that are meant, and the run as it stands; None for a dry run."""

    tickets: tuple[Ticket, ...]
    stored: StoredRun | None


@dataclass(frozen=True, slots=True)
class ChangeClose:
    """close is the endpoint that closes; gate the name of the gate that opened the ticket, "" where only one did.

    Of a gate that stands before each group, a group's own ticket is meant.
    """

    kind: ClassVar[str] = tickets.CLOSE
    version: ClassVar[int] = 1
    repeatable: ClassVar[bool] = True  # by the token, as the Idempotency-Key
    cancellable: ClassVar[bool] = True

    close: str
    gate: str = ""

    @classmethod
    def of(cls, params: Params) -> "ChangeClose":
        given = Given(params)
        made = cls(given.text("close"), given.text("gate", ""))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenTickets:  # noqa: ARG002  # the run knows
        stored = world.runs.run(subject.run.id) if subject.run else None
        every = tickets.tickets_of(stored) if stored else ()
        meant = tuple(each for each in every if self.gate in ("", each.gate))
        own = tuple(each for each in meant if subject.group and each.group == subject.group)
        return SeenTickets(own or meant, stored)

    def decide(self, seen: SeenTickets, moment: Moment) -> Verdict:
        closed = remembered(moment)
        if "status" in closed:
            if 200 <= int(closed["status"]) < 300:
                return Done(f"ticket {closed['id']} is closed")
            why = f"{self.close} answered {closed['status']} for ticket {closed['id']}: {closed['text'] or 'nothing'}"
            return Failed(why, "close it by hand and skip the gate, or retry it")
        if not seen.tickets:
            return Skip("no ticket was opened") if seen.stored else Act(f"close the ticket by {self.close}")
        if len(seen.tickets) > 1:
            names = some(f"{each.id} of {each.gate}" for each in seen.tickets)
            return Failed(f"which ticket is to be closed? Open are {names}", "name its gate by `gate`", final=True)
        assert seen.stored is not None
        ticket, outcome = seen.tickets[0], tickets.outcome_of(seen.stored)
        return Act(f"close ticket {ticket.id} with: {outcome}", {"id": ticket.id, "outcome": outcome})

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        seen = self.look(world, subject, moment)
        body = tickets.closing(subject, seen.stored, Ticket(memory["id"], self.gate), memory["outcome"])
        answer = tickets.close(world, self.close, body, moment.token)
        return leaving(memory, moment, status=str(answer.status), text=safe(answer.text, _LONGEST))

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # closed is closed
        closed = remembered(moment)
        if "status" in closed and 200 <= int(closed["status"]) < 300:
            return Undone(f"ticket {closed['id']} is closed")
        return Residue(
            f"whether {self.close} closed ticket {closed.get('id', '')} is not known: look, and close it by hand"
        )
