"""SlackChat against a simulated Slack: what is posted, edited, found; who people are; what refusals mean."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from fleetkeeper.adapters.slack.client import SlackChat
from fleetkeeper.config import Secret, SlackSettings
from fleetkeeper.core.interacting.who import clicker_of
from fleetkeeper.core.messages.message import Message, View
from fleetkeeper.core.owners import Contact, Reach
from fleetkeeper.core.people import People
from fleetkeeper.engine.chat import Doubtful, Gone, Posted, Throttled, Undeliverable
from fleetkeeper.engine.delivering import Lease, sent_within
from fleetkeeper.errors import FleetkeeperError, GapReason, Unreachable
from fleetkeeper.sim.slack_api import SimSlack
from tests.adapters.slack.conftest import ADA, BOB, CHANNEL
from tests.endpoint import endpoint

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "Move 3 Ingresses"}}
HELLO = Message("Move 3 Ingresses", (SECTION,))
LATER = Message("Done: 3 Ingresses moved", ())
LONG_AGO = datetime.now(UTC) - timedelta(minutes=1)

ChatOf = Callable[..., SlackChat]


# ---- posting, editing, looking


def test_a_post_carries_its_notice_and_unfurls_nothing(slack: SimSlack, chat: SlackChat) -> None:
    posted = chat.post(CHANNEL, HELLO, None, "n1")
    (sent,) = slack.messages(CHANNEL)
    assert (posted.channel, posted.ts) == (CHANNEL, sent.ts)
    assert sent.metadata == {"event_type": "fleetkeeper_notice", "event_payload": {"notice_id": "n1"}}
    assert sent.unfurl == {"unfurl_links": False, "unfurl_media": False}
    assert sent.blocks[0]["text"]["text"] == "Move 3 Ingresses"


def test_an_edit_takes_the_old_blocks_away(slack: SimSlack, chat: SlackChat) -> None:
    posted = chat.post(CHANNEL, HELLO, None, "n1")
    chat.edit(posted, LATER, "n1")
    (sent,) = slack.messages(CHANNEL)
    assert (sent.text, sent.blocks, sent.notice_id) == (LATER.text, (), "n1")


def test_a_reminder_goes_into_the_thread_of_its_digest(slack: SimSlack, chat: SlackChat) -> None:
    root = chat.post(CHANNEL, HELLO, None, "n1")
    chat.post(CHANNEL, LATER, root, "n2")
    assert slack.messages(CHANNEL)[1].thread_ts == root.ts


@pytest.mark.parametrize("address", ["ada@example.com", ADA, ADA.lower()])
def test_a_person_is_written_to_in_their_own_conversation(slack: SimSlack, chat: SlackChat, address: str) -> None:
    posted = chat.post(address, HELLO, None, "n1")
    assert posted.channel.startswith("D")
    chat.edit(posted, LATER, "n1")
    assert [each.text for each in slack.messages(ADA)] == [LATER.text]


def test_what_is_out_is_found_by_its_notice_in_channels_threads_and_direct_messages(
    chat: SlackChat, slack: SimSlack
) -> None:
    root = chat.post(CHANNEL, HELLO, None, "root")
    reply = chat.post(CHANNEL, HELLO, root, "reply")
    direct = chat.post(ADA, HELLO, None, "direct")
    slack.say(BOB, CHANNEL, "what is this?")
    assert chat.find(CHANNEL, None, LONG_AGO, ("root", "other")) == {"root": root}
    assert chat.find(CHANNEL, root, LONG_AGO, ("reply",)) == {"reply": reply}
    assert chat.find(ADA, None, LONG_AGO, ("direct",)) == {"direct": direct}


def test_what_was_posted_long_before_is_not_looked_at(chat: SlackChat) -> None:
    chat.post(CHANNEL, HELLO, None, "n1")
    assert chat.find(CHANNEL, None, datetime.now(UTC) + timedelta(hours=1), ("n1",)) == {}


def test_a_reply_is_looked_for_outside_of_a_thread_whose_root_is_gone(slack: SimSlack, chat: SlackChat) -> None:
    root = Posted(CHANNEL, "1700000000.000100")
    alone = chat.post(CHANNEL, HELLO, None, "reply")
    assert chat.find(CHANNEL, root, LONG_AGO, ("reply",)) == {"reply": alone}


def test_more_than_one_page_is_read(slack: SimSlack, chat: SlackChat) -> None:
    first = chat.post(CHANNEL, HELLO, None, "n1")
    for number in range(450):
        slack.say(BOB, CHANNEL, f"chatter {number}")
    assert chat.find(CHANNEL, None, LONG_AGO, ("n1",)) == {"n1": first}


def test_nobody_can_look_without_the_right(slack: SimSlack, chat_of: ChatOf) -> None:
    assert chat_of(history=False).find(CHANNEL, None, LONG_AGO, ("n1",)) is None
    slack.workspace.tokens.allow("chat:write")
    assert chat_of().find(CHANNEL, None, LONG_AGO, ("n1",)) is None


def test_nobody_can_look_into_a_channel_that_the_app_is_not_in(slack: SimSlack, chat: SlackChat) -> None:
    slack.add_channel("open", id="C0OPEN", member=False)
    chat.post("C0OPEN", HELLO, None, "n1")
    assert chat.find("C0OPEN", None, LONG_AGO, ("n1",)) is None


def test_what_is_no_longer_ones_own_to_send_is_not_sent(slack: SimSlack, chat: SlackChat) -> None:
    with sent_within(Lease(1.0), arrival=2.0), pytest.raises(Unreachable, match="held up"):
        chat.post(CHANNEL, HELLO, None, "n1")
    assert slack.messages(CHANNEL) == []
    with sent_within(Lease(60.0), arrival=2.0):
        chat.post(CHANNEL, HELLO, None, "n1")
    assert len(slack.messages(CHANNEL)) == 1


# ---- the double post


def test_the_sdk_posts_twice_by_itself_when_the_connection_breaks_after_slack_took_a_message(slack: SimSlack) -> None:
    slack.drop_after_accept()
    client = WebClient(slack.bot_token, base_url=slack.api_url, logger=_silent())
    client.proxy = None
    metadata = {"event_type": "fleetkeeper_notice", "event_payload": {"notice_id": "n1"}}
    client.chat_postMessage(channel=CHANNEL, text="once, please", metadata=metadata)
    assert len(slack.notices()["n1"]) == 2


def test_we_post_once_and_say_that_it_may_be_out(slack: SimSlack, chat: SlackChat) -> None:
    slack.drop_after_accept()
    with pytest.raises(Doubtful):
        chat.post(CHANNEL, HELLO, None, "n1")
    (sent,) = slack.notices()["n1"]
    assert chat.find(CHANNEL, None, LONG_AGO, ("n1",)) == {"n1": Posted(CHANNEL, sent.ts)}


# ---- refusals


def test_a_429_says_when_to_come_again(slack: SimSlack, chat: SlackChat) -> None:
    slack.throttle(retry_after=7)
    with pytest.raises(Throttled) as caught:
        chat.post(CHANNEL, HELLO, None, "n1")
    assert caught.value.seconds == 7
    assert slack.messages(CHANNEL) == []


def test_a_429_for_a_message_that_was_posted_is_seen_through(slack: SimSlack, chat: SlackChat) -> None:
    slack.fail("throttle-after", method="chat.postMessage", count=1)
    posted = chat.post(CHANNEL, HELLO, None, "n1")
    assert [each.ts for each in slack.messages(CHANNEL)] == [posted.ts]


def test_a_429_that_nobody_can_see_through_leaves_a_doubt(slack: SimSlack, chat: SlackChat) -> None:
    slack.throttle()
    slack.throttle(method="conversations.history")
    with pytest.raises(Doubtful):
        chat.post(CHANNEL, HELLO, None, "n1")


def test_a_method_that_is_throttled_is_not_called_before_its_time(slack: SimSlack, chat: SlackChat) -> None:
    posted = chat.post(CHANNEL, HELLO, None, "n1")
    slack.throttle(method="chat.update", retry_after=30)
    for _ in range(5):
        with pytest.raises(Throttled) as caught:
            chat.edit(posted, LATER, "n1")
        assert caught.value.is_alone
        assert caught.value.seconds > 20
    assert sum(count for (method, _), count in slack.calls().items() if method == "chat.update") == 1
    chat.post(CHANNEL, HELLO, None, "n2")


def test_a_channel_that_is_throttled_holds_no_other_back(slack: SimSlack, chat: SlackChat) -> None:
    slack.add_channel("shop", id="C0SHOP")
    slack.throttle(retry_after=30)
    with pytest.raises(Throttled) as caught:
        chat.post(CHANNEL, HELLO, None, "n1")
    assert not caught.value.is_alone
    chat.post("C0SHOP", HELLO, None, "n2")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param({"kind": "drop-before"}, Doubtful, id="a connection that breaks before an answer"),
        pytest.param({"kind": "error"}, Doubtful, id="a 500"),
        pytest.param({"kind": "error-after", "status": 503}, Doubtful, id="a 503 after the message was posted"),
        pytest.param({"kind": "garbage"}, Doubtful, id="an answer that is no JSON"),
        pytest.param({"kind": "refuse", "code": "fatal_error"}, Doubtful, id="a fault of Slack's that may have posted"),
        pytest.param({"kind": "refuse", "code": "request_timeout"}, Unreachable, id="what came in truncated"),
        pytest.param({"kind": "delay", "seconds": 3.0}, Doubtful, id="no answer in time"),
    ],
)
def test_what_may_be_out_is_told_from_what_is_not(
    slack: SimSlack, chat_of: ChatOf, fault: dict[str, Any], error: type[FleetkeeperError]
) -> None:
    slack.fail(**fault, method="chat.postMessage", count=1)
    with pytest.raises(error):
        chat_of(timeout_seconds=1.0).post(CHANNEL, HELLO, None, "n1")


def test_a_slack_that_cannot_be_reached_got_nothing(slack: SimSlack, chat: SlackChat) -> None:
    slack.close()
    with pytest.raises(Unreachable, match="refused"):
        chat.post(CHANNEL, HELLO, None, "n1")


def test_no_redirect_is_followed_for_the_token_would_go_along(slack: SimSlack, chat_of: ChatOf) -> None:
    page = b"moved"
    with endpoint(lambda _: (302, page)) as proxy, pytest.raises(Unreachable, match="302"):
        chat_of(api_url=f"{proxy.url}/api/").post(CHANNEL, HELLO, None, "n1")


def test_a_name_that_dns_does_not_know_got_nothing(chat_of: ChatOf) -> None:
    with pytest.raises(Unreachable, match="DNS"):
        chat_of(api_url="http://slack.invalid/api/").post(CHANNEL, HELLO, None, "n1")


def test_the_page_of_a_proxy_that_refuses_is_none_of_slacks_answers(chat_of: ChatOf) -> None:
    with endpoint(lambda _: (403, b"<html>not allowed</html>")) as proxy, pytest.raises(Unreachable) as caught:
        chat_of(api_url=f"{proxy.url}/api/").post(CHANNEL, HELLO, None, "n1")
    assert caught.value.reason is GapReason.INVALID_ANSWER


@pytest.mark.parametrize(
    ("address", "code"),
    [
        pytest.param("C0ARCHIVED", "is_archived", id="an archived channel"),
        pytest.param("C0NOWHERE", "channel_not_found", id="a channel that is not there"),
        pytest.param("nobody@example.com", "user_not_found", id="a person whom Slack does not know"),
        pytest.param("U0GONE", "user_disabled", id="a person who left"),
    ],
)
def test_where_nobody_is_the_message_can_never_go(slack: SimSlack, chat: SlackChat, address: str, code: str) -> None:
    slack.add_channel("archived", id="C0ARCHIVED")
    slack.archive("C0ARCHIVED")
    slack.add_user("gone", "gone@example.com", id="U0GONE")
    slack.delete_user("U0GONE")
    with pytest.raises(Undeliverable) as caught:
        chat.post(address, HELLO, None, "n1")
    assert (caught.value.code, caught.value.gone, caught.value.everywhere) == (code, True, False)
    assert "[owners]" in caught.value.detail or "invite" in caught.value.detail


def test_who_left_after_they_were_written_to_is_noticed_within_the_hour(
    slack: SimSlack, chat: SlackChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.post(ADA, HELLO, None, "n1")
    slack.delete_user(ADA)
    monkeypatch.setattr("fleetkeeper.adapters.slack.people._KEPT_SECONDS", 0.0)
    with pytest.raises(Undeliverable, match="user_disabled"):
        chat.post(ADA, HELLO, None, "n2")


def test_blocks_that_slack_refuses_are_told_with_its_reason(chat: SlackChat) -> None:
    with pytest.raises(Undeliverable, match="invalid_blocks") as caught:
        chat.post(CHANNEL, Message("x", ({"type": "section"},)), None, "n1")
    assert not caught.value.everywhere
    assert "report it" in caught.value.detail


def test_a_scope_that_is_missing_stops_everything_and_is_named(slack: SimSlack, chat: SlackChat) -> None:
    slack.workspace.tokens.allow("channels:history")
    with pytest.raises(Undeliverable, match="chat:write") as caught:
        chat.post(CHANNEL, HELLO, None, "n1")
    assert caught.value.everywhere


def test_without_the_right_to_look_up_addresses_only_people_by_address_are_out_of_reach(
    slack: SimSlack, chat: SlackChat
) -> None:
    slack.workspace.tokens.allow("chat:write", "im:write", "users:read")
    with pytest.raises(Undeliverable, match=r"users:read\.email") as caught:
        chat.post("ada@example.com", HELLO, None, "n1")
    assert not caught.value.everywhere
    assert chat.post(ADA, HELLO, None, "n2").channel.startswith("D")


def test_a_message_that_was_deleted_is_gone_for_an_edit(chat: SlackChat) -> None:
    with pytest.raises(Gone):
        chat.edit(Posted(CHANNEL, "1700000000.000100"), LATER, "n1")


# ---- tokens


def test_a_revoked_token_stops_everything(slack: SimSlack, chat: SlackChat) -> None:
    slack.revoke()
    with pytest.raises(Undeliverable, match="token_revoked") as caught:
        chat.post(CHANNEL, HELLO, None, "n1")
    assert caught.value.everywhere


def test_a_token_that_was_rotated_is_read_anew_from_its_file(slack: SimSlack, chat_of: ChatOf, tmp_path: Path) -> None:
    file = tmp_path / "token"
    chat = chat_of(bot_token=Secret(slack.bot_token, f"file {file}"))
    chat.post(CHANNEL, HELLO, None, "n1")
    file.write_text(slack.rotate() + "\n", "utf-8")
    chat.post(CHANNEL, HELLO, None, "n2")
    assert {id: len(sent) for id, sent in slack.notices().items()} == {"n1": 1, "n2": 1}


def test_a_file_that_still_has_the_old_token_is_asked_once(slack: SimSlack, chat_of: ChatOf, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(slack.bot_token, "utf-8")
    chat = chat_of(bot_token=Secret(slack.bot_token, f"file {file}"))
    slack.rotate()
    with pytest.raises(Undeliverable, match="invalid_auth"):
        chat.post(CHANNEL, HELLO, None, "n1")


def test_no_token_stands_in_what_is_shown_or_logged(
    slack: SimSlack, chat: SlackChat, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.revoke()
    with pytest.raises(Undeliverable) as caught:
        chat.post(CHANNEL, HELLO, None, "n1")
    shown = "".join(capfd.readouterr()) + caplog.text + repr(chat) + repr(caught.value) + str(caught.value.__cause__)
    assert slack.bot_token not in shown


# ---- people and views


def test_who_people_are(slack: SimSlack, chat: SlackChat) -> None:
    slack.delete_user(BOB)
    ada = chat.contact("ada@example.com")
    assert (ada.reach, ada.slack, ada.email, ada.timezone) == (Reach.KNOWN, ADA, "ada@example.com", "Europe/Berlin")
    assert chat.contact(BOB).reach is Reach.GONE
    assert chat.contact("nobody@example.com") == Contact("nobody@example.com", Reach.UNKNOWN)


@pytest.mark.parametrize(
    "account",
    [
        pytest.param({"team": "T0ELSEWHERE"}, id="of another workspace, whose admins give out addresses"),
        pytest.param({"is_confirmed": False}, id="that nobody confirmed"),
    ],
)
def test_an_address_is_not_believed(slack: SimSlack, chat: SlackChat, account: dict[str, Any]) -> None:
    for name, value in account.items():
        setattr(slack.workspace.people[ADA], name, value)
    found = chat.contact(ADA.lower())
    assert (found.reach, found.slack, found.email) == (Reach.KNOWN, ADA, "")
    assert clicker_of(ADA, found, People()) is None


def test_a_person_is_asked_for_once(slack: SimSlack, chat: SlackChat) -> None:
    chat.contact(ADA)
    slack.close()
    assert chat.contact(ADA).reach is Reach.KNOWN


def test_who_cannot_be_asked_about_is_unasked(slack: SimSlack, chat: SlackChat) -> None:
    slack.workspace.tokens.allow("chat:write")
    assert chat.contact(ADA) == Contact(ADA)


def test_a_whisper_is_seen_by_one(slack: SimSlack, chat: SlackChat) -> None:
    slack.workspace.channels[CHANNEL].members.add(ADA)
    chat.whisper(CHANNEL, ADA, Message("superseded"))
    assert slack.messages(CHANNEL) == []


def test_a_home_is_shown_and_a_click_that_is_too_old_opens_nothing(slack: SimSlack, chat: SlackChat) -> None:
    chat.home(ADA, View("home", "", (SECTION,)))
    assert [(each.user, each.view["type"]) for each in slack.workspace.views.values()] == [(ADA, "home")]
    modal = View("modal", "Ask for time", (SECTION,), submit="Ask", callback="extend", private="n1")
    with pytest.raises(Undeliverable, match="trigger"):
        chat.open("12345.98765.abcd", modal)


def _silent() -> logging.Logger:
    return logging.Logger("silent", logging.CRITICAL + 1)


def test_settings_with_a_token_never_show_it() -> None:
    assert "xoxb-1" not in repr(replace(SlackSettings(), bot_token=Secret("xoxb-1")))
