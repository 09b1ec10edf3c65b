"""The rules that fields of Block Kit follow: texts, lists and choices with their limits, in the words of Slack."""

from collections.abc import Callable, Iterator
from typing import Any

Rule = Callable[[Any, str], Iterator[str]]
"""Says what is wrong with a value that stands at a JSON pointer."""


def string(most: int, least: int = 1) -> Rule:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"must be a string [json-pointer:{at}]"
        elif len(value) > most:
            yield f"must be less than {most + 1} characters [json-pointer:{at}]"
        elif len(value) < least:
            yield f"must be more than {least - 1} characters [json-pointer:{at}]"

    return check


def text(most: int, plain: bool = False) -> Rule:
    """A text object; plain: mrkdwn is not allowed there."""
    content = string(most)
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"must be an object [json-pointer:{at}]"
            return
        if value.get("type") not in kinds:
            yield f"unsupported type: {value.get('type')} [json-pointer:{at}/type]"
        if "text" not in value:
            yield f"missing required field: text [json-pointer:{at}]"
        else:
            yield from content(value["text"], f"{at}/text")
        allowed = {"type", "text", "emoji" if value.get("type") == "plain_text" else "verbatim"}
        yield from (f"invalid additional property: {n} [json-pointer:{at}]" for n in value if n not in allowed)

    return check


def each(most: int, rule: Rule, least: int = 1) -> Rule:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"must be an array [json-pointer:{at}]"
            return
        if len(value) > most:
            yield f"no more than {most} items allowed [json-pointer:{at}]"
        if len(value) < least:
            yield f"no less than {least} items allowed [json-pointer:{at}]"
        for number, found in enumerate(value):
            yield from rule(found, f"{at}/{number}")

    return check


def choice(*allowed: str) -> Rule:
    def check(value: Any, at: str) -> Iterator[str]:
        if value not in allowed:
            yield f"must be a valid enum value [json-pointer:{at}]"

    return check


def flag() -> Rule:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, bool):
            yield f"must be a boolean [json-pointer:{at}]"

    return check


def anything() -> Rule:
    return lambda _value, _at: iter(())
