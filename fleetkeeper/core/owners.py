"""Who owns what a finding is about: every place that names somebody is kept as evidence, the first usable one holds."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

from fleetkeeper.core.owner_people import Meaning, Names
from fleetkeeper.core.owner_places import Places
from fleetkeeper.core.owner_values import (
    About,
    Contact,
    Deployed,
    Directory,
    Hit,
    Owned,
    Reach,
    Rule,
    Source,
    Team,
)

__all__ = [
    "NOBODY",
    "About",
    "Contact",
    "Deployed",
    "Directory",
    "Hit",
    "Owned",
    "Reach",
    "Resolver",
    "Rule",
    "Source",
    "Team",
    "resolve",
]

NOBODY = "owners.fallback, for nobody is named"
"""Completes "because of" where no place names anybody."""

_UNUSABLE = "owners.fallback, for nobody who is named can be told"


def resolve(about: About, directory: Directory, disputed: Collection[str] = ()) -> Owned:
    """Who owns an object. disputed: owners who said that it is not theirs; of a mapping the values say when."""
    return Resolver(directory).resolve(about, disputed)


class Resolver:
    """A directory made ready for many objects: its names and patterns are read once."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._names = Names(directory)
        self._places = Places(directory)

    def resolve(self, about: About, disputed: Collection[str] = ()) -> Owned:
        hits: list[Hit] = []
        for source in self.directory.precedence:
            hits += self._hits(source, about, disputed)
        by = next((hit for hit in hits if not hit.why_not), None)
        if by is not None:
            return Owned(by.owner, by, tuple(hits), about.declared)
        fallback = self.directory.fallback
        by = Hit(Source.FALLBACK, fallback, _UNUSABLE if hits else NOBODY, fallback)
        return Owned(fallback, by, (*hits, by), about.declared)

    def _hits(self, source: Source, about: About, disputed: Collection[str]) -> list[Hit]:
        """What one source has; a person gives way to a team or channel named beside them, for people leave."""
        found = [
            Hit(source, place.value, place.where, said.team, said.person, _why_not(said, disputed), said.channel)
            for place in self._places.of(source, about)
            if (said := self._names.of(place)).is_known or place.outright
        ]
        usable = [hit for hit in found if not hit.why_not]
        many = next((hit for hit in usable if hit.team), None) or next((hit for hit in usable if hit.channel), None)
        if many is None or source is Source.RULE:
            return found
        return [replace(hit, why_not=hit.why_not or _beside(many)) if hit.person else hit for hit in found]


def _why_not(meaning: Meaning, disputed: Collection[str]) -> str:
    owner = meaning.owner
    if meaning.why_not or owner not in disputed:
        return meaning.why_not
    said = disputed.get(owner) if isinstance(disputed, Mapping) else None
    return f"{owner} said{f' on {said:%Y-%m-%d}' if isinstance(said, date) else ''} that it is not theirs"


def _beside(many: Hit) -> str:
    kind = "team" if many.team else "channel"
    return f"it names a person, and {many.where} names the {kind} {many.owner}"
