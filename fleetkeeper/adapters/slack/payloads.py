"""Slack's JSON of what people did as Clicks, read strictly, and Replies as the JSON of an acknowledgement.

Shapes: docs.slack.dev/reference/interaction-payloads, .../interactivity/implementing-slash-commands and
.../reference/events/app_home_opened (read 2026-11-21). Nothing of a payload that is refused is repeated: it has tokens.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from fleetkeeper.core.interacting.values import Click, ClickKind, Reply
from fleetkeeper.core.messages.message import View
from fleetkeeper.errors import InvalidAnswer

Payload = Mapping[str, Any]

_LONGEST = (
    4000  # of any text that we take: Slack's own limits are 2,000 for a button's value, 3,000 for what a view carries
)


def click_of(kind: str, payload: Payload) -> Click | None:
    """The click in an envelope of Socket Mode: interactive, slash_commands, events_api. None for what needs no answer.

    Raises InvalidAnswer for what Slack does not send.
    """
    match kind:
        case "interactive":
            return _interactive(payload)
        case "slash_commands":
            return _slash(payload)
        case "events_api":
            return _event(payload)
    return None


def form_of(body: bytes) -> tuple[str, Payload]:
    """The kind and the payload of a form that Slack posted, as an envelope would have them."""
    try:
        found = parse_qs(body.decode(), strict_parsing=True, max_num_fields=50)
    except ValueError as error:
        raise InvalidAnswer("a request is no form of UTF-8") from error
    form = {key: values[0] for key, values in found.items()}
    if "payload" in form:
        return "interactive", json_of(form["payload"])
    return "slash_commands", form


def json_of(text: str | bytes) -> Payload:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidAnswer("a request has no JSON") from error
    if not isinstance(found, dict):
        raise InvalidAnswer("a request has JSON that is no object")
    return found


def acknowledgement(reply: Reply) -> Payload:
    """What goes with the acknowledgement; empty where nothing does."""
    if reply.errors:
        return {"response_action": "errors", "errors": dict(reply.errors)}
    if reply.instead:
        return {"response_action": "update", "view": view_json(reply.instead)}
    return {"response_type": "ephemeral", "text": reply.text} if reply.text else {}


def view_json(view: View) -> dict[str, Any]:
    found: dict[str, Any] = {"type": view.kind, "blocks": [dict(block) for block in view.blocks]}
    if view.kind == "modal":
        found["title"] = {"type": "plain_text", "text": view.title}
        if view.submit:
            found["submit"] = {"type": "plain_text", "text": view.submit}
    if view.callback:
        found["callback_id"] = view.callback
    if view.private:
        found["private_metadata"] = view.private
    return found


# ---- interactive


def _interactive(payload: Payload) -> Click | None:
    match payload.get("type"):
        case "block_actions":
            return _button(payload)
        case "view_submission":
            return _submission(payload)
    return None  # a shortcut, a view that was closed: nothing of ours asks for it


def _button(payload: Payload) -> Click | None:
    """None for elements that are no buttons of ours: fields that change while a modal is filled in, links."""
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], dict):
        raise InvalidAnswer("a click has not one action")
    action: Payload = actions[0]
    if action.get("type") != "button" or "value" not in action:
        return None
    user, container = _object(payload, "user"), _object(payload, "container", {})
    id, at = _text(user, "id"), _text(action, "action_ts")
    return Click(
        id=" ".join(("button", id, at, _text(action, "block_id", ""), _text(action, "action_id"))),
        kind=ClickKind.BUTTON,
        user=id,
        team=_text(user, "team_id", ""),
        workspace=_team(payload),
        action=_text(action, "action_id"),
        value=_text(action, "value"),
        trigger=_text(payload, "trigger_id", ""),
        channel=_text(_object(payload, "channel", {}), "id", "") or _text(container, "channel_id", ""),
        ts=_text(container, "message_ts", ""),
    )


def _submission(payload: Payload) -> Click:
    user, view = _object(payload, "user"), _object(payload, "view")
    id = _text(view, "id")
    return Click(
        id=f"submit {id} {_text(view, 'hash', '')}",
        kind=ClickKind.SUBMIT,
        user=_text(user, "id"),
        team=_text(user, "team_id", ""),
        workspace=_team(payload),
        action=_text(view, "callback_id"),
        value=_text(view, "private_metadata", ""),
        trigger=_text(payload, "trigger_id", ""),
        fields=_fields(_object(_object(view, "state"), "values")),
    )


def _fields(values: Payload) -> dict[str, str]:
    """Block id → what was entered: of each block its only element."""
    found = {}
    for block, elements in values.items():
        if not isinstance(elements, dict) or len(elements) != 1:
            raise InvalidAnswer("a field of a view has not one element")
        (element,) = elements.values()
        found[block] = _entered(element)
    return found


def _entered(element: object) -> str:
    if not isinstance(element, dict):
        raise InvalidAnswer("a field of a view is no object")
    for key in ("selected_date", "value"):
        if element.get(key) is not None:
            return _text(element, key)
    chosen = element.get("selected_option")
    return _text(chosen, "value") if isinstance(chosen, dict) else ""


# ---- slash and events


def _slash(payload: Payload) -> Click:
    return Click(
        id=f"slash {_text(payload, 'trigger_id')}",
        kind=ClickKind.SLASH,
        user=_text(payload, "user_id"),
        workspace=_text(payload, "team_id", ""),
        action=_text(payload, "command"),
        trigger=_text(payload, "trigger_id"),
        channel=_text(payload, "channel_id", ""),
        text=_text(payload, "text", ""),
    )


def _event(payload: Payload) -> Click | None:
    if payload.get("type") != "event_callback":
        return None
    event = _object(payload, "event")
    if event.get("type") != "app_home_opened" or event.get("tab", "home") != "home":
        return None
    return Click(
        id=f"home {_text(payload, 'event_id')}",
        kind=ClickKind.HOME,
        user=_text(event, "user"),
        workspace=_text(payload, "team_id", ""),
    )


def _team(payload: Payload) -> str:
    """The workspace that it was clicked in; "" where the app is installed for all of an organisation."""
    team = payload.get("team")
    return _text(team, "id", "") if isinstance(team, dict) else ""


def _object(found: Payload, key: str, default: Payload | None = None) -> Payload:
    value = found.get(key, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, dict):
        raise InvalidAnswer(f"{key} is no object")
    return value


def _text(found: Payload, key: str, default: str | None = None) -> str:
    """Without a default it must be there and say something."""
    value = found.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (default is None and not value) or len(value) > _LONGEST:
        raise InvalidAnswer(f"{key} is no text that Slack would send")
    return value
