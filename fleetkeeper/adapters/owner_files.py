"""The files that name owners: a Backstage catalog and CODEOWNERS files, read into a Directory with the settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from fleetkeeper.adapters.catalog_file import Catalog, read_catalog
from fleetkeeper.config import OwnersSettings
from fleetkeeper.core.codeowners import Codeowners, parse_codeowners
from fleetkeeper.core.owner_words import word
from fleetkeeper.core.owners import Contact, Directory, Team
from fleetkeeper.errors import ConfigError, Mistake

_FILES = 64  # how many read files are kept; a changed one is read anew


def directory(settings: OwnersSettings, contacts: Mapping[str, tuple[Contact, datetime]]) -> Directory:
    """Everything that turns a written name into somebody; contacts by key, with when Slack was asked.

    Files are read again when they changed. Raises one ConfigError with every mistake of all files.
    """
    mistakes: list[Mistake] = []
    catalog = _read_catalog(settings, mistakes)
    codeowners = {name: file for name, path in settings.codeowners.items() for file in _read_owners(path, mistakes)}
    if mistakes:
        raise ConfigError(tuple(mistakes))
    teams, channels = _with_groups(settings.teams, catalog)
    return Directory(
        teams=teams,
        rules=settings.rules,
        precedence=settings.precedence,
        keys=settings.keys,
        catalog=catalog.owners,
        channels=channels,
        codeowners=codeowners,
        contacts={key: replace(contact, asked=asked) for key, (contact, asked) in contacts.items()},
        fallback=settings.fallback,
    )


def _with_groups(own: Iterable[Team], catalog: Catalog) -> tuple[dict[str, Team], dict[str, str]]:
    """The teams of the settings, then groups that none of them stands for; a team that lists nobody, or has no channel,
    has its group's. And of whom the catalog says the channel: where that is written."""
    found = {team.name: team for team in own}
    channels: dict[str, str] = {}
    known = {word(name): team.name for team in found.values() for name in (*team.aliases, team.name)}
    for group in catalog.groups:
        name = known.get(word(group.name), group.name)
        team = found.get(name, group)
        if (team is group or not team.channel) and (place := catalog.channels.get(group.name)):
            channels[name] = place
        found[name] = replace(team, members=team.members or group.members, channel=team.channel or group.channel)
    return found, channels


def _read_catalog(settings: OwnersSettings, mistakes: list[Mistake]) -> Catalog:
    path = settings.catalog
    if not path:
        return Catalog()
    try:
        return _catalog(path, _stamp(path), settings.catalog_slack_annotation)
    except ConfigError as error:
        mistakes += error.mistakes
        return Catalog()


def _read_owners(path: str, mistakes: list[Mistake]) -> Iterator[Codeowners]:
    try:
        yield _owners(path, _stamp(path))
    except ConfigError as error:
        mistakes += error.mistakes


def _stamp(path: str) -> tuple[int, int]:
    """What changes with a file."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from error
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=_FILES)
def _catalog(path: str, _stamp: tuple[int, int], slack: str) -> Catalog:
    return read_catalog(_text(path), path, slack)


@lru_cache(maxsize=_FILES)
def _owners(path: str, _stamp: tuple[int, int]) -> Codeowners:
    found, wrong = parse_codeowners(_text(path), path)
    if wrong:
        raise ConfigError(tuple(Mistake(path, line, "", message, fix) for line, message, fix in wrong))
    return found


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise ConfigError((Mistake(path, 0, "", "is not UTF-8 text", "save the file as UTF-8"),)) from error


def _unreadable(path: str, why: str) -> ConfigError:
    return ConfigError((Mistake(path, 0, "", f"cannot be read: {why}", "mend its path in [owners]"),))
