"""Manifests as they are judged: of each document only what says which objects it holds and what they are called."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Union

KEPT = frozenset({"apiVersion", "kind", "metadata", "items", "name", "namespace", "generateName"})
"""The keys that a skeleton keeps, wherever they stand."""

LIST = "List"
"""How the kinds of lists end."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; line counts from 1 in its file."""

    text: str
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """A mapping. twice are keys that it has more than once, the last of which counts; bases are what `<<` merges."""

    line: int
    entries: Mapping[str, "Node | None"] = field(default_factory=dict)
    twice: Sequence[Scalar] = ()
    bases: Sequence["Node | None"] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """A sequence; None is a member that cannot be an object."""

    line: int
    members: Sequence["Node | None"] = ()


Node = Union[Scalar, Fields, Items]  # noqa: UP007  the names above refer to it before it is there


class Cause(StrEnum):
    """Why something was not judged."""

    UNREADABLE = "unreadable"
    NOT_TEXT = "not text"
    SYNTAX = "syntax"
    TEMPLATE = "template"
    CHART = "chart"
    REFUSED = "refused"
    DUPLICATE_KEY = "duplicate key"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object as a file has it. line is that of its apiVersion; name and namespace are "" where it has none."""

    api_version: str
    kind: str
    name: str
    namespace: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A file, a document or an object that cannot be judged, and why. line 0 is the whole file."""

    cause: Cause
    file: str
    line: int
    text: str


def manifests(root: Node | None, file: str) -> Iterator[Manifest | Unjudged]:
    """The objects of a document: itself, or the members of a List, as deep as lists stand in lists.

    Every node is looked at once, however many aliases lead to it, so that aliases of aliases cost nothing.
    """
    seen: set[int] = set()
    waiting: list[tuple[Node | None, str, str, int]] = [(root, "", "", 0)]
    while waiting:
        node, api_version, kind, line = waiting.pop()
        if not isinstance(node, Fields) or id(node) in seen:
            continue
        seen.add(id(node))
        yield from _doubts(node, file)
        own_version, own_kind = _text(node, "apiVersion"), _text(node, "kind")
        if own_version is not None or own_kind is not None:
            api_version, kind = _words(own_version), _words(own_kind)
            line = own_version.line if own_version else node.line
        items = _entry(node, "items")
        if kind.endswith(LIST) and isinstance(items, Items):
            # A member that does not say what it is, is what the list is a list of (as client-go reads it).
            inner = (api_version, kind.removesuffix(LIST), line) if kind != LIST else ("", "", 0)
            waiting += ((member, *inner) for member in reversed(items.members))
        elif api_version and kind:
            yield _manifest(node, api_version, kind, file, line)


def _manifest(node: Fields, api_version: str, kind: str, file: str, line: int) -> Manifest:
    metadata = _entry(node, "metadata")
    if not isinstance(metadata, Fields):
        return Manifest(api_version, kind, "", "", file, line)
    name = _words(_text(metadata, "name")) or _words(_text(metadata, "generateName"))
    return Manifest(api_version, kind, name, _words(_text(metadata, "namespace")), file, line)


def _doubts(node: Fields, file: str) -> Iterator[Unjudged]:
    metadata = _entry(node, "metadata")
    for key in (*node.twice, *(metadata.twice if isinstance(metadata, Fields) else ())):
        text = f"{key.text} stands twice in one mapping, so the last one counts; is a line with --- missing?"
        yield Unjudged(Cause.DUPLICATE_KEY, file, key.line, text)
    for name in ("apiVersion", "kind"):
        found = _entry(node, name)
        if found is not None and (not isinstance(found, Scalar) or "{{" in found.text):
            yield Unjudged(Cause.TEMPLATE, file, found.line, f"{name} is a template or no text")


def _words(found: Scalar | None) -> str:
    return found.text if found else ""


def _text(node: Fields, key: str) -> Scalar | None:
    found = _entry(node, key)
    return found if isinstance(found, Scalar) else None


def _entry(node: Fields, key: str) -> Node | None:
    """The mapping's own, or else that of the first of its bases that has it."""
    if not node.bases:
        return node.entries.get(key)
    seen: set[int] = set()
    waiting: list[Node | None] = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Items):
            waiting += reversed(each.members)
        elif isinstance(each, Fields) and id(each) not in seen:
            seen.add(id(each))
            if key in each.entries:
                return each.entries[key]
            waiting += reversed(each.bases)
    return None
