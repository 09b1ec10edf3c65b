"""The outbox: who gets which message, when, and what becomes of it, on both databases."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.core.notices.values import Delivery, Via
from fleetkeeper.engine.notice_ports import Doing, Outgoing, Pace, Settled
from tests.contract.observed import NOON, later
from tests.contract.telling import (
    FAST,
    OVER,
    claim,
    keys,
    message,
    out,
    posted,
    recipient,
    save,
    send_all,
    states,
    writing,
)

Open = Callable[[], SqlNotices]
postgresql = pytest.mark.parametrize("settings", ["postgresql"], indirect=True)


class TestClaims:
    def test_a_message_is_given_once_with_all_that_sending_it_takes(self, notices: SqlNotices) -> None:
        save(notices, writing())
        (given,) = claim(notices)
        assert (given.key, given.notice, given.doing, given.via, given.address) == (
            "n1",
            "n1",
            Doing.POST,
            Via.SLACK,
            "C0PAYMENTS",
        )
        assert given.message == message("text of n1")
        assert (given.attempts, given.epoch, given.look, given.sending_since) == (1, 1, False, None)
        assert given.thread is None
        assert given.posted is None
        assert claim(notices) == ()
        assert states(notices) == {"n1": "sending"}

    def test_what_is_not_due_waits(self, notices: SqlNotices) -> None:
        save(notices, writing(at=later(5)))
        assert claim(notices, now=later(4)) == ()
        assert notices.next_due(NOON) == later(5)
        assert keys(claim(notices, now=later(5))) == ["n1"]

    def test_one_message_of_an_address_at_a_time(self, notices: SqlNotices) -> None:
        save(notices, writing("a1", "a"), writing("a2", "a"), writing("b1", "b"))
        assert keys(claim(notices)) == ["a1", "b1"]
        assert keys(claim(notices)) == ["a2"]

    def test_urgent_ones_go_first_then_those_that_wait_longest(self, notices: SqlNotices) -> None:
        save(
            notices,
            writing("late", "a", at=later(-1)),
            writing("early", "b", at=later(-9)),
            writing("urgent", "c", is_urgent=True),
            writing("calm", "c", at=later(-20)),
        )
        save(notices, writing("stored later", "d", at=later(-9)), at=later(1))
        assert send_all(notices) == ["urgent", "early", "stored later", "late", "calm"]

    def test_an_address_rests_between_two_messages(self, notices: SqlNotices) -> None:
        save(notices, writing("a1", "a"), writing("a2", "a"), writing("b1", "b"))
        slow = {Via.SLACK: Pace(address_seconds=3600, via_per_second=1000)}
        given = claim(notices, pace=slow)
        assert keys(given) == ["a1", "b1"]
        notices.settle([out(each) for each in given], NOON)
        assert claim(notices, pace=slow) == ()
        due = notices.next_due(NOON)
        assert due is not None
        assert later(59) < due <= later(60)
        rest_is_over(notices)
        assert keys(claim(notices, pace=slow)) == ["a2"]

    def test_a_via_gives_no_more_than_its_rate(self, notices: SqlNotices) -> None:
        save(notices, *(writing(f"n{each}", f"address {each}") for each in range(9)))
        slow = {Via.SLACK: Pace(address_seconds=0, via_per_second=3)}
        assert len(claim(notices, pace=slow)) == 3
        rewind_pace(notices, "slack", hours=-1)  # an hour from now, so that the machine's speed does not count
        assert claim(notices, pace=slow) == ()
        rewind_pace(notices, "slack", hours=2)
        assert len(claim(notices, pace=slow)) == 3  # an hour of silence saves up no more than a second allows

    def test_a_slow_via_takes_a_message_when_its_time_has_come(self, notices: SqlNotices) -> None:
        save(notices, *(writing(f"n{each}", f"address {each}") for each in range(3)))
        slow = {Via.SLACK: Pace(address_seconds=0, via_per_second=0.001)}
        (given,) = claim(notices, pace=slow)
        notices.settle([out(given)], NOON)
        assert claim(notices, pace=slow) == ()
        due = notices.next_due(NOON)
        assert due is not None
        assert NOON + timedelta(seconds=990) < due <= NOON + timedelta(seconds=1000)

    def test_of_a_via_that_the_worker_cannot_send_nothing_is_given(self, notices: SqlNotices) -> None:
        hook = recipient("hook:audit", via=Via.WEBHOOK)
        save(notices, writing("posted"), writing("called", recipient=hook))
        assert keys(claim(notices, pace={Via.WEBHOOK: FAST})) == ["called"]
        assert states(notices) == {"called": "sending", "posted": "pending"}

    def test_no_via_starves_another_of_the_places_in_a_claim(self, notices: SqlNotices) -> None:
        hook = recipient("hook:audit", via=Via.WEBHOOK)
        save(notices, *(writing(f"n{each}", f"address {each}") for each in range(9)), writing("called", recipient=hook))
        given = [key for turn in range(5) for key in keys(claim(notices, most=2, now=later(turn)))]
        assert "called" in given

    def test_an_address_with_many_messages_does_not_starve_the_others(self, notices: SqlNotices) -> None:
        """Three flooded channels take all that the via allows; somebody with one message does not wait for them."""
        floods = [writing(f"{where}{each}", where) for where in "abc" for each in range(20)]
        save(notices, *floods, writing("single", "d"))
        given = [key for turn in range(3) for key in keys(claim(notices, most=3, now=later(turn)))]
        assert "single" in given
        save(notices, writing("second", "e", at=later(2)), at=later(2))
        assert "second" in [key for turn in (3, 4) for key in keys(claim(notices, most=3, now=later(turn)))]


class TestSettlements:
    def test_what_went_out_is_over(self, notices: SqlNotices) -> None:
        save(notices, writing())
        (given,) = claim(notices)
        notices.settle([out(given)], later(1))
        found = notices.record("n1")
        assert found is not None
        assert (found.state, found.posted, found.sent_at, found.attempts) == (Delivery.SENT, posted(), later(1), 1)
        assert notices.next_due(NOON) is None
        assert notices.first_live() == later(1)

    def test_what_was_refused_for_now_comes_again_and_its_address_rests(self, notices: SqlNotices) -> None:
        save(notices, writing("a1", "a"), writing("a2", "a"))
        (given,) = claim(notices)
        again = later(60)
        notices.settle(
            [Settled("a1", given.epoch, Delivery.PENDING, None, again, "ratelimited; again in 3600 s", again)], NOON
        )
        assert claim(notices) == ()
        due = notices.next_due(NOON)
        assert due is not None
        assert later(59) < due <= again
        rest_is_over(notices)
        assert keys(claim(notices)) == ["a2"]
        assert claim(notices, now=later(59)) == ()
        (second,) = claim(notices, now=again)
        assert (second.key, second.attempts, second.look, second.sending_since) == ("a1", 2, False, None)

    def test_what_may_be_out_is_looked_for_since_it_was_first_sent(self, notices: SqlNotices) -> None:
        save(notices, writing())
        (given,) = claim(notices, now=later(1))
        notices.settle([Settled("n1", given.epoch, Delivery.AMBIGUOUS, not_before=later(3))], later(2))
        assert claim(notices, now=later(2)) == ()
        (second,) = claim(notices, now=later(3))
        assert (second.look, second.sending_since) == (True, later(1))
        notices.settle([Settled("n1", second.epoch, Delivery.AMBIGUOUS, not_before=later(4))], later(3))
        (third,) = claim(notices, now=later(5))
        assert (third.look, third.sending_since, third.attempts) == (True, later(1), 3)

    def test_what_failed_says_why_and_comes_no_more(self, notices: SqlNotices) -> None:
        save(notices, writing())
        (given,) = claim(notices)
        notices.settle([Settled("n1", given.epoch, Delivery.FAILED, error="is_archived: the channel")], later(1))
        assert claim(notices, now=later(999)) == ()
        found = notices.record("n1")
        assert found is not None
        assert (found.state, found.error, found.sent_at) == (Delivery.FAILED, "is_archived: the channel", None)
        assert notices.first_live() is None

    def test_a_row_whose_lease_is_over_is_given_to_somebody_who_looks_first(self, notices: SqlNotices) -> None:
        save(notices, writing())
        (first,) = claim(notices, "dead", now=later(1), lease=OVER)
        (second,) = claim(notices, "living", now=later(2))
        assert (second.key, second.epoch, second.look) == ("n1", first.epoch + 1, True)
        assert second.sending_since == later(1)

    def test_a_settlement_of_somebody_who_lost_the_row_changes_nothing(self, notices: SqlNotices) -> None:
        save(notices, writing())
        (zombie,) = claim(notices, "dead", lease=OVER)
        (living,) = claim(notices, "living")
        for state in (Delivery.SENT, Delivery.FAILED, Delivery.PENDING, Delivery.AMBIGUOUS):
            notices.settle([out(zombie, state=state, not_before=NOON, channel_until=later(60))], later(1))
        assert states(notices) == {"n1": "sending"}
        notices.settle([out(living, posted=posted(2))], later(2))
        found = notices.record("n1")
        assert found is not None
        assert (found.state, found.posted, found.sent_at) == (Delivery.SENT, posted(2), later(2))

    def test_a_worker_that_is_late_still_settles_what_nobody_else_has(self, notices: SqlNotices) -> None:
        save(notices, writing(), writing("other", "elsewhere"))
        first = {each.key: each for each in claim(notices, lease=OVER)}
        assert claim(notices, most=0) == ()
        assert states(notices) == {"n1": "ambiguous", "other": "ambiguous"}
        notices.settle([out(first["n1"])], later(1))
        assert keys(claim(notices)) == ["other"]

    def test_a_settlement_that_is_repeated_changes_nothing(self, notices: SqlNotices) -> None:
        save(notices, writing())
        (given,) = claim(notices)
        notices.settle([out(given)], later(1))
        notices.settle([out(given, posted=posted(2)), Settled("unknown", 1, Delivery.SENT)], later(2))
        found = notices.record("n1")
        assert found is not None
        assert (found.posted, found.sent_at) == (posted(), later(1))

    def test_states_are_counted(self, notices: SqlNotices) -> None:
        save(notices, *(writing(f"n{each}", f"address {each}") for each in range(4)))
        first, second = claim(notices, most=2)
        notices.settle([out(first), out(second, state=Delivery.FAILED, posted=None)], NOON)
        assert notices.outbox_counts() == {
            Delivery.PENDING: 2,
            Delivery.SENDING: 0,
            Delivery.SENT: 1,
            Delivery.AMBIGUOUS: 0,
            Delivery.FAILED: 1,
            Delivery.DROPPED: 0,
        }


class TestByHand:
    """Of n1, whose answer was lost."""

    @pytest.fixture
    def doubtful(self, notices: SqlNotices) -> SqlNotices:
        save(notices, writing())
        (given,) = claim(notices)
        notices.settle([Settled(given.key, given.epoch, Delivery.AMBIGUOUS, not_before=later(60), error="lost")], NOON)
        return notices

    def test_what_is_out_is_settled_with_what_was_said(self, doubtful: SqlNotices) -> None:
        assert doubtful.settle_by_hand("n1", Delivery.SENT, posted(7), "ada looked", later(5))
        record = doubtful.record("n1")
        assert record is not None
        assert (record.state, record.posted, record.sent_at, record.error) == (
            Delivery.SENT,
            posted(7),
            later(5),
            "ada looked",
        )
        assert claim(doubtful, now=later(90)) == ()

    def test_what_is_not_out_is_sent_at_once_and_nobody_looks_first(self, doubtful: SqlNotices) -> None:
        assert claim(doubtful, now=later(5)) == ()
        assert doubtful.settle_by_hand("n1", Delivery.PENDING, None, "ada looked", later(5))
        (given,) = claim(doubtful, now=later(5))
        assert (given.key, given.look, given.sending_since) == ("n1", False, None)

    def test_an_edit_waits_no_longer_for_a_post_that_is_out(self, doubtful: SqlNotices) -> None:
        doubtful.save_turn((), (), {"n1": message("newer")}, later(1))
        assert doubtful.settle_by_hand("n1", Delivery.SENT, posted(7), "ada looked", later(5))
        (given,) = claim(doubtful, now=later(6))
        assert (given.key, given.posted, given.message) == ("n1/edit", posted(7), message("newer"))

    def test_what_a_worker_has_just_now_is_left_to_it(self, doubtful: SqlNotices) -> None:
        (given,) = claim(doubtful, now=later(60))
        assert not doubtful.settle_by_hand("n1", Delivery.PENDING, None, "ada looked", later(60))
        assert (given.look, states(doubtful)) == (True, {"n1": "sending"})

    @pytest.mark.parametrize("id", ["n2", "n3"], ids=["one that is not there", "one that waits"])
    def test_nothing_else_is_settled(self, doubtful: SqlNotices, id: str) -> None:
        save(doubtful, writing("n3"))
        assert not doubtful.settle_by_hand(id, Delivery.SENT, None, "ada looked", NOON)
        assert states(doubtful) == {"n1": "ambiguous", "n3": "pending"}


class TestThreads:
    def test_a_reply_waits_for_the_post_of_its_root(self, notices: SqlNotices) -> None:
        save(notices, writing("root"), writing("reply", thread="root", is_urgent=True))
        (root,) = claim(notices)
        assert root.key == "root"
        save(notices, writing("late reply", thread="root"))
        assert claim(notices) == ()
        notices.settle([out(root)], NOON)
        (reply,) = claim(notices)
        assert (reply.key, reply.thread) == ("reply", posted())
        assert keys(claim(notices)) == ["late reply"]
        save(notices, writing("later still", thread="root"))
        (given,) = claim(notices)
        assert (given.key, given.thread) == ("later still", posted())

    def test_a_reply_waits_while_nobody_knows_whether_its_root_is_out(self, notices: SqlNotices) -> None:
        save(notices, writing("root"), writing("reply", thread="root"))
        (root,) = claim(notices)
        notices.settle([Settled("root", root.epoch, Delivery.AMBIGUOUS, not_before=later(9))], NOON)
        assert claim(notices, now=later(8)) == ()

    def test_after_an_hour_of_doubt_a_reply_is_a_message_of_its_own(self, notices: SqlNotices) -> None:
        """Where nobody may look, nothing ever settles its root."""
        save(notices, writing("root"), writing("reply", thread="root"), writing("timed", thread="root", at=later(90)))
        doubt(notices, NOON)
        save(notices, writing("late reply", thread="root"), at=later(30))
        assert keys(doubt(notices, later(59))) == ["root"]
        assert notices.next_due(later(59)) == later(60)
        assert sorted(keys(doubt(notices, later(68)))) == ["late reply", "reply", "root"]
        save(notices, writing("still later", thread="root"), at=later(75))
        assert keys(claim(notices, now=later(75))) == ["still later"]
        assert sorted(keys(doubt(notices, later(90)))) == ["root", "timed"]

    def test_a_reply_that_went_alone_goes_once_whenever_its_root_is_found(self, notices: SqlNotices) -> None:
        save(notices, writing("root"), writing("reply", thread="root"), writing("second", thread="root"))
        doubt(notices, NOON)
        (root,) = claim(notices, now=later(60), most=1)
        (reply,) = claim(notices, now=later(60), most=1)
        assert (root.key, reply.key, reply.thread) == ("root", "reply", None)
        notices.settle([out(root)], later(61))
        (second,) = claim(notices, now=later(61))
        assert (second.key, second.thread) == ("second", posted())
        notices.settle([out(reply, posted=posted(2)), out(second, posted=posted(3))], later(61))
        assert claim(notices, now=later(999)) == ()

    def test_a_root_that_is_surely_not_out_is_waited_for_again(self, notices: SqlNotices) -> None:
        save(notices, writing("root"), writing("reply", thread="root"))
        doubt(notices, NOON)
        (root,) = claim(notices, now=later(50))
        notices.settle([Settled("root", root.epoch, Delivery.PENDING, not_before=later(70))], later(50))
        assert claim(notices, now=later(65)) == ()
        assert send_all(notices, later(70)) == ["root", "reply"]

    @pytest.mark.parametrize("state", [Delivery.FAILED, Delivery.DROPPED], ids=lambda state: f"a root that {state}")
    def test_a_reply_to_a_root_that_will_never_be_there_is_a_message_of_its_own(
        self, notices: SqlNotices, state: Delivery
    ) -> None:
        save(notices, writing("root"), writing("reply", thread="root"))
        (root,) = claim(notices)
        notices.settle([Settled("root", root.epoch, state, error="is_archived")], NOON)
        save(notices, writing("late reply", thread="root"), writing("lost", thread="never stored"))
        replies = [each for _ in range(3) for each in claim(notices)]
        assert sorted(keys(replies)) == ["late reply", "lost", "reply"]
        assert {each.thread for each in replies} == {None}


class TestEdits:
    def test_an_edit_of_what_is_out_goes_to_where_it_is(self, notices: SqlNotices) -> None:
        save(notices, writing())
        send_all(notices)
        save(notices, edits={"n1": "done"}, at=later(5))
        (given,) = claim(notices, now=later(5))
        assert (given.key, given.notice, given.doing) == ("n1/edit", "n1", Doing.EDIT)
        assert (given.message, given.posted, given.thread) == (message("done"), posted(), None)
        notices.settle([out(given)], later(6))
        (sent,) = notices.sent(NOON)
        assert (sent.state, sent.edited) == (Delivery.SENT, later(5))
        assert claim(notices, now=later(99)) == ()

    def test_an_edit_that_says_what_stands_there_changes_nothing(self, notices: SqlNotices) -> None:
        save(notices, writing())
        send_all(notices)
        save(notices, edits={"n1": "text of n1"})
        assert states(notices) == {"n1": "sent"}
        save(notices, edits={"n1": "done"})
        assert send_all(notices) == ["n1/edit"]
        save(notices, edits={"n1": "done", "unknown": "nothing"})
        assert send_all(notices) == []

    def test_an_edit_of_what_is_not_out_changes_what_will_go(self, notices: SqlNotices) -> None:
        save(notices, writing())
        save(notices, edits={"n1": "newer"})
        (given,) = claim(notices)
        assert given.message == message("newer")
        notices.settle([out(given)], NOON)
        assert states(notices) == {"n1": "sent"}

    def test_an_edit_waits_for_a_post_that_may_be_out(self, notices: SqlNotices) -> None:
        save(notices, writing())
        (given,) = claim(notices)
        save(notices, edits={"n1": "newer"})
        assert claim(notices) == ()
        notices.settle([out(given)], later(1))
        (edit,) = claim(notices, now=later(1))
        assert (edit.key, edit.message, edit.posted) == ("n1/edit", message("newer"), posted())

    def test_a_post_that_was_found_with_an_older_text_is_edited(self, notices: SqlNotices) -> None:
        """Which of the two texts is out, the one who found it cannot say."""
        save(notices, writing())
        claim(notices, lease=OVER)
        save(notices, edits={"n1": "newer"})
        (second,) = claim(notices)
        assert (second.look, second.message) == (True, message("newer"))
        notices.settle([out(second)], NOON)
        assert send_all(notices) == ["n1/edit"]

    def test_a_post_that_was_sent_twice_with_one_text_is_not_edited(self, notices: SqlNotices) -> None:
        save(notices, writing())
        claim(notices, lease=OVER)
        assert send_all(notices) == ["n1"]

    def test_an_edit_of_a_post_that_failed_is_dropped(self, notices: SqlNotices) -> None:
        save(notices, writing(), writing("n2", "elsewhere"))
        one, two = claim(notices)
        save(notices, edits={"n1": "newer"})
        notices.settle([out(each, state=Delivery.FAILED, posted=None) for each in (one, two)], NOON)
        save(notices, edits={"n2": "newer"})
        assert states(notices) == {"n1": "failed", "n2": "failed"}
        assert notices.next_due(NOON) is None

    def test_a_newer_text_is_not_lost_while_an_older_one_is_being_sent(self, notices: SqlNotices) -> None:
        save(notices, writing())
        send_all(notices)
        save(notices, edits={"n1": "first"})
        (older,) = claim(notices)
        save(notices, edits={"n1": "second"})
        assert claim(notices) == ()  # two edits under way at once could land in the wrong order
        notices.settle([out(older)], NOON)
        (newer,) = claim(notices)
        assert (newer.key, newer.message) == ("n1/edit", message("second"))
        notices.settle([out(newer)], NOON)
        assert claim(notices) == ()

    def test_a_newer_text_outlives_the_worker_of_the_older_one(self, notices: SqlNotices) -> None:
        save(notices, writing())
        send_all(notices)
        save(notices, edits={"n1": "first"})
        (zombie,) = claim(notices, lease=OVER)
        save(notices, edits={"n1": "second"})
        (living,) = claim(notices)
        assert living.message == message("second")
        notices.settle([out(zombie)], NOON)
        notices.settle([out(living)], NOON)
        save(notices, edits={"n1": "second"})
        assert send_all(notices) == ["n1/edit"]  # which of the two landed last, nobody knows
        assert send_all(notices) == []

    def test_an_edit_that_was_taken_back_before_it_went_is_dropped(self, notices: SqlNotices) -> None:
        save(notices, writing())
        send_all(notices)
        save(notices, edits={"n1": "newer"})
        save(notices, edits={"n1": "text of n1"})
        assert claim(notices) == ()
        assert states(notices) == {"n1": "sent", "n1/edit": "dropped"}
        save(notices, edits={"n1": "newest"})
        (given,) = claim(notices)
        assert (given.message, given.attempts) == (message("newest"), 1)

    def test_an_edit_that_failed_is_tried_again_with_the_next_text(self, notices: SqlNotices) -> None:
        save(notices, writing())
        send_all(notices)
        save(notices, edits={"n1": "first"})
        (given,) = claim(notices)
        notices.settle([Settled(given.key, given.epoch, Delivery.FAILED, error="cant_update_message")], NOON)
        save(notices, edits={"n1": "first"})
        assert claim(notices) == ()
        save(notices, edits={"n1": "second"})
        assert keys(claim(notices)) == ["n1/edit"]

    def test_a_message_that_was_posted_anew_is_edited_there(self, notices: SqlNotices) -> None:
        """Its first one was deleted: the edit became a post."""
        save(notices, writing())
        send_all(notices)
        save(notices, edits={"n1": "first"})
        (given,) = claim(notices)
        notices.settle([out(given, posted=posted(2))], NOON)
        save(notices, edits={"n1": "second"})
        (again,) = claim(notices)
        assert again.posted == posted(2)


def doubt(notices: SqlNotices, now: datetime) -> list[Outgoing]:
    """Everything that is due goes out; of "root" nobody can say whether it did."""
    given: list[Outgoing] = []
    while some := claim(notices, now=now):
        given += some
        unclear = {"state": Delivery.AMBIGUOUS, "posted": None, "not_before": now + timedelta(minutes=9)}
        notices.settle([out(each, **(unclear if each.key == "root" else {})) for each in some], now)
    return given


def rest_is_over(notices: SqlNotices) -> None:
    """Every address may be written to now."""
    with notices._database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE outbox_queue SET free_at = NULL")


def rewind_pace(notices: SqlNotices, via: str, hours: int) -> None:
    """As if so many hours more had passed since the last message of a via."""
    with notices._database.engine.begin() as connection:
        free = sa.text("SELECT free_at FROM chat_pace WHERE via = :via").columns(free_at=sa.DateTime(timezone=True))
        moved = connection.execute(free, {"via": via}).scalar_one() - timedelta(hours=hours)
        change = sa.text("UPDATE chat_pace SET free_at = :at WHERE via = :via")
        connection.execute(
            change.bindparams(sa.bindparam("at", type_=sa.DateTime(timezone=True))), {"at": moved, "via": via}
        )
