"""Replicas that claim, settle and write at one moment, each with connections of its own."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.core.notices.values import Delivery, Via
from fleetkeeper.engine.notice_ports import Pace, Recheck, WaveThread
from tests.contract.observed import NOON, later
from tests.contract.telling import (
    LEASE,
    answer,
    claim,
    keys,
    message,
    out,
    save,
    send_all,
    states,
    told,
    writing,
)
from tests.contract.test_store_writers import at_once
from tests.waiting import wait_until

Open = Callable[[], SqlNotices]
postgresql = pytest.mark.parametrize("settings", ["postgresql"], indirect=True)


def test_no_message_is_given_twice_to_eight_claimers(open_notices: Open) -> None:
    stores = [open_notices(), open_notices()]
    save(stores[0], *(writing(f"n{each}", f"address {each % 40}") for each in range(200)))
    given: list[str] = []

    def claimer(number: int) -> Callable[[], object]:
        def work() -> None:
            for _ in range(10):
                given.extend(keys(claim(stores[number % 2], f"worker {number}", most=5)))

        return work

    at_once(*(claimer(number) for number in range(8)))
    while rest := claim(stores[0], "last", most=500):  # those whose line was locked just when somebody looked
        given.extend(keys(rest))
    assert Counter(given).most_common(1)[0][1] == 1
    assert len(given) == 200


def test_claimers_share_the_rate_of_a_via(open_notices: Open) -> None:
    stores = [open_notices() for _ in range(4)]
    save(stores[0], *(writing(f"n{each}", f"address {each}") for each in range(50)))
    slow = {Via.SLACK: Pace(address_seconds=0, via_per_second=0.0001)}
    given: list[str] = []

    def claimer(number: int) -> Callable[[], object]:
        return lambda: given.extend(keys(claim(stores[number], f"worker {number}", pace=slow)))

    at_once(*map(claimer, range(4)))
    assert len(given) == 1


@postgresql
def test_a_claimer_waits_for_another_that_takes_of_the_rate(open_notices: Open) -> None:
    notices, other, third = open_notices(), open_notices(), open_notices()
    save(notices, writing("a1", "a"))
    assert keys(claim(notices)) == ["a1"]
    save(notices, writing("b1", "b"))

    def waits() -> int:
        blocked = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(third._database.read("look", lambda c: c.scalar(sa.text(blocked))) or 0)

    with ThreadPoolExecutor(1) as pool:
        with other._database.engine.begin() as taking:
            taking.execute(sa.text("UPDATE chat_pace SET free_at = free_at + interval '1 day'"))
            claimed = pool.submit(claim, notices)
            wait_until(waits, "the claimer waits")
        assert claimed.result() == ()


@postgresql
def test_an_address_that_another_has_locked_is_passed_over_and_still_due(open_notices: Open) -> None:
    notices, other = open_notices(), open_notices()
    save(notices, writing("a1", "a"), writing("b1", "b"))
    with other._database.engine.begin() as locking:
        locking.execute(sa.text("SELECT 1 FROM outbox_queue WHERE address = 'a' FOR UPDATE"))
        assert keys(claim(notices)) == ["b1"]
    assert keys(claim(notices)) == ["a1"]


@postgresql
def test_a_message_that_another_has_locked_is_passed_over_and_still_due(open_notices: Open) -> None:
    notices, other = open_notices(), open_notices()
    save(notices, writing("a1", "a"), writing("b1", "b"))
    with other._database.engine.begin() as locking:
        locking.execute(sa.text("SELECT 1 FROM outbox WHERE key = 'a1' FOR UPDATE"))
        assert keys(claim(notices)) == ["b1"]
    assert keys(claim(notices)) == ["a1"]


def test_one_turn_that_replicas_store_at_once_is_stored_once(open_notices: Open) -> None:
    stores = [open_notices() for _ in range(4)]
    some = [writing(f"n{each}", f"address {each % 9}") for each in range(60)]
    orders = [some, some[::-1], some[30:] + some[:30], some]

    new: list[str] = []

    def saver(number: int) -> Callable[[], object]:
        return lambda: new.extend(stores[number].save_turn(orders[number], [told(), told(notice="n2")], {}, NOON))

    at_once(*map(saver, range(4)))
    assert sorted(new) == sorted(each.notice.id for each in some)
    assert sorted(send_all(stores[0])) == sorted(new)


def test_replies_and_newer_texts_are_not_lost_while_posts_are_settled(open_notices: Open) -> None:
    """Each of 40 posts is settled at the moment at which a reply to it and a newer text of it are stored."""
    left, right = open_notices(), open_notices()
    for each in range(40):
        save(left, writing(f"root{each}", f"address {each}"))
        settled = [out(given) for given in claim(left, now=later(each))]
        reply = writing(f"reply{each}", f"address {each}", thread=f"root{each}")
        newer = {f"root{each}": message("newer")}
        at_once(
            partial(left.settle, settled, later(each)),
            partial(right.save_turn, [reply], [], newer, later(each)),
        )
        rest = send_all(left, later(each))
        assert sorted(rest) == [f"reply{each}", f"root{each}/edit"]


def test_edits_and_settlements_of_many_at_once_end_with_the_newest_text(open_notices: Open) -> None:
    """Writers and senders that cross each other's notices: none waits for ever, and the last text is shown."""
    stores = [open_notices() for _ in range(4)]
    ids = [f"n{each}" for each in range(12)]
    save(stores[0], *(writing(id, id) for id in ids))
    texts = [message(f"text {turn}") for turn in range(10)]
    shown: dict[str, object] = {}

    def writer(number: int) -> Callable[[], object]:
        order = ids if number else ids[::-1]

        def work() -> None:
            for text in texts:
                stores[number].save_turn([], [], dict.fromkeys(order, text), NOON)

        return work

    def sender(number: int) -> Callable[[], object]:
        def work() -> None:
            for turn in range(15):
                given = claim(stores[number], f"worker {number}", now=later(turn), most=5)
                shown.update({each.notice: each.message for each in given})
                stores[number].settle([out(each) for each in reversed(given)], later(turn))

        return work

    at_once(writer(0), writer(1), sender(2), sender(3))
    while given := claim(stores[0], now=later(99)):
        shown.update({each.notice: each.message for each in given})
        stores[0].settle([out(each) for each in given], later(99))
    assert shown == dict.fromkeys(ids, texts[-1])
    assert set(states(stores[0]).values()) <= {Delivery.SENT.value, Delivery.DROPPED.value}


def test_a_click_that_arrives_at_two_replicas_is_one_answer(open_notices: Open) -> None:
    stores = [open_notices() for _ in range(4)]
    assert at_once(*((lambda one=one: one.add_answer(answer())) for one in stores)).count(True) == 1
    assert stores[0].answers() == (answer(),)


def test_a_look_is_taken_by_one_replica(open_notices: Open) -> None:
    stores = [open_notices() for _ in range(4)]
    for each in range(10):
        stores[0].add_recheck(Recheck(f"r{each}", ("shop",), "ada@example.com", "n1", later(each)))
    ids: list[str] = []

    def taker(number: int) -> Callable[[], object]:
        return lambda: ids.extend(each.id for each in stores[number].take_rechecks(f"worker {number}", LEASE))

    at_once(*map(taker, range(4)))
    assert sorted(ids) == [f"r{each}" for each in range(10)]


def test_one_replica_alone_begins_to_tell_of_a_run(open_notices: Open) -> None:
    stores = [open_notices() for _ in range(4)]

    def teller(number: int) -> Callable[[], object]:
        thread = WaveThread("run-1", f"w{number}", 3, "abc")
        return lambda: stores[number].save_wave(thread, [writing(f"w{number}")], {}, NOON)

    assert at_once(*map(teller, range(4))).count(True) == 1
    (thread,) = stores[0].wave_threads().values()
    assert states(stores[0]) == {thread.notice: "pending"}


def test_one_replica_alone_tells_of_the_next_events(open_notices: Open) -> None:
    stores = [open_notices() for _ in range(4)]
    assert stores[0].save_wave(WaveThread("run-1", "w1", 3, "abc"), [writing("w1")], {}, NOON)
    read = [one.wave_threads()["run-1"] for one in stores]

    def teller(number: int) -> Callable[[], object]:
        newer = replace(read[number], seen=4 + number)
        return lambda: stores[number].save_wave(newer, [writing(f"e{number}", thread="w1")], {}, later(1))

    won = at_once(*map(teller, range(4)))
    assert won.count(True) == 1
    assert states(stores[0]) == {"w1": "pending", f"e{won.index(True)}": "pending"}
