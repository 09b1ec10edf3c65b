"""What the simulated Slack answers and sends has the fields of Slack's own examples.

Answers: docs.slack.dev/reference/methods (as of slack-ruby/slack-api-ref, 2026-08-20), without what only decorates.
Payloads: docs.slack.dev/reference/interaction-payloads, docs.slack.dev/interactivity/implementing-slash-commands and
docs.slack.dev/apis/events-api (read 2026-11-21).
"""

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk import WebClient

from fleetkeeper.sim.slack import payloads
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import ADA, CHANNEL, client, notice, only, section, slack

__all__ = ["client", "slack"]


def opened_view(slack: SimSlack, client: WebClient) -> Any:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Ask"}, "blocks": [section("x")]}
    return client.views_open(trigger_id=slack.workspace.triggers.trigger(ADA), view=view)["view"]


def reply(slack: SimSlack, client: WebClient) -> Any:
    root = notice(client)["ts"]
    client.chat_postMessage(channel=CHANNEL, text="x", thread_ts=root)
    return client.conversations_replies(channel=CHANNEL, ts=root)["messages"]


def first_page(slack: SimSlack, client: WebClient) -> Any:
    notice(client)
    notice(client)
    return client.conversations_history(channel=CHANNEL, limit=1).data


def edited(slack: SimSlack, client: WebClient) -> Any:
    return client.chat_update(channel=CHANNEL, ts=notice(client)["ts"], text="Done").data


def direct(slack: SimSlack, client: WebClient) -> Any:
    return client.conversations_open(users=ADA, return_im=True)["channel"]


VIEW = """id team_id type title submit close blocks private_metadata callback_id external_id state hash
    clear_on_close notify_on_close root_view_id previous_view_id app_id bot_id"""
COMMAND = """token team_id team_domain channel_id channel_name user_id user_name command text response_url trigger_id
    api_app_id is_enterprise_install"""

ANSWERS: dict[str, tuple[Callable[[SimSlack, WebClient], Any], str]] = {
    "auth.test": (lambda _, client: client.auth_test().data, "ok url team user team_id user_id bot_id"),
    "chat.postMessage": (lambda _, client: notice(client).data, "ok channel ts message"),
    "chat.update": (edited, "ok channel ts text message"),
    "conversations.history": (first_page, "ok messages has_more pin_count response_metadata"),
    "a thread's root": (
        lambda *all: reply(*all)[0],
        "type user text ts thread_ts reply_count latest_reply reply_users",
    ),
    "a reply": (lambda *all: reply(*all)[1], "type user text ts thread_ts parent_user_id"),
    "conversations.open": (direct, "id created is_im user is_open"),
    "users.info": (
        lambda _, client: client.users_info(user=ADA)["user"],
        "id team_id name deleted real_name tz tz_label tz_offset profile is_bot updated",
    ),
    "a user's profile": (
        lambda _, client: client.users_lookupByEmail(email="ada@example.com")["user"]["profile"],
        "real_name display_name email team",
    ),
    "views.open": (
        opened_view,
        VIEW,
    ),
}


@pytest.mark.parametrize("case", ANSWERS, ids=list(ANSWERS))
def test_an_answer_has_the_documented_fields_of(slack: SimSlack, client: WebClient, case: str) -> None:
    ask, fields = ANSWERS[case]
    assert set(fields.split()) <= set(ask(slack, client))


def a_click(slack: SimSlack, client: WebClient) -> Any:
    notice(client)
    sent = only(slack.messages(CHANNEL))
    element = next(payloads.elements(sent.blocks))
    payload = payloads.clicked(slack.workspace, slack.users[ADA], element, {})
    return payloads.on_message(slack.workspace, sent, "http://127.0.0.1/actions", payload)


def a_submission(slack: SimSlack, client: WebClient) -> Any:
    opened_view(slack, client)
    return payloads.submitted(slack.workspace, slack.users[ADA], slack.modal(ADA), {})


def a_command(slack: SimSlack, client: WebClient) -> Any:
    said = ("/fleetkeeper", "status", CHANNEL)
    return payloads.command(slack.workspace, slack.users[ADA], said, "http://127.0.0.1/actions")


def an_event(slack: SimSlack, client: WebClient) -> Any:
    return payloads.home_opened(slack.workspace, slack.users[ADA])


PAYLOADS: dict[str, tuple[Callable[[SimSlack, WebClient], Any], str]] = {
    "block_actions": (
        a_click,
        "type team user api_app_id token container trigger_id channel message response_url actions state enterprise",
    ),
    "the action in it": (
        lambda *all: a_click(*all)["actions"][0],
        "type block_id action_id text value action_ts",
    ),
    "view_submission": (a_submission, "type team user api_app_id token trigger_id view response_urls enterprise"),
    "a slash command": (
        a_command,
        COMMAND,
    ),
    "an event": (an_event, "token team_id api_app_id event type event_id event_time authorizations"),
    "app_home_opened": (lambda *all: an_event(*all)["event"], "type user channel tab event_ts"),
}


@pytest.mark.parametrize("case", PAYLOADS, ids=list(PAYLOADS))
def test_a_payload_has_the_documented_fields_of(slack: SimSlack, client: WebClient, case: str) -> None:
    make, fields = PAYLOADS[case]
    assert set(fields.split()) <= set(make(slack, client))
