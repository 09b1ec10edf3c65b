"""Every command that a text of fleetkeeper tells people to type is one that the command line takes, as it stands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from fleetkeeper.cli import app
from fleetkeeper.core.run import Verb
from fleetkeeper.core.run_words import taking_back, typed

ROOT = Path(__file__).parent.parent
NO_TEXTS = ("fleetkeeper/core/run_page.py", "fleetkeeper/core/scan_reports.py")
"""A pattern that finds commands, and the name of a tool in a report's format."""
PROGRAM: Any = typer.main.get_command(app)

_SPAN = re.compile(r"`fleetkeeper ([^`]+)`")
_BARE = re.compile(rf"(?<![`\w])fleetkeeper ((?:{'|'.join(PROGRAM.commands)})\b[^`\n;|,()]*)")
_AFTER = re.compile(r" {2,}| \| ")  # a remark of a list of commands, or the program that reads what it prints
_HOLE = "7d"  # stands for what a text puts in: a name, a number, a length of time

_GLUED = re.compile(rf"(?<=\w){_HOLE}")  # options that a text may add or not


def texts(path: Path) -> Iterator[str]:
    """The strings of a module that people read, without its docstrings; what a text puts in is a hole."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else _HOLE for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (inside | docs):
            yield node.value


def commands(text: str) -> list[str]:
    """Without what a text puts behind them, and without those whose second word a text puts in."""
    found = [_AFTER.split(each)[0].strip() for each in _SPAN.findall(text) + _BARE.findall(text)]
    return [_GLUED.sub("", each) for each in found if not each.startswith(f"run {_HOLE}")]


def said() -> list[tuple[str, str]]:
    """(module, command) of every text."""
    paths = sorted({*(ROOT / "fleetkeeper").rglob("*.py")} - {ROOT / each for each in NO_TEXTS})
    spoken = [path for path in paths if "fleetkeeper " in path.read_text("utf-8")]  # to parse them all takes seconds
    return sorted({(p.relative_to(ROOT).as_posix(), found) for p in spoken for t in texts(p) for found in commands(t)})


def refusal(command: str) -> str:
    """What the command line says of a command, "" when it takes it. Nothing is run."""
    found, context, words = PROGRAM, None, command.split()
    try:
        while True:
            context = found.make_context(found.name or "fleetkeeper", words, parent=context)
            if not hasattr(found, "commands"):
                return ""
            words = [*getattr(context, "_protected_args", ()), *context.args]
            _, found, words = found.resolve_command(context, words)
    except Exception as error:
        if not hasattr(error, "format_message"):  # of typer's own click, which has no public name
            raise
        return str(error.format_message())


@pytest.mark.parametrize(("module", "command"), said())
def test_a_command_that_a_text_names_is_taken(module: str, command: str) -> None:
    assert refusal(command) == ""


ELSEWHERE = {Verb.CLEANUP, Verb.UNFREEZE, Verb.SETTLE, Verb.UNMUTE}
"""Said by commands of their own: `cleanup`, `unfreeze`, `notices settle` and `notices unmute`."""


@pytest.mark.parametrize("verb", [*(each.value for each in Verb if each not in ELSEWHERE), "status", "log", "rollback"])
def test_a_command_that_is_put_together_is_taken(verb: str) -> None:
    assert refusal(typed(verb, "run-1").removeprefix("fleetkeeper ")) == ""


def test_the_way_back_of_a_cluster_is_taken() -> None:
    assert refusal(taking_back("shop").removeprefix("fleetkeeper ")) == ""


def test_the_search_finds_commands_and_what_is_wrong_with_them() -> None:
    assert len(said()) > 30
    assert commands("do `fleetkeeper run rollback`, then wait") == ["run rollback"]
    assert commands("  approve  fleetkeeper run approve 7d") == ["run approve 7d"]
    assert commands("the cluster that fleetkeeper runs in") == []
    assert "Missing argument 'RUN'" in refusal("run rollback")
    assert "No such command" in refusal("run undo 7d")
    assert "No such option" in refusal("plan rollback --from 7d")
    assert refusal("plan rollback --of 7d -l name=7d") == ""
