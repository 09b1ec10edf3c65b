"""The Deliverer over a real outbox: what goes out in one turn, what rests and for how long, what is told of it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Audience, Delivery, Notice, NoticeKind, Recipient, Via
from fleetkeeper.core.owners import Contact, Reach
from fleetkeeper.engine.chat import Doubtful, Posted, Throttled, Undeliverable
from fleetkeeper.engine.deliver import Deliverer
from fleetkeeper.engine.delivering import Timing, What
from fleetkeeper.engine.notice_ports import Pace, Settled, Writing
from fleetkeeper.errors import StoreUnavailable, Unreachable
from tests.engine.chatting import FakeChat, Out
from tests.engine.rig import migrated
from tests.waiting import wait_until

TIMING = Timing(threads=4, call=1.0, lease=60.0, pause=0.05, idle=0.5)
PACE = {Via.SLACK: Pace(0.0001, 100_000.0)}


class Gate:
    """A clock that goes with the machine's, and can be moved on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def notices(tmp_path: Path) -> Iterator[SqlNotices]:
    found = SqlNotices(migrated(tmp_path))
    yield found
    found.close()


@pytest.fixture
def clock() -> Gate:
    return Gate()


Deliver = Callable[..., Deliverer]


@pytest.fixture
def deliverer(notices: SqlNotices, clock: Gate) -> Iterator[Deliver]:
    made: list[Deliverer] = []

    def make(chat: FakeChat, timing: Timing = TIMING) -> Deliverer:
        made.append(Deliverer(notices, {chat.via: chat}, clock, f"w{len(made)}", PACE, timing))
        return made[-1]

    yield make
    for each in made:
        each.close()


def store(notices: SqlNotices, *addresses: str, via: Via = Via.SLACK, thread: str = "") -> None:
    """One notice n0, n1, ... to each address."""
    now = datetime.now(UTC)
    for number, address in enumerate(addresses):
        recipient = Recipient(via, address, Audience.CHANNEL, ("team",), "UTC")
        notice = Notice(f"n{number}", NoticeKind.DIGEST, recipient, date(2026, 11, 20), now, (), "why", thread=thread)
        notices.save_turn([Writing(notice, Message(f"hello {number}"))], (), {}, now)


def all_turns(deliverer: Deliverer) -> int:
    """Turn until nothing more is to be done now."""
    return sum(iter(deliverer.turn, 0))


def state(notices: SqlNotices, id: str = "n0") -> Delivery:
    record = notices.record(id)
    assert record is not None
    return record.state


def test_what_is_due_goes_out_once(notices: SqlNotices, deliverer: Deliver) -> None:
    store(notices, *(f"C{number}" for number in range(20)))
    chat = FakeChat()
    one = deliverer(chat)
    assert all_turns(one) == 20
    assert sorted(each.id for each in chat.out.values()) == sorted(f"n{number}" for number in range(20))
    assert one.turn() == 0
    assert one.counts.ended() == {(Via.SLACK, What.SENT): 20}


def test_a_way_out_that_is_not_set_up_keeps_its_rows(notices: SqlNotices, deliverer: Deliver) -> None:
    store(notices, "oncall", via=Via.PAGERDUTY)
    assert all_turns(deliverer(FakeChat())) == 0
    assert state(notices) is Delivery.PENDING


def test_one_throttled_channel_holds_nobody_else_back(notices: SqlNotices, deliverer: Deliver, clock: Gate) -> None:
    store(notices, "C0")
    chat = FakeChat(before=[Throttled(60, "429")])
    one = deliverer(chat)
    assert all_turns(one) == 1
    store(notices, "C0", "C1")
    all_turns(one)
    assert [each.id for each in chat.out.values()] == ["n1"]
    clock.ahead = timedelta(seconds=61)
    assert state(notices, "n0") is Delivery.PENDING


def test_after_many_throttled_channels_the_whole_way_out_rests(notices: SqlNotices, deliverer: Deliver) -> None:
    store(notices, *(f"C{number}" for number in range(8)))
    chat = FakeChat(before=[Throttled(30, "429")] * 4)
    one = deliverer(chat, replace(TIMING, threads=1))
    all_turns(one)
    assert one.turn() == 0
    assert len(chat.out) < 8
    assert one.counts.ended()[Via.SLACK, What.THROTTLED] >= 3


def test_look_ups_that_are_throttled_hold_nobody_else_back(notices: SqlNotices, deliverer: Deliver) -> None:
    store(notices, *(f"C{number}" for number in range(8)))
    chat = FakeChat(before=[Throttled(30, "429", is_alone=True)] * 4)
    all_turns(deliverer(chat, replace(TIMING, threads=1)))
    assert len(chat.out) == 4


def test_what_cannot_be_reached_is_tried_until_it_can(notices: SqlNotices, deliverer: Deliver, clock: Gate) -> None:
    store(notices, "C0", "C1", "C2", "C3")
    chat = FakeChat(before=[Unreachable("down")] * 4)
    one = deliverer(chat)
    all_turns(one)
    wait_until(lambda: all_turns(one) or len(chat.out) == 4, "the pause is over")
    wait_until(lambda: (all_turns(one), len(chat.out) == 4)[1], "all is out")
    assert {state(notices, f"n{number}") for number in range(4)} == {Delivery.SENT}


def test_a_token_that_is_none_stops_the_way_out_and_loses_nothing(notices: SqlNotices, deliverer: Deliver) -> None:
    store(notices, "C0")
    chat = FakeChat(before=[Undeliverable("token_revoked", "mend it", everywhere=True)])
    one = deliverer(chat, replace(TIMING, pause=60.0))
    assert all_turns(one) == 1
    store(notices, "C0", "C1")
    assert one.turn() == 0
    assert chat.out == {}
    assert state(notices) is Delivery.PENDING


def test_an_answer_that_was_lost_is_looked_for(notices: SqlNotices, deliverer: Deliver, clock: Gate) -> None:
    store(notices, "C0")
    chat = FakeChat(after=[Doubtful("reset")])
    one = deliverer(chat)
    all_turns(one)
    assert state(notices) is Delivery.AMBIGUOUS
    clock.ahead = timedelta(seconds=5)
    all_turns(one)
    assert state(notices) is Delivery.SENT
    assert len(chat.out) == 1


def test_what_a_dead_worker_had_sent_is_found_by_the_next(notices: SqlNotices, deliverer: Deliver, clock: Gate) -> None:
    store(notices, "C0", "C1")
    chat = FakeChat()
    (first, second) = notices.claim("dead", clock.now(), 2, timedelta(seconds=0.01), PACE)
    chat.post(first.address, first.message, None, first.notice)
    clock.ahead = timedelta(seconds=5)
    wait_until(lambda: (all_turns(deliverer(chat)), state(notices, second.notice) is Delivery.SENT)[1], "taken over")
    assert sorted(each.id for each in chat.out.values()) == ["n0", "n1"]


def test_where_nobody_is_is_noted_so_that_others_are_told(notices: SqlNotices, deliverer: Deliver) -> None:
    notices.save_contacts([Contact("c0", Reach.KNOWN, "C0", "payments")], datetime.now(UTC))
    store(notices, "C0", "C1")
    error = Undeliverable("is_archived", "unarchive it", gone=True)
    all_turns(deliverer(FakeChat(before=[error, error])))
    contacts = {key: contact for key, (contact, _) in notices.contacts().items()}
    assert contacts["c0"] == Contact("c0", Reach.GONE, "C0", "payments")
    assert contacts["c1"].reach is Reach.GONE
    record = notices.record("n0")
    assert record is not None
    assert (record.state, record.error) == (Delivery.FAILED, "is_archived: unarchive it")


def test_a_message_that_was_deleted_is_posted_anew_and_edited_there_from_then_on(
    notices: SqlNotices, deliverer: Deliver, clock: Gate
) -> None:
    store(notices, "C0")
    chat = FakeChat()
    one = deliverer(chat)
    all_turns(one)
    chat.out.clear()
    chat.out["9"] = Out("other", "C0", "9", "chatter")
    notices.save_turn((), (), {"n0": Message("done")}, clock.now())
    all_turns(one)
    record = notices.record("n0")
    assert record is not None
    assert record.posted == Posted("C0", "2")
    assert chat.out["2"].text == "done"


def test_a_database_that_goes_away_loses_no_settlement(
    notices: SqlNotices, clock: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(notices, "C0")
    chat = FakeChat()
    one = Deliverer(notices, {Via.SLACK: chat}, clock, "w", PACE, TIMING)
    settle = notices.settle

    def gone(_settled: list[Settled], _now: datetime) -> None:
        monkeypatch.setattr(notices, "settle", settle)
        raise StoreUnavailable("the database is gone")

    monkeypatch.setattr(notices, "settle", gone)
    with pytest.raises(StoreUnavailable):
        one.turn()
    assert one.turn() == 1
    assert state(notices) is Delivery.SENT
    one.close()


def test_a_fault_of_our_own_ends_no_thread(notices: SqlNotices, deliverer: Deliver) -> None:
    store(notices, "C0", "C1")
    chat = FakeChat(before=[KeyError("x")])
    all_turns(deliverer(chat))
    assert sorted(state(notices, id) for id in ("n0", "n1")) == [Delivery.AMBIGUOUS, Delivery.SENT]


def test_it_runs_until_it_is_told_to_end_and_is_woken_by_what_is_new(notices: SqlNotices, deliverer: Deliver) -> None:
    chat, cancel = FakeChat(), threading.Event()
    one = deliverer(chat, replace(TIMING, idle=600.0))
    thread = threading.Thread(target=one.run, args=(cancel,))
    thread.start()
    store(notices, "C0")
    one.wake()
    wait_until(lambda: len(chat.out) == 1, "it was woken")
    cancel.set()
    one.wake()
    thread.join(10)
    assert not thread.is_alive()
    assert state(notices) is Delivery.SENT


def test_since_when_the_oldest_waits_is_known_until_somebody_delivers_it(
    notices: SqlNotices, deliverer: Deliver, clock: Gate
) -> None:
    store(notices, "C0", "C1")
    one = deliverer(FakeChat(before=[Unreachable("down")]), replace(TIMING, pause=60.0))
    all_turns(one)
    clock.ahead = timedelta(seconds=61)
    assert one.counts.behind >= 61
    wait_until(lambda: all_turns(deliverer(FakeChat())), "another process delivers it")
    cancel = threading.Event()
    thread = threading.Thread(target=one.run, args=(cancel,))
    thread.start()
    wait_until(lambda: one.counts.behind == 0, "it was noticed")
    cancel.set()
    one.wake()
    thread.join(10)
