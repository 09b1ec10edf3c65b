"""Modals and home tabs as Slack checks and keeps them.

docs.slack.dev/reference/views/modal-views and /home-tab-views (read 2026-11-21): 100 blocks; titles and buttons of 24
characters; private_metadata of 3,000; callback_id and external_id of 255; a view of at most 250 kB.
"""

import json
from collections.abc import Iterator
from typing import Any

from fleetkeeper.sim.slack.block_texts import Rule, flag, string, text
from fleetkeeper.sim.slack.blocks import VIEW_BLOCKS, mistakes
from fleetkeeper.sim.slack.values import ApiError, Json

LARGEST = 250_000  # bytes of JSON

_COMMON: dict[str, Rule] = {
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}
_MODAL: dict[str, Rule] = {
    "title": text(24, plain=True),
    "submit": text(24, plain=True),
    "close": text(24, plain=True),
    "clear_on_close": flag(),
    "notify_on_close": flag(),
    "submit_disabled": flag(),
}


def checked(view: Any, kinds: tuple[str, ...]) -> Json:
    """The view, where Slack would take it; ApiError invalid_arguments with what is wrong, or view_too_large."""
    if not isinstance(view, dict):
        raise ApiError("invalid_arguments", response_metadata={"messages": ["[ERROR] must provide an object"]})
    if len(json.dumps(view)) > LARGEST:
        raise ApiError("view_too_large")
    wrong = tuple(_mistakes(view, kinds))
    if wrong:
        raise ApiError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {each}" for each in wrong]})
    return view


def _mistakes(view: Json, kinds: tuple[str, ...]) -> Iterator[str]:
    kind = view.get("type")
    if kind not in kinds:
        yield "must be a valid enum value [json-pointer:/view/type]"
        return
    known = {**_COMMON, **(_MODAL if kind == "modal" else {})}
    needed = ("title", "blocks") if kind == "modal" else ("blocks",)
    yield from (f"missing required field: {name} [json-pointer:/view]" for name in needed if view.get(name) is None)
    for name, value in view.items():
        if name in ("type", "blocks"):
            continue
        if name not in known:
            yield f"invalid additional property: {name} [json-pointer:/view]"
        elif value is not None:
            yield from known[name](value, f"/view/{name}")
    yield from mistakes(view.get("blocks", []), "/view/blocks", VIEW_BLOCKS)
    if kind == "modal" and not view.get("submit") and any(inputs(view)):
        yield "a submit button is required when there is an input block [json-pointer:/view/submit]"


def inputs(view: Json) -> Iterator[Json]:
    """The blocks that a person fills in."""
    blocks = view.get("blocks")
    for block in blocks if isinstance(blocks, list | tuple) else ():
        if isinstance(block, dict) and block.get("type") == "input":
            yield block


_VALUE_OF = {
    "plain_text_input": ("value", "initial_value"),
    "datepicker": ("selected_date", "initial_date"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
}
"""By type of an element: the field that carries what was entered, and the one with what it starts with."""

_OPTIONS = ("selected_option", "selected_options")


def entered(element: Json, given: Any) -> Json:
    """What the payload says of an element: given, or what it started with. Options are given by value."""
    name, initial = _VALUE_OF[element["type"]]
    value = element.get(initial) if given is None else given
    if given is not None and name in _OPTIONS:
        value = _chosen(element, given)
    return {"type": element["type"], name: [] if value is None and name == "selected_options" else value}


def is_empty(said: Json) -> bool:
    """Whether nothing was entered."""
    return all(not value for key, value in said.items() if key != "type")


def _chosen(element: Json, given: Any) -> Any:
    options = [*element.get("options", ()), *(o for g in element.get("option_groups", ()) for o in g["options"])]
    by_value = {option["value"]: option for option in options}
    wanted = given if isinstance(given, list | tuple) else (given,)
    unknown = [each for each in wanted if each not in by_value]
    if unknown:
        raise LookupError(f"{element.get('action_id')} has no option {unknown[0]!r}; it has {', '.join(by_value)}")
    found = [by_value[each] for each in wanted]
    return found if isinstance(given, list | tuple) else found[0]
