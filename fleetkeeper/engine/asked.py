"""What people ask: `/fleetkeeper ...` and the app's home. A team sees only what is its own; operators see all."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fleetkeeper.core.interacting import slash, words
from fleetkeeper.core.interacting.values import Clicker, Reply
from fleetkeeper.core.interacting.who import owners_of
from fleetkeeper.core.notices.asks import asks_of
from fleetkeeper.core.notices.values import Delivery, Item, Situation
from fleetkeeper.core.people import Role
from fleetkeeper.core.run import OVER, Cause, Run, Task, TaskState
from fleetkeeper.core.run import Role as TaskRole
from fleetkeeper.core.run_texts import state_text
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.answering import Answering
from fleetkeeper.engine.click_ports import Clicked, Desk, Turned
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.errors import Tampered


@dataclass(frozen=True, slots=True)
class Asking:
    desk: Desk

    def slash(self, clicked: Clicked) -> Reply:
        match slash.parse(clicked.click.text):
            case slash.Status():
                return Reply(text="\n".join(map(words.escaped, self._status(clicked.by))))
            case slash.Wave(run):
                return Reply(text="\n".join(map(words.escaped, self._waves(clicked.by, run))))
            case slash.WhoOwns() as asked:
                return Reply(text=words.escaped(self.desk.who_owns(asked)))
            case slash.Help(mistake):
                return Reply(text=f"{words.escaped(mistake)}\n{slash.HELP}".strip())

    def home(self, clicked: Clicked) -> Reply:
        """What is theirs, also of an operator: all of it is the command line's."""
        answers = Answering(self.desk).answers()
        situation = replace(self.desk.situation(), now=self.desk.clock.now(), answers=answers)
        own = self._own(clicked.by, situation)
        asks = [ask for ask in asks_of(item for item in situation.items if not item.is_over) if ask.owner in own]
        return Reply(home=self.desk.screens.home(clicked.by.person, asks, situation, self._waiting(clicked.by)))

    def _waiting(self, by: Clicker) -> list[Run]:
        if not self.desk.people.may(by.person, Role.APPROVER):
            return []
        waiting = (run for run in self.desk.runs.runs(over=False) if run.why and run.why.cause is Cause.APPROVAL)
        return [run for run in waiting if not self._asked_for(by, run)]

    def _asked_for(self, by: Clicker, run: Run) -> bool:
        """Whether the plan is their own, on which somebody else decides."""
        try:
            plan = self.desk.runs.plan(run.plan)
        except Tampered:
            return False
        people = self.desk.people
        return plan is not None and people.person(plan.header.created_by) == people.person(by.person)

    # ---- status

    def _status(self, by: Clicker) -> Iterator[str]:
        """The fleet in five lines, or what is one's own in three."""
        situation = self.desk.situation()
        sees_all = self._sees_all(by)
        own = self._own(by, situation)
        items = [item for item in situation.items if not item.is_over and (sees_all or item.owned.owner in own)]
        yield from self._asked_of_people(items, sees_all)
        if sees_all:
            yield from self._waves(by, "")
            yield self._messages()

    def _asked_of_people(self, items: list[Item], sees_all: bool) -> Iterator[str]:
        asks, now = asks_of(items), self.desk.clock.now()
        if not asks:
            yield "Nothing is asked of anybody." if sees_all else "Nothing is asked of you and your teams."
            return
        clusters = len({item.key.cluster for item in items})
        owners = Counter(ask.owner for ask in asks)
        yield f"{counted(len(asks), 'thing')} to fix in {counted(clusters, 'cluster')}: {_shares(owners)}"
        dated = [(ask.deadline, ask.owner) for ask in asks if ask.deadline]
        over = [owner for deadline, owner in dated if deadline.at < now]
        if over:
            yield f"{counted(len(over), 'thing')} past the deadline: {some(sorted(set(over)))}"
        ahead = [(deadline, owner) for deadline, owner in dated if deadline.at >= now]
        if ahead:
            deadline, owner = min(ahead, key=lambda each: each[0].at)
            yield f"Next deadline: {words.day(deadline.at.date())} ({deadline.clock}), {owner}"

    def _messages(self) -> str:
        counts = self.desk.notices.outbox_counts()
        waiting = counts.get(Delivery.PENDING, 0) + counts.get(Delivery.SENDING, 0)
        stuck = counts.get(Delivery.FAILED, 0) + counts.get(Delivery.AMBIGUOUS, 0)
        text = f"Messages: {counts.get(Delivery.SENT, 0)} sent, {waiting} on their way"
        return f"{text}, {stuck} not delivered: `fleetkeeper notices history`" if stuck else text

    # ---- waves

    def _waves(self, by: Clicker, id: str) -> Iterator[str]:
        if id:
            yield from self._wave(by, id)
            return
        active = self.desk.runs.runs(over=False)
        if not active:
            yield "No wave is at work."
            return
        stated = [f"{run.id} {state_text(run.state)}" for run in active]
        yield f"{counted(len(active), 'wave')}: {some(stated)}"

    def _wave(self, by: Clicker, id: str) -> Iterator[str]:
        stored = self._stored(id)
        members = [task for task in stored.tasks if task.role is TaskRole.MEMBER]
        run = stored.run
        why = f": {run.why.text}" if run.why and self._sees_all(by) else ""
        yield f"Run {run.id} ({stored.plan.header.playbook_title}) {state_text(run.state)}{why}"
        if not self._sees_all(by):
            situation = self.desk.situation()
            own = self._own(by, situation)
            arns = {item.cluster_id.arn for item in situation.items if item.owned.owner in own}
            members = [task for task in members if task.arn in arns]
            yield f"Of the clusters with something of yours: {_states(members)}"
        else:
            yield _states(members)
        yield from (f"{task.name}: {task.state}{_because(task)}" for task in members if _needs_somebody(task))
        if run.state not in OVER and self._sees_all(by):
            yield f"All of it: `fleetkeeper run status {run.id}`"

    def _stored(self, id: str) -> StoredRun:
        try:
            stored = self.desk.runs.run(id)
        except Tampered as error:
            raise Turned(words.TAMPERED.format(subject=id, why=error)) from error
        if stored is None:
            raise Turned(words.NO_RUN.format(subject=id))
        return stored

    # ---- who sees what

    def _sees_all(self, by: Clicker) -> bool:
        return self.desk.people.may(by.person, Role.OPERATOR)

    def _own(self, by: Clicker, situation: Situation) -> frozenset[str]:
        owners = {item.owned.owner for item in situation.items}
        return owners_of(by, situation.teams, owners, self.desk.people)


def _shares(owners: Counter[str]) -> str:
    return some(f"{owner} {count}" for owner, count in owners.most_common())


def _states(members: list[Task]) -> str:
    counts = Counter(task.state for task in members)
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.most_common()) or "none"


def _needs_somebody(task: Task) -> bool:
    return task.state in (TaskState.BLOCKED, TaskState.FAILED)


def _because(task: Task) -> str:
    return f": {task.why.text}" if task.why else ""
