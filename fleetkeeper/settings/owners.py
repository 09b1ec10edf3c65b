"""The [owners] section: teams and how they are called, rules, which places name owners, and the files that do."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from fleetkeeper.config import OwnersSettings
from fleetkeeper.core.owner_values import NAMED
from fleetkeeper.core.owner_words import person_in, word, words_in
from fleetkeeper.core.owners import Rule, Source, Team
from fleetkeeper.core.selector import Selector
from fleetkeeper.documents import Table
from fleetkeeper.errors import UsageError
from fleetkeeper.settings import checks
from fleetkeeper.settings.sources import Surroundings

HOOK = "hook:"
"""Before the name of an entry of engine.hooks, where a channel is asked for."""

_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,}", re.ASCII)
_SOURCES = tuple(each.value for each in NAMED)
_PATTERNS = ("clusters", "namespace", "kind", "name", "user_agent", "application")


def read_owners(table: Table, around: Surroundings, hooks: Collection[str]) -> OwnersSettings:
    """hooks: the names of engine.hooks, which channels may be."""
    tables = table.tables("teams")
    teams = tuple(_team(each, hooks) for each in tables)
    words = _words(tables, teams)
    catalog = _file(table, around, "catalog")
    return OwnersSettings(
        teams=teams,
        rules=_rules(table.tables("rules"), words, open_ended=bool(catalog)),
        precedence=tuple(Source(text) for text in _precedence(table)),
        keys=table.texts("keys", ()),
        catalog=catalog,
        catalog_slack_annotation=table.text("catalog_slack_annotation", OwnersSettings().catalog_slack_annotation),
        codeowners=_codeowners(table, around),
        fallback=_fallback(table, words),
    )


def _team(table: Table, hooks: Collection[str]) -> Team:
    return Team(
        name=table.text("name"),
        aliases=table.texts("aliases", ()),
        channel=table.text("channel", "", check=lambda text: _wrong_channel(text, hooks)),
        lead=table.text("lead", "", check=_wrong_person),
        manager=table.text("manager", "", check=_wrong_person),
        members=table.texts("members", (), check=_wrong_person),
        timezone=table.text("timezone", "UTC", check=checks.timezone),
        ask=table.text("ask", ""),
    )


def _words(tables: Iterable[Table], teams: Iterable[Team]) -> dict[str, str]:
    """Every word that means a team → its name; one that means two is a mistake."""
    found: dict[str, str] = {}
    for table, team in zip(tables, teams, strict=True):
        for item, text in enumerate((team.name, *team.aliases), start=-1):
            other = found.setdefault(word(text), team.name) if text else team.name
            if item < 0 and other != team.name:
                table.mistake("name", f"{text} means the team {other} already")
            elif item >= 0 and (other != team.name or word(text) == word(team.name)):
                table.mistake("aliases", f"{text} means the team {other} already", item=item)
    names = [team.name for team in teams]
    for position, (table, name) in enumerate(zip(tables, names, strict=True)):
        if name and name in names[:position]:
            table.mistake("name", f"{name} is listed twice")
    return found


def _rules(tables: tuple[Table, ...], words: Mapping[str, str], open_ended: bool) -> tuple[Rule, ...]:
    """open_ended: a catalog has teams of its own, so a name that is not known here may be known there."""
    for each in tables[:-1]:
        if not any(each.has(key) for key in _PATTERNS):
            each.mistake("", "fits everything, so no rule after it is ever used", "move it to the end")
    return tuple(_rule(each, words, open_ended) for each in tables)


def _rule(table: Table, words: Mapping[str, str], open_ended: bool) -> Rule:
    owner = table.text("owner")
    if owner and not open_ended and not person_in(owner) and not any(each in words for each in words_in(owner)):
        table.mistake("owner", f"{owner} is no team of owners.teams and no e-mail address", _near(owner, words))
    return Rule(
        owner=owner,
        clusters=table.text("clusters", "", check=_wrong_selector),
        namespace=table.text("namespace", ""),
        kind=table.text("kind", ""),
        name=table.text("name", ""),
        user_agent=table.text("user_agent", ""),
        application=table.text("application", ""),
        origin=table.origin,
    )


def _near(text: str, words: Mapping[str, str]) -> str:
    near = get_close_matches(word(text), words, n=1)
    return f"did you mean {words[near[0]]}?" if near else "add it to owners.teams"


def _precedence(table: Table) -> Iterator[str]:
    """What is no source was noted, and is left out."""
    return (text for text in table.texts("precedence", _SOURCES, choices=_SOURCES) if text in _SOURCES)


def _fallback(table: Table, words: Mapping[str, str]) -> str:
    """Without any team there is nobody else to name, and the default stands for whoever looks after the fleet."""
    fallback = table.text("fallback", OwnersSettings().fallback)
    team = words.get(word(fallback), "")
    if fallback and not team and (words or table.has("fallback")):
        fix = _near(fallback, words) if words else "add it to owners.teams"
        table.mistake("fallback", f"{fallback} is none of owners.teams", fix)
    return team or fallback


def _codeowners(table: Table, around: Surroundings) -> dict[str, str]:
    found = {name: around.absolute(text, False) for name, text in table.mapping("codeowners", {}).items()}
    for name, path in found.items():
        if not Path(path).is_file():
            table.mistake("codeowners", f"{name}: names a file that does not exist")
    return found


def _file(table: Table, around: Surroundings, key: str) -> str:
    path = around.path(table, key)
    if path and not Path(path).is_file():
        table.mistake(key, "names a file that does not exist")
    return path


def _wrong_channel(text: str, hooks: Collection[str]) -> str:
    if not text or _CHANNEL.fullmatch(text):
        return ""
    if not text.startswith(HOOK):
        return f"must be a channel's id such as C0123456789 (its details in Slack show it), or {HOOK}NAME"
    return "" if text.removeprefix(HOOK) in hooks else f"must name one of engine.hooks after {HOOK}"


def _wrong_person(text: str) -> str:
    is_id = person_in(text) == text and "@" not in text
    is_address = person_in(text) == text.lower() and "@" in text
    return (
        "" if not text or is_id or is_address else "must be an e-mail address, or a Slack user id such as U0123456789"
    )


def _wrong_selector(text: str) -> str:
    try:
        Selector.parse(text)
    except UsageError as error:
        return str(error).removeprefix("-l ")
    return ""
