"""Manifests of releases: their objects, what differs between two of them, and an object under another API version."""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from fleetkeeper.adapters.helm import documents as yaml_documents
from fleetkeeper.core.text import safe
from fleetkeeper.errors import InvalidAnswer

Object = dict[str, Any]

_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_CONTEXT = 2  # lines around each change

Key = tuple[str, str, str, str]
"""(group, kind, namespace, name): an object stays the same under another version of its API."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Names of objects, and all changes as text without secrets."""

    changed: tuple[str, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    text: str


def documents(manifest: str) -> Iterator[str]:
    start = 0
    for separator in _SEPARATOR.finditer(manifest):
        yield manifest[start : separator.start()]
        start = separator.end()
    yield manifest[start:]


def objects(document: str) -> Iterator[Object]:
    """The object of one document, or those of a list; InvalidAnswer for what is no YAML."""
    try:
        found = yaml_documents.load(document)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidAnswer(f"a manifest is no YAML: {str(error)[:200]}") from error
    if isinstance(found, dict) and isinstance(found.get("items"), list) and str(found.get("kind", "")).endswith("List"):
        yield from (each for each in found["items"] if isinstance(each, dict))
    elif isinstance(found, dict):
        yield found


def key(found: Object, namespace: str) -> Key:
    group = str(found.get("apiVersion", "")).rpartition("/")[0]
    metadata = found.get("metadata") or {}
    own = str(metadata.get("namespace") or namespace)
    return group, str(found.get("kind", "")), own, str(metadata.get("name", ""))


def shown(place: Key) -> str:
    """`Deployment web/front`."""
    _, kind, namespace, name = place
    return safe(f"{kind} {namespace}/{name}", 300)


def compared(before: str, after: str, namespace: str, blot: Callable[[str], str]) -> Compared:
    """blot takes out of a text what must not be seen."""
    old, new = _by_key(before, namespace), _by_key(after, namespace)
    changed = [each for each in old if each in new and old[each] != new[each]]
    added = [each for each in new if each not in old]
    gone = [each for each in old if each not in new]
    text = "".join(_diff(shown(each), old.get(each), new.get(each), blot) for each in sorted((*changed, *added, *gone)))
    return Compared(_names(changed), _names(added), _names(gone), text)


def _names(places: Iterable[Key]) -> tuple[str, ...]:
    return tuple(shown(each) for each in sorted(places))


def _by_key(manifest: str, namespace: str) -> dict[Key, Object]:
    return {key(each, namespace): each for document in documents(manifest) for each in objects(document)}


def _diff(name: str, old: Object | None, new: Object | None, blot: Callable[[str], str]) -> str:
    before, after = (_lines(each, blot) for each in (old, new))
    return "".join(difflib.unified_diff(before, after, name, name, n=_CONTEXT))


def _lines(found: Object | None, blot: Callable[[str], str]) -> list[str]:
    if found is None:
        return []
    text = yaml_documents.dump(_public(found))
    return [f"{safe(line, 400)}\n" for line in blot(text).splitlines()]


def _public(found: Object) -> Object:
    """A Secret's values become their fingerprints: that one changes can be seen, and what it is cannot."""
    if found.get("kind") != "Secret":
        return found
    hidden = {
        part: {name: _fingerprint(value) for name, value in found[part].items()}
        for part in ("data", "stringData")
        if isinstance(found.get(part), dict)
    }
    return {**found, **hidden}


def _fingerprint(value: object) -> str:
    """Four letters tell most changes apart, and are no use for a search through passwords."""
    return f"(hidden, {hashlib.blake2b(str(value).encode(), digest_size=2).hexdigest()})"


def secrets_of(values: Mapping[str, Any]) -> Iterator[str]:
    """The texts in a chart's values that stand under a name that sounds like a secret."""
    waiting: list[tuple[bool, object]] = [(False, values)]
    while waiting:
        secret, found = waiting.pop()
        if isinstance(found, dict):
            waiting += [(secret or bool(_SECRET.search(str(name))), each) for name, each in found.items()]
        elif isinstance(found, list):
            waiting += [(secret, each) for each in found]
        elif secret and isinstance(found, str) and len(found) >= _SHORTEST:
            yield found


_SECRET = re.compile(r"(?i)passw|secret|token|credential|apikey|api_key|privatekey|private_key|cert|connection")
_SHORTEST = 4


def renamed(manifest: str, new_version: Callable[[str, str], str]) -> str:
    """The manifest with other API versions. new_version: (apiVersion, kind) → what it becomes, "" to leave it.

    Nothing but the version changes, comments and order included, where the document is written as charts write it.
    """
    found, start = [], 0
    for separator in (*_SEPARATOR.finditer(manifest), None):
        end = separator.start() if separator else len(manifest)
        found.append(_document(manifest[start:end], new_version))
        if separator:
            found.append(separator.group())
            start = separator.end()
    return "".join(found)


def _document(text: str, new_version: Callable[[str, str], str]) -> str:
    wanted = [(each, new) for each in objects(text) if (new := _new(each, new_version))]
    if not wanted:
        return text
    whole = yaml_documents.load(text)
    for each, new in wanted:
        old = str(each["apiVersion"])
        line = re.compile(rf"""^([ -]*["']?apiVersion["']?[ ]*:[ ]*["']?){re.escape(old)}(?=["']?[ ]*(?:#|$))""", re.M)
        text = line.sub(lambda hit, new=new: f"{hit[1]}{new}", text)  # type: ignore[misc]
    expected = _expected(whole, new_version)
    if yaml_documents.load(text) == expected:
        return text
    return f"\n{yaml_documents.dump(expected, in_order=True)}"


def _new(each: Object, new_version: Callable[[str, str], str]) -> str:
    return new_version(str(each.get("apiVersion", "")), str(each.get("kind", "")))


def _expected(whole: Object, new_version: Callable[[str, str], str]) -> Object:
    if new := _new(whole, new_version):
        return {**whole, "apiVersion": new}
    items: Iterable[Any] = whole.get("items") or ()
    if not str(whole.get("kind", "")).endswith("List"):
        return whole
    made = [
        {**each, "apiVersion": new} if isinstance(each, dict) and (new := _new(each, new_version)) else each
        for each in items
    ]
    return {**whole, "items": made}
