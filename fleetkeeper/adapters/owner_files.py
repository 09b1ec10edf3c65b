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
    catalog = _read_catalog(settings.catalog, mistakes)
    codeowners = {name: file for name, path in settings.codeowners.items() for file in _read_owners(path, mistakes)}
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return Directory(
        teams=_with_groups(settings.teams, catalog.groups),
        rules=settings.rules,
        precedence=settings.precedence,
        keys=settings.keys,
        catalog=catalog.owners,
        codeowners=codeowners,
        contacts={key: replace(contact, asked=asked) for key, (contact, asked) in contacts.items()},
        fallback=settings.fallback,
    )


def _with_groups(teams: Iterable[Team], groups: Iterable[Team]) -> dict[str, Team]:
    """The teams of the settings, then groups that none of them stands for; a team that lists nobody has its group's."""
    found = {team.name: team for team in teams}
    known = {word(name): team.name for team in found.values() for name in (*team.aliases, team.name)}
    for group in groups:
        name = known.get(word(group.name))
        if name is None:
            found[group.name] = group
        elif not found[name].members:
            found[name] = replace(found[name], members=group.members)
    return found


def _read_catalog(path: str, mistakes: list[Mistake]) -> Catalog:
    if not path:
        return Catalog()
    try:
        return _catalog(path, _stamp(path))
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
def _catalog(path: str, _stamp: tuple[int, int]) -> Catalog:
    return read_catalog(_text(path), path)


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
