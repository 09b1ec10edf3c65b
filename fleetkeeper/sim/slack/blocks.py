"""Block Kit as Slack checks it: which blocks and elements there are, their fields, and how large they may be.

docs.slack.dev/reference/block-kit/blocks, /block-elements and /composition-objects (read 2026-11-21). The words of the
mistakes and their JSON pointers are those of real answers, such as "no more than 25 items allowed
[json-pointer:/blocks/1/elements]" (adobe/spacecat-api-service#176); of what nobody quotes the words are ours.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fleetkeeper.sim.slack.block_texts import Rule, anything, choice, each, flag, string, text

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
ALL_TEXT = 13_200
"""Characters in all blocks of a message, from which Slack answers msg_blocks_too_long: not documented, measured in
slackapi/bolt-js#2509 (2025-04)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a block or an element. one_of: of these at least one has to be there."""

    fields: Mapping[str, Rule]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()


def _kind(shapes: Callable[[], Mapping[str, Shape]], common: Mapping[str, Rule]) -> Rule:
    """An object whose `type` chooses its shape; a function, as shapes name one another."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"must be an object [json-pointer:{at}]"
            return
        shape = shapes().get(str(value.get("type", "")))
        if shape is None:
            said = "missing required field: type" if "type" not in value else f"unsupported type: {value['type']}"
            yield f"{said} [json-pointer:{at if 'type' not in value else f'{at}/type'}]"
            return
        yield from _object(shape, common)(value, at)

    return check


def _object(shape: Shape, common: Mapping[str, Rule]) -> Rule:
    known = {**common, **shape.fields, "type": anything()}

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"must be an object [json-pointer:{at}]"
            return
        for name in shape.required:
            if value.get(name) is None:
                yield f"missing required field: {name} [json-pointer:{at}]"
        if shape.one_of and not any(value.get(name) for name in shape.one_of):
            yield f"missing required field: {' or '.join(shape.one_of)} [json-pointer:{at}]"
        for name, found in value.items():
            if name not in known:
                yield f"invalid additional property: {name} [json-pointer:{at}]"
            elif found is not None:
                yield from known[name](found, f"{at}/{name}")

    return check


_OPTION = _object(
    Shape({"text": text(75), "value": string(150), "description": text(75), "url": string(3000)}, ("text", "value")), {}
)
_GROUP = _object(Shape({"label": text(75, plain=True), "options": each(100, _OPTION)}, ("label", "options")), {})
_STYLE = choice("primary", "danger")
_CONFIRM = _object(
    Shape(
        {
            "title": text(100, plain=True),
            "text": text(300),
            "confirm": text(30, plain=True),
            "deny": text(30, plain=True),
            "style": _STYLE,
        },
        ("title", "text", "confirm", "deny"),
    ),
    {},
)
_PLACEHOLDER: Mapping[str, Rule] = {"placeholder": text(150, plain=True)}
_SELECT: Mapping[str, Rule] = {"options": each(100, _OPTION), "option_groups": each(100, _GROUP), **_PLACEHOLDER}
_IMAGE = Shape({"image_url": string(3000), "alt_text": string(2000)}, ("image_url", "alt_text"))

_ELEMENTS: Mapping[str, Shape] = {
    "button": Shape(
        {
            "text": text(75, plain=True),
            "url": string(3000),
            "value": string(2000),
            "style": _STYLE,
            "accessibility_label": string(75),
        },
        ("text",),
    ),
    "static_select": Shape({**_SELECT, "initial_option": _OPTION}, (), ("options", "option_groups")),
    "multi_static_select": Shape(
        {**_SELECT, "initial_options": each(100, _OPTION), "max_selected_items": anything()},
        (),
        ("options", "option_groups"),
    ),
    "users_select": Shape({**_PLACEHOLDER, "initial_user": string(255)}),
    "conversations_select": Shape({**_PLACEHOLDER, "initial_conversation": string(255), "filter": anything()}),
    "channels_select": Shape({**_PLACEHOLDER, "initial_channel": string(255)}),
    "datepicker": Shape({**_PLACEHOLDER, "initial_date": string(10)}),
    "overflow": Shape({"options": each(5, _OPTION)}, ("options",)),
    "checkboxes": Shape({"options": each(10, _OPTION), "initial_options": each(10, _OPTION)}, ("options",)),
    "radio_buttons": Shape({"options": each(10, _OPTION), "initial_option": _OPTION}, ("options",)),
    "plain_text_input": Shape(
        {
            **_PLACEHOLDER,
            "initial_value": string(3000, least=0),
            "multiline": flag(),
            "min_length": anything(),
            "max_length": anything(),
            "dispatch_action_config": anything(),
        }
    ),
}
_ELEMENT_FIELDS: Mapping[str, Rule] = {"action_id": string(255), "confirm": _CONFIRM, "focus_on_load": flag()}

_INTERACTIVE = _kind(
    lambda: {name: shape for name, shape in _ELEMENTS.items() if name != "plain_text_input"}, _ELEMENT_FIELDS
)
_ACCESSORY = _kind(
    lambda: {**{n: s for n, s in _ELEMENTS.items() if n != "plain_text_input"}, "image": _IMAGE}, _ELEMENT_FIELDS
)
_ENTRY = _kind(lambda: {n: s for n, s in _ELEMENTS.items() if n not in ("button", "overflow")}, _ELEMENT_FIELDS)


def _context_element(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict) and value.get("type") == "image":
        yield from _object(_IMAGE, {})(value, at)
    else:
        yield from text(3000)(value, at)


BLOCKS: Mapping[str, Shape] = {
    "section": Shape(
        {"text": text(3000), "fields": each(10, text(2000)), "accessory": _ACCESSORY, "expand": flag()},
        (),
        ("text", "fields"),
    ),
    "header": Shape({"text": text(150, plain=True)}, ("text",)),
    "divider": Shape({}),
    "context": Shape({"elements": each(10, _context_element)}, ("elements",)),
    "actions": Shape({"elements": each(25, _INTERACTIVE)}, ("elements",)),
    "input": Shape(
        {
            "label": text(2000, plain=True),
            "element": _ENTRY,
            "hint": text(2000, plain=True),
            "optional": flag(),
            "dispatch_action": flag(),
        },
        ("label", "element"),
    ),
    "image": Shape({**_IMAGE.fields, "title": text(2000, plain=True)}, _IMAGE.required),
    "markdown": Shape({"text": string(12_000)}, ("text",)),
    "rich_text": Shape({"elements": each(1000, lambda _value, _at: iter(()))}, ("elements",)),
}
"""The blocks that are modelled; Slack has more (video, file, table), and we send none of them."""

_BLOCK = _kind(lambda: BLOCKS, {"block_id": string(255)})


def mistakes(blocks: Any, at: str = "/blocks", most: int = MESSAGE_BLOCKS) -> tuple[str, ...]:
    """What is wrong with blocks, with the pointer to where; () for nothing."""
    if not isinstance(blocks, list):
        return (f"must be an array [json-pointer:{at}]",)
    return (*each(most, _BLOCK, least=0)(blocks, at), *_doubles(blocks, at))


def _doubles(blocks: list[Any], at: str) -> Iterator[str]:
    """Ids that stand twice: of blocks in the message, of actions in their block.

    "block_id should be unique for each message"; "action_id should be unique among all other action_ids in the
    containing block" (the same pages).
    """
    seen: set[str] = set()
    for number, block in enumerate(found if isinstance(found, dict) else {} for found in blocks):
        name = str(block.get("block_id") or "")
        if name and name in seen:
            yield f"`block_id` already exists: {name} [json-pointer:{at}/{number}/block_id]"
        seen.add(name)
        actions: set[str] = set()
        for place, element in elements(block):
            action = str(element.get("action_id") or "")
            if action and action in actions:
                yield f"`action_id` already exists: {action} [json-pointer:{at}/{number}/{place}/action_id]"
            actions.add(action)


def elements(block: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The interactive elements of a block, and where in it they stand."""
    many = block.get("elements")
    found = [(f"elements/{n}", e) for n, e in enumerate(many)] if isinstance(many, list) else []
    found += [(name, block.get(name)) for name in ("accessory", "element")]
    yield from ((place, e) for place, e in found if isinstance(e, dict) and e.get("type") in _ELEMENTS)


def length(blocks: list[Any]) -> int:
    """Characters of text in them."""
    if isinstance(blocks, list):
        return sum(length(each) for each in blocks)
    if isinstance(blocks, dict):
        own = blocks.get("text")
        inner = sum(length(value) for key, value in blocks.items() if key != "text" or not isinstance(own, str))
        return inner + (len(own) if isinstance(own, str) else 0)
    return 0


def settled(blocks: list[Any], name: Callable[[], str]) -> tuple[dict[str, Any], ...]:
    """Blocks as Slack keeps them: each block and each element that has no id gets one."""
    kept = []
    for block in blocks:
        found = {**block, "block_id": block.get("block_id") or name()}
        for place, element in elements(block):
            whole = {**element, "action_id": element.get("action_id") or name()}
            part, _, number = place.partition("/")
            if number:
                found[part] = [*found[part]]
                found[part][int(number)] = whole
            else:
                found[part] = whole
        kept.append(found)
    return tuple(kept)
