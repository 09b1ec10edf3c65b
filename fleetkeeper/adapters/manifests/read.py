"""Reads one text: what cannot hold an object that matters is only checked, the rest is parsed document by document."""

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import IO, Any

import yaml

from fleetkeeper.adapters.manifests.depth import MOST, Depth, may_be_deep
from fleetkeeper.adapters.manifests.documents import LARGE, Document, Range, documents
from fleetkeeper.adapters.manifests.skeleton import check, skeletons
from fleetkeeper.core.manifests import Cause, Fields, Items, Manifest, Node, Scalar, Unjudged, manifests
from fleetkeeper.core.scan_screen import Screen, repeats_key

SMALL = 64 * 1024  # most manifests; reading has to make room for all that it asks for
_OVERLAP = 512  # bytes of the block before, longer than any name that the screen looks for
_DIRECTIVE = re.compile(rb"(?m)^%(?:YAML|TAG)\b")
_BEGINS_JSON = re.compile(rb"(?:\xef\xbb\xbf)?(?:---)?\s*[{\[]")
_TEMPLATE = (b"{{", b"{%")

Seen = Manifest | Unjudged


def read_text(text: IO[bytes], file: str, screen: Screen) -> Iterator[Seen]:
    """What a text in UTF-8 holds; one that is small is held whole, so that most are read in one go."""
    head = text.read(SMALL)
    if len(head) == SMALL:
        head += text.read(LARGE + 1 - SMALL)
    if b"\0" in head:
        yield Unjudged(Cause.NOT_TEXT, file, 0, "it is no text")
        return
    if len(head) > LARGE:
        yield from _by_document(text, file, screen)
        return
    if _is_deep(head):
        yield _too_deep(file, 0)
        return
    if holds_nothing(head, screen):
        return
    if _DIRECTIVE.search(head):
        yield from _document(head, 1, file, screen)
    else:
        yield from _by_document(BytesIO(head), file, screen)


def holds_nothing(text: bytes, screen: Screen) -> bool:
    """Whether a whole text is fine and has nothing to tell, as most have: the time of a scan is spent here.

    One in UTF-16 or 32 has zeros, or no letter that an API could be written with.
    """
    return b"\0" not in text and not _is_deep(text) and not screen.may_hold(text) and _parses(text)


def _is_deep(text: bytes) -> bool:
    return may_be_deep(text) and not Depth().passes(text)


def _parses(text: bytes) -> bool:
    try:
        check(text)
    except yaml.YAMLError:
        return False
    return True


def _by_document(text: IO[bytes], file: str, screen: Screen) -> Iterator[Seen]:
    for each in documents(text):
        if each.size > LARGE:
            yield from _large(text, each, file, screen)
        else:
            yield from _document(Range(text, each).read(), each.line, file, screen)


def _document(text: bytes, line: int, file: str, screen: Screen) -> Iterator[Seen]:
    try:
        if screen.may_hold(text):
            for root in skeletons(text, line, screen.matters):
                yield from manifests(root, file)
        else:
            check(text)
    except yaml.YAMLError as error:
        yield from _malformed(text, line, file, error)


def _large(text: IO[bytes], document: Document, file: str, screen: Screen) -> Iterator[Seen]:
    """A document that is never held whole: screened by blocks, then parsed from the stream."""
    depth = Depth()
    if not all(depth.passes(block) for block in Range(text, document).blocks()):
        yield _too_deep(file, document.line)
        return
    try:
        if _may_hold(Range(text, document), screen):
            for root in skeletons(Range(text, document), document.line, screen.matters):
                yield from manifests(root, file)
        else:
            check(Range(text, document))
    except yaml.YAMLError as error:
        yield _syntax(error, document.line, file, is_template=False)


def _too_deep(file: str, line: int) -> Unjudged:
    return Unjudged(Cause.SYNTAX, file, line, f"its brackets nest deeper than {MOST} levels")


def _may_hold(document: Range, screen: Screen) -> bool:
    before = b""
    for block in document.blocks():
        whole = before + block
        if screen.may_hold_part(whole) or repeats_key(whole):
            return True
        before = whole[-_OVERLAP:]
    return False


def _malformed(text: bytes, line: int, file: str, error: yaml.YAMLError) -> Iterator[Seen]:
    """What libyaml does not take: a template, JSON as other parsers take it, or nothing that anybody could apply."""
    is_template = any(mark in text for mark in _TEMPLATE)
    if _BEGINS_JSON.match(text) and not is_template:
        roots = _json(text, line)
        if roots is not None:
            for root in roots:
                yield from manifests(root, file)
            return
    yield _syntax(error, line, file, is_template=is_template)


def _syntax(error: yaml.YAMLError, line: int, file: str, *, is_template: bool) -> Unjudged:
    mark = getattr(error, "problem_mark", None)
    at = line + mark.line if mark else line
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "malformed"
    if is_template:
        return Unjudged(Cause.TEMPLATE, file, at, "it is a template; scan what it renders to")
    return Unjudged(Cause.SYNTAX, file, at, f"it is neither YAML nor JSON: {problem}")


def _json(text: bytes, line: int) -> list[Node | None] | None:
    """The objects of JSON texts one after another; None where that is not what it is.

    Surrogate pairs and long keys are JSON but nothing that libyaml takes. The parser tells no lines, so a text is
    found again by its words, and lines may be those of an equal text before it.
    """
    try:
        words = text.decode("utf-8-sig").removeprefix("---")
    except UnicodeDecodeError:
        return None
    lines = _Lines(words, line)
    decoder = json.JSONDecoder(object_pairs_hook=lines.fields)
    found: list[Node | None] = []
    at = len(words) - len(words.lstrip())
    try:
        while at < len(words):
            root, end = decoder.raw_decode(words, at)
            found.append(root if isinstance(root, Fields) else None)
            at = end + len(words[end:]) - len(words[end:].lstrip())
    except (ValueError, RecursionError):
        return None
    return found


class _Lines:
    """Makes skeletons of JSON objects."""

    def __init__(self, words: str, line: int) -> None:
        self._words = words
        self._line = line

    def fields(self, pairs: list[tuple[str, Any]]) -> Fields:
        entries: dict[str, Node | None] = {}
        twice = []
        for key, value in pairs:
            if key in entries:
                twice.append(Scalar(key, self._of(json.dumps(key))))
            entries[key] = self._node(value)
        return Fields(self._line, entries, twice)

    def _node(self, value: Any) -> Node | None:
        if isinstance(value, Fields):
            return value
        if isinstance(value, list):
            return Items(self._line, [self._node(each) for each in value])
        text = value if isinstance(value, str) else json.dumps(value)
        return Scalar(text, self._of(json.dumps(value)) if isinstance(value, str) and "/v" in text else self._line)

    def _of(self, literal: str) -> int:
        return self._line + self._words.count("\n", 0, max(0, self._words.find(literal)))
