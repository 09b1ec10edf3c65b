"""A run in the on-call channel: one message that is as things are, and what happened in its thread, each thing once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.identity import VerifiedIdentities
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.config import ApprovalSettings, StoreSettings
from fleetkeeper.core.interacting.values import Reply
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Do
from fleetkeeper.core.notices.values import Delivery, NoticeKind, Policy, Via
from fleetkeeper.core.playbook import GateSpec, OnFailure, When
from fleetkeeper.core.run import Cause, Changes, Command, Control, Role, RunState, RunView, TaskState, Verb, Why
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.decisions import Decisions, SignedApprovals
from fleetkeeper.engine.notice_ports import Pace, Record, Settled
from fleetkeeper.engine.wave_telling import LATELY, WaveTelling
from tests.contract.conftest import postgres, settings
from tests.engine.clicking import PEOPLE, Office
from tests.engine.rig import KEY, T0, Cloud, Engine, SetClock, begin, engine, give_approval, plan_of, settle

__all__ = ["postgres", "settings"]

POLICY = Policy(oncall_channel="C0FLEET")


@dataclass
class Fleet:
    """An engine, and what is told of its runs."""

    made: Engine
    notices: SqlNotices
    clock: SetClock
    policy: Policy = POLICY

    @property
    def telling(self) -> WaveTelling:
        return WaveTelling(self.notices, self.made.runs, self.clock, self.policy, ("bob",))

    def tell(self) -> int:
        return self.telling.turn()

    def records(self) -> list[Record]:
        """Oldest first."""
        return list(reversed(self.notices.records()))

    def root(self) -> Record:
        (found,) = [each for each in self.records() if each.notice.kind is NoticeKind.WAVE]
        return found

    def news(self) -> list[str]:
        return [each.message.text for each in self.records() if each.notice.kind is NoticeKind.NEWS]

    def verify(self) -> None:
        identities = VerifiedIdentities(ApprovalSettings(people=PEOPLE.roles, alike=PEOPLE.alike), KEY)
        Decisions(self.made.runs, self.clock, identities, PEOPLE, KEY).settle()

    def approved(self, gate: str) -> bool:
        approvals = SignedApprovals(self.made.runs, PEOPLE, KEY)
        return approvals.standing("plan-1", "run-1" if gate else "", gate)[0] is not None

    def to_the_end(self) -> None:
        settle(self.made)
        while (due := self.made.runs.next_due()) is not None:
            self.clock.at = max(due, self.clock.at)
            settle(self.made)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(T0)


@pytest.fixture
def fleet(settings: StoreSettings, clock: SetClock) -> Iterator[Fleet]:
    made = engine(settings, Cloud(clock), clock)
    notices = SqlNotices(settings)
    yield Fleet(made, notices, clock)
    notices.close()
    made.runs.close()


def test_a_run_that_waits_for_its_approval_is_one_message_with_its_buttons(fleet: Fleet) -> None:
    begin(fleet.made.runs, T0, approve=False)
    settle(fleet.made)
    assert fleet.tell() == 1
    root = fleet.root()
    assert (root.notice.recipient.via, root.notice.recipient.address) == (Via.SLACK, "C0FLEET")
    assert root.notice.subject == "run-1"
    actions = [
        each["action_id"] for block in root.message.blocks for each in block.get("elements", ()) if "value" in each
    ]
    assert actions == ["approve", "reject", "pause", "abort"]
    assert not fleet.news()


def test_nothing_new_is_nothing_told(fleet: Fleet) -> None:
    begin(fleet.made.runs, T0, approve=False)
    settle(fleet.made)
    fleet.tell()
    before = fleet.records()
    fleet.clock.at += timedelta(minutes=10)
    assert fleet.tell() == 0
    assert fleet.records() == before


def test_what_happened_in_between_is_one_reply_and_the_message_is_edited(fleet: Fleet) -> None:
    begin(fleet.made.runs, T0, approve=False, members=2)
    settle(fleet.made)
    fleet.tell()
    before = fleet.root()
    give_approval(fleet.made.runs, plan_of(2)[0], T0)
    fleet.to_the_end()
    assert fleet.tell() == 1
    (news,) = fleet.news()
    assert "stage all" in news.lower()
    assert "succeeded" in news
    assert len(news.splitlines()) > 2
    root = fleet.root()
    assert root.notice.id == before.notice.id
    assert root.message != before.message
    assert "succeeded" in root.message.text
    (reply,) = [each for each in fleet.records() if each.notice.kind is NoticeKind.NEWS]
    assert reply.notice.thread == root.notice.id


def test_a_run_that_is_over_is_closed_and_looked_at_no_more(fleet: Fleet) -> None:
    begin(fleet.made.runs, T0)
    fleet.tell()
    fleet.to_the_end()
    assert fleet.tell() == 1
    assert "succeeded" in fleet.news()[-1]
    before = fleet.records()
    nobody: Any = _NoRun(fleet.made.runs)
    assert WaveTelling(fleet.notices, nobody, fleet.clock, POLICY).turn() == 0
    assert fleet.records() == before


class _NoRun:
    """Runs of which none may be read in full."""

    def __init__(self, runs: Any) -> None:
        self.runs = runs.runs

    def run(self, id: str) -> None:
        raise AssertionError(f"{id} was read, and it is over")


def test_a_run_that_began_and_ended_between_two_turns_is_told_with_its_end(fleet: Fleet) -> None:
    begin(fleet.made.runs, T0)
    fleet.to_the_end()
    assert fleet.tell() == 1
    assert "succeeded" in fleet.root().message.text
    assert len(fleet.news()) == 1
    assert fleet.tell() == 0


def test_a_run_that_ended_long_before_anybody_told_of_runs_is_not_told(fleet: Fleet) -> None:
    begin(fleet.made.runs, T0)
    fleet.to_the_end()
    fleet.clock.at += LATELY + timedelta(minutes=1)
    assert fleet.tell() == 0
    assert not fleet.records()


def test_a_failure_and_a_pause_are_news(fleet: Fleet) -> None:
    fleet.made.cloud.outcome = "failed"
    begin(fleet.made.runs, T0, on_failure=OnFailure.PAUSE)
    fleet.tell()
    fleet.to_the_end()
    fleet.tell()
    text = "\n".join(fleet.news())
    assert "❗" in text
    assert "`shop-0`" in text


def test_an_abort_of_a_person_names_them(fleet: Fleet) -> None:
    begin(fleet.made.runs, T0)
    fleet.tell()
    fleet.made.runs.add_command(Command("c9", "run-1", Verb.ABORT, "", "olga", "local", T0, "wrong day"))
    fleet.to_the_end()
    fleet.tell()
    stored = fleet.made.runs.run("run-1")
    assert stored is not None
    assert stored.run.state is RunState.ABORTED
    assert "olga" in fleet.news()[-1]
    assert not [block for block in fleet.root().message.blocks if block["type"] == "actions"]


def test_two_replicas_tell_each_thing_once(fleet: Fleet) -> None:
    """The second one looked before the first one had stored."""
    begin(fleet.made.runs, T0)
    first, second = fleet.telling, replace(fleet.telling, notices=_Behind(fleet.notices))
    assert (first.turn(), second.turn()) == (1, 0)
    fleet.to_the_end()
    behind = replace(fleet.telling, notices=_Behind(fleet.notices))
    assert (first.turn(), behind.turn()) == (1, 0)
    assert len(fleet.news()) == 1
    assert len(fleet.records()) == 2


class _Behind:
    """Notices whose threads are as they were when this was made."""

    def __init__(self, notices: SqlNotices) -> None:
        self._notices = notices
        self._threads = notices.wave_threads()

    def wave_threads(self) -> Any:
        return self._threads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._notices, name)


def test_without_a_channel_nothing_is_told(fleet: Fleet) -> None:
    fleet.policy = Policy()
    begin(fleet.made.runs, T0)
    assert fleet.tell() == 0
    assert not fleet.records()


def test_a_hook_gets_news_and_no_edits(fleet: Fleet) -> None:
    fleet.policy = Policy(oncall_channel="hook:oncall")
    begin(fleet.made.runs, T0)
    fleet.tell()
    before = fleet.root()
    assert (before.notice.recipient.via, before.notice.recipient.address) == (Via.WEBHOOK, "oncall")
    fleet.to_the_end()
    fleet.tell()
    assert fleet.root().message == before.message
    assert len(fleet.news()) == 1


def test_the_news_go_out_after_the_message_in_whose_thread_they_are(fleet: Fleet) -> None:
    begin(fleet.made.runs, T0)
    fleet.to_the_end()
    fleet.tell()
    (root,) = fleet.notices.claim("w", fleet.clock.at, 9, timedelta(seconds=9), {Via.SLACK: Pace(0.0, 1000.0)})
    assert root.notice == fleet.root().notice.id
    posted = Posted("C0FLEET", "1.1")
    fleet.notices.settle([Settled(root.key, root.epoch, Delivery.SENT, posted)], fleet.clock.at)
    (news,) = fleet.notices.claim("w", fleet.clock.at, 9, timedelta(seconds=9), {Via.SLACK: Pace(0.0, 1000.0)})
    assert news.thread == posted


class TestItsButtons:
    """What the message shows is what a click may say."""

    def press(self, fleet: Fleet, action: str, user: str = "U0BOB") -> Reply:
        elements = [each for block in fleet.root().message.blocks for each in block.get("elements", ())]
        (value,) = [each["value"] for each in elements if each.get("action_id") == action]
        office = Office(runs=fleet.made.runs, clock=fleet.clock)
        return office.press(action, user, Button.parse(value))

    def test_approve_the_plan_that_it_shows(self, fleet: Fleet) -> None:
        begin(fleet.made.runs, T0, approve=False)
        settle(fleet.made)
        fleet.tell()
        assert self.press(fleet, Do.APPROVE).command
        fleet.verify()
        assert fleet.approved("")

    def test_approve_the_gate_that_it_shows(self, fleet: Fleet) -> None:
        begin(fleet.made.runs, T0, approve=False, gates=(GateSpec("go", "approval", When.BEFORE),))
        fleet.made.runs.tick_run("run-1", lambda view: _waiting_at_the_gate(view, fleet.clock.at))
        fleet.tell()
        assert self.press(fleet, Do.APPROVE).command
        fleet.verify()
        assert fleet.approved("all/go")

    @pytest.mark.parametrize(("action", "control"), [(Do.PAUSE, Control.PAUSE), (Do.ABORT, Control.ABORT)])
    def test_stop_the_run_that_it_shows(self, fleet: Fleet, action: str, control: Control) -> None:
        begin(fleet.made.runs, T0, approve=False)
        settle(fleet.made)
        fleet.tell()
        assert self.press(fleet, action, "U0EVE").command
        settle(fleet.made)
        stored = fleet.made.runs.run("run-1")
        assert stored is not None
        assert stored.run.control is control


def _waiting_at_the_gate(view: RunView, now: datetime) -> Changes:
    (gate,) = [task for task in view.tasks if task.role is Role.GATE]
    why = Why(Cause.APPROVAL, "it waits for an approval", now)
    return Changes(tasks=(replace(gate, state=TaskState.PENDING, why=why, started_at=now),))
