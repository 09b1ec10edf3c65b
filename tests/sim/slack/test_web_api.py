"""The Web API of the simulated Slack, called by the official client: answers, refusals, scopes, tokens."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk import WebClient

from fleetkeeper.sim.slack.values import TokenState
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import (
    ADA,
    CHANNEL,
    client,
    client_of,
    notice,
    only,
    refusal,
    section,
    slack,
)

__all__ = ["client", "slack"]


# ---- posting


def test_a_post_is_answered_with_its_channel_its_ts_and_the_message(slack: SimSlack, client: WebClient) -> None:
    said = notice(client)
    sent = only(slack.messages(CHANNEL))
    assert (said["channel"], said["ts"], said["message"]["text"]) == (CHANNEL, sent.ts, "Move 3 Ingresses")
    assert said["message"]["bot_id"]
    assert all(block["block_id"] for block in said["message"]["blocks"])
    assert slack.notices() == {"n1": [sent]}


def test_the_name_of_a_public_channel_is_as_good_as_its_id(slack: SimSlack, client: WebClient) -> None:
    assert client.chat_postMessage(channel="#payments", text="hello")["channel"] == CHANNEL


def test_a_post_to_a_user_is_a_direct_message_with_an_id_of_its_own(slack: SimSlack, client: WebClient) -> None:
    said = client.chat_postMessage(channel=ADA, text="hello")
    assert said["channel"].startswith("D")
    assert client.conversations_open(users=ADA)["channel"] == {"id": said["channel"]}
    assert only(slack.messages(ADA)).text == "hello"


def test_a_deactivated_user_still_takes_direct_messages_without_a_word(slack: SimSlack, client: WebClient) -> None:
    slack.delete_user(ADA)
    assert client.chat_postMessage(channel=ADA, text="hello")["ok"]
    assert refusal(client.conversations_open, users=ADA)["error"] == "user_disabled"


def test_a_reply_to_a_reply_lands_in_the_thread_itself(slack: SimSlack, client: WebClient) -> None:
    root = client.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    reply = client.chat_postMessage(channel=CHANNEL, text="one", thread_ts=root)["ts"]
    client.chat_postMessage(channel=CHANNEL, text="two", thread_ts=reply)
    assert [each.thread_ts for each in slack.messages(CHANNEL)] == ["", root, root]


def test_a_text_is_cut_at_forty_thousand_characters(slack: SimSlack, client: WebClient) -> None:
    client.chat_postMessage(channel=CHANNEL, text="x" * 40_001)
    assert len(only(slack.messages(CHANNEL)).text) == 40_000


def archived(slack: SimSlack) -> str:
    slack.archive(CHANNEL)
    return CHANNEL


def gone(slack: SimSlack) -> str:
    slack.delete_channel(CHANNEL)
    return CHANNEL


def unheard_of(slack: SimSlack) -> str:
    return "C0NOWHERE00"


def private(slack: SimSlack) -> str:
    return slack.add_channel("secrets", private=True, member=False).id


PLACES: dict[str, tuple[Callable[[SimSlack], str], str]] = {
    "an archived channel": (archived, "is_archived"),
    "a channel that was deleted": (gone, "channel_not_found"),
    "a channel that never was": (unheard_of, "channel_not_found"),
    "a private channel that the app is not in": (private, "channel_not_found"),
}


@pytest.mark.parametrize("case", PLACES, ids=list(PLACES))
def test_nothing_is_posted_to(slack: SimSlack, client: WebClient, case: str) -> None:
    place, code = PLACES[case]
    assert refusal(client.chat_postMessage, channel=place(slack), text="x") == {"ok": False, "error": code}
    assert slack.notices() == {}


def test_a_public_channel_without_the_app_takes_posts_only_by_a_scope_of_its_own(slack: SimSlack) -> None:
    place = slack.add_channel("general", member=False).id
    assert client_of(slack).chat_postMessage(channel=place, text="x")["ok"]
    slack.workspace.tokens.allow("chat:write")
    assert refusal(client_of(slack).chat_postMessage, channel=place, text="x")["error"] == "not_in_channel"


ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing to say": ({}, "no_text"),
    "blocks that are no JSON": ({"blocks": "[{"}, "invalid_blocks_format"),
    "blocks that are no list": ({"blocks": {"type": "divider"}}, "invalid_blocks_format"),
    "metadata without a type": ({"text": "x", "metadata": {"event_payload": {}}}, "invalid_metadata_format"),
    "metadata without a payload": ({"text": "x", "metadata": {"event_type": "t"}}, "invalid_metadata_schema"),
    "metadata beyond its limit": (
        {"text": "x", "metadata": {"event_type": "t", "event_payload": {"a": "x" * 16_000}}},
        "metadata_too_large",
    ),
    "blocks with too much text together": (
        {"text": "x", "blocks": [section("x" * 2900) for _ in range(5)]},
        "msg_blocks_too_long",
    ),
}


@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")
@pytest.mark.parametrize("case", ARGUMENTS, ids=list(ARGUMENTS))
def test_what_makes_no_message_is_refused(slack: SimSlack, client: WebClient, case: str) -> None:
    arguments, code = ARGUMENTS[case]
    assert refusal(client.chat_postMessage, channel=CHANNEL, **arguments)["error"] == code
    assert slack.messages(CHANNEL) == []


# ---- changing


def test_an_edit_keeps_what_is_not_given_and_remembers_what_was_said(slack: SimSlack, client: WebClient) -> None:
    said = notice(client)
    client.chat_update(channel=CHANNEL, ts=said["ts"], text="Done")
    sent = only(slack.messages(CHANNEL))
    assert (sent.text, len(sent.blocks), sent.notice_id) == ("Done", 2, "n1")
    assert [each.text for each in sent.editions] == ["Move 3 Ingresses"]


def test_an_edit_takes_away_blocks_and_metadata_that_are_given_empty(slack: SimSlack, client: WebClient) -> None:
    said = notice(client)
    changed = client.chat_update(channel=CHANNEL, ts=said["ts"], text="Done", blocks=[], metadata={})
    assert not {"blocks", "metadata"} & changed["message"].keys()
    assert only(slack.messages(CHANNEL)).notice_id == ""


def test_only_an_edit_of_text_alone_shows_as_edited(slack: SimSlack, client: WebClient) -> None:
    said = notice(client)
    with_blocks = client.chat_update(channel=CHANNEL, ts=said["ts"], text="a", blocks=[section("a")])
    without = client.chat_update(channel=CHANNEL, ts=said["ts"], text="b", blocks=[])
    assert ["edited" in each["message"] for each in (with_blocks, without)] == [False, True]


def vanish(slack: SimSlack, ts: str) -> str:
    slack.workspace.delete(only(slack.messages(CHANNEL)))
    return ts


def by_a_person(slack: SimSlack, ts: str) -> str:
    return slack.say(ADA, CHANNEL, "mine").ts


def closed_window(slack: SimSlack, ts: str) -> str:
    slack.workspace.edit_window = -1.0
    return ts


def with_the_channel(slack: SimSlack, ts: str) -> str:
    slack.archive(CHANNEL)
    return ts


CHANGED: dict[str, tuple[Callable[[SimSlack, str], str], str]] = {
    "a message that was deleted": (vanish, "message_not_found"),
    "a message of a person": (by_a_person, "cant_update_message"),
    "a message that is too old by the workspace's settings": (closed_window, "edit_window_closed"),
    "a message of an archived channel": (with_the_channel, "is_inactive"),
}


@pytest.mark.parametrize("case", CHANGED, ids=list(CHANGED))
def test_no_edit_changes(slack: SimSlack, client: WebClient, case: str) -> None:
    spoil, code = CHANGED[case]
    ts = spoil(slack, notice(client)["ts"])
    assert refusal(client.chat_update, channel=CHANNEL, ts=ts, text="Done")["error"] == code


def test_the_text_of_an_edit_has_a_limit_of_its_own(slack: SimSlack, client: WebClient) -> None:
    ts = notice(client)["ts"]
    assert refusal(client.chat_update, channel=CHANNEL, ts=ts, text="x" * 4001)["error"] == "msg_too_long"


def test_a_direct_message_is_edited_by_its_own_channel_not_by_its_user(slack: SimSlack, client: WebClient) -> None:
    said = client.chat_postMessage(channel=ADA, text="hello")
    assert refusal(client.chat_update, channel=ADA, ts=said["ts"], text="x")["error"] == "channel_not_found"
    assert client.chat_update(channel=said["channel"], ts=said["ts"], text="x")["ok"]


def test_a_permalink_of_a_reply_names_its_thread(slack: SimSlack, client: WebClient) -> None:
    root = client.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    reply = client.chat_postMessage(channel=CHANNEL, text="one", thread_ts=root)["ts"]
    link = client.chat_getPermalink(channel=CHANNEL, message_ts=reply)["permalink"]
    assert (
        link == f"https://fleet.slack.com/archives/{CHANNEL}/p{reply.replace('.', '')}?thread_ts={root}&cid={CHANNEL}"
    )
    assert refusal(client.chat_getPermalink, channel=CHANNEL, message_ts="1.1")["error"] == "message_not_found"


def test_a_whisper_is_for_one_who_is_in_the_channel(slack: SimSlack, client: WebClient) -> None:
    assert refusal(client.chat_postEphemeral, channel=CHANNEL, user=ADA, text="x")["error"] == "user_not_in_channel"
    slack.workspace.channels[CHANNEL].members.add(ADA)
    assert client.chat_postEphemeral(channel=CHANNEL, user=ADA, text="not yours")["message_ts"]
    assert [each.text for each in slack.whispers(ADA)] == ["not yours"]
    assert slack.messages(CHANNEL) == []


# ---- people


def test_a_person_is_found_by_id_and_by_address(slack: SimSlack, client: WebClient) -> None:
    by_id, by_email = client.users_info(user=ADA)["user"], client.users_lookupByEmail(email="Ada@Example.com")["user"]
    assert {**by_id, "updated": 0} == {**by_email, "updated": 0}  # which is the second of the call
    assert (by_id["profile"]["email"], by_id["tz"], by_id["deleted"]) == ("ada@example.com", "Europe/Berlin", False)


def test_a_deactivated_person_is_known_by_id_and_not_by_address(slack: SimSlack, client: WebClient) -> None:
    slack.delete_user(ADA)
    assert client.users_info(user=ADA)["user"]["deleted"] is True
    assert refusal(client.users_lookupByEmail, email="ada@example.com")["error"] == "users_not_found"
    assert refusal(client.users_info, user="U0NOBODY000")["error"] == "user_not_found"


def test_the_address_is_left_out_without_its_scope(slack: SimSlack, client: WebClient) -> None:
    slack.workspace.tokens.allow("users:read")
    assert "email" not in client.users_info(user=ADA)["user"]["profile"]


def test_a_group_and_do_not_disturb_have_scopes_that_the_manifest_does_not_ask_for(slack: SimSlack) -> None:
    slack.workspace.groups["S0TEAM00001"] = (ADA,)
    slack.users[ADA].quiet = (10, 20)
    asked = client_of(slack)
    assert refusal(asked.usergroups_users_list, usergroup="S0TEAM00001")["needed"] == "usergroups:read"
    assert refusal(asked.dnd_teamInfo, users=[ADA])["needed"] == "dnd:read"
    slack.workspace.tokens.allow("usergroups:read", "dnd:read")
    assert asked.usergroups_users_list(usergroup="S0TEAM00001")["users"] == [ADA]
    assert refusal(asked.usergroups_users_list, usergroup="S0NONE")["error"] == "no_such_subteam"
    quiet = {"dnd_enabled": True, "next_dnd_start_ts": 10, "next_dnd_end_ts": 20}
    assert asked.dnd_teamInfo(users=[ADA, "U0NOBODY000"])["users"] == {ADA: quiet}
    assert refusal(asked.dnd_teamInfo, users=[f"U{n}" for n in range(51)])["error"] == "too_many_users"


# ---- tokens and scopes


def test_a_missing_scope_is_named_with_those_that_are_there(slack: SimSlack, client: WebClient) -> None:
    slack.workspace.tokens.allow("users:read", "commands")
    assert refusal(client.chat_postMessage, channel=CHANNEL, text="x") == {
        "ok": False,
        "error": "missing_scope",
        "needed": "chat:write",
        "provided": "commands,users:read",
    }


@pytest.mark.parametrize("state", [TokenState.REVOKED, TokenState.EXPIRED, TokenState.INACTIVE], ids=lambda s: s.value)
def test_a_spoilt_token_is_refused_everywhere_with(slack: SimSlack, client: WebClient, state: TokenState) -> None:
    slack.workspace.tokens.spoil(state)
    calls: list[tuple[Any, dict[str, Any]]] = [
        (client.auth_test, {}),
        (client.chat_postMessage, {"channel": CHANNEL, "text": "x"}),
    ]
    assert {refusal(call, **arguments)["error"] for call, arguments in calls} == {state.value}


def test_a_rotated_token_leaves_the_old_one_worthless(slack: SimSlack, client: WebClient) -> None:
    assert client_of(slack, slack.rotate()).auth_test()["bot_id"]
    assert refusal(client.auth_test)["error"] == "invalid_auth"


def test_the_kind_of_token_matters(slack: SimSlack, client: WebClient) -> None:
    assert refusal(client.apps_connections_open, app_token=slack.bot_token)["error"] == "not_allowed_token_type"
    app_level = client_of(slack, slack.app_token)
    assert refusal(app_level.chat_postMessage, channel=CHANNEL, text="x")["error"] == "not_allowed_token_type"
    assert client.apps_connections_open(app_token=slack.app_token)["url"].startswith("ws://127.0.0.1:")


def test_a_call_without_a_token_or_to_no_method_is_refused(slack: SimSlack, client: WebClient) -> None:
    assert refusal(WebClient("", base_url=slack.api_url, retry_handlers=[]).auth_test)["error"] == "not_authed"
    assert refusal(client.api_call, api_method="chat.shout")["error"] == "unknown_method"


def test_a_form_says_the_same_as_json(slack: SimSlack) -> None:
    fields = {"token": slack.bot_token, "channel": CHANNEL, "text": "x", "blocks": json.dumps([section("x")])}
    request = urllib.request.Request(f"{slack.api_url}chat.postMessage", urlencode(fields).encode())
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response)["ok"]
    assert only(slack.messages(CHANNEL)).blocks[0]["text"] == {"type": "mrkdwn", "text": "x"}


def test_what_was_called_is_counted_with_its_error(slack: SimSlack, client: WebClient) -> None:
    notice(client)
    refusal(client.chat_postMessage, channel="C0NOWHERE00", text="x")
    assert slack.calls() == {("chat.postMessage", ""): 1, ("chat.postMessage", "channel_not_found"): 1}
