"""Who may operate a run: what starts or continues work is verified, what stops it never waits for that."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.advance import advance
from fleetkeeper.core.approval import vouched
from fleetkeeper.core.notices.precision import muted
from fleetkeeper.core.notices.signing import is_signed, sign
from fleetkeeper.core.notices.values import AnswerKind, Delivery, Policy
from fleetkeeper.core.people import People, Role
from fleetkeeper.core.playbook import Changes
from fleetkeeper.core.run import Applied, Command, Control, Freeze, Run, Verb
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.decisions import Aside, Decisions, Vouching
from fleetkeeper.engine.guarding import Gatekeeper
from fleetkeeper.engine.notice_ports import Settled
from fleetkeeper.engine.settling import ByHand, target_of
from fleetkeeper.errors import Refused, StoreUnavailable, Unreachable, UsageError
from tests.contract.observed import later
from tests.contract.telling import answer, claim, item, save, states, writing
from tests.contract.telling import told as record_of
from tests.engine.rig import KEY, T0, SetClock, begin, migrated
from tests.waiting import wait_until

PEOPLE = People({"bob": Role.APPROVER, "olga": Role.OPERATOR, "vic": Role.VIEWER})
OPERATING = (Verb.START, Verb.RESUME, Verb.RETRY, Verb.SKIP, Verb.CLEANUP)
FREEZE = Freeze("f1", "Black Friday", "ann", T0)


@dataclass
class Issuer:
    """Knows everyone by what they say, but for a forged proof; does not answer while it is down."""

    can_verify: bool = True
    down: bool = False

    def verify(self, command: Command) -> str:
        if self.down and command.proof:
            raise Unreachable("the issuer's keys cannot be read")
        if command.proof == "forged":
            raise Refused("the ID token is not valid")
        return command.actor


@dataclass
class Desk:
    """A database with a run, and the engine's part that verifies."""

    runs: SqlRuns
    issuer: Issuer
    clock: SetClock
    people: People = PEOPLE
    settling: ByHand | None = None
    said: int = 0

    def say(self, verb: Verb, actor: str, subject: str = "run-1", proof: str = "token", target: str = "") -> str:
        """Store a command a minute later than the last; its id."""
        self.clock.at += timedelta(minutes=1)
        self.said += 1
        id = f"c-{self.said}"
        self.runs.add_command(Command(id, subject, verb, target, actor, "oidc", self.clock.at, "because", proof))
        return id

    def verify(self) -> None:
        Decisions(self.runs, self.clock, self.issuer, self.people, KEY, self.settling).settle()

    def tick(self) -> None:
        self.runs.tick_run("run-1", lambda view: advance(view, self.clock.at))

    def answer(self, id: str) -> Applied | None:
        self.verify()
        self.tick()
        return self.runs.applied(id)

    def asked(self, verb: Verb, actor: str, **more: str) -> Applied:
        found = self.answer(self.say(verb, actor, **more))
        assert found is not None
        return found

    @property
    def run(self) -> Run:
        found = self.runs.run("run-1")
        assert found is not None
        return found.run

    def log(self) -> list[str]:
        return [each.event.text for each in self.runs.events("")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    gatekeeper = Gatekeeper(KEY)
    runs = SqlRuns(migrated(tmp_path), gatekeeper.approves, Vouching(KEY, local=False).knows)
    yield Desk(runs, Issuer(), SetClock(T0))
    runs.close()


@pytest.fixture
def paused(desk: Desk) -> Desk:
    begin(desk.runs, T0)
    desk.tick()
    assert desk.asked(Verb.PAUSE, "ann").accepted
    return desk


@pytest.mark.parametrize("actor", ["olga", "bob"])
def test_an_operator_and_an_approver_let_a_run_go_on(paused: Desk, actor: str) -> None:
    assert paused.asked(Verb.RESUME, actor) == Applied("c-2", True, "it goes on")
    assert paused.run.control is Control.RUN
    assert any(text.startswith(f"{actor}: resume the run") for text in paused.log())


@pytest.mark.parametrize("verb", OPERATING)
@pytest.mark.parametrize(
    ("actor", "proof", "says"),
    [
        pytest.param("vic", "token", "vic has no right to {verb}; these have: bob, olga", id="a viewer"),
        pytest.param("eve", "token", "eve has no right to {verb}; these have: bob, olga", id="a stranger"),
        pytest.param("olga", "forged", "the ID token is not valid; who may {verb}: bob, olga", id="a forged token"),
    ],
)
def test_what_continues_work_is_refused_and_says_who_may(
    paused: Desk, verb: Verb, actor: str, proof: str, says: str
) -> None:
    before = paused.run
    assert paused.asked(verb, actor, proof=proof) == Applied("c-2", False, says.format(verb=verb))
    assert paused.run == before
    assert f"{actor} (not verified): {says.format(verb=verb)}" in paused.log()


def test_where_nobody_has_the_role_the_refusal_says_where_to_name_them(paused: Desk) -> None:
    paused.people = People()
    assert "nobody, until `approvals.people` names somebody" in paused.asked(Verb.RESUME, "olga").result


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.ABORT])
@pytest.mark.parametrize("configured", [True, False], ids=["with an issuer that is down", "with nothing configured"])
def test_a_stop_is_taken_from_anyone_at_once_and_recorded_as_not_verified(
    desk: Desk, verb: Verb, configured: bool
) -> None:
    begin(desk.runs, T0)
    desk.issuer = Issuer(configured, down=True)
    id = desk.say(verb, "eve")
    desk.tick()  # nothing was verified before
    found = desk.runs.applied(id)
    assert found is not None
    assert found.accepted
    assert desk.run.control is not Control.RUN
    assert any(text.startswith(f"eve (not verified): {verb} the run: because") for text in desk.log())


def test_where_local_names_are_believed_a_stop_has_no_remark(tmp_path: Path) -> None:
    runs = SqlRuns(migrated(tmp_path), Gatekeeper(KEY).approves, Vouching(KEY, local=True).knows)
    begin(runs, T0)
    runs.add_command(Command("c", "run-1", Verb.PAUSE, "", "eve", "local", T0))
    runs.tick_run("run-1", lambda view: advance(view, T0))
    assert any(each.event.text.startswith("eve: pause the run") for each in runs.events("run-1"))
    runs.close()


def test_while_the_issuer_is_down_what_it_would_show_waits_and_the_rest_goes_on(paused: Desk) -> None:
    paused.issuer.down = True
    waits, goes_on = paused.say(Verb.RETRY, "olga"), paused.say(Verb.RESUME, "olga", proof="")
    assert paused.answer(waits) is None
    answered = paused.runs.applied(goes_on)
    assert answered is not None
    assert answered.accepted
    paused.issuer.down = False
    assert paused.answer(waits) is not None


def test_a_stop_beats_what_was_said_before_it_and_verified_after_it(paused: Desk) -> None:
    paused.issuer.down = True
    resume = paused.say(Verb.RESUME, "olga")
    paused.verify()
    assert not paused.asked(Verb.PAUSE, "eve").accepted  # it is paused already, and says that it must stay so
    paused.issuer.down = False
    assert paused.answer(resume) == Applied(
        resume, False, "somebody stopped the run after that: say resume again if it is still wanted"
    )
    assert paused.run.control is Control.PAUSE


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda said: said, id="without a mark"),
        pytest.param(lambda said: replace(said, proof="f" * 64), id="with a made-up one"),
        pytest.param(lambda said: replace(said, proof="schlüssel"), id="with one that is no mark at all"),
        pytest.param(lambda said: vouched(said, b"another key"), id="with that of another key"),
        pytest.param(lambda said: replace(vouched(said, KEY), subject="run-1"), id="with that of another run's"),
        pytest.param(lambda said: replace(vouched(said, KEY), verb=Verb.SKIP), id="with that of another verb's"),
    ],
)
def test_a_row_that_somebody_inserted_moves_no_run(paused: Desk, forge: Callable[[Command], Command]) -> None:
    said = Command("c-9", "run-2", Verb.RESUME, "", "olga", "local", paused.clock.at)
    paused.runs.add_command(replace(forge(said), subject="run-1"))
    paused.tick()
    assert paused.runs.applied("c-9") is None
    assert paused.run.control is Control.PAUSE


def test_a_verified_command_is_not_verified_again_and_keeps_no_token(paused: Desk) -> None:
    paused.say(Verb.RESUME, "olga", proof="eyJ")
    paused.verify()
    paused.issuer = Issuer(can_verify=False)  # whoever asks it now is refused
    paused.verify()
    with paused.runs._database.engine.begin() as connection:
        (proof,) = connection.scalars(sa.select(tables.command.c.proof).where(tables.command.c.id == "c-2"))
    assert len(proof) == 64
    paused.tick()
    assert paused.run.control is Control.RUN


class TestWithNothingConfigured:
    @pytest.fixture
    def bare(self, desk: Desk) -> Desk:
        desk.issuer = Issuer(can_verify=False)
        return desk

    def test_what_changes_nothing_is_operated_by_anyone(self, bare: Desk) -> None:
        begin(bare.runs, T0, approve=False, changes=Changes.NOTHING)
        bare.asked(Verb.PAUSE, "ann")
        assert bare.asked(Verb.RESUME, "ann").accepted
        assert any(text.startswith("ann (not verified): resume the run") for text in bare.log())

    @pytest.mark.parametrize("verb", OPERATING)
    def test_what_changes_something_is_not_and_the_refusal_says_what_to_configure(self, bare: Desk, verb: Verb) -> None:
        begin(bare.runs, T0)
        refused = bare.asked(verb, "ann")
        assert not refused.accepted
        for setting in ("approvals.oidc", "approvals.local", "approvals.people"):
            assert setting in refused.result

    def test_a_run_that_is_not_there_is_told(self, bare: Desk) -> None:
        id = bare.say(Verb.RESUME, "ann", subject="run-9")
        bare.verify()
        assert bare.runs.applied(id) == Applied(id, False, "there is no run run-9")

    def test_a_freeze_is_lifted_by_anyone(self, bare: Desk) -> None:
        bare.runs.add_freeze(FREEZE)
        id = bare.say(Verb.UNFREEZE, "ann", subject="f1")
        bare.verify()
        assert bare.runs.applied(id) == Applied(id, True, "ann (not verified) lifted it")


class TestAFreeze:
    def test_is_lifted_by_an_operator(self, desk: Desk) -> None:
        desk.runs.add_freeze(FREEZE)
        id = desk.say(Verb.UNFREEZE, "olga", subject="f1")
        desk.verify()
        assert desk.runs.applied(id) == Applied(id, True, "olga lifted it")
        assert desk.runs.freezes() == ()
        assert "olga lifted it" in desk.log()

    def test_stands_when_somebody_else_would_lift_it(self, desk: Desk) -> None:
        desk.runs.add_freeze(FREEZE)
        id = desk.say(Verb.UNFREEZE, "vic", subject="f1")
        desk.verify()
        assert desk.runs.applied(id) == Applied(id, False, "vic has no right to unfreeze; these have: bob, olga")
        assert desk.runs.freezes() == (FREEZE,)

    def test_that_is_not_there_is_told(self, desk: Desk) -> None:
        id = desk.say(Verb.UNFREEZE, "olga", subject="f7")
        desk.verify()
        assert desk.runs.applied(id) == Applied(id, False, "no freeze f7 stands")

    def test_is_no_matter_of_a_run_of_its_name(self, paused: Desk) -> None:
        id = paused.say(Verb.UNFREEZE, "olga", subject="run-1")
        paused.tick()
        assert paused.runs.applied(id) is None
        assert paused.answer(id) == Applied(id, False, "no freeze run-1 stands")


class TestAside:
    def test_a_slow_look_at_an_identity_holds_up_nobody_and_is_not_begun_twice(self) -> None:
        begun, release = threading.Semaphore(0), threading.Event()
        times = []

        def slow() -> None:
            times.append(1)
            begun.release()
            release.wait(30)

        aside = Aside(slow)
        aside()
        assert begun.acquire(timeout=30)
        aside()
        aside()
        assert not aside.ended(0)
        release.set()
        assert aside.ended(30)
        assert len(times) == 1
        aside()
        assert begun.acquire(timeout=30)
        assert aside.ended(30)

    @pytest.mark.parametrize("error", [StoreUnavailable("gone"), ValueError("a fault")], ids=["the database", "ours"])
    def test_what_goes_wrong_is_tried_again(self, error: Exception) -> None:
        tries = []

        def fails_once() -> None:
            tries.append(1)
            if len(tries) == 1:
                raise error

        aside = Aside(fails_once)
        aside()
        wait_until(lambda: aside.ended(0), "the first try is over")
        aside()
        assert aside.ended(30)
        assert len(tries) == 2

    def test_one_that_never_began_has_ended(self) -> None:
        assert Aside(lambda: None).ended(0)


class TestANotice:
    """n1 may be out, and nobody may look but people."""

    @pytest.fixture
    def told(self, desk: Desk, tmp_path: Path) -> Iterator[SqlNotices]:
        notices = SqlNotices(StoreSettings(f"sqlite:///{tmp_path}/fleet.db"))
        save(notices, writing(), at=T0)
        (given,) = claim(notices, now=later(600))
        notices.settle([Settled(given.key, given.epoch, Delivery.AMBIGUOUS, not_before=later(9000))], T0)
        desk.settling = ByHand(notices, desk.clock, Policy(enough=2), KEY)
        yield notices
        notices.close()

    def said(self, desk: Desk, actor: str, target: str, subject: str = "n1") -> Applied:
        id = desk.say(Verb.SETTLE, actor, subject=subject, target=target)
        desk.verify()
        found = desk.runs.applied(id)
        assert found is not None
        return found

    def test_is_out_when_an_operator_saw_it(self, desk: Desk, told: SqlNotices) -> None:
        found = self.said(desk, "olga", target_of(True, "https://acme.slack.com/archives/C0PAY/p1700000000123456"))
        assert (found.accepted, found.result) == (True, "olga looked: it is out")
        record = told.record("n1")
        assert record is not None
        assert (record.state, record.posted) == (Delivery.SENT, Posted("C0PAY", "1700000000.123456"))
        assert record.error == "olga looked: it is out: because"
        assert "olga looked: it is out" in desk.log()

    def test_is_sent_again_when_an_operator_did_not_find_it(self, desk: Desk, told: SqlNotices) -> None:
        found = self.said(desk, "olga", target_of(False))
        assert (found.accepted, found.result) == (True, "olga looked: it is not out, and is sent again")
        assert states(told) == {"n1": "pending"}

    def test_is_sent_again_once_however_often_that_is_said(self, desk: Desk, told: SqlNotices) -> None:
        self.said(desk, "olga", target_of(False))
        again = self.said(desk, "olga", target_of(False))
        assert (again.accepted, again.result) == (False, "nobody doubts where n1 is: it is pending")
        assert states(told) == {"n1": "pending"}

    @pytest.mark.parametrize(
        ("actor", "subject", "target", "why"),
        [
            pytest.param("vic", "n1", "sent", "vic has no right to settle; these have: bob, olga", id="a viewer"),
            pytest.param("olga", "n9", "sent", "there is no notice n9", id="a notice that is not there"),
            pytest.param("olga", "n1", "maybe", "maybe is neither sent nor not-sent", id="a word of one's own"),
        ],
    )
    def test_stays_in_doubt_for(
        self, desk: Desk, told: SqlNotices, actor: str, subject: str, target: str, why: str
    ) -> None:
        assert self.said(desk, actor, target, subject) == Applied("c-1", False, why)
        assert states(told) == {"n1": "ambiguous"}

    def test_is_nobodys_business_where_nobody_is_told(self, desk: Desk) -> None:
        assert self.said(desk, "olga", "sent").result == "nobody is told of anything here"


class TestAMutedCheck:
    """Of FK203 both owners say that it is not theirs."""

    @pytest.fixture
    def told(self, desk: Desk, tmp_path: Path) -> Iterator[SqlNotices]:
        notices = SqlNotices(StoreSettings(f"sqlite:///{tmp_path}/fleet.db"))
        items = item("shop", "f1"), item("bank", "f2")
        notices.save_turn([writing()], [record_of(each) for each in items], {}, T0)
        denied = answer("click-9", AnswerKind.NOT_MINE, items=items, signature="")
        notices.add_answer(sign(denied, KEY))
        desk.settling = ByHand(notices, desk.clock, Policy(enough=2), KEY)
        yield notices
        notices.close()

    def unmuted(self, desk: Desk, actor: str, code: str = "FK203") -> Applied:
        id = desk.say(Verb.UNMUTE, actor, subject=code)
        desk.verify()
        found = desk.runs.applied(id)
        assert found is not None
        return found

    def muted(self, told: SqlNotices) -> list[str]:
        answers = [each for each in told.answers() if is_signed(each, KEY)]
        return list(muted(told.told(), answers, Policy(enough=2)))

    def test_is_told_again_when_an_operator_looked_at_it(self, desk: Desk, told: SqlNotices) -> None:
        assert self.muted(told) == ["FK203"]
        found = self.unmuted(desk, "olga")
        words = "olga looked at it: FK203 is told again (100% had been “not mine”)"
        assert (found.accepted, found.result) == (True, words)
        assert self.muted(told) == []
        assert words in desk.log()

    @pytest.mark.parametrize(
        ("actor", "code", "why"),
        [
            pytest.param("vic", "FK203", "vic has no right to unmute; these have: bob, olga", id="a viewer says so"),
            pytest.param(
                "olga",
                "FK404",
                "FK404 is not muted: `fleetkeeper campaign` names the checks that are",
                id="it is another one",
            ),
        ],
    )
    def test_stays_muted_when(self, desk: Desk, told: SqlNotices, actor: str, code: str, why: str) -> None:
        assert self.unmuted(desk, actor, code) == Applied("c-1", False, why)
        assert self.muted(told) == ["FK203"]


@pytest.mark.parametrize(
    ("is_out", "link"),
    [
        pytest.param(True, "https://evil.example/archives/C0PAY/p1700000000123456", id="elsewhere"),
        pytest.param(True, "https://acme.slack.com/archives/C0PAY", id="of a channel"),
        pytest.param(False, "https://acme.slack.com/archives/C0PAY/p1700000000123456", id="of what is not out"),
    ],
)
def test_a_link_that_is_of_no_message_is_refused(is_out: bool, link: str) -> None:
    with pytest.raises(UsageError):
        target_of(is_out, link)
