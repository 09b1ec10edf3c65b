"""What commands write for machines: its shape is a promise, held by a golden file; and tables for people."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.text import Text

from fleetkeeper.cli import tables
from fleetkeeper.cli.output import Format, plain, say, write
from fleetkeeper.core.versions import Minor, Version
from tests.cli.conftest import Command

GOLDEN = Path(__file__).parents[1] / "golden" / "cli_shapes.json"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

COMMANDS = {
    "clusters": ("get", "clusters"),
    "nodes": ("get", "nodes"),
    "addons": ("get", "addons"),
    "changes": ("get", "changes"),
    "settings": ("config", "show"),
}
FREE_KEYS = {"owner_keys", "gaps", "not_seen", "not_listed", "labels", "tags"}
"""Members whose keys are data."""


def shape(value: Any, name: str = "") -> Any:
    """A document with the kinds of its values in place of the values; the items of a list as one."""
    if isinstance(value, dict):
        if name in FREE_KEYS:
            return {"*": merged([shape(v) for v in value.values()])} if value else {}
        return {key: shape(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [merged([shape(inner) for inner in value])] if value else []
    return {bool: "true or false", int: "number", float: "number", str: "text", type(None): "null"}[type(value)]


def merged(shapes: list[Any]) -> Any:
    different = [s for at, s in enumerate(shapes) if s not in shapes[:at]]
    if len(different) == 1:
        return different[0]
    if all(isinstance(s, dict) for s in different):
        keys = dict.fromkeys(key for s in different for key in s)
        return {key: merged([s[key] for s in different if key in s]) for key in keys}
    if all(isinstance(s, list) for s in different):
        return [merged([inner for s in different for inner in s])]
    return " | ".join(sorted(s if isinstance(s, str) else "object" for s in different))


def test_the_shapes_of_documents_are_as_promised(command: Command, seen: dict[str, str]) -> None:
    found = {}
    for kind, arguments in COMMANDS.items():
        answer = command(*arguments, "-o", "json", environ=seen)
        assert (answer.exit_code, answer.stderr) == (0, "")
        document = json.loads(answer.stdout)
        assert (document["schema_version"], document["kind"]) == (1, kind)
        assert document["items"]
        found[kind] = shape(document)
    assert found == json.loads(GOLDEN.read_text("utf-8"))


@pytest.mark.parametrize("kind", COMMANDS)
def test_yaml_and_json_lines_say_the_same_as_json(kind: str, command: Command, seen: dict[str, str]) -> None:
    def answer(form: str) -> str:
        found = command(*COMMANDS[kind], "-o", form, environ=seen)
        assert (found.exit_code, found.stderr) == (0, "")
        return found.stdout

    def timeless(document: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in document.items() if k not in ("at", "since")}

    expected = timeless(json.loads(answer("json")))
    assert timeless(yaml.safe_load(answer("yaml"))) == expected
    head, *rows = [json.loads(line) for line in answer("jsonl").splitlines()]
    assert timeless(head) | {"items": rows} == expected


@pytest.mark.parametrize("kind", COMMANDS)
def test_tables_fit_a_hundred_columns_unless_wide(kind: str, command: Command, seen: dict[str, str]) -> None:
    table = command(*COMMANDS[kind], environ=seen)
    wide = command(*COMMANDS[kind], "-o", "wide", environ=seen)
    assert (table.exit_code, wide.exit_code, table.stderr, wide.stderr) == (0, 0, "", "")
    assert max(map(len, table.stdout.splitlines())) <= 100
    assert "\x1b" not in table.stdout + wide.stdout
    assert table.stdout.split()[0] in ("CLUSTER", "TIME", "KEY")
    if kind != "clusters":
        assert wide.stdout == table.stdout
    else:
        assert "RING" in wide.stdout.splitlines()[0]


# ---- values


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclass(frozen=True)
class Inner:
    minor: Minor
    version: Version


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Colour.RED, "red", id="an enum by its value"),
        pytest.param(Level.HIGH, 3, id="a number's enum, too"),
        pytest.param(True, True, id="a truth stays one"),
        pytest.param(NOW, "2026-11-20T12:00:00Z", id="a time with Z"),
        pytest.param(NOW.astimezone(timezone(timedelta(hours=9))), "2026-11-20T12:00:00Z", id="another zone as UTC"),
        pytest.param(
            Inner(Minor.parse("1.30"), Version.parse("v1.2.3")), {"minor": "1.30", "version": "v1.2.3"}, id="versions"
        ),
        pytest.param({Colour.RED: (1, None)}, {"red": [1, None]}, id="a mapping"),
        pytest.param(frozenset({"b", "a"}), ["a", "b"], id="a set in order"),
    ],
)
def test_plain_values(value: object, expected: object) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


def test_hostile_text_does_not_reach_a_terminal_raw(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2Jname\u202e\n- evil: 1"
    for form in (Format.JSON, Format.YAML, Format.JSONL):
        write("clusters", [{"name": hostile}], form)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\n- evil" not in out
    say(f"fleetkeeper: {hostile}")
    assert capsys.readouterr().err == "fleetkeeper: \\x1b[2Jname\\u202e\n- evil: 1\n"


# ---- tables


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "119 min"), (7200, "2 h"), (172799, "47 h"), (172800, "2 d")],
)
def test_ages(seconds: int, expected: str) -> None:
    assert tables.age(NOW - timedelta(seconds=seconds), NOW) == expected


def test_an_age_of_nothing_and_of_the_future() -> None:
    assert tables.age(None, NOW) == "never"
    assert tables.age(NOW + timedelta(hours=1), NOW) == "0 s"


def test_cells_are_cut_and_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (tables.Column("NAME", most=8), tables.Column("N", right=True), tables.Column("WHAT", wraps=True))
    rows: list[tuple[str | Text, ...]] = [("a\x1b[31mb", "7", "short"), ("a-long-name", "12", "[bold]no markup[/bold]")]
    tables.console().print(tables.table(columns, rows, 100))
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "NAME       N  WHAT",
        "a\\x1b[3…   7  short",
        "a-long-…  12  [bold]no markup[/bold]",
    ]
