"""Tells from the bytes of a text, without parsing it, that no object in it can be of an API that matters.

A text passes unparsed only when it cannot hold such an object however it is written: an apiVersion stands literally in
YAML and JSON, whatever its quotes, its anchors or its order, unless escapes of a double-quoted string hide it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

_HIDDEN = re.compile(rb'"[\w./-]*\\[xuU/\r\n]')
_TEMPLATE = re.compile(rb"""(?:apiVersion|kind)["']?[ \t]*:[^\n]*\{\{""")
_BRACES = re.compile(rb"\{\{")  # twice as fast as `in`, where single braces abound
_PREVIEW = re.compile(rb"alpha|beta")
_VERSION_KEY, _KIND_KEY, _BOUNDARY = b"\napiVersion:", b"\nkind:", b"\n---"


class Screen:
    """Made of the names that matter: (group, version, kind)."""

    def __init__(self, of: Iterable[tuple[str, str, str]]) -> None:
        names = tuple(of)
        kinds: dict[bytes, set[bytes]] = defaultdict(set)
        groups: dict[bytes, set[bytes]] = defaultdict(set)
        self._core: set[bytes] = set()
        for group, version, kind in names:
            if not group:
                self._core.add(kind.encode())
                continue
            kinds[f"{group}/{version}".encode()].add(kind.encode())
            if _PREVIEW.search(version.encode()):
                groups[version.encode()].add(group.encode())
        self._kinds = {name: tuple(found) for name, found in kinds.items()}
        # Every file has many of v1 and v2, of which few are named here: those are looked for by their whole names.
        self._stable = tuple(name for name in kinds if not _PREVIEW.search(name.rpartition(b"/")[2]))
        self._groups = {version: tuple(found) for version, found in groups.items()}
        self._names = {(f"{group}/{version}" if group else version, kind) for group, version, kind in names}
        self._version = _one_of(self._groups)

    def matters(self, api_version: str, kind: str) -> bool:
        return (api_version, kind) in self._names

    def may_hold(self, text: bytes) -> bool:
        """Whether a whole text, of one document or of several, has to be parsed to be judged."""
        return self._names_kind(text) or self.is_odd(text) or repeats_key(text)

    def may_hold_part(self, text: bytes) -> bool:
        """The same for a part of a document, of which the kind may stand in another part."""
        return self._names_version(text, whole=False) or self._names_core(text) or self.is_odd(text)

    def is_odd(self, text: bytes) -> bool:
        """Whether escapes may hide a name, or a template stands for one."""
        if b"\\" in text and _HIDDEN.search(text):
            return True
        return _BRACES.search(text) is not None and _TEMPLATE.search(text) is not None

    def _names_kind(self, text: bytes) -> bool:
        return self._names_core(text) or self._names_version(text, whole=True)

    def _names_core(self, text: bytes) -> bool:
        return any(kind in text for kind in self._core)

    def _names_version(self, text: bytes, *, whole: bool) -> bool:
        if any(name in text and self._counts(name, text, whole=whole) for name in self._stable):
            return True
        if not self._groups:
            return False
        checked: set[bytes] = set()
        for found in self._version.finditer(text):
            version, at = found[0][1:], found.start()
            for group in self._groups[version]:
                if not text.startswith(group, max(0, at - len(group))):
                    continue
                name = group + b"/" + version
                if name in checked:
                    continue
                checked.add(name)
                if self._counts(name, text, whole=whole):
                    return True
        return False

    def _counts(self, name: bytes, text: bytes, *, whole: bool) -> bool:
        return not whole or any(kind in text for kind in self._kinds[name])


def _one_of(versions: Iterable[bytes]) -> re.Pattern[bytes]:
    """Finds `/v1` and its like. All begin with a v, mostly: two letters in front are found twice as fast as one."""
    longest_first = sorted(versions, key=len, reverse=True)
    start = b"v" if all(each.startswith(b"v") for each in longest_first) else b""
    rest = b"|".join(re.escape(each.removeprefix(start)) for each in longest_first)
    return re.compile(b"/" + start + b"(?:" + rest + rb")(?![0-9A-Za-z])")


def repeats_key(text: bytes) -> bool:
    """Whether some document has a key twice at its left edge, as where a line with --- was forgotten."""
    versions = text.count(_VERSION_KEY) + text.startswith(_VERSION_KEY[1:])
    kinds = text.count(_KIND_KEY) + text.startswith(_KIND_KEY[1:])
    most = max(versions, kinds)
    return most > 1 and most > text.count(_BOUNDARY) + 1
