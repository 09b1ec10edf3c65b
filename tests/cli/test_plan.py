"""`fleetkeeper plan` and `fleetkeeper playbook` as they are typed, over a fleet that was observed."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetkeeper import wiring
from fleetkeeper.core.plan_file import read_plan
from tests.cli.conftest import Command
from tests.cli.test_output import shape
from tests.core.fleets import assert_golden
from tests.core.plans import GATES, STEPS

GOLDEN = Path(__file__).parents[1] / "golden" / "cli_shapes_plan.json"
MISTAKEN = """\
name = "mine"
title = "Mine"
purpose = "Because."
changes = "addons"
[[steps]]
name = "look"
kind = "prefligth"
[[stages]]
name = "all"
max_concurency = 2
"""


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kinds of these tests: what real ones do is nothing to a plan."""
    monkeypatch.setattr(wiring, "all_steps", lambda: STEPS)
    monkeypatch.setattr(wiring, "all_gates", lambda: GATES)


@pytest.fixture
def environ(seen: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The observed fleet, with a database of the test's own."""
    home = Path(seen["HOME"])
    shutil.copy(home / "fleet.db", tmp_path / "fleet.db")
    return seen | {"FLEETKEEPER_STORE__URL": f"sqlite:///{tmp_path}/fleet.db"}


Told = Callable[..., Any]


@pytest.fixture
def told(command: Command, environ: Mapping[str, str]) -> Told:
    """A command that must do well, as JSON."""

    def run(*arguments: str) -> Any:
        answer = command(*arguments, "-o", "json", environ=dict(environ))
        assert (answer.exit_code, answer.stderr) == (0, ""), answer.stderr
        return json.loads(answer.stdout)

    return run


def test_a_plan_is_made_stored_listed_and_shown(command: Command, environ: dict[str, str]) -> None:
    made = command("plan", "addons-only", environ=environ)
    assert made.exit_code == 0, made.stderr
    id = made.stdout.split()[1].rstrip(":")
    assert re.fullmatch("addons-only-[0-9a-f]{8}", id)
    assert f"fleetkeeper run approve {id}" in made.stdout
    assert id in command("get", "plans", environ=environ).stdout
    assert command("plan", "show", id, environ=environ).stdout == made.stdout
    assert command("plan", "show", id[:-3], environ=environ).stdout == made.stdout
    short = command("plan", "show", id, "--short", environ=environ).stdout
    assert short.startswith(made.stdout.splitlines()[0])
    assert short.endswith(f"fleetkeeper plan show {id}\n")
    assert "What can go wrong" not in short


def test_the_short_and_the_long_form_are_one_command(told: Told) -> None:
    short, long = told("plan", "observe-only", "-l", "name=*"), told("plan", "make", "observe-only", "-l", "name=*")
    assert short["header"]["selector"] == long["header"]["selector"] == "name=*"
    assert [each["name"] for each in short["members"]] == [each["name"] for each in long["members"]]
    assert len(short["members"]) + len(short["header"]["left"]) == 3


def test_options_may_stand_before_the_playbook(told: Told) -> None:
    assert told("plan", "-l", "name=nothing", "observe-only")["members"] == []


def test_a_plan_of_nobody_is_not_stored(command: Command, environ: dict[str, str], told: Told) -> None:
    answer = command("plan", "addons-only", "-l", "name=nothing", environ=environ)
    assert answer.exit_code == 0
    assert "No cluster is in it, so it was not stored" in answer.stdout
    assert told("get", "plans")["items"] == []


def test_the_file_is_the_stored_plan(told: Told, command: Command, environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    answer = command("plan", "observe-only", "--out", str(file), "-o", "json", environ=environ)
    document = json.loads(answer.stdout)
    plan = read_plan(file.read_bytes())
    assert plan.digest == document["digest"]
    assert answer.stderr == f"Wrote plan {plan.header.id} to {file}.\n"
    assert told("plan", "show", plan.header.id) == document
    shown = command("plan", "show", plan.header.id, "-o", "yaml", environ=environ)
    assert yaml.safe_load(shown.stdout) == document


def test_the_shapes_of_documents_are_as_promised(told: Told) -> None:
    found = {"plan": shape(told("plan", "addons-only"), "plan")}
    for member in found["plan"]["members"]:
        member["attributes"] = member["facts"] = {"*": "text"}
    found["plans"] = shape(told("get", "plans"))
    found["playbooks"] = shape(told("playbook", "show", "addons-only"))
    assert found == json.loads(GOLDEN.read_text("utf-8"))


def test_a_plan_expires_when_asked(told: Told) -> None:
    told("plan", "observe-only", "--expires", "12h")
    (row,) = told("get", "plans")["items"]
    assert (row["expired"], row["changes"], row["members"]) == (False, "nothing", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("plan", "addons"), "there is no playbook addons: did you mean addons-only?", id="a playbook"),
        pytest.param(
            ("plan", "x"), "no playbook x: known: addons-only, minor-upgrade, observe-only", id="none like it"
        ),
        pytest.param(("plan", "addons-only", "--expires", "soon"), "--expires 'soon' is not a duration", id="no time"),
        pytest.param(("plan", "addons-only", "--expires", "31d"), "at most 30d", id="too long a time"),
        pytest.param(("plan", "addons-only", "-l", "rnig=x"), "'rnig' is not one of name, account", id="a selector"),
        pytest.param(("plan", "show", "nothing"), "there is no plan nothing, or more than one begins so", id="a plan"),
        pytest.param(("playbook", "explain", "x"), "there is no playbook x", id="nothing to explain"),
        pytest.param(
            ("plan", "observe-only", "--out", "no/folder/plan.json"), "--out no/folder/plan.json: No such", id="a file"
        ),
    ],
)
def test_what_cannot_be_is_told(
    arguments: tuple[str, ...], message: str, command: Command, environ: dict[str, str]
) -> None:
    answer = command(*arguments, environ=environ)
    assert answer.exit_code == 2
    assert message in answer.stderr


def test_no_plans_is_told_with_the_way_to_one(command: Command, environ: dict[str, str]) -> None:
    assert command("get", "plans", environ=environ).stdout == (
        "No plans: make one with `fleetkeeper plan PLAYBOOK`, see `fleetkeeper playbook show`.\n"
    )


# ---- playbooks


def test_the_library_is_checked(command: Command) -> None:
    answer = command("playbook", "check")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == [
        "Good: addons-only (shipped addons-only.toml): 2 steps, stages canary, rest.",
        "Good: minor-upgrade (shipped minor-upgrade.toml): 15 steps, stages canary, rest.",
        "Good: observe-only (shipped observe-only.toml): 1 step, stages canary, rest.",
        "Good: rollback (shipped rollback.toml): 7 steps, stages back.",
        "Good: rotate-nodes (shipped rotate-nodes.toml): 7 steps, stages canary, rest.",
    ]


def test_every_mistake_of_a_file_is_told_with_its_line(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MISTAKEN, "utf-8")
    answer = command("playbook", "check", str(file))
    assert answer.exit_code == 1
    assert answer.stderr.splitlines() == [
        "fleetkeeper: 2 mistakes in the configuration:",
        f"{file}:7: steps[0].kind: must be one of {', '.join(sorted(STEPS))} — did you mean preflight?",
        f"{file}:10: stages[0].max_concurency: unknown key — did you mean max_concurrency?",
    ]


def test_a_playbook_of_ones_own_folder_and_of_a_file_can_be_planned(
    command: Command, environ: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "playbooks"
    folder.mkdir()
    file = folder / "mine.toml"
    file.write_text(MISTAKEN.replace("prefligth", "preflight").replace("max_concurency = 2", ""), "utf-8")
    (tmp_path / "fleetkeeper.toml").write_text(f'playbook_folders = ["{folder}"]\n', "utf-8")
    assert "mine" in command("playbook", "show").stdout
    assert command("plan", str(file), environ=environ).exit_code == 0


@pytest.mark.parametrize("name", ["addons-only", "minor-upgrade", "observe-only", "rollback"])
def test_a_playbook_is_explained_in_words(name: str, command: Command) -> None:
    answer = command("playbook", "explain", name)
    assert answer.exit_code == 0
    assert_golden(f"playbook_{name}.txt", re.sub(r"\.toml, [0-9a-f]{12}\.", ".toml, DIGEST.", answer.stdout))


def test_a_playbook_is_shown_with_its_defaults(command: Command, told: Told) -> None:
    shown = yaml.safe_load(command("playbook", "show", "addons-only").stdout)
    (item,) = told("playbook", "show", "addons-only")["items"]
    assert shown == item
    assert (item["steps"][1]["timeout"], item["stages"][1]["max_failures"]) == ("45m", "5%")
    assert item["stages"][0]["gates"][0]["params"] == {"for": "2h"}
