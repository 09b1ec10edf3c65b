"""What every store of notices keeps: turns, records, answers, contacts, rechecks and waves, on both databases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import (
    AnswerKind,
    Audience,
    Delivery,
    Entry,
    Mode,
    Notice,
    NoticeKind,
    Sent,
    Via,
)
from fleetkeeper.core.owners import Contact, Reach
from fleetkeeper.engine.notice_ports import Recheck, Record, WaveThread
from tests.contract.observed import NOON, later
from tests.contract.telling import (
    LEASE,
    OVER,
    answer,
    claim,
    item,
    keys,
    message,
    notice,
    out,
    posted,
    recipient,
    save,
    send_all,
    states,
    told,
    writing,
)

Open = Callable[[], SqlNotices]
EVIL = "caf\u00e9 %_\\' \" <!channel> \u2028"


def full() -> Notice:
    """A notice with every field set."""
    to = recipient("D\u00fcrer@example.com", via=Via.WEBHOOK, audience=Audience.LEAD, owners=("pay", 'b"ank'))
    entries = (Entry(item(), "pay", 14, EVIL), Entry(item("bank", 'f"2'), 'b"ank', 0))
    return notice(
        kind=NoticeKind.REMINDER,
        recipient=to,
        at=later(30),
        entries=entries,
        why=EVIL,
        why_then="quiet hours",
        thread="root",
        following="to the lead",
        is_urgent=True,
        subject="run-1",
    )


class TestTurns:
    def test_a_notice_comes_back_as_it_was_stored(self, notices: SqlNotices) -> None:
        made = full()
        assert notices.save_turn([replace(writing(), notice=made)], [], {}, later(1)) == ("n1",)
        assert notices.sent(NOON) == (Sent(made, Delivery.PENDING, later(1)),)
        stored = notices.record("n1")
        assert stored == Record(made, message("text of n1"), Delivery.PENDING, later(1), later(30), 0, None, None, "")

    def test_all_of_a_turn_is_stored_or_nothing(self, notices: SqlNotices) -> None:
        without_zone = told(first=NOON.replace(tzinfo=None))
        with pytest.raises(ValueError, match="no time zone"):
            notices.save_turn([writing()], [told(item("bank")), without_zone], {}, NOON)
        assert notices.sent(NOON - timedelta(days=9)) == ()
        assert notices.told() == {}
        assert claim(notices) == ()

    def test_a_turn_that_is_stored_twice_is_one(self, notices: SqlNotices) -> None:
        turn = [writing(), writing("n2", "b")]
        assert notices.save_turn(turn, [told()], {}, NOON) == ("n1", "n2")
        before = notices.records()
        assert notices.save_turn(turn, [told()], {}, later(1)) == ()
        assert notices.records() == before
        assert send_all(notices) == ["n1", "n2"]
        assert notices.save_turn([writing(text="other"), writing("n3", "c")], [], {}, later(2)) == ("n3",)
        first = notices.record("n1")
        assert first is not None
        assert (first.message, first.state) == (message("text of n1"), Delivery.SENT)

    def test_an_empty_turn_stores_nothing(self, notices: SqlNotices) -> None:
        assert notices.save_turn([], [], {}, NOON) == ()

    def test_a_message_of_text_alone_comes_back(self, notices: SqlNotices) -> None:
        made = Message(f"{EVIL}\0\ud800")
        notices.save_turn([replace(writing(), message=made)], [], {}, NOON)
        (given,) = claim(notices)
        assert given.message == Message(f"{EVIL}\ufffd\ufffd")
        notices.settle([out(given)], NOON)
        notices.save_turn([], [], {"n1": made}, NOON)
        assert claim(notices) == ()

    def test_what_was_told_replaces_what_was_told_before(self, notices: SqlNotices) -> None:
        other = told(item("bank"), announced=None, mended=later(7), levels=())
        notices.save_turn([], [told(), other], {}, NOON)
        newer = told(last=later(60), times=3, rung=14, levels=("channel", "lead"), notice="n2")
        notices.save_turn([], [newer], {}, later(60))
        assert notices.told() == {newer.key: newer, other.key: other}

    def test_older_notices_count_while_a_record_names_them_or_a_reply_to_them(self, notices: SqlNotices) -> None:
        save(notices, writing("root"), writing("forgotten", "b"), at=later(-9))
        save(notices, writing("reply", thread="root"), at=later(-8))
        save(notices, writing("new", "c"), at=NOON)
        notices.save_turn([], [told(notice="reply")], {}, NOON)
        assert [each.notice.id for each in notices.sent(NOON)] == ["root", "reply", "new"]
        assert [each.notice.id for each in notices.sent(later(-9))] == ["forgotten", "root", "reply", "new"]
        notices.save_turn([], [told(notice="reply", mended=NOON)], {}, NOON)
        assert [each.notice.id for each in notices.sent(NOON)] == ["new"]

    def test_an_older_notice_counts_while_what_it_told_is_open_and_was_said_to_be_somebody_elses(
        self, notices: SqlNotices
    ) -> None:
        save(notices, writing("denied"), writing("acknowledged"), at=later(-9))
        save(notices, writing("new", "c"), at=NOON)
        for kind, about in ((AnswerKind.NOT_MINE, "denied"), (AnswerKind.ACK, "acknowledged")):
            assert notices.add_answer(answer(about, kind, notice=about))
        notices.save_turn([], [told(notice="new")], {}, NOON)
        assert [each.notice.id for each in notices.sent(NOON)] == ["denied", "new"]
        notices.save_turn([], [told(notice="new", mended=NOON)], {}, NOON)
        assert [each.notice.id for each in notices.sent(NOON)] == ["new"]

    def test_a_notice_of_another_release_is_left_out_and_logged(self, notices: SqlNotices) -> None:
        save(notices, writing(), writing("n2"))
        change(notices, "UPDATE notice SET kind = 'telegram' WHERE id = 'n1'")
        with capture_logs() as logs:
            assert [each.notice.id for each in notices.sent(NOON)] == ["n2"]
            assert [each.notice.id for each in notices.records()] == ["n2"]
        assert {log["id"] for log in logs if log["event"] == "notice_unreadable"} == {"n1"}
        assert send_all(notices) == ["n1", "n2"]

    def test_first_live_is_when_the_first_notice_went_out(self, notices: SqlNotices) -> None:
        assert notices.first_live() is None
        save(notices, writing())
        assert notices.first_live() is None
        send_all(notices, later(3))
        save(notices, writing("n2"), edits={"n1": "newer"})
        send_all(notices, later(9))
        assert notices.first_live() == later(3)

    def test_the_newest_is_the_last_that_people_can_answer(self, notices: SqlNotices) -> None:
        assert notices.newest() is None
        save(notices, writing(), at=later(1))
        save(notices, writing("n2"), at=later(5))
        save(notices, writing("n3", kind=NoticeKind.WAVE), writing("n4", kind=NoticeKind.NEWS), at=later(9))
        assert notices.newest() == later(5)


class TestReading:
    def test_a_notice_is_found_by_the_beginning_of_its_id(self, notices: SqlNotices) -> None:
        save(notices, *(writing(id, id) for id in ("ab12", "ab34", "AB34", "ab", "c%_d")))
        found = {text: notices.record(text) for text in ("ab1", "ab", "ab3", "c%", "c_", "abx", "a", "%")}
        ids = {text: each.notice.id if each else None for text, each in found.items()}
        assert ids == {
            "ab1": "ab12",
            "ab": "ab",
            "ab3": "ab34",
            "c%": "c%_d",
            "c_": None,
            "abx": None,
            "a": None,
            "%": None,
        }

    def test_records_are_newest_first_and_chosen_by_time_owner_and_item(self, notices: SqlNotices) -> None:
        bank = recipient("b", owners=("bank", 'b"ank'))
        about = (Entry(item("bank", "f%"), "bank", 30), Entry(item(), "bank", 30))
        save(notices, writing("old"), at=later(-60))
        save(notices, writing("bank", recipient=bank, entries=about), at=NOON)
        save(notices, writing("new"), at=later(1))

        def found(**how: Any) -> list[str]:
            return [each.notice.id for each in notices.records(**how)]

        assert found() == ["new", "bank", "old"]
        assert found(limit=2) == ["new", "bank"]
        assert found(since=NOON) == ["new", "bank"]
        assert found(owner="bank") == found(owner='b"ank') == ["bank"]
        assert found(owner="BANK") == found(owner="ban") == found(owner="b%") == []
        assert found(owner="payments", limit=1) == ["new"]
        assert found(item=item("bank", "f%")) == ["bank"]
        assert found(item=item()) == ["new", "bank", "old"]
        assert found(item=item("bank", "f1")) == []


class TestAnswers:
    def test_an_answer_comes_back_as_it_was_given(self, notices: SqlNotices) -> None:
        made = answer(of="asked", code="FK203", mode=Mode.PROCEED, reason=EVIL, kind=AnswerKind.EXTEND)
        plain = answer("click-0", AnswerKind.UNMUTE, items=(), until=None, at=later(9))
        assert notices.add_answer(made)
        assert notices.add_answer(plain)
        assert notices.answers() == (plain, made)

    def test_a_second_click_is_the_same_one(self, notices: SqlNotices) -> None:
        assert notices.add_answer(answer())
        assert not notices.add_answer(answer(person="mallory@example.com"))
        assert notices.answers() == (answer(),)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE answer SET until = '2030-01-01'",
            "UPDATE answer_item SET fingerprint = 'f9'",
            "DELETE FROM answer",
            "DELETE FROM answer_item",
        ],
    )
    def test_nobody_changes_or_removes_an_answer(self, notices: SqlNotices, statement: str) -> None:
        notices.add_answer(answer())
        notices.save_turn([], [told()], {}, NOON)
        with pytest.raises(sa.exc.DBAPIError, match="answers are only ever added"):
            change(notices, statement)
        assert notices.answers() == (answer(),)

    @pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
    @pytest.mark.parametrize("table", ["answer_item", "answer CASCADE"])
    def test_nobody_empties_the_answers(self, notices: SqlNotices, table: str) -> None:
        notices.add_answer(answer())
        with pytest.raises(sa.exc.DBAPIError, match="answers are only ever added"):
            change(notices, f"TRUNCATE {table}")

    def test_an_answer_of_another_release_is_left_out(self, notices: SqlNotices) -> None:
        notices.add_answer(answer())
        change(notices, INSERTED_ANSWER)
        assert notices.answers() == (answer(),)


class TestPeople:
    def test_what_the_chat_said_last_of_somebody_counts(self, notices: SqlNotices) -> None:
        ada = Contact("ada@example.com", Reach.KNOWN, "U1", "Ada L\u00f6velace", "ada@example.com", "Europe/London")
        notices.save_contacts([Contact("ada@example.com"), Contact("c1", Reach.GONE)], NOON)
        notices.save_contacts([ada], later(1))
        assert notices.contacts() == {"ada@example.com": (ada, later(1)), "c1": (Contact("c1", Reach.GONE), NOON)}

    def test_nobody_is_stored_for_nothing(self, notices: SqlNotices) -> None:
        notices.save_contacts([], NOON)
        assert notices.contacts() == {}


class TestRechecks:
    def test_a_look_is_asked_for_once_and_taken_once(self, notices: SqlNotices) -> None:
        first, second = recheck(), recheck("r0", at=later(1))
        assert notices.add_recheck(second)
        assert notices.add_recheck(first)
        assert not notices.add_recheck(first)
        assert notices.take_rechecks("left", LEASE) == (first, second)
        assert notices.take_rechecks("right", LEASE) == ()

    def test_what_a_dead_replica_took_is_taken_over(self, notices: SqlNotices) -> None:
        notices.add_recheck(recheck())
        assert notices.take_rechecks("dead", OVER) == (recheck(),)
        assert notices.take_rechecks("living", LEASE) == (recheck(),)
        notices.rechecked("r1", "2 of 3 are mended", later(1))
        notices.rechecked("r1", "something else", later(2))
        assert notices.take_rechecks("living", OVER) == ()
        assert change(notices, "SELECT result, worker FROM recheck") == [("2 of 3 are mended", None)]


class TestWaves:
    def test_a_run_is_told_of_by_one_replica_alone(self, open_notices: Open) -> None:
        left, right = open_notices(), open_notices()
        root = WaveThread("run-1", "w1", 3, "abc")
        assert left.save_wave(root, [writing("w1", kind=NoticeKind.WAVE)], {}, NOON)
        assert not right.save_wave(root, [writing("w2", kind=NoticeKind.WAVE)], {}, NOON)
        seen, also_seen = left.wave_threads()["run-1"], right.wave_threads()["run-1"]
        assert seen == root
        assert right.save_wave(replace(also_seen, seen=5, state="def"), [writing("e5", thread="w1")], {}, later(1))
        newer = replace(seen, seen=7, state="ghi")
        assert not left.save_wave(newer, [writing("e7", thread="w1")], {"w1": message("7")}, later(1))
        assert left.wave_threads() == {"run-1": WaveThread("run-1", "w1", 5, "def")}
        assert states(left) == {"e5": "pending", "w1": "pending"}
        assert send_all(left) == ["w1", "e5"]

    def test_its_message_may_change_without_an_event(self, notices: SqlNotices) -> None:
        assert notices.save_wave(WaveThread("run-1", "w1", 3, "abc"), [writing("w1")], {}, NOON)
        send_all(notices)
        read = notices.wave_threads()["run-1"]
        assert notices.save_wave(replace(read, state="def"), [], {"w1": message("3 of 9")}, later(1))
        assert send_all(notices, later(1)) == ["w1/edit"]

    @pytest.mark.parametrize(
        ("thread", "news"),
        [
            pytest.param(WaveThread("run-1", "w1", 4, "abc"), True, id="a later event is news"),
            pytest.param(WaveThread("run-1", "w1", 3, "def"), True, id="so is another state"),
            pytest.param(WaveThread("run-1", "w1", 3, "abc"), False, id="the same is none"),
            pytest.param(WaveThread("run-1", "w1", 2, "def"), False, id="nor is an earlier event"),
        ],
    )
    def test_a_caller_that_does_not_say_what_it_read_must_bring_news(
        self, notices: SqlNotices, thread: WaveThread, news: bool
    ) -> None:
        notices.save_wave(WaveThread("run-1", "w1", 3, "abc"), [writing("w1")], {}, NOON)
        assert notices.save_wave(thread, [], {}, NOON) is news


def test_sent_tells_when_a_text_was_written_anew_however_late_it_goes_out(notices: SqlNotices) -> None:
    save(notices, writing())
    send_all(notices)
    save(notices, edits={"n1": "newer"}, at=later(1))
    assert [each.edited for each in notices.sent(NOON)] == [later(1)]
    assert keys(claim(notices, now=later(1))) == ["n1/edit"]
    found = notices.record("n1")
    assert found is not None
    assert (found.message, found.state, found.posted) == (message("newer"), Delivery.SENT, posted())


INSERTED_ANSWER = """INSERT INTO answer (id, kind, person, identity, at, reason, mode, of, code, notice, signature)
VALUES ('new', 'telegram', '', '', '2026-11-20 12:00:00', '', 'hold', '', '', '', '')"""


def recheck(id: str = "r1", **other: Any) -> Recheck:
    return replace(Recheck(id, ("shop", "bank"), "ada@example.com", "n1", NOON), **other)


def change(notices: SqlNotices, statement: str) -> list[tuple[Any, ...]]:
    """What somebody does who has the database at hand."""
    with notices._database.engine.begin() as connection:
        found = connection.exec_driver_sql(statement)
        return [tuple(row) for row in found] if found.returns_rows else []
