"""`fleetkeeper rehearse` as it is typed, over a fleet that was observed and that answers over HTTP."""

import json
import shutil
from pathlib import Path

import pytest

from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command

PLAYBOOK = """
name = "roll"
title = "Roll the nodes"
purpose = "A rehearsal is of it."
changes = "minor"

[[steps]]
name = "control-plane"
kind = "upgrade-control-plane"
each_hop = true
timeout = "3h"

[[steps]]
name = "nodes"
kind = "update-nodegroup"
each_hop = true
timeout = "12h"

[[stages]]
name = "all"
max_concurrency = 2

[[stages.gates]]
name = "watch"
kind = "soak"
when = "after"
params.for = "24h"
timeout = "2d"
"""


@pytest.fixture
def environ(seen: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The observed fleet, with a database of the test's own."""
    home = Path(seen["HOME"])
    shutil.copy(home / "fleet.db", tmp_path / "fleet.db")
    given = Path(seen["FLEETKEEPER_CONFIG"]).read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(given.replace('components = ["addons"]', "components = []"), encoding="utf-8")
    return seen | {"FLEETKEEPER_STORE__URL": f"sqlite:///{tmp_path}/fleet.db", "FLEETKEEPER_CONFIG": str(own)}


@pytest.fixture
def plan(command: Command, environ: dict[str, str], tmp_path: Path) -> str:
    (tmp_path / "roll.toml").write_text(PLAYBOOK)
    made = command("plan", "roll.toml", "-o", "json", environ=environ)
    assert made.exit_code == 0, made.stderr
    document = json.loads(made.stdout)
    assert document["members"], [each["reason"] for each in document["header"]["left"]]
    return str(document["header"]["id"])


def test_a_plan_is_rehearsed_over_what_the_clusters_show_now(
    command: Command, environ: dict[str, str], plan: str, tmp_path: Path
) -> None:
    answer = command("rehearse", plan, "--svg", "roll.svg", "-o", "json", environ=environ)
    assert answer.exit_code == 0, answer.stdout + answer.stderr
    told = json.loads(answer.stdout)
    assert told["kind"] == "rehearsal"
    assert {each["member"] for each in told["items"]} == {"payments"}
    assert all(each["end"] == "done" for each in told["items"])
    assert all(0 < each["length"]["low"] <= each["length"]["high"] for each in told["items"])
    assert [each["length"] for each in told["pauses"]] == [86_400]
    assert (tmp_path / "roll.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert "rehearsing payments" in answer.stderr


def test_one_cluster_is_told_in_lines(command: Command, environ: dict[str, str], plan: str) -> None:
    answer = command("rehearse", plan[:-2], "--member", "payments", "--processes", "1", environ=environ)
    assert answer.exit_code == 0, answer.stderr
    assert answer.stdout.startswith(f"Rehearsal of plan {plan}: 1 cluster, ")
    assert "\npayments: DONE\n  takes " in answer.stdout
    assert "Not counted, for it is no work:\n  soak watch after stage all: 1d" in answer.stdout


def test_a_cluster_that_does_not_let_itself_be_read_is_told_and_is_exit_code_7(
    command: Command, environ: dict[str, str], plan: str, fleet: SimProcess
) -> None:
    fleet.control("POST", "/faults", {"add": [{"side": "kube", "kind": "forbid", "cluster": "payments"}]})
    try:
        answer = command("rehearse", plan, environ=environ)
    finally:
        fleet.control("POST", "/faults", {"clear": True})
    assert answer.exit_code == 7, answer.stdout
    assert "\npayments: NOT REHEARSED: its cluster cannot be read now" in answer.stdout


def test_a_plan_that_is_not_there_is_a_mistake_of_use(command: Command, environ: dict[str, str]) -> None:
    answer = command("rehearse", "nothing", environ=environ)
    assert answer.exit_code == 2
    assert "there is no plan nothing" in answer.stderr
