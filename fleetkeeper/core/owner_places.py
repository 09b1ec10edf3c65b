"""Where an object's owners are written: the places of each source, what stands there, and their names for people."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from fleetkeeper.core.codeowners import Codeowners, Line, repository_of
from fleetkeeper.core.owner_keys import CHATS, naming
from fleetkeeper.core.owner_values import About, Deployed, Directory, Rule, Source
from fleetkeeper.core.owner_words import channel_in
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.text import safe

COMPONENT = "backstage.io/kubernetes-id"
_TAGGED = frozenset({Source.NODE_GROUP, Source.CLUSTER, Source.ACCOUNT})
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)
_CARRIERS = (Source.OBJECT, Source.CONTROLLER, Source.APPLICATION, Source.NAMESPACE)
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Place:
    """outright: it names an owner; else it counts only where somebody is known by its value, or by the channel's id
    that it has."""

    value: str
    where: str
    outright: bool = True
    channel: str = ""


class Places:
    """What a directory and the object itself say, ready for many objects."""

    def __init__(self, directory: Directory) -> None:
        self._keys = directory.keys
        self._catalog = {name.casefold(): owner for name, owner in directory.catalog.items()}
        self._codeowners = {_file_key(name): file for name, file in directory.codeowners.items()}
        self._rules = tuple(_Pattern(rule, Selector.parse(rule.clusters)) for rule in directory.rules)
        self._last: _Fitting = ({}, {})

    def of(self, source: Source, about: About) -> Iterator[Place]:
        match source:
            case Source.RULE:
                yield from self._by_rule(about)
            case Source.CODEOWNERS:
                yield from self._by_codeowners(about)
            case Source.CATALOG:
                yield from self._by_catalog(about)
            case _:
                yield from self._by_keys(source, about)

    def _by_keys(self, source: Source, about: About) -> Iterator[Place]:
        keys = about.keys.get(source)
        if not keys:
            return
        place = about.places.get(source, "")
        for each in naming(keys, self._keys):
            where = f"{_key(source, each.key, each.value)} on {place}"
            channel = channel_in(each.value) if each.key.lower() in CHATS else ""
            yield Place(safe(each.value, _LONGEST), where, each.outright, channel)

    def _by_rule(self, about: About) -> Iterator[Place]:
        cluster, fitting = self._last
        if cluster is not about.cluster:  # objects come cluster by cluster, and many of one namespace
            fitting = {}
            self._last = (about.cluster, fitting)
        if about.namespace not in fitting:
            fitting[about.namespace] = tuple(
                each
                for each in self._rules
                if _fits(each.rule.namespace, about.namespace) and each.selector.accepts(about.cluster)
            )
        for each in fitting[about.namespace]:
            if each.fits(about):
                yield Place(each.rule.owner, each.where(about))

    def _by_codeowners(self, about: About) -> Iterator[Place]:
        for each in about.applications:
            file = self._codeowners.get(each.name.casefold()) or self._codeowners.get(repository_of(each.repository))
            line = file.line_of(each.path) if file else None
            if file and line and line.owners:
                yield Place(" ".join(line.owners), _line_words(file, line, each))

    def _by_catalog(self, about: About) -> Iterator[Place]:
        if not self._catalog:
            return
        for component, by in _components(about).items():
            if owner := self._catalog.get(component.casefold()):
                yield Place(owner, f"{safe(component, 80)} of the catalog ({by})")


def _components(about: About) -> dict[str, str]:
    """The names of components, the nearest to the object first, with what says so: ids before what an application is
    called, which nobody wrote for a catalog."""
    found: dict[str, str] = {}
    for source in _CARRIERS:
        if component := about.keys.get(source, {}).get(COMPONENT, ""):
            found.setdefault(component, f"`{COMPONENT}` on {about.places.get(source, '')}")
    for each in about.applications:
        found.setdefault(each.name, str(each))
    return found


def _key(source: Source, key: str, value: str) -> str:
    """A value that no label may have must be an annotation's; else the two cannot be told apart any more."""
    if source in _TAGGED:
        return f"tag {safe(key, 128)}"
    return f"`{key}`" if _LABEL.fullmatch(value) else f"annotation {key}"


def _line_words(file: Codeowners, line: Line, by: Deployed) -> str:
    return f"line {line.number} ({line.pattern}) of {file.file}, from which {by} comes"


def _file_key(name: str) -> str:
    """An application's name, or a repository; only the latter has a slash."""
    return repository_of(name) if "/" in name else name.casefold()


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A rule, asked of objects whose cluster and namespace it fits."""

    rule: Rule
    selector: Selector

    def fits(self, about: About) -> bool:
        rule, subject = self.rule, about.subject
        return (
            _fits(rule.kind, subject.kind)
            and _fits(rule.name, subject.name)
            and _fits(rule.user_agent, about.user_agent)
            and (not rule.application or any(_fits(rule.application, each.name) for each in about.applications))
        )

    def where(self, about: About) -> str:
        place = self.rule.origin.rpartition("/")[2]
        found = f"the rule at {place}" if place else "a rule of the settings"
        client = safe(about.user_agent, 120)
        return f"{found}, by the user agent {client}: a client, not an object" if self.rule.user_agent else found


_Fitting = tuple[Mapping[str, str], dict[str, tuple[_Pattern, ...]]]
"""The attributes of a cluster, and by namespace of it the rules that fit both."""


def _fits(pattern: str, text: str) -> bool:
    return not pattern or _compiled(pattern).fullmatch(text.casefold()) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.casefold()))
