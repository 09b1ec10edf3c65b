"""Who a written name means: a team, or a person whom Slack still knows; and if nobody, why not."""

from collections.abc import Mapping
from dataclasses import dataclass

from fleetkeeper.core import owner_words
from fleetkeeper.core.owner_places import Place
from fleetkeeper.core.owner_values import Contact, Directory
from fleetkeeper.core.text import safe

_NO_CHANNEL = "the channel is archived, or not there for fleetkeeper"
_SHOWN = 80  # characters of what somebody wrote


@dataclass(frozen=True, slots=True)
class Meaning:
    """team, person or channel, or why it is none. by_name: the team was named itself, not through one of its people."""

    team: str = ""
    person: str = ""
    channel: str = ""
    why_not: str = ""
    by_name: bool = False

    @property
    def is_known(self) -> bool:
        return bool(self.owner)

    @property
    def owner(self) -> str:
        return self.team or self.person or self.channel


class Names:
    """Every word that means a team or a person of a directory; what was asked once is remembered."""

    def __init__(self, directory: Directory) -> None:
        self._contacts = directory.contacts
        self._teams = _teams(directory)
        self._people, self._teams_of = _people(directory)
        self._known: dict[str, Meaning] = {}

    def team(self, word: str) -> str:
        """The name of the team that goes by a word, "" for none."""
        return self._teams.get(owner_words.word(word), "")

    def meaning(self, value: str) -> Meaning:
        """A value that names several means the first team of them, then the first person."""
        if value not in self._known:
            self._known[value] = self._meaning(value)
        return self._known[value]

    def of(self, place: Place) -> Meaning:
        """What a place names: who goes by its value, else the channel that it has."""
        found = self.meaning(place.value)
        if found.is_known or not place.channel:
            return found
        contact = self._contacts.get(place.channel.lower())
        return Meaning(channel=place.channel, why_not=_NO_CHANNEL if contact and contact.trouble else "")

    def _meaning(self, value: str) -> Meaning:
        whole = self._single(value)
        parts = owner_words.several(value)
        if whole.is_known or len(parts) == 1:
            return whole
        each = [self._single(part) for part in parts]
        by_rank = (
            next((one for one in each if one.by_name), None),
            next((one for one in each if one.team), None),
            next((one for one in each if one.is_known and not one.why_not), None),
            next((one for one in each if one.is_known), None),
        )
        return next((one for one in by_rank if one), whole)

    def _single(self, value: str) -> Meaning:
        words = owner_words.words_in(value)
        if words and words[0] in self._teams:
            return Meaning(team=self._teams[words[0]], by_name=True)
        person = owner_words.person_in(value)
        if person and (team := self._only_team(person)):
            return Meaning(team=team)
        if team := next((self._teams[word] for word in words if word in self._teams), ""):
            return Meaning(team=team, by_name=True)
        person = person or self._spelled(value, words)
        return self._person(person) if person else _nobody(value)

    def _spelled(self, value: str, words: tuple[str, ...]) -> str:
        """A known person by an address without its @, or by the local part that only one has."""
        found = next((self._people[word] for word in words if word in self._people), "")
        return found or self._people.get(owner_words.local_part(value), "")

    def _person(self, person: str) -> Meaning:
        if team := self._only_team(person):
            return Meaning(team=team)
        contact = self._contacts.get(person.lower())
        return Meaning(person=(contact and contact.email) or person, why_not=contact.trouble if contact else "")

    def _only_team(self, person: str) -> str:
        """The team of a person who is in one; of a person in several nobody can say for which they were named."""
        teams = self._teams_of.get(person.lower(), ())
        return teams[0] if len(teams) == 1 else ""


def _nobody(value: str) -> Meaning:
    return Meaning(why_not=f"no team and no person goes by “{safe(value.strip(), _SHOWN)}”")


def _teams(directory: Directory) -> dict[str, str]:
    """Word → team; of two teams the first has it, and a name goes before all aliases and channels."""
    found: dict[str, str] = {}
    for name in directory.teams:
        found.setdefault(owner_words.word(name), name)
    for name, team in directory.teams.items():
        for alias in team.aliases:
            for word in (owner_words.word(alias), owner_words.word(alias.lstrip("#@"))):
                found.setdefault(word, name)
    for name, team in directory.teams.items():
        contact = directory.contacts.get(team.channel.lower()) if team.channel else None
        for alias in (team.channel, *((contact.name, f"#{contact.name.lstrip('#')}") if contact else ())):
            if alias.strip("#"):
                found.setdefault(owner_words.word(alias), name)
    return found


def _people(directory: Directory) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """(how else a person may be written → person, every name of a person in lower case → their teams)."""
    teams: dict[str, tuple[str, ...]] = {}
    people: dict[str, None] = {}
    for name, team in directory.teams.items():
        for person in dict.fromkeys((*team.members, team.lead)):
            for key in _names(person, directory.contacts):
                people[key] = None
                if name not in teams.get(key, ()):
                    teams[key] = (*teams.get(key, ()), name)
    for contact in directory.contacts.values():
        if "@" in contact.key:
            people[contact.key.lower()] = None
    written = {spelling: person for person in people for spelling in owner_words.spellings(person)}
    return written | _by_local_part(people), teams


def _by_local_part(people: Mapping[str, None]) -> dict[str, str]:
    """Local part → address, where no two people share it."""
    found: dict[str, list[str]] = {}
    for person in people:
        local, at, _ = person.partition("@")
        if at:
            found.setdefault(owner_words.word(local), []).append(person)
    return {local: them[0] for local, them in found.items() if len(them) == 1}


def _names(person: str, contacts: Mapping[str, Contact]) -> tuple[str, ...]:
    """All that a person is called: as the settings have it, their address and their Slack id."""
    key = person.strip().lower()
    if not key:
        return ()
    contact = contacts.get(key)
    more = (contact.email.lower(), contact.slack.lower()) if contact else ()
    return tuple(dict.fromkeys(filter(None, (key, *more))))
