"""`--help` of every command: it says something, and imports nothing heavy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.tree import commands, options

HEAVY = (
    *(
        "alembic",
        "apscheduler",
        "boto3",
        "botocore",
        "kubernetes",
        "moto",
        "msgspec",
        "prometheus_client",
        "psycopg",
        "pydantic",
    ),
    *("rich", "semver", "slack_sdk", "sqlalchemy", "sqlmodel", "structlog", "tenacity", "tree_sitter", "yaml"),
)

ASK = """
import json, sys
from fleetkeeper.cli import app
for words in json.loads(sys.argv[1]):
    try:
        app([*words, "--help"])
    except SystemExit as end:
        assert end.code == 0, words
print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))
"""


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_says_what_it_is_for(words: tuple[str, ...], command: Command) -> None:
    found = command(*words, "--help")
    assert (found.exit_code, found.stderr) == (0, "")
    usage, _, purpose = found.stdout.splitlines()[:3]
    assert usage.startswith(f"Usage: fleetkeeper {' '.join(words)}".rstrip())
    assert purpose.strip()
    assert "\x1b" not in found.stdout


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    arguments = [json.dumps(commands()), json.dumps(HEAVY)]
    done = subprocess.run(
        [sys.executable, "-c", ASK, *arguments], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_options_mean_the_same_everywhere() -> None:
    """-o is always the format, -l always the selector; a letter with two meanings is a trap."""
    letters: dict[str, set[str]] = {}
    for words in commands():
        for names in options(words):
            for short in (name for name in names if len(name) == 2):
                letters.setdefault(short, set()).update(name for name in names if len(name) > 2)
    assert {short: sorted(long) for short, long in letters.items()} == {
        "-c": ["--config"],
        "-v": ["--verbose"],
        "-l": ["--selector"],
        "-o": ["--output"],
        "-f": ["--follow"],
    }
