"""propose: sends the exact change of a version to whoever keeps it, once, and waits until the world shows it."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from fleetkeeper.core.gitops import RESOURCES
from fleetkeeper.core.managed_by import Change, managed_by
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.proposals import Proposal, is_between
from fleetkeeper.core.references import Names
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import (
    Act,
    Blocked,
    Done,
    Failed,
    Memory,
    Moment,
    Residue,
    Skip,
    Undoing,
    Undone,
    Verdict,
    Wait,
)
from fleetkeeper.engine import commands, proposing
from fleetkeeper.engine.attempts import leaving, remembered, token_of
from fleetkeeper.engine.commands import SeenCommand
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.proposing import SeenVersion, Target, goes_to
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.told import told
from fleetkeeper.engine.world import World

POLL = timedelta(minutes=1)

_LONGEST = 300
_URL = re.compile(r"https?://[^\s\"'<>]+")
_URLS = ("url", "html_url", "web_url", "permalink", "link")
_WAYS = ("hook", "command", "channel")


@dataclass(frozen=True, slots=True)
class SeenProposal:
    """The thing in the world, the proposal as it would be sent now, and the program that sends it, if one does.

    body: what would be sent, as a dry run shows it; "" in a run, whose log tells the change and not its every field.
    """

    version: SeenVersion
    proposal: Proposal
    body: str
    command: SeenCommand | None = None


@dataclass(frozen=True, slots=True)
class Propose:
    """change of name (of the addon, group or release, "" for the minor) from a version to another.

    via is hook:NAME, command:NAME or channel:NAME of the settings; undo_entry a hook or command that withdraws it.
    namespace and chart are a release's; object the GitOps object that deploys it; release the image of a node group.
    """

    kind: ClassVar[str] = "propose"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}  # the settings' own rules name it, and are held to what there is
    cancellable: ClassVar[bool] = True

    target: Target
    before: str
    via: str
    why: str = ""
    chart: str = ""
    undo_entry: str = ""

    @classmethod
    def of(cls, params: Params) -> "Propose":
        given = Given(params)
        change = Change(given.choice("change", tuple(each.value for each in Change)))
        made = cls(
            target=Target(
                change=change,
                name=given.text("name", ""),
                to=given.text("to"),
                namespace=given.text("namespace", ""),
                object=given.text("object", "", check=_wrong_object),
                release=given.text("release", ""),
            ),
            before=given.text("from", ""),
            via=given.text("via", check=_wrong_way),
            why=given.text("why", ""),
            chart=given.text("chart", ""),
            undo_entry=given.text("undo", ""),
        )
        if bool(made.target.name) == (change is Change.MINOR):
            given.wrong("name", "is of an addon, a node group or a release, and only of those")
        given.finish()
        return made

    @property
    def repeatable(self) -> bool:
        """By the token, as the Idempotency-Key; what a program does twice nobody knows."""
        return self._way[0] != "command"

    @property
    def _way(self) -> tuple[str, str]:
        way, _, name = self.via.partition(":")
        return way, name

    # ---- look

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenProposal:
        seen = proposing.look(world, subject, self.target)
        proposal = self._proposal(seen, subject)
        body = "" if subject.run else json.dumps({**told(subject), **proposal.body()}, ensure_ascii=False)
        command = commands.look(world, moment) if self._way[0] == "command" else None
        return SeenProposal(seen, proposal, body, command)

    def _proposal(self, seen: SeenVersion, subject: Subject) -> Proposal:
        member = subject.member
        assert member is not None
        cluster = {key[4:]: text for key, text in member.attributes.items() if key.startswith("tag:")}
        return Proposal(
            cluster=member.name,
            change=self.target.change,
            name=self.target.name,
            before=seen.at or self.before,
            to=self.target.to,
            why=self.why,
            namespace=self.target.namespace,
            chart=self.chart or (seen.app.chart if seen.app else ""),
            app=seen.app,
            configuration=seen.configuration,
            keeper=managed_by(seen.tags, cluster),
            deadline=member.deadline,
        )

    # ---- decide

    def decide(self, seen: SeenProposal, moment: Moment) -> Verdict:
        found, label = seen.version, seen.proposal.label
        sent = bool(remembered(moment)) or (seen.command is not None and seen.command.state is not None)
        if found.trouble:
            return Blocked(found.trouble, self._owner(seen), "skip this step, and see to the change by hand")
        if not found.at:
            if sent:
                return Blocked(f"{label} is gone since it was proposed", self._owner(seen), "skip it, or bring it back")
            return Skip(f"{label} is not there, as {found.where} has it")
        if found.at == self.target.to:
            return self._arrived(seen, moment, sent)
        if running := found.running:
            where = f" to {goes_to(running)}" if goes_to(running) else ""
            since = f" since {running.created_at:%Y-%m-%d %H:%M} UTC" if running.created_at else ""
            return Wait(f"an update of {label}{where} runs{since} (update {running.id})", POLL)
        if found.moving and not (
            sent or found.app
        ):  # an update that ended since the version was read, or one that EKS does not list yet
            return Wait(f"{label} is at {found.at}, and {found.words}", POLL)
        if not is_between(found.at, self.before or found.at, self.target.to):
            return Blocked(
                f"{label} is at {found.at}: neither at {self.before}, where it was, nor on the way to {self.target.to}",
                self._owner(seen),
                "find out who moved it, then plan anew, or skip it",
            )
        return self._asked(seen, moment)

    def _arrived(self, seen: SeenProposal, moment: Moment, sent: bool) -> Verdict:
        found, label, to = seen.version, seen.proposal.label, self.target.to
        if not found.well:
            words = f"{label} is at {to}, and {found.words}"
            if found.moving or found.running:
                return Wait(words, POLL)
            return Blocked(words, self._owner(seen), "see what holds it there")
        update = found.update
        by = f", by update {update.id}" if update else ""
        on = f" of {update.created_at:%Y-%m-%d %H:%M} UTC" if update and update.created_at else ""
        if sent:
            return Done(f"{label} is at {to}{by}{on}, as it was proposed", {**moment.memory, "there": to})
        return Done(f"{label} is at {to} already{by}{on}: somebody else's change is adopted")

    def _asked(self, seen: SeenProposal, moment: Moment) -> Verdict:
        """It is where it was: is it proposed yet?"""
        way, name = self._way
        left = remembered(moment)
        if seen.command is not None:
            return self._by_command(seen, seen.command, moment)
        if "at" not in left:
            return self._act(seen)
        status = int(left.get("status", "200"))
        if way == "hook" and not 200 <= status < 300:
            return Failed(
                f"the proposal was refused: {name} answered {status}: {left.get('text') or 'nothing'}",
                f"look at what {name} says of the Idempotency-Key {moment.token}, then retry or skip",
            )
        return self._waits(seen, left["at"], left.get("url", ""), left.get("id", ""))

    def _by_command(self, seen: SeenProposal, command: SeenCommand, moment: Moment) -> Verdict:
        """How the program ended is known where it ran, and for as long as its record is kept; the world says more."""
        at = remembered(moment).get("at", "")
        if command.state is None and at:
            return self._waits(seen, at, "", "")
        verdict = commands.judged(self._way[1], command, moment, again=False)
        if isinstance(verdict, Act):
            return self._act(seen)
        if isinstance(verdict, Done) and command.state is not None:
            return self._waits(seen, at or moment.started_at.isoformat(), _url_in(command.state.output), "")
        return verdict

    def _act(self, seen: SeenProposal) -> Act:
        body = f": {seen.body}" if seen.body else ""
        return Act(f"propose to {self.via}: {seen.proposal.title}{body}", {"from": seen.proposal.before})

    def _waits(self, seen: SeenProposal, at: str, url: str, id: str) -> Wait:
        where = url or (f"as {id} by {self.via}" if id else f"by {self.via}")
        place = f"at {where}" if url else where
        state = f" ({seen.version.words})" if seen.version.app else ""
        why = (
            f"proposed {place} on {datetime.fromisoformat(at):%Y-%m-%d %H:%M} UTC; "
            f"waits until {seen.version.where} shows {self.target.to}{state}"
        )
        return Wait(why, POLL, self._owner(seen))

    def _owner(self, seen: SeenProposal) -> str:
        keeper = seen.proposal.keeper
        if seen.version.app:
            return f"who keeps {seen.version.app} in Git"
        kept = f" in {keeper.tool}" if keeper else ""
        return f"who keeps {seen.proposal.cluster}{kept}"

    # ---- act and undo

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        way, name = self._way
        proposal = self._proposal(proposing.look(world, subject, self.target), subject)
        known = told(subject)
        if way == "command":
            return commands.begin(world, name, subject, proposal.body(), moment, memory)
        at = moment.now.isoformat()
        if way == "channel":
            url = world.messenger.post(name, proposal.message(known), moment.token)
            return leaving(memory, moment, at=at, url=url)
        answer = world.hooks.call(name, {**known, **proposal.body(), "token": moment.token}, moment.token)
        fields = answer.fields
        url = next((fields[key] for key in _URLS if _URL.fullmatch(fields.get(key, ""))), "")
        said, id = safe(answer.text, _LONGEST), safe(fields.get("id") or fields.get("number", ""), _LONGEST)
        return leaving(memory, moment, at=at, status=str(answer.status), text=said, url=safe(url, _LONGEST), id=id)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """A change that was made stays; one that is still asked for is withdrawn, where the settings say how."""
        left, (way, name) = remembered(moment), self._way
        label = self.target.name or "the control plane"
        if there := moment.memory.get("there"):
            return Undone(f"{label} stays at {there}; it was at {moment.memory.get('from', self.before)} before")
        known = {"change": self.target.change.value, "name": self.target.name, "to": self.target.to}
        if way == "command":
            return commands.taken_back(world, name, self.undo_entry, subject, known, moment)
        if way == "hook" and "status" in left and not 200 <= int(left["status"]) < 300:
            return Undone(f"{name} had refused the proposal")
        place = left.get("url") or left.get("id") or f"what {self.via} was told"
        if way == "channel" or not self.undo_entry:
            return Residue(f"the proposal to bring {label} to {self.target.to} is open ({place}): withdraw it by hand")
        withdrawn = {"undoes": moment.token, "id": left.get("id", ""), "url": left.get("url", "")}
        answer = world.hooks.call(
            self.undo_entry, {**told(subject), **known, **withdrawn}, token_of(moment.token, "undo")
        )
        if 200 <= answer.status < 300:
            return Undone(f"{self.undo_entry} withdrew the proposal")
        said = f"{answer.status} ({safe(answer.text, _LONGEST)})"
        return Residue(f"{self.undo_entry} answered {said}: withdraw the proposal by hand ({place})")


def _url_in(output: str) -> str:
    """The last URL that a program said: pull requests end with theirs."""
    found = _URL.findall(output)
    return safe(found[-1].rstrip(".,)"), _LONGEST) if found else ""


def _wrong_way(text: str) -> str:
    way, _, name = text.partition(":")
    return "" if way in _WAYS and name else f"must be {', '.join(f'{each}:NAME' for each in _WAYS)}, not {text!r}"


def _wrong_object(text: str) -> str:
    parts = text.split("/")
    known = len(parts) == 3 and all(parts) and parts[0] in RESOURCES
    return "" if known else f"must be {' or '.join(RESOURCES)}/namespace/name, not {text!r}"
