"""What `config show` shows: every key with its value and where it is from, secrets never."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, time
from pathlib import Path

from fleetkeeper.config import Secret, Settings
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor

DEFAULT = "default"
_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@/\s]*@")


_TEXTS = (Selector, Minor, date, time)
"""Values that people write as one text."""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting; origin is `default`, `file:line`, `env NAME` or, for a secret, `file PATH`."""

    key: str
    value: str
    origin: str


def show(settings: Settings) -> tuple[Row, ...]:
    """Every key, defaults included, section by section."""
    return tuple(_rows(settings, "", settings.origins))


def as_mapping(settings: Settings) -> Mapping[str, object]:
    """The same as plain dicts, lists, texts, numbers and booleans, for JSON and YAML; None where nothing is set."""
    return {name: _plain(value) for name, value in _members(settings)}


def _members(value: object) -> Iterator[tuple[str, object]]:
    """The settings of a value; where they are from is told apart."""
    if is_dataclass(value):
        for member in fields(value):
            if member.name not in ("origin", "origins"):
                yield member.name, getattr(value, member.name)


def _rows(value: object, key: str, origins: Mapping[str, str]) -> Iterator[Row]:
    if isinstance(value, Secret):
        yield Row(key, _secret(value), value.origin)
    elif is_dataclass(value) and not isinstance(value, _TEXTS):
        for name, inner in _members(value):
            yield from _rows(inner, f"{key}.{name}" if key else name, origins)
    elif isinstance(value, tuple) and any(is_dataclass(inner) for inner in value):
        for position, inner in enumerate(value):
            yield from _rows(inner, f"{key}[{position}]", origins)
    else:
        yield Row(key, _text(value), _origin(key, origins))


def _origin(key: str, origins: Mapping[str, str]) -> str:
    """Where the key was set; a table of free keys is where its first one is."""
    inside = (origin for name, origin in origins.items() if name.startswith(f"{key}."))
    return origins.get(key) or next(inside, DEFAULT)


def _secret(secret: Secret) -> str:
    return f"(set, from {secret.origin})"


def _text(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(_text(inner) for inner in value) or "[]"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={text}" for name, text in value.items()) or "{}"
    return _redacted(str(value)) or '""'


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return _secret(value)
    if isinstance(value, _TEXTS):
        return str(value)
    if is_dataclass(value):
        return {name: _plain(inner) for name, inner in _members(value)}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str | Path):
        return _redacted(str(value))
    return value


def _redacted(text: str) -> str:
    return _PASSWORD.sub(r"\1:***@", text)
