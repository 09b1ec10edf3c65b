"""webhook: calls an endpoint of the executor's allow-list, and may wait until another one answers that it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Residue, Undoing, Undone, Verdict, Wait
from fleetkeeper.engine.attempts import leaving, remembered, token_of
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.told import told
from fleetkeeper.engine.world import Answer, World

_EVERY = timedelta(seconds=30)
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Webhook:
    """entry, ask and undo_entry are names of the settings: called, asked for the end, and called by an abort.

    fields go with every call beside those of told.NAMES and the token. until: field=value of an answer of `ask` that
    ends the wait well; fails: one that ends it as failed. Without `ask` a good answer of the call is the end.
    """

    kind: ClassVar[str] = "webhook"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {"entry": Where.HOOKS, "ask": Where.HOOKS, "undo": Where.HOOKS}
    repeatable: ClassVar[bool] = True  # by the token, as the Idempotency-Key
    cancellable: ClassVar[bool] = True

    entry: str
    fields: Mapping[str, str]
    ask: str = ""
    until: tuple[str, str] = ("", "")
    fails: tuple[str, str] = ("", "")
    undo_entry: str = ""
    every: timedelta = _EVERY

    @classmethod
    def of(cls, params: Params) -> "Webhook":
        given = Given(params)
        made = cls(
            entry=given.text("entry"),
            fields=given.pairs("fields"),
            ask=given.text("ask", ""),
            until=given.pair("until"),
            fails=given.pair("fails"),
            undo_entry=given.text("undo", ""),
            every=given.duration("every", _EVERY),
        )
        if made.ask and not made.until[0]:
            given.wrong("until", "is missing: which field=value of the answer of `ask` ends the wait?")
        if not made.ask and (made.until[0] or made.fails[0]):
            given.wrong("ask", "is missing: which entry answers the field that is waited for?")
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> Answer | None:
        """What `ask` answers once the call was made; None before it, and where nothing is to be asked."""
        called = remembered(moment)
        if not self.ask or "status" not in called or not _is_good(int(called["status"])):
            return None
        query = {**told(subject), "token": moment.token}
        return world.hooks.ask(self.ask, query | ({"id": called["id"]} if called.get("id") else {}))

    def decide(self, seen: Answer | None, moment: Moment) -> Verdict:
        called = remembered(moment)
        if "status" not in called:
            return Act(f"call the webhook {self.entry}{f' and wait for {_equals(self.until)}' if self.ask else ''}")
        status = int(called["status"])
        if not _is_good(status):
            return Failed(
                f"the webhook {self.entry} answered {status}: {called['text'] or 'nothing'}",
                f"look at what {self.entry} says of the Idempotency-Key {moment.token}, then retry or skip",
            )
        if seen is None:
            return Done(f"{self.entry} answered {status}")
        return self._answered(seen)

    def _answered(self, seen: Answer) -> Verdict:
        if not _is_good(seen.status):
            return Wait(f"{self.ask} answered {seen.status} ({safe(seen.text, _LONGEST)}): asked again", self.every)
        if self.fails[0] and seen.fields.get(self.fails[0]) == self.fails[1]:
            return Failed(f"{self.ask} answered {_equals(self.fails)}: {safe(seen.text, _LONGEST)}", final=True)
        name, wanted = self.until
        value = seen.fields.get(name)
        if value == wanted:
            return Done(f"{self.ask} answered {_equals(self.until)}")
        is_now = "no" if value is None else f"{safe(value, _LONGEST)} as"
        return Wait(
            f"{self.ask} answers {is_now} {name}, waits for {wanted}", self.every, f"who answers for {self.ask}"
        )

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        body = {**told(subject), **self.fields, "token": moment.token}
        answer = world.hooks.call(self.entry, body, moment.token)
        said = safe(answer.text, _LONGEST)
        return leaving(memory, moment, status=str(answer.status), text=said, id=answer.fields.get("id", ""))

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        called = remembered(moment)
        if "status" in called and not _is_good(int(called["status"])):
            return Undone(f"{self.entry} had refused the call")
        if not self.undo_entry:
            return Residue(f"the webhook {self.entry} was called, and its step names no `undo`: see what it began")
        body = {**told(subject), **self.fields, "undoes": moment.token, "id": called.get("id", "")}
        answer = world.hooks.call(self.undo_entry, body, token_of(moment.token, "undo"))
        if _is_good(answer.status):
            return Undone(f"{self.undo_entry} answered {answer.status}")
        return Residue(f"{self.undo_entry} answered {answer.status} ({safe(answer.text, _LONGEST)}): undo it by hand")


def _is_good(status: int) -> bool:
    return 200 <= status < 300


def _equals(pair: tuple[str, str]) -> str:
    return f"{pair[0]}={pair[1]}"
