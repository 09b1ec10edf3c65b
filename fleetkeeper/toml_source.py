"""One TOML file as it was written: values by tomllib, the place of each by tree-sitter, and what is wrong in it."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from fleetkeeper.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from tree_sitter import Node

KeyPath = tuple[str | int, ...]
"""The keys and list positions from the root to a value."""

# Reason, not TOML's: tomllib is quadratic in the length of a dotted key and recursive in the depth of a list.
MAX_BYTES = 2 * 1024 * 1024
MAX_LINE = 16 * 1024
MAX_DEPTH = 32

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LINE = re.compile(r"at line (\d+)")
# What people forget to quote: versions, and account ids that begin with 0.
_TEXT_UNQUOTED = re.compile(r"[=\[,]\s*(?:v\d[\w.+-]*|\d+(?:\.\d+){2}[\w.+-]*|0\d+)\s*(?:[,\]#}]|$)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is; line counts from 1, raw is the value as written ("" for a table or a list)."""

    line: int
    raw: str = ""


KINDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
    datetime: "a date and time",
    date: "a date",
}


@dataclass
class Source:
    """What the tables of one file share: where things are, what overrides them, what is wrong."""

    file: str
    text: str
    mistakes: list[Mistake] = field(default_factory=list)
    overrides: dict[KeyPath, str] = field(default_factory=dict)  # path → the environment variable that set it

    @cached_property
    def places(self) -> Mapping[KeyPath, Place]:
        return places(self.text)

    def where(self, path: KeyPath) -> tuple[str, int]:
        """File and line of a path or of the nearest thing around it; line 0 for the whole file or a variable."""
        around = [path[:length] for length in range(len(path), 0, -1)]
        if variable := next((self.overrides[p] for p in around if p in self.overrides), ""):
            return f"env {variable}", 0
        return self.file, next((self.places[p].line for p in around if p in self.places), 0)

    def origin(self, path: KeyPath) -> str:
        """`file:line` or `env NAME`."""
        file, line = self.where(path)
        return f"{file}:{line}" if line else file

    def note(self, path: KeyPath, message: str, fix: str = "") -> None:
        file, line = self.where(path)
        self.mistakes.append(Mistake(file, line, dotted(path), message, fix))

    def note_kind(self, path: KeyPath, value: object, wanted: type, form: str = "") -> None:
        """Note a value of the wrong kind; form says more about the wanted one."""
        if wanted is str and not isinstance(value, list | dict):
            self.note(path, self._unquoted(path, value))
        elif form:
            self.note(path, f"must be {KINDS[wanted]} {form}")
        else:
            self.note(path, f"must be {KINDS[wanted]}, not {KINDS.get(type(value), 'a time')}")

    def _unquoted(self, path: KeyPath, value: object) -> str:
        place = self.places.get(path)
        raw = place.raw if place else str(value)
        if isinstance(value, bool):
            return f"must be text, not {raw}"
        if isinstance(value, int | float):
            return f"must be quoted: {raw} unquoted is the number {value}"
        return f"must be quoted: {raw} unquoted is {KINDS.get(type(value), 'a time')}"


def dotted(path: KeyPath) -> str:
    """A path as people write it: `aws.accounts[0].id`, with quotes around a key that needs them."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False))
    return text


def parse_values(text: str | bytes, file: str) -> tuple[str, dict[str, object]]:
    """The text, decoded and without a byte order mark, and its values; ConfigError where it is no sound TOML."""
    decoded = _decoded(text, file)
    _bounded(decoded, file)
    try:
        values: dict[str, object] = tomllib.loads(decoded)
    except RecursionError as error:
        raise _error(file, 0, f"is nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:  # TOMLDecodeError is one; so is an integer past Python's digits
        raise _syntax_error(file, decoded, error) from error
    if _depth_exceeds(values, MAX_DEPTH):
        raise _error(file, 0, f"is nested deeper than {MAX_DEPTH} levels")
    return decoded, values


def _decoded(text: str | bytes, file: str) -> str:
    content = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(file, line, "is not UTF-8 text", "save the file as UTF-8") from error


def _bounded(text: str, file: str) -> None:
    if len(text) > MAX_BYTES:
        raise _error(file, 0, f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE:
            raise _error(file, number, f"has a line longer than {MAX_LINE} characters", "break the line")


def _depth_exceeds(values: object, limit: int) -> bool:
    level: list[object] = [values]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _error(file: str, line: int, message: str, fix: str = "") -> ConfigError:
    return ConfigError((Mistake(file, line, "", message, fix),))


def _syntax_error(file: str, text: str, error: ValueError) -> ConfigError:
    lines = text.split("\n")
    if not isinstance(error, tomllib.TOMLDecodeError):
        return _error(file, 0, "has a number that is too long")
    found = _LINE.search(str(error))
    number = int(found[1]) if found else text.rstrip("\n").count("\n") + 1
    message = str(error).partition(" (at ")[0]
    # The line is not repeated: it may hold a secret.
    fix = "quote text such as a version or an account id" if _TEXT_UNQUOTED.search(lines[number - 1]) else ""
    return _error(file, number, f"is not valid TOML: {message[:1].lower()}{message[1:]}", fix)


def places(text: str) -> Mapping[KeyPath, Place]:
    """The place of every key and list item of a valid TOML text."""
    import tree_sitter  # noqa: PLC0415 - 25 ms that only a mistake or `config show` needs
    import tree_sitter_toml  # noqa: PLC0415

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
    found = _Places({}, {})
    found.document(parser.parse(text.encode()).root_node)
    return found.places


@dataclass(frozen=True, slots=True)
class _Places:
    places: dict[KeyPath, Place]
    last: dict[KeyPath, int]  # array of tables → the position of its newest table

    def document(self, root: "Node") -> None:
        for node in root.named_children:
            if node.type == "pair":
                self._pair((), node)
            elif node.type in ("table", "table_array_element"):
                self._table(node)

    def _table(self, node: "Node") -> None:
        path: KeyPath = ()
        keys = _keys(node.named_children[0])
        line = node.start_point[0] + 1
        for position, key in enumerate(keys, start=1):
            path = (*path, key)
            self.places.setdefault(path, Place(line))
            if position == len(keys) and node.type == "table_array_element":
                self.last[path] = self.last.get(path, -1) + 1
            if path in self.last:
                path = (*path, self.last[path])
                self.places.setdefault(path, Place(line))
        self.places[path] = Place(line)  # its own header, rather than that of a table inside it
        for child in node.named_children[1:]:
            if child.type == "pair":
                self._pair(path, child)

    def _pair(self, path: KeyPath, node: "Node") -> None:
        if len(node.named_children) < 2:
            return
        key, value = node.named_children[0], node.named_children[-1]
        for name in _keys(key):
            path = (*path, name)
            self.places.setdefault(path, Place(key.start_point[0] + 1))
        self._value(path, value, key.start_point[0] + 1)

    def _value(self, path: KeyPath, node: "Node", line: int) -> None:
        if node.type == "inline_table":
            self.places[path] = Place(line)
            for child in node.named_children:
                if child.type == "pair":
                    self._pair(path, child)
        elif node.type == "array":
            self.places[path] = Place(line)
            items = [child for child in node.named_children if child.type != "comment"]
            for position, item in enumerate(items):
                self._value((*path, position), item, item.start_point[0] + 1)
        else:
            self.places[path] = Place(line, _source(node))


def _keys(node: "Node") -> tuple[str, ...]:
    """The parts of a key; tree-sitter nests a dotted key to the left."""
    parts: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type == "dotted_key":
            stack += reversed(current.named_children)
        elif current.type == "quoted_key":
            parts += tomllib.loads(f"{_source(current)} = 0")
        else:
            parts.append(_source(current))
    return tuple(parts)


def _source(node: "Node") -> str:
    return (node.text or b"").decode(errors="replace")
