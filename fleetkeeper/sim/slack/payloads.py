"""What Slack sends to an app: interactions, slash commands and events, in the shapes that it documents.

docs.slack.dev/reference/interaction-payloads/block_actions-payload and /view-interactions-payload,
docs.slack.dev/interactivity/implementing-slash-commands, docs.slack.dev/apis/events-api (read 2026-11-21).
"""

from collections.abc import Iterator
from typing import Any

from fleetkeeper.sim.slack import blocks as block_kit
from fleetkeeper.sim.slack.shapes import message_json
from fleetkeeper.sim.slack.values import Json, Kind, Person, Sent, Shown
from fleetkeeper.sim.slack.workspace import APP, BOT_USER, DOMAIN, TEAM, Workspace

VERIFICATION = "not-a-secret"
"""The deprecated token in every payload: signatures took its place."""

_COPIED = ("text", "value", "style")
"""Fields of an element that come back in its action."""


def clicked(workspace: Workspace, person: Person, element: Json, chosen: Json) -> Json:
    """What every block_actions payload has. chosen: selected_date and the like, of an element that is no button."""
    copied = {name: element[name] for name in _COPIED if name in element}
    ids = {"type": element["type"], "action_id": element["action_id"], "block_id": element["block_id"]}
    action = {**ids, **copied, **chosen, "action_ts": workspace.ts()}
    return {"type": "block_actions", **_common(workspace, person), "state": {"values": {}}, "actions": [action]}


def on_message(workspace: Workspace, sent: Sent, link: str, payload: Json) -> Json:
    """Of a click in a message. link: the first part of a response URL."""
    channel = workspace.channels[sent.channel]
    names = {Kind.IM: "directmessage", Kind.PRIVATE: "privategroup"}
    container = {"type": "message", "message_ts": sent.ts, "channel_id": channel.id, "is_ephemeral": False}
    if sent.thread_ts:
        container["thread_ts"] = sent.thread_ts
    url = workspace.triggers.response_url(channel.id, payload["user"]["id"], sent.ts)
    where = {"id": channel.id, "name": names.get(channel.kind, channel.name)}
    shown = message_json(sent, channel, with_metadata=True)
    return {**payload, "container": container, "channel": where, "message": shown, "response_url": f"{link}/{url}"}


def on_view(shown: Shown, payload: Json) -> Json:
    """Of a click in a modal or on a home tab: there is no response URL."""
    return {**payload, "container": {"type": "view", "view_id": shown.id}, "view": shown.view}


def submitted(workspace: Workspace, person: Person, shown: Shown, values: Json) -> Json:
    view = {**shown.view, "state": {"values": values}}
    return {"type": "view_submission", **_common(workspace, person), "view": view, "response_urls": []}


def command(workspace: Workspace, person: Person, said: tuple[str, str, str], link: str) -> Json:
    """said: the command with its slash, what stands behind it, and the channel's id."""
    name, text, where = said
    channel = workspace.channels[where]
    url = workspace.triggers.response_url(channel.id, person.id, "")
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "team_domain": DOMAIN,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.kind == Kind.IM else channel.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": name,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": f"{link}/{url}",
        "trigger_id": workspace.triggers.trigger(person.id),
    }


def home_opened(workspace: Workspace, person: Person) -> Json:
    event: Json = {"type": "app_home_opened", "user": person.id, "channel": workspace.direct(person.id).id}
    event |= {"tab": "home", "event_ts": workspace.ts()}
    before = workspace.home(person.id)
    return called_back(workspace, event | ({"view": before.view} if before is not None else {}))


def called_back(workspace: Workspace, event: Json) -> Json:
    """An event as the Events API wraps it."""
    who = {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True, "is_enterprise_install": False}
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.id("Ev"),
        "event_time": int(workspace.now().timestamp()),
        "authorizations": [who],
        "is_ext_shared_channel": False,
    }


def elements(blocks: Any) -> Iterator[Json]:
    """The interactive elements of blocks, each with the id of its block."""
    for block in blocks:
        for _, element in block_kit.elements(block):
            yield {**element, "block_id": block["block_id"]}


def _common(workspace: Workspace, person: Person) -> Json:
    return {
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team or TEAM},
        "api_app_id": APP,
        "token": VERIFICATION,
        "trigger_id": workspace.triggers.trigger(person.id),
        "team": {"id": TEAM, "domain": DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }
