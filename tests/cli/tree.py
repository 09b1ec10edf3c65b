"""The commands that the command line has, read from typer itself."""

from functools import cache
from typing import Any

import typer.main

from fleetkeeper.cli import app


def commands() -> list[tuple[str, ...]]:
    """Every command and group as its words; () is the program itself."""
    return list(_below(_program(), ()))


def _below(command: Any, words: tuple[str, ...]) -> list[tuple[str, ...]]:
    inner = getattr(command, "commands", {})
    return [words, *(found for name, child in inner.items() for found in _below(child, (*words, name)))]


def options(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The names of each option of a command, such as ("-o", "--output")."""
    return [(*p.opts, *p.secondary_opts) for p in _command(words).params if str(p.opts[0]).startswith("-")]


def arguments(words: tuple[str, ...]) -> int:
    """How many words a command takes besides its options."""
    return sum(1 for p in _command(words).params if not str(p.opts[0]).startswith("-"))


def is_flag(words: tuple[str, ...], option: str) -> bool:
    return any(bool(p.is_flag) for p in _command(words).params if option in (*p.opts, *p.secondary_opts))


def default(words: tuple[str, ...], word: str) -> str:
    """The command that a group takes for a word that names none of its own, "" where it has none or the word does."""
    group = _command(words)
    is_own = word.startswith("-") or word in getattr(group, "commands", {})
    return "" if is_own else str(getattr(group, "default", ""))


def _command(words: tuple[str, ...]) -> Any:
    found = _program()
    for word in words:
        found = found.commands[word]
    return found


@cache
def _program() -> Any:
    return typer.main.get_command(app)
