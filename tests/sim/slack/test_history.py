"""What an app reads of a channel: pages, bounds, threads, metadata, and the scope that it needs for it."""

import pytest
from slack_sdk import WebClient

from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import ADA, CHANNEL, client, notice, refusal, slack

__all__ = ["client", "slack"]


def test_the_newest_comes_first_and_replies_stay_in_their_thread(slack: SimSlack, client: WebClient) -> None:
    root = client.chat_postMessage(channel=CHANNEL, text="one")["ts"]
    client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=root)
    client.chat_postMessage(channel=CHANNEL, text="two")
    messages = client.conversations_history(channel=CHANNEL)["messages"]
    assert [each["text"] for each in messages] == ["two", "one"]
    assert messages[1]["reply_count"] == 1
    replies = client.conversations_replies(channel=CHANNEL, ts=root)["messages"]
    assert [each["text"] for each in replies] == ["one", "reply"]


def test_metadata_is_told_only_when_asked_for(slack: SimSlack, client: WebClient) -> None:
    notice(client, id="n7")
    plain = client.conversations_history(channel=CHANNEL)["messages"][0]
    whole = client.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"][0]
    assert "metadata" not in plain
    assert whole["metadata"] == {"event_type": "fleetkeeper_notice", "event_payload": {"notice_id": "n7"}}


def test_pages_follow_one_another_also_while_more_is_posted(slack: SimSlack, client: WebClient) -> None:
    for number in range(5):
        client.chat_postMessage(channel=CHANNEL, text=str(number))
    first = client.conversations_history(channel=CHANNEL, limit=2)
    client.chat_postMessage(channel=CHANNEL, text="late")
    seen = [each["text"] for each in first["messages"]]
    page = first
    while page["has_more"]:
        page = client.conversations_history(channel=CHANNEL, limit=2, cursor=page["response_metadata"]["next_cursor"])
        seen += [each["text"] for each in page["messages"]]
    assert seen == ["4", "3", "2", "1", "0"]
    assert refusal(client.conversations_history, channel=CHANNEL, cursor="bm9uZQ==")["error"] == "invalid_cursor"


def test_bounds_are_outside_unless_they_are_said_to_be_inside(slack: SimSlack, client: WebClient) -> None:
    one, two, three = (client.chat_postMessage(channel=CHANNEL, text=t)["ts"] for t in ("one", "two", "three"))

    def texts(inclusive: bool) -> list[str]:
        page = client.conversations_history(channel=CHANNEL, oldest=one, latest=three, inclusive=inclusive)
        return [each["text"] for each in page["messages"]]

    assert (texts(False), texts(True)) == (["two"], ["three", "two", "one"])
    assert two
    assert refusal(client.conversations_history, channel=CHANNEL, oldest="then")["error"] == "invalid_ts_oldest"


def test_a_channel_without_the_app_tells_it_nothing(slack: SimSlack, client: WebClient) -> None:
    place = slack.add_channel("general", member=False).id
    assert refusal(client.conversations_history, channel=place)["error"] == "not_in_channel"


SCOPES = {"a public channel": "channels:history", "a private one": "groups:history", "direct messages": "im:history"}


@pytest.mark.parametrize("kind", SCOPES, ids=list(SCOPES))
def test_each_kind_of_channel_needs_a_scope_of_its_own(slack: SimSlack, client: WebClient, kind: str) -> None:
    places = {
        "a public channel": CHANNEL,
        "a private one": slack.add_channel("secrets", private=True).id,
        "direct messages": client.conversations_open(users=ADA)["channel"]["id"],
    }
    others = set(SCOPES.values()) - {SCOPES[kind]}
    slack.workspace.tokens.allow(*others)
    said = refusal(client.conversations_history, channel=places[kind])
    assert (said["error"], said["needed"]) == ("missing_scope", SCOPES[kind])
    slack.workspace.tokens.allow(SCOPES[kind])
    assert client.conversations_history(channel=places[kind])["messages"] == []


def test_a_channel_is_described_only_with_the_right_to_list_channels(slack: SimSlack, client: WebClient) -> None:
    assert refusal(client.conversations_info, channel=CHANNEL)["error"] == "missing_scope"
    slack.workspace.tokens.allow("channels:read", "im:read", "im:write")
    slack.archive(CHANNEL)
    shown = client.conversations_info(channel=CHANNEL)["channel"]
    assert (shown["name"], shown["is_archived"], shown["is_member"]) == ("payments", True, True)
    direct = client.conversations_open(users=ADA, return_im=True)["channel"]
    assert (direct["is_im"], direct["user"]) == (True, ADA)
