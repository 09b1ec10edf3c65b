"""YAML as libyaml's events, kept as the skeleton that says which objects it holds; aliases are never expanded.

Events come one at a time and a skeleton drops what no object is named by, so memory follows neither the size of a
document nor what its aliases would expand to. PyYAML's own composer builds the whole tree, recursively.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import yaml
from yaml import events
from yaml._yaml import CParser
from yaml.composer import ComposerError

from fleetkeeper.core.manifests import KEPT, LIST, Fields, Items, Node, Scalar

_MERGE = "<<"
_LONGEST = 512  # of a text that may be a name; API servers take at most 253


class Stream(Protocol):
    """What libyaml reads from, block by block."""

    def read(self, size: int = ..., /) -> bytes: ...


def check(source: bytes | Stream) -> None:
    """Parse to the end without making anything of it, which is 15 times faster; YAMLError where it cannot be parsed."""
    parser: Any = CParser(source)
    parser.raw_parse()


def skeletons(source: bytes | Stream, line: int, matters: Callable[[str, str], bool]) -> Iterator[Node | None]:
    """The root of each document; line is that of the source's first line. YAMLError where it cannot be parsed.

    matters says of an apiVersion and a kind whether members of lists are kept, for lists may have a million of them.
    """
    builder = _Builder(line, matters)
    for event in yaml.parse(source, Loader=yaml.CSafeLoader):
        if isinstance(event, events.DocumentStartEvent):
            builder = _Builder(line, matters)
        elif isinstance(event, events.DocumentEndEvent):
            yield builder.root
        else:
            builder.take(event)


class _Frame:
    """An open collection. is_kept: a node is made of it, else only what its anchors name."""

    __slots__ = ("anchor", "has_key", "is_kept", "is_mapping", "key", "node")

    def __init__(self, node: Any, anchor: str | None, *, is_mapping: bool) -> None:
        self.node = node  # Fields or Items that are still being filled; None where nothing is kept
        self.anchor = anchor
        self.is_mapping = is_mapping
        self.is_kept = node is not None
        self.has_key = False
        self.key: Scalar | None = None


class _Builder:
    """One document while its events come."""

    def __init__(self, line: int, matters: Callable[[str, str], bool]) -> None:
        self.root: Node | None = None
        self._line = line
        self._matters = matters
        self._open: list[_Frame] = []
        self._anchors: dict[str, Node | None] = {}

    def take(self, event: Any) -> None:
        match event:
            case events.ScalarEvent():
                self._scalar(event)
            case events.MappingStartEvent() | events.SequenceStartEvent():
                self._begin(event)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                frame = self._open.pop()
                if frame.anchor:
                    self._anchors[frame.anchor] = frame.node
                self._place(frame.node)
            case events.AliasEvent():
                if event.anchor not in self._anchors:
                    raise _undefined(event)
                self._place(self._anchors[event.anchor])

    def _scalar(self, event: Any) -> None:
        if event.anchor is None and self._open and not self._open[-1].is_kept:
            frame = self._open[-1]
            frame.has_key = frame.is_mapping and not frame.has_key
            return
        text = event.value if len(event.value) <= _LONGEST else ""
        node = Scalar(text, self._line + event.start_mark.line)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._place(node)

    def _begin(self, event: Any) -> None:
        is_mapping = isinstance(event, events.MappingStartEvent)
        if event.anchor:
            self._anchors[event.anchor] = None  # within itself it names nothing that ends
        node: Node | None = None
        if event.anchor or not self._open or self._wanted(self._open[-1]):
            line = self._line + event.start_mark.line
            node = Fields(line, {}, [], []) if is_mapping else Items(line, [])
        self._open.append(_Frame(node, event.anchor, is_mapping=is_mapping))

    @staticmethod
    def _wanted(frame: _Frame) -> bool:
        if not frame.is_mapping:
            return frame.is_kept
        return frame.is_kept and frame.key is not None and (frame.key.text in KEPT or frame.key.text == _MERGE)

    def _is_settled(self, node: Node | None) -> bool:
        """Whether nothing can be said of a member of a list, whatever the list is."""
        if not isinstance(node, Fields) or node.bases or node.twice:
            return False
        version, kind, metadata = (node.entries.get(key) for key in ("apiVersion", "kind", "metadata"))
        if not isinstance(version, Scalar) or not isinstance(kind, Scalar):
            return False
        if (isinstance(metadata, Fields) and metadata.twice) or "{{" in version.text + kind.text:
            return False
        return not kind.text.endswith(LIST) and not self._matters(version.text, kind.text)

    def _place(self, node: Node | None) -> None:
        """Put a finished node where it belongs in the collection that is open."""
        if not self._open:
            self.root = node
            return
        frame = self._open[-1]
        if not frame.is_mapping:
            if frame.is_kept:
                frame.node.members.append(None if self._is_settled(node) else node)
            return
        if not frame.has_key:
            frame.has_key = True
            frame.key = node if isinstance(node, Scalar) else None
            return
        if frame.is_kept and frame.key is not None:
            _enter(frame.node, frame.key, node)
        frame.has_key, frame.key = False, None


def _undefined(alias: Any) -> ComposerError:
    return ComposerError(None, None, f"alias {alias.anchor} has no anchor", alias.start_mark)


def _enter(fields: Any, key: Scalar, value: Node | None) -> None:
    if key.text == _MERGE:
        fields.bases.append(value)
    elif key.text in KEPT:
        if key.text in fields.entries:
            fields.twice.append(key)
        fields.entries[key.text] = value
