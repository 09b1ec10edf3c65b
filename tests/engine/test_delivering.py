"""What becomes of one row, whatever the chat answers: at most one post, nothing dropped, every doubt looked at."""

from datetime import timedelta

import pytest

from fleetkeeper.core.notices.values import Delivery
from fleetkeeper.engine.chat import Doubtful, Gone, Posted, Throttled, Undeliverable
from fleetkeeper.engine.delivering import UNSEEN, Attempts, Ended, Lease, Timing, What
from fleetkeeper.engine.notice_ports import Doing, Outgoing
from fleetkeeper.errors import FleetkeeperError, Unreachable
from tests.engine.chatting import NOON, FakeChat, Out, StillClock, outgoing

TIMING = Timing(call=2.0, lease=60.0, pause=5.0)
LATE = NOON - timedelta(seconds=TIMING.doubt)
WAITING = Undeliverable("token_revoked", "mend it", everywhere=True)
THERE = Out("n1", "C1", "1", "hello")


def deliver(chat: FakeChat, row: Outgoing, lease: float = 60.0) -> Ended:
    return Attempts(StillClock(), TIMING).deliver(chat, row, Lease(lease))


def told(ended: Ended) -> tuple[Delivery, float | None]:
    """The state, and in how many seconds it comes again."""
    until = ended.settled.not_before
    return ended.settled.state, (until - NOON).total_seconds() if until else None


# ---- a first attempt


def test_what_goes_out_is_settled_with_where_it_is() -> None:
    chat = FakeChat()
    ended = deliver(chat, outgoing())
    assert (ended.settled.state, ended.settled.posted, ended.settled.epoch) == (Delivery.SENT, Posted("C1", "1"), 7)
    assert chat.texts() == ["hello"]


@pytest.mark.parametrize(
    ("error", "state", "seconds", "what"),
    [
        pytest.param(Throttled(30, "429"), Delivery.PENDING, 30, What.THROTTLED, id="for now: when it says"),
        pytest.param(Unreachable("down"), Delivery.PENDING, 5, What.UNREACHED, id="out of reach: again"),
        pytest.param(Doubtful("reset"), Delivery.AMBIGUOUS, 3, What.AMBIGUOUS, id="in doubt: looked for when it is in"),
        pytest.param(WAITING, Delivery.PENDING, 5, What.REFUSED, id="everywhere: again, for somebody will mend it"),
        pytest.param(Undeliverable("is_archived", "x"), Delivery.FAILED, None, What.FAILED, id="never: it failed"),
    ],
)
def test_a_post_that_is_refused(error: FleetkeeperError, state: Delivery, seconds: float | None, what: What) -> None:
    chat = FakeChat(before=[error])
    ended = deliver(chat, outgoing())
    assert (*told(ended), ended.what) == (state, seconds, what)
    assert chat.texts() == []


def test_a_429_holds_its_address_back() -> None:
    ended = deliver(FakeChat(before=[Throttled(30, "429")]), outgoing())
    assert ended.settled.channel_until == NOON + timedelta(seconds=30)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (5, 80), (9, 300), (1000, 300)])
def test_what_is_out_of_reach_is_tried_ever_more_slowly_and_never_dropped(attempts: int, seconds: float) -> None:
    ended = deliver(FakeChat(before=[Unreachable("down")]), outgoing(attempts=attempts))
    assert told(ended) == (Delivery.PENDING, seconds)


def test_who_is_not_there_is_told_apart_from_what_is_refused() -> None:
    assert deliver(FakeChat(before=[Undeliverable("is_archived", "x", gone=True)]), outgoing()).gone
    assert not deliver(FakeChat(before=[Undeliverable("invalid_blocks", "x")]), outgoing()).gone


def test_nothing_is_sent_under_a_lease_that_is_nearly_over() -> None:
    chat = FakeChat()
    assert told(deliver(chat, outgoing(), lease=TIMING.sends - 0.1)) == (Delivery.PENDING, 0)
    assert chat.texts() == []


def test_a_reply_whose_root_was_deleted_goes_to_the_channel() -> None:
    chat = FakeChat(gone={"9"})
    assert deliver(chat, outgoing(thread=Posted("C1", "9"))).settled.state is Delivery.SENT
    assert [each.thread for each in chat.out.values()] == [""]


@pytest.mark.parametrize("call", [1.0, 10.0, 60.0])
def test_a_lease_is_long_enough_for_calls_of_any_length(call: float) -> None:
    timing = Timing.of(call)
    assert timing.lease > 2 * timing.sends
    assert timing.sends > timing.doubt


# ---- a row that may be out


def test_what_is_found_is_not_sent_again() -> None:
    chat = FakeChat(out={"1": THERE})
    ended = deliver(chat, outgoing(look=True, since=LATE))
    assert (ended.settled.state, ended.settled.posted) == (Delivery.SENT, Posted("C1", "1"))
    assert len(chat.out) == 1


def test_what_is_not_found_late_enough_is_sent() -> None:
    chat = FakeChat()
    assert deliver(chat, outgoing(look=True, since=LATE)).settled.state is Delivery.SENT
    assert chat.texts() == ["hello"]


def test_what_is_not_found_too_early_is_looked_for_later() -> None:
    chat = FakeChat()
    ended = deliver(chat, outgoing(look=True, since=NOON - timedelta(seconds=1)))
    assert told(ended) == (Delivery.AMBIGUOUS, TIMING.doubt - 1)
    assert chat.texts() == []


def test_where_nobody_may_look_it_stays_ambiguous_and_says_why() -> None:
    chat = FakeChat(looks=False)
    ended = deliver(chat, outgoing(look=True, since=LATE))
    assert (*told(ended), ended.settled.error) == (Delivery.AMBIGUOUS, 3600, UNSEEN)
    assert chat.texts() == []


@pytest.mark.parametrize(
    ("error", "state", "what"),
    [
        pytest.param(Throttled(9, "429"), Delivery.AMBIGUOUS, What.THROTTLED, id="too many looks"),
        pytest.param(Unreachable("down"), Delivery.AMBIGUOUS, What.UNREACHED, id="out of reach"),
        pytest.param(Doubtful("reset"), Delivery.AMBIGUOUS, What.UNREACHED, id="no answer"),
        pytest.param(WAITING, Delivery.AMBIGUOUS, What.REFUSED, id="a token that is none"),
        pytest.param(Undeliverable("channel_not_found", "x", gone=True), Delivery.FAILED, What.FAILED, id="no channel"),
    ],
)
def test_a_look_that_fails_sends_nothing(error: FleetkeeperError, state: Delivery, what: What) -> None:
    chat = FakeChat(finding=[error])
    ended = deliver(chat, outgoing(look=True, since=LATE))
    assert (ended.settled.state, ended.what) == (state, what)
    assert chat.texts() == []


# ---- edits


def edit(*, look: bool = False, ts: str = "1") -> Outgoing:
    return outgoing(doing=Doing.EDIT, posted=Posted("C1", ts), look=look, since=LATE if look else None)


def test_an_edit_changes_its_message_in_place() -> None:
    chat = FakeChat(out={"1": THERE})
    assert deliver(chat, edit()).settled.posted == Posted("C1", "1")
    assert chat.texts() == ["hello again"]


def test_an_edit_in_doubt_is_made_again() -> None:
    chat = FakeChat(out={"1": THERE}, after=[Doubtful("reset")])
    assert deliver(chat, edit()).settled.state is Delivery.AMBIGUOUS
    assert deliver(chat, edit(look=True)).settled.state is Delivery.SENT
    assert chat.texts() == ["hello again"]


def test_in_place_of_a_message_that_is_gone_one_new_one_goes_out() -> None:
    chat = FakeChat(out={"5": Out("other", "C1", "5", "chatter")})
    ended = deliver(chat, edit())
    assert ended.settled.posted == Posted("C1", "2")
    assert chat.texts() == ["chatter", "hello again"]


def test_a_new_one_whose_answer_was_lost_is_found_and_none_follows_it() -> None:
    chat = FakeChat(after=[Doubtful("reset")])
    assert deliver(chat, edit(ts="9")).settled.state is Delivery.AMBIGUOUS
    ended = deliver(chat, edit(ts="9", look=True))
    assert (ended.settled.state, ended.settled.posted) == (Delivery.SENT, Posted("C1", "1"))
    assert chat.texts() == ["hello again"]


def test_where_nobody_may_look_no_second_new_one_is_sent() -> None:
    chat = FakeChat(looks=False, after=[Doubtful("reset")])
    deliver(chat, edit(ts="9"))
    assert told(deliver(chat, edit(ts="9", look=True))) == (Delivery.AMBIGUOUS, 3600)
    assert chat.texts() == ["hello again"]


def test_an_edit_that_may_have_been_posted_anew_stays_in_doubt_while_it_is_refused() -> None:
    chat = FakeChat(before=[Throttled(3, "429")])
    assert told(deliver(chat, edit(look=True))) == (Delivery.AMBIGUOUS, 3)


# ---- faults of our own


def test_a_fault_of_our_own_is_looked_at_and_given_up_after_a_few_times() -> None:
    attempts = Attempts(StillClock(), TIMING)
    assert attempts.fault(outgoing(attempts=1), KeyError("x")).settled.state is Delivery.AMBIGUOUS
    given_up = attempts.fault(outgoing(attempts=5), KeyError("x"))
    assert (given_up.settled.state, given_up.settled.error) == (
        Delivery.FAILED,
        "a fault of fleetkeeper's own: KeyError",
    )


def test_a_post_without_a_thread_that_is_said_to_be_gone_has_failed() -> None:
    assert told(deliver(FakeChat(before=[Gone("x")] * 2), outgoing())) == (Delivery.FAILED, None)
