"""What is forgotten of notices, and what stays because it still matters: on both databases."""

from datetime import timedelta

import pytest

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core.lifecycle import State
from fleetkeeper.core.notices.values import AnswerKind, ItemKey
from fleetkeeper.core.owners import Contact
from fleetkeeper.engine.notice_ports import Recheck, WaveThread
from tests.contract.observed import NOON, cluster_id, later, listed
from tests.contract.telling import LEASE, answer, claim, item, save, send_all, told, writing
from tests.contract.test_store_findings import finding, tracked, tracking

MUCH_LATER = NOON + timedelta(days=31)
SHOP = cluster_id()


@pytest.fixture
def standing(store: SqlStore) -> ItemKey:
    """The item of a finding that still stands."""
    made = finding()
    store.save_many([listed(SHOP)], [])
    store.save_tracking(SHOP, tracking(tracked(made)))
    return item("shop", made.fingerprint)


def prune(store: SqlStore) -> None:
    store.prune(MUCH_LATER, history_days=30)


def test_a_record_stays_as_long_as_its_finding(store: SqlStore, notices: SqlNotices, standing: ItemKey) -> None:
    recent = told(item("bank"), last=later(60 * 24 * 2))
    notices.save_turn([], [told(standing), told(item("gone")), recent], {}, NOON)
    prune(store)
    assert set(notices.told()) == {standing, recent.key}
    over = tracked(finding(), later(9), state=State.RESOLVED, since=later(9))
    store.save_tracking(SHOP, tracking(over, at=later(9)))
    prune(store)
    assert set(notices.told()) == {recent.key}


def test_notices_stay_that_a_record_names_with_those_in_whose_thread_they_went(
    store: SqlStore, notices: SqlNotices, standing: ItemKey
) -> None:
    save(notices, writing("first", "z"))
    send_all(notices)
    save(notices, *(writing(id) for id in ("root", "lost", "other root")), at=later(1))
    save(notices, writing("reply", thread="root"), writing("lost reply", thread="other root"), at=later(2))
    save(notices, writing("recent"), at=later(60 * 24 * 2))
    notices.save_turn([], [told(standing, notice="reply")], {}, NOON)
    prune(store)
    assert [each.notice.id for each in notices.records()] == ["recent", "reply", "root", "first"]
    assert send_all(notices, later(5)) == ["root", "reply", "recent"]
    assert notices.first_live() == NOON
    assert notices.next_due(NOON) is None


def test_a_notice_stays_that_an_answer_names(store: SqlStore, notices: SqlNotices, standing: ItemKey) -> None:
    save(notices, writing("first", "z"))
    send_all(notices)
    save(notices, writing("denied"), writing("other"), at=later(1))
    send_all(notices, later(1))
    save(notices, writing("recent"), at=later(60 * 24 * 2))
    notices.save_turn([], [told(standing, notice="recent")], {}, NOON)
    assert notices.add_answer(answer("a1", AnswerKind.NOT_MINE, items=(standing,), notice="denied"))
    assert notices.add_answer(answer("a2", AnswerKind.NOT_MINE, items=(item("gone"),), notice="other"))
    prune(store)
    assert {each.notice.id for each in notices.records()} == {"first", "denied", "recent"}


def test_a_line_of_which_all_was_forgotten_is_empty(store: SqlStore, notices: SqlNotices) -> None:
    save(notices, writing())
    prune(store)
    assert claim(notices) == ()
    assert notices.next_due(NOON) is None


def test_a_reply_whose_root_was_forgotten_before_it_went_out_goes_alone(store: SqlStore, notices: SqlNotices) -> None:
    save(notices, writing("root"))
    save(notices, writing("reply", thread="root"), at=later(60 * 24 * 2))
    prune(store)
    (given,) = claim(notices)
    assert (given.key, given.thread) == ("reply", None)


def test_answers_stay_that_still_matter(store: SqlStore, notices: SqlNotices, standing: ItemKey) -> None:
    notices.save_turn([], [told(standing)], {}, NOON)
    about, gone = (standing, item("gone")), (item("gone"),)
    for each in (
        answer("of one that stands", items=about),
        answer("of one that is gone", items=gone),
        answer("asks", AnswerKind.EXTEND, items=about),
        answer("granted", AnswerKind.GRANT, items=(), of="asks"),
        answer("asked once", AnswerKind.EXTEND, items=gone),
        answer("denied once", AnswerKind.DENY, items=gone, of="asked once"),
        answer("unmutes", AnswerKind.UNMUTE, items=(), code="FK203"),
        answer("recent", items=gone, at=later(60 * 24 * 2)),
    ):
        assert notices.add_answer(each)
    prune(store)
    assert {each.id: len(each.items) for each in notices.answers()} == {
        "of one that stands": 2,
        "asks": 2,
        "granted": 0,
        "unmutes": 0,
        "recent": 1,
    }


def test_a_thread_of_a_run_stays_as_long_as_the_run_or_for_history_s_time(store: SqlStore, notices: SqlNotices) -> None:
    save(notices, writing("first", "z"))
    send_all(notices)
    notices.save_wave(WaveThread("old", "w1", 3, "abc"), [writing("w1")], {}, later(1))
    notices.save_wave(WaveThread("new", "w2", 3, "abc"), [writing("w2")], {}, later(60 * 24 * 2))
    prune(store)
    assert set(notices.wave_threads()) == {"new"}
    assert [each.notice.id for each in notices.records()] == ["w2", "first"]


def test_looks_that_were_taken_and_people_that_nobody_asked_for_are_forgotten(
    store: SqlStore, notices: SqlNotices
) -> None:
    notices.save_contacts([Contact("old")], NOON)
    notices.save_contacts([Contact("new")], later(60 * 24 * 2))
    waiting = Recheck("r1", ("shop",), "ada@example.com", "n1", NOON)
    notices.add_recheck(waiting)
    notices.add_recheck(Recheck("r2", ("shop",), "ada@example.com", "n1", NOON))
    notices.rechecked("r2", "mended", NOON)
    prune(store)
    assert set(notices.contacts()) == {"new"}
    assert notices.take_rechecks("left", LEASE) == (waiting,)
    assert notices.add_recheck(Recheck("r2", ("shop",), "ada@example.com", "n1", NOON))
