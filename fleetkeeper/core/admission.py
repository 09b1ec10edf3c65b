"""Which members of a stage may begin now, in their order, within the limits of the stage, its groups and the fleet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fleetkeeper.core.holds import Holds, holds_of
from fleetkeeper.core.plan import Need
from fleetkeeper.core.run import Busy, Cause, Hold, Task, TaskState, Why
from fleetkeeper.core.run_draft import Draft, is_in_flight, is_waiting
from fleetkeeper.core.run_words import counted, listed, typed

_RESOURCES = {"subnet": "addresses of", "quota": "of quota"}
_FIXES = {Cause.WINDOW: "correct its windows and make a new plan, or skip it"}


@dataclass(slots=True)
class Ledger:
    """What is taken by members that are in flight or half done, of this run and of others.

    regions: service → region → member → why its region counts. used: resource → amount; holders: resource → who of this
    run. reserved: of `used`, what other runs hold. queued: resources that a member further ahead waits for.
    """

    busy: dict[str, Busy]
    regions: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    holders: dict[str, list[str]] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)
    queued: set[str] = field(default_factory=set)

    def take(self, task: Task) -> None:
        if task.service:
            self.count(task.service, task.region, task.arn, "is worked on")
        for need in task.needs:
            self.used[need.resource] += need.amount
            self.holders.setdefault(need.resource, []).append(f"{task.name} holds {need.amount}")

    def count(self, service: str, region: str, arn: str, why: str) -> None:
        """A region of a service that may be unavailable, and why."""
        self.regions.setdefault(service, {}).setdefault(region, {})[arn] = why


def ledger_of(draft: Draft) -> Ledger:
    """Count what is taken at the beginning of a look."""
    view = draft.view
    ledger = Ledger({each.arn: each for each in view.elsewhere}, reserved=dict(view.reserved))
    ledger.used.update(ledger.reserved)
    for task in draft.every_member():
        if task.state is TaskState.NOT_STARTED:
            continue
        if is_in_flight(task):
            ledger.take(task)
        elif is_half_done(task) and task.service:
            ledger.count(task.service, task.region, task.arn, f"is half done: {task.name} {_ending(task)}")
    for each in view.elsewhere:
        if each.service:
            who = f"run {each.run} has {each.name}"
            ledger.count(each.service, each.region, f"{each.run} {each.arn}", f"is taken: {who}")
    return ledger


def is_half_done(task: Task) -> bool:
    """Whether a member that is not worked on may be neither as it was nor as it should be."""
    if task.state in (TaskState.FAILED, TaskState.ABORTED) or (task.started_at is not None and is_waiting(task)):
        return task.step > 0 or task.acted
    return False


def _ending(task: Task) -> str:
    return {TaskState.FAILED: "failed", TaskState.ABORTED: "was aborted"}.get(task.state, "waits to be tried again")


class Admission:
    """Admits the members of one stage during one look."""

    def __init__(self, draft: Draft, stage: int, ledger: Ledger) -> None:
        self.draft = draft
        self.stage = stage
        self.limits = draft.view.header.stages[stage]
        self.ledger = ledger
        self.holds: Holds = holds_of(self.limits.windows, draft.view.freezes, draft.view.holds, draft.now)
        flying = [task.group for task in draft.members(stage) if is_in_flight(task)]
        self.count = len(flying)
        self.by_group = Counter(flying)
        self._shared: dict[object, Why] = {}  # one reason for the hundreds of members that wait for the same thing

    def admit(self, candidates: Sequence[Task]) -> None:
        """Let those begin that may, and say of the others why they wait."""
        waiting = self._settle(candidates)
        told: dict[str, list[Task]] = {}
        for task, why in waiting:
            if self.draft.wait(task, why) and why.cause is not Cause.LIMIT:
                told.setdefault(why.text, []).append(task)
        for text, tasks in told.items():
            self._say(text, tasks)

    def _settle(self, candidates: Sequence[Task]) -> list[tuple[Task, Why]]:
        """Let begin what may, until a whole pass lets nothing begin: what is left, and why as things are then.

        One that begins changes what the others wait for, so what was found on the way there may not hold any more.
        """
        waiting: list[tuple[Task, Why]] = []
        planned = len(self.draft.looks)
        while candidates:
            waiting = []
            self.ledger.queued.clear()
            del self.draft.looks[planned:]
            for task in candidates:
                why = self.reason(task)
                if why is None:
                    self._begin(task)
                else:
                    waiting.append((task, why))
            if len(waiting) == len(candidates):
                break
            candidates = [task for task, _ in waiting]
        return waiting

    def _begin(self, task: Task) -> None:
        again = "is tried again" if task.started_at else "begins"
        self.draft.say("member.began", f"{task.name} {again} ({self.draft.label(self.stage, task.group)})", task)
        self.draft.admit(task)
        self.count += 1
        self.by_group[task.group] += 1
        self.ledger.take(task)

    def reason(self, task: Task) -> Why | None:
        """Why a member may not begin, None when it may. Limits come last: they end by themselves, others may not."""
        return (
            self._elsewhere(task) or self._held(task) or self._service(task) or self._reserved(task) or self._full(task)
        )

    def _say(self, text: str, tasks: Sequence[Task]) -> None:
        if len(tasks) == 1:
            self.draft.say("member.waits", f"{tasks[0].name} waits: {text}", tasks[0])
            return
        who = f"{counted(len(tasks), 'member')} of {self.draft.label(self.stage, '')}"
        self.draft.say("members.wait", f"{who} wait ({listed([task.name for task in tasks])}): {text}")

    def _elsewhere(self, task: Task) -> Why | None:
        other = self.ledger.busy.get(task.arn) if task.arn else None
        if other is None:
            return None
        self.draft.poll()
        text = f"run {other.run} works on this cluster, or left it half done"
        fix = f"{typed('status', other.run)} shows how far it is; this member goes on when the other is done with it"
        return self.draft.why(Cause.ELSEWHERE, text, f"run {other.run}", fix)

    def _held(self, task: Task) -> Why | None:
        hold = self.holds.of(known(task) if self.holds.asks_attributes else {})
        if hold is None:
            return None
        if hold.cause is not Cause.WINDOW:
            self.draft.poll()
        if hold.until:
            self.draft.look_at(hold.until)
        return self._shared.get(hold) or self._share(hold, why_of(self.draft, hold))

    def _service(self, task: Task) -> Why | None:
        limits = self.draft.view.header.service_limits
        limit = limits.get(task.service, limits.get("*")) if task.service else None
        if limit is None:
            return None
        taken = self.ledger.regions.get(task.service, {})
        if task.region in taken or len(taken) < limit:
            return None
        if self.draft.view.elsewhere:
            self.draft.poll()
        # Of several reasons the first by letter, which is also the one that needs a person most: half done, then taken.
        reasons = [(region or "an unknown region", min(why.values())) for region, why in sorted(taken.items())]
        places = listed([f"{region} {why}" for region, why in reasons])
        text = f"service {task.service} may be out in {counted(limit, 'region')} at once: {places or 'none may be'}"
        fix = "retry or skip what is half done; what is worked on frees its region when it ends well"
        return self.draft.why(Cause.SERVICE, text, "the operator", fix)

    def _reserved(self, task: Task) -> Why | None:
        short = [need for need in task.needs if self._is_short(need)]
        if not short:
            return None
        need = short[0]
        # Nobody behind it takes what it waits for, or a small need after another would keep it waiting for ever. What
        # other runs hold is not in this run's hands: there, waiting for it would only hold up the rest.
        if need.amount <= need.capacity - self.ledger.reserved.get(need.resource, 0):
            self.ledger.queued.add(need.resource)
        if self.ledger.reserved:
            self.draft.poll()
        return self._shortage(need)

    def _is_short(self, need: Need) -> bool:
        return need.resource in self.ledger.queued or self.ledger.used[need.resource] + need.amount > need.capacity

    def _shortage(self, need: Need) -> Why:
        kind, _, name = need.resource.partition(":")
        what = f"{need.amount} {_RESOURCES[kind]} {name}" if kind in _RESOURCES else f"{need.amount} of {need.resource}"
        if need.amount > need.capacity:
            text = f"needs {what}, and {need.capacity} were free before anything began: it never fits"
            fix = "free or add some and make a new plan, or skip it"
            return self.draft.why(Cause.RESERVATION, text, "the owner of the account", fix)
        free = max(0, need.capacity - self.ledger.used[need.resource])
        others = self.ledger.reserved.get(need.resource, 0)
        holders = sorted(self.ledger.holders.get(need.resource, [])) + ([f"other runs hold {others}"] if others else [])
        held = f": {listed(holders)}" if holders else ", and a member before it waits for them"
        return self.draft.why(Cause.RESERVATION, f"needs {what}, {free} are free{held}")

    def _full(self, task: Task) -> Why | None:
        most = self.limits.group_concurrency.get(task.group) if task.group else None
        if most is not None and self.by_group[task.group] >= most:
            return self._shared.get(("limit", task.group)) or self._limit(task.group, most)
        most = self.limits.max_concurrency
        if self.count < most:
            return None
        return self._shared.get(("limit", "")) or self._limit("", most)

    def _limit(self, group: str, most: int) -> Why:
        text = f"{self.draft.label(self.stage, group)} works on {most} at once: it begins when one of them ends"
        return self._share(("limit", group), self.draft.why(Cause.LIMIT, text))

    def _share(self, key: object, why: Why) -> Why:
        self._shared[key] = why
        return why


def known(task: Task) -> dict[str, str]:
    """What selectors may ask of a member."""
    own = {"name": task.name, "arn": task.arn, "account": task.account, "region": task.region, "service": task.service}
    return {**own, **task.attributes}


def why_of(draft: Draft, hold: Hold) -> Why:
    """A hold as the reason of what waits for it."""
    fix = hold.fix or ("" if hold.until else _FIXES.get(hold.cause, "it goes on when this is over"))
    return draft.why(hold.cause, hold.text, hold.owner, fix, hold.until)
