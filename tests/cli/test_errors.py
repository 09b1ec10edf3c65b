"""How commands end: exit codes, and one plain message instead of a traceback."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fleetkeeper.cli import context
from fleetkeeper.errors import (
    AlreadyRunning,
    ConfigError,
    FleetkeeperError,
    GapReason,
    Mistake,
    Refused,
    SchemaError,
    StoreUnavailable,
    Unreachable,
    UsageError,
)
from tests.cli.conftest import Command
from tests.cli.programs import run, surroundings

MISTAKE = Mistake("fleetkeeper.toml", 3, "aws.regions", "is wrong", "mend it")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(UsageError("ask otherwise"), 2, id="usage"),
        pytest.param(ConfigError((MISTAKE,)), 1, id="configuration"),
        pytest.param(SchemaError("run `fleetkeeper db upgrade`"), 1, id="schema"),
        pytest.param(StoreUnavailable("the database is down"), 1, id="database"),
        pytest.param(AlreadyRunning("in use by another engine"), 1, id="another engine"),
        pytest.param(Refused("no right to list"), 4, id="permission"),
        pytest.param(Unreachable("expired", GapReason.UNAUTHENTICATED), 4, id="credential"),
        pytest.param(Unreachable("no route"), 1, id="network"),
    ],
)
def test_an_error_is_one_message_and_its_code(
    error: FleetkeeperError, code: int, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_context: object) -> None:
        raise error

    monkeypatch.setattr(context, "settings", fail)
    found = command("config", "check")
    assert (found.exit_code, found.stdout, found.stderr) == (code, "", f"fleetkeeper: {error}\n")


def test_every_mistake_of_the_configuration_is_told(command: Command, tmp_path: Path) -> None:
    (tmp_path / "fleetkeeper.toml").write_text('[aws]\nregions = ["mars"]\nregoins = []\n[log]\nlevel = "loud"\n')
    found = command("config", "check")
    assert found.exit_code == 1
    assert found.stdout == ""
    head, *mistakes = found.stderr.splitlines()
    assert head == "fleetkeeper: 3 mistakes in the configuration:"
    assert [line.split(" ")[0] for line in mistakes] == [f"fleetkeeper.toml:{n}:" for n in (2, 3, 5)]


def test_a_fault_of_our_own_is_one_line_and_the_way_to_the_traceback(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_context: object) -> None:
        raise KeyError("oh\x1b[2J")

    monkeypatch.setattr(context, "settings", fail)
    found = command("config", "check")
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr == (
        "fleetkeeper: a fault of its own: KeyError: 'oh\\x1b[2J'\n"
        "For the traceback, put -v before the command: fleetkeeper -v ...\n"
    )
    found = command("-v", "config", "check")
    assert found.exit_code == 1
    assert found.stderr.startswith("Traceback (most recent call last):\n")


def test_ctrl_c_is_130_without_a_word(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_context: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(context, "settings", interrupt)
    found = command("config", "check")
    assert (found.exit_code, found.output) == (130, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["get", "clusters", "--colour"], "No such option: --colour", id="an unknown option"),
        pytest.param(["get", "clouds"], "No such command 'clouds'.", id="an unknown command"),
        pytest.param(["get", "cluster"], "Did you mean 'clusters'?", id="a command that is nearly one"),
        pytest.param(["get", "clusters", "-o", "xml"], "'xml' is not one of", id="an unknown format"),
        pytest.param(["get", "clusters", "extra"], "unexpected extra argument", id="one argument too many"),
        pytest.param(["get", "clusters", "-l", "ring"], "-l ring: write key=value", id="a selector that is none"),
        pytest.param(["get", "clusters", "--at", "noon"], "'noon' is no time", id="a time that is none"),
        pytest.param(["get", "changes", "--since", "7"], "'7' is no time", id="a span without its unit"),
    ],
)
def test_what_cannot_be_is_usage(arguments: list[str], told: str, command: Command, seen: dict[str, str]) -> None:
    found = command(*arguments, environ=seen)
    assert (found.exit_code, found.stdout) == (2, "")
    assert told in found.stderr


def test_without_a_command_it_shows_the_commands(command: Command) -> None:
    found = command()
    assert found.exit_code == 2
    assert "observe" in found.output


@pytest.mark.parametrize("arguments", [["get", "clusters"], ["get", "changes"], ["observe"], ["db", "check"]])
def test_before_the_database_is_there_every_command_says_what_to_do(arguments: list[str], command: Command) -> None:
    found = command(*arguments)
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith("fleetkeeper: there is no database at ")
    assert found.stderr.endswith("fleetkeeper.db yet: run `fleetkeeper db upgrade`\n")


def test_the_way_from_nothing_to_a_table(command: Command) -> None:
    steps = [command(*c) for c in (["config", "check"], ["db", "upgrade"], ["db", "check"], ["get", "clusters"])]
    assert [step.exit_code for step in steps] == [0, 0, 0, 0]
    assert steps[-1].stdout.startswith("No clusters yet: run `fleetkeeper observe`")
    assert command("db", "upgrade").stdout == "Nothing to do: the database is of this version.\n"


def test_config_show_does_not_show_secrets(command: Command, tmp_path: Path) -> None:
    (tmp_path / "fleetkeeper.toml").write_text(
        '[store]\nurl = "postgresql://fk@db.example.com/fleet"\npassword_env = "DB"\n[aws]\nexternal_id_file = "id"\n'
    )
    (tmp_path / "id").write_text("s3cret-id\n")
    environ = surroundings(
        tmp_path, DB="s3cret-db", FLEETKEEPER_KUBERNETES__PROXY_URL="http://me:s3cret-px@proxy.example.com:3128"
    )
    for form in ("table", "json", "yaml", "jsonl"):
        found = command("config", "show", "-o", form, environ=environ)
        assert found.exit_code == 0
        assert "s3cret" not in found.output
        assert "db.example.com" in found.stdout
        assert "(set, from env DB)" in found.stdout.replace("\n", " ")


def test_as_a_module_and_its_version(tmp_path: Path) -> None:
    environ: Mapping[str, str] = surroundings(tmp_path)
    found = run(["--version"], environ, tmp_path)
    assert (found.returncode, found.stdout.split(), found.stderr) == (0, ["fleetkeeper", "0.1.0"], "")
    found = run(["get", "clusters"], environ, tmp_path)
    assert (found.returncode, found.stdout, len(found.stderr.splitlines())) == (1, "", 1)
