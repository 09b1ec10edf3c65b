"""The whole way from the outbox to a Slack that speaks HTTP, where it goes wrong in the ways that Slack does."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fleetkeeper.adapters.slack.client import SlackChat
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.config import Secret
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Audience, Delivery, Notice, NoticeKind, Recipient, Via
from fleetkeeper.core.owners import Reach
from fleetkeeper.engine.deliver import Deliverer
from fleetkeeper.engine.delivering import UNSEEN, Timing
from fleetkeeper.engine.notice_ports import Pace, Writing
from fleetkeeper.sim.slack_api import SimSlack
from tests.adapters.slack.conftest import ADA, CHANNEL
from tests.engine.rig import migrated

ChatOf = Callable[..., SlackChat]
TIMING = Timing(threads=2, call=2.0, pause=0.01)
PACE = {Via.SLACK: Pace(0.0001, 100_000.0)}


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Post:
    """An outbox, and whoever empties it."""

    def __init__(self, notices: SqlNotices) -> None:
        self.notices, self.clock = notices, Clock()

    def store(self, id: str, address: str, thread: str = "") -> None:
        recipient = Recipient(Via.SLACK, address, Audience.CHANNEL, ("team",), "UTC")
        notice = Notice(
            id, NoticeKind.DIGEST, recipient, date(2026, 11, 20), self.clock.now(), (), "why", thread=thread
        )
        self.notices.save_turn([Writing(notice, Message(f"hello {id}"))], (), {}, self.clock.now())

    def deliver(self, chat: SlackChat) -> None:
        one = Deliverer(self.notices, {Via.SLACK: chat}, self.clock, "w", PACE, TIMING)
        while one.turn() or one.in_flight:
            pass
        one.close()

    def told(self, id: str) -> tuple[Delivery, str]:
        record = self.notices.record(id)
        assert record is not None
        return record.state, record.error


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    notices = SqlNotices(migrated(tmp_path))
    yield Post(notices)
    notices.close()


def test_without_the_right_to_look_a_lost_answer_stays_in_doubt_until_the_right_is_there(
    slack: SimSlack, chat_of: ChatOf, post: Post
) -> None:
    slack.drop_after_accept()
    post.store("n1", CHANNEL)
    for _ in range(3):
        post.deliver(chat_of(history=False))
        post.clock.ahead += timedelta(minutes=5)
    assert post.told("n1") == (Delivery.AMBIGUOUS, UNSEEN)
    assert len(slack.notices()["n1"]) == 1
    post.clock.ahead += timedelta(hours=1)
    post.deliver(chat_of())
    assert post.told("n1")[0] is Delivery.SENT
    assert len(slack.notices()["n1"]) == 1


def test_a_channel_that_was_archived_fails_with_the_fix_and_is_noted(
    slack: SimSlack, chat: SlackChat, post: Post
) -> None:
    slack.archive(CHANNEL)
    post.store("n1", CHANNEL)
    post.deliver(chat)
    state, error = post.told("n1")
    assert state is Delivery.FAILED
    assert error.startswith("is_archived: the channel is archived: unarchive it")
    contact, _ = post.notices.contacts()[CHANNEL.lower()]
    assert contact.reach is Reach.GONE


def test_a_person_who_left_is_noted(slack: SimSlack, chat: SlackChat, post: Post) -> None:
    slack.delete_user(ADA)
    post.store("n1", ADA)
    post.deliver(chat)
    assert post.told("n1")[0] is Delivery.FAILED
    assert post.notices.contacts()[ADA.lower()][0].reach is Reach.GONE


def test_nothing_is_lost_while_a_token_is_none(slack: SimSlack, chat_of: ChatOf, post: Post, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(slack.bot_token, "utf-8")
    chat = chat_of(bot_token=Secret(slack.bot_token, f"file {file}"))
    new = slack.rotate()
    post.store("n1", CHANNEL)
    post.deliver(chat)
    assert post.told("n1")[0] is Delivery.PENDING
    file.write_text(new, "utf-8")
    post.clock.ahead += timedelta(minutes=10)
    post.deliver(chat)
    assert post.told("n1")[0] is Delivery.SENT


def test_what_somebody_deleted_is_told_anew_once_although_the_answer_is_lost(
    slack: SimSlack, chat: SlackChat, post: Post
) -> None:
    post.store("n1", CHANNEL)
    post.deliver(chat)
    slack.messages(CHANNEL)[0].deleted = True
    slack.drop_after_accept()
    for text in ("half done", "done"):
        post.notices.save_turn((), (), {"n1": Message(text)}, post.clock.now())
        for _ in range(2):
            post.deliver(chat)
            post.clock.ahead += timedelta(minutes=1)
    assert [each.text for each in slack.messages(CHANNEL)] == ["done"]


def test_a_reminder_follows_its_digest_into_the_thread(slack: SimSlack, chat: SlackChat, post: Post) -> None:
    post.store("root", CHANNEL)
    post.store("reply", CHANNEL, thread="root")
    post.deliver(chat)
    post.deliver(chat)
    root, reply = slack.messages(CHANNEL)
    assert (root.notice_id, reply.notice_id, reply.thread_ts) == ("root", "reply", root.ts)


def test_a_reply_to_a_digest_in_doubt_reaches_its_owner_once_however_late_the_right_to_look_comes(
    slack: SimSlack, chat_of: ChatOf, post: Post
) -> None:
    slack.drop_after_accept()
    post.store("root", CHANNEL)
    post.deliver(chat_of(history=False))
    post.store("reply", CHANNEL, thread="root")
    for _ in range(2):
        post.deliver(chat_of(history=False))
        post.deliver(chat_of(history=False))
        assert [each.notice_id for each in slack.messages(CHANNEL)] == ["root"]
        post.clock.ahead += timedelta(minutes=29)
    post.clock.ahead += timedelta(minutes=3)
    for history in (False, False, True, True):
        post.deliver(chat_of(history=history))
        post.clock.ahead += timedelta(minutes=90)
    root, reply = slack.messages(CHANNEL)
    assert (root.notice_id, reply.notice_id, reply.thread_ts) == ("root", "reply", "")
    assert [post.told(id)[0] for id in ("root", "reply")] == [Delivery.SENT, Delivery.SENT]
