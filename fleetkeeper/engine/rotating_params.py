"""How a playbook says in which manner nodes are emptied: the parameters that all rotations of our own take."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from fleetkeeper.core.amount import ONE, Amount
from fleetkeeper.core.approval import PLAN
from fleetkeeper.core.rotation.rules import Force, Rules
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World

T = TypeVar("T")

OF_THE_PLAN = "plan"
"""Where `force` names this and no gate, the approval of the plan is that of the force too."""


@dataclass(frozen=True, slots=True)
class Manner:
    """parallel: nodes side by side, of all that are to be emptied. force: the gate whose approval lets pods be deleted
    past their budget, "" for never. waits: pods that can never move block it before anything changes; else their nodes
    are set aside. rules: all else.
    """

    parallel: Amount = ONE
    rules: Rules = field(default_factory=Rules)
    force: str = ""
    waits: bool = True

    def rules_for(self, nodes: int, force: Force | None) -> Rules:
        return replace(self.rules, parallel=self.parallel.concurrency(nodes), force=force)

    def force_of(self, world: World, subject: Subject) -> Force | None:
        """The recorded approval of the force, None while there is none."""
        if not self.force or subject.run is None:
            return None
        run, gate = ("", PLAN) if self.force == OF_THE_PLAN else (subject.run.id, self.force)
        approval, _ = world.approvals.standing(subject.header.id, run, gate)
        return Force(approval.actor) if approval else None


def manner(given: Given) -> Manner:
    """Reads them all; whoever calls finishes."""
    usual = Rules()
    return Manner(
        parallel=_parsed(given, "parallel", "1", _amount),
        rules=Rules(
            reserve=_parsed(given, "reserve", "10%", _share),
            unbudgeted=_parsed(given, "unbudgeted", "25%", _share),
            canary=given.flag("canary", usual.canary),
            settle=given.duration("settle", usual.settle),
            patience=given.duration("patience", usual.patience),
            quarantine=given.duration("quarantine", usual.quarantine),
            jobs=given.duration("jobs", usual.jobs),
            honours_do_not_disrupt=given.flag("honour_do_not_disrupt", usual.honours_do_not_disrupt),
            bare=given.flag("allow_bare", usual.bare),
        ),
        force=given.text("force", ""),
        waits=given.choice("never_movable", ("wait", "set-aside"), "wait") == "wait",
    )


def _parsed(given: Given, name: str, usual: str, read: Callable[[str], T]) -> T:
    """A number or a text of a number or percentage."""
    text = given.amount(name, usual)
    try:
        return read(text)
    except ValueError as error:
        given.wrong(name, str(error))
        return read(usual)


def _amount(text: str) -> Amount:
    found = Amount.parse(text)
    if not found.value:
        raise ValueError("must be at least 1")
    return found


def _share(text: str) -> float:
    found = Amount.parse(text)
    if not found.percent:
        raise ValueError(f"{text} is no percentage such as 10%")
    return found.value / 100
