"""chat.*: posting, changing, whispering.

docs.slack.dev/reference/methods/chat.postMessage and chat.update (as of slack-ruby/slack-api-ref, 2026-08-20).
"""

import json
from typing import Any

from fleetkeeper.sim.slack import blocks as block_kit
from fleetkeeper.sim.slack.methods.call import Call
from fleetkeeper.sim.slack.shapes import message_json, permalink_of
from fleetkeeper.sim.slack.values import ApiError, Channel, Json, Sent, Whisper
from fleetkeeper.sim.slack.workspace import BOT_USER

LONGEST_POST = 40_000
"""Characters: "Slack will truncate messages containing more than 40,000 characters" (the page of chat.postMessage)."""
LONGEST_EDIT = 4_000
"""Characters: chat.update answers msg_too_long beyond."""
LARGEST_METADATA = 16_000
"""Bytes of JSON; the limit exists (metadata_too_large) and is not documented: this one is ours."""


def post_message(call: Call) -> Json:
    """A user's id as the channel opens the direct messages with them; those of a deactivated user take messages
    without a word (slackapi/python-slack-sdk#1156). A reply to a reply lands in the thread itself.
    """
    workspace, channel = call.workspace, _writable(call)
    said = {
        "text": call.text("text")[:LONGEST_POST],
        "blocks": _blocks(call),
        "metadata": _metadata(call),
        "thread_ts": _thread(call, channel),
        "unfurl": {name: call.flag(name) for name in ("unfurl_links", "unfurl_media") if call.text(name)},
    }
    if not said["text"] and not said["blocks"]:
        raise ApiError("no_text")
    sent = workspace.post(channel, said)
    return {"channel": channel.id, "ts": sent.ts, "message": message_json(sent, channel)}


def post_ephemeral(call: Call) -> Json:
    """For one person who is in the channel."""
    channel = _writable(call)
    if call.text("user") not in channel.members:
        raise ApiError("user_not_in_channel")
    text, blocks = call.text("text"), _blocks(call)
    if not text and not blocks:
        raise ApiError("no_text")
    if len(text) > LONGEST_POST:
        raise ApiError("msg_too_long")
    call.workspace.whisper(Whisper(channel.id, call.text("user"), text, blocks, "chat.postEphemeral"))
    return {"message_ts": call.workspace.ts()}


def update(call: Call) -> Json:
    """Blocks, and metadata, that are not given stay as they are; an empty list, or object, takes them away."""
    channel = call.channel()
    sent = call.workspace.message(channel, call.text("ts"))
    if sent is None:
        raise ApiError("message_not_found")
    _editable(call, channel, sent)
    text, blocks = call.text("text"), sent.blocks
    if len(text) > LONGEST_EDIT:
        raise ApiError("msg_too_long")
    if call.arguments.get("blocks") is not None:
        blocks = _blocks(call)
    if not text and not blocks:
        raise ApiError("no_text")
    if call.arguments.get("metadata") is not None:
        sent.metadata = _metadata(call)
    call.workspace.edit(sent, text or sent.text, blocks)
    return {"channel": channel.id, "ts": sent.ts, "text": sent.text, "message": message_json(sent, channel)}


def permalink(call: Call) -> Json:
    channel = call.channel()
    sent = call.workspace.message(channel, call.text("message_ts"))
    if sent is None:
        raise ApiError("message_not_found")
    return {"channel": channel.id, "permalink": permalink_of(sent)}


def _writable(call: Call) -> Channel:
    """Where the app may post: any channel that it is in, and with chat:write.public any public one."""
    person = call.workspace.people.get(call.text("channel"))
    if person is not None and not person.is_bot:
        return call.workspace.direct(person.id)
    channel = call.channel()
    if channel.archived:
        raise ApiError("is_archived")
    if BOT_USER not in channel.members and "chat:write.public" not in call.token.scopes:
        raise ApiError("not_in_channel")
    return channel


def _editable(call: Call, channel: Channel, sent: Sent) -> None:
    if not sent.app:
        raise ApiError("cant_update_message")
    if channel.archived:
        raise ApiError("is_inactive")
    window, now = call.workspace.edit_window, call.workspace.now().timestamp()
    if window is not None and now - float(sent.ts) > window:
        raise ApiError("edit_window_closed")


def _blocks(call: Call) -> tuple[Json, ...]:
    given: Any = call.json("blocks", "invalid_blocks_format")
    if given is None:
        return ()
    if not isinstance(given, list):
        raise ApiError("invalid_blocks_format")
    wrong = block_kit.mistakes(given)
    if wrong:
        messages = [f"[ERROR] {each}" for each in wrong]
        raise ApiError("invalid_blocks", errors=list(wrong), response_metadata={"messages": messages})
    if block_kit.length(given) > block_kit.ALL_TEXT:
        raise ApiError("msg_blocks_too_long")
    return block_kit.settled(given, lambda: call.workspace.id("b"))


def _metadata(call: Call) -> Json | None:
    given: Any = call.json("metadata", "invalid_metadata_format")
    if not given:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    if not isinstance(given.get("event_payload"), dict):
        raise ApiError("invalid_metadata_schema")
    if len(json.dumps(given)) > LARGEST_METADATA:
        raise ApiError("metadata_too_large")
    return {"event_type": given["event_type"], "event_payload": given["event_payload"]}


def _thread(call: Call, channel: Channel) -> str:
    """The thread's root; one that was deleted, or never was, keeps its thread."""
    asked = call.text("thread_ts")
    parent = call.workspace.message(channel, asked)
    return (parent.thread_ts or parent.ts) if parent is not None else asked
