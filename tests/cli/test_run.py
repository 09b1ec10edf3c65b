"""`fleetkeeper run`, `freeze` and `cleanup` as they are typed, with an engine that `serve` runs."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetkeeper.cli.actor import actor
from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command
from tests.cli.programs import Program
from tests.cli.running import begun, observed, planned, status


@pytest.fixture(scope="module")
def idle(scaled: SimProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an observed fleet on whose database no engine works."""
    return observed(scaled, tmp_path_factory.mktemp("idle"))


@pytest.fixture(scope="module")
def busy(scaled: SimProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of an observed fleet on whose database an engine works."""
    home = tmp_path_factory.mktemp("busy")
    environ = observed(scaled, home)
    with Program(["serve"], environ, home) as program:
        program.await_event("engine_runs")
        yield environ
        program.tell(signal.SIGTERM)
        assert program.ended() == 0


# ---- the way of a run


def test_a_plan_is_started_approved_by_another_and_carried_out(
    command: Command, busy: dict[str, str], scaled: SimProcess
) -> None:
    plan = planned(command, busy, selector="name=payments")
    id = begun(command, busy, plan, 5)
    assert id == f"{plan}-1"
    own = command("run", "approve", plan, environ=busy)
    assert own.exit_code == 1
    assert own.stderr.startswith("Refused: ")
    waits = command("run", "watch", id, "--timeout", "1s", environ=busy)
    assert waits.exit_code == 5
    assert f"do: fleetkeeper run approve {plan}" in waits.stdout
    assert command("run", "status", id, "--exit-code", environ=busy).exit_code == 5
    given = command("run", "approve", plan, "--as", "bob", environ=busy)
    assert (given.exit_code, given.stderr) == (0, f"Approve {plan}: bob (local) approved the plan {plan}\n")
    assert command("run", "watch", id, "--timeout", "3s", environ=busy).exit_code == 5
    gate = command("run", "approve", id, "--gate", "all/go-ahead", "--as", "bob", environ=busy)
    assert gate.exit_code == 0, gate.stderr
    watched = command("run", "watch", id, "--timeout", "60s", environ=busy)
    assert watched.exit_code == 0, watched.output
    assert f"Run {id} succeeded after" in watched.stderr
    assert "payments: act: update coredns" in watched.stdout
    assert scaled.control("GET", "/state")["aws_operations"]["eks:UpdateAddon"] == 1
    found = status(command, busy, id)
    assert (found["state"], found["tasks"][0]["state"], found["seconds_left"]) == ("succeeded", "succeeded", [0, 0])
    assert id in command("get", "runs", environ=busy).stdout
    assert id not in command("get", "runs", "--active", environ=busy).stdout
    assert "Nothing is left" in command("cleanup", id, environ=busy).stdout


def test_what_changes_nothing_needs_no_approval_and_its_log_tells_all(command: Command, busy: dict[str, str]) -> None:
    id = begun(command, busy, planned(command, busy, "observe-only"), 0)
    assert command("run", "watch", id, "--timeout", "60s", environ=busy).exit_code == 0
    log = command("run", "log", id, environ=busy).stdout.splitlines()
    assert "created with 3 of 3 members" in log[0]
    assert "the run succeeded" in log[-1]
    assert command("run", "log", id, "-f", environ=busy).stdout.splitlines() == log
    events = json.loads(command("run", "log", id, "-o", "json", environ=busy).stdout)
    assert len(events["items"]) == len(log)


def test_a_paused_run_begins_nothing_until_it_is_resumed(command: Command, busy: dict[str, str]) -> None:
    id = begun(command, busy, planned(command, busy, selector="name=payments"), 5)
    paused = command("run", "pause", id, "--reason", "a look first", environ=busy)
    assert paused.stderr == f"Pause {id}: nothing new begins\n"
    again = command("run", "pause", id, environ=busy)
    assert again.exit_code == 1
    assert again.stderr.startswith(f"Refused: run {id} is paused already: ")
    assert "a look first" in command("run", "status", id, environ=busy).stdout
    stranger = command("run", "resume", id, "--as", "eve", environ=busy)
    assert (stranger.exit_code, stranger.stderr) == (
        1,
        f"Refused: eve has no right to resume; these have: {', '.join(sorted(('bob', actor())))}\n",
    )
    assert command("run", "resume", id, environ=busy).stderr == f"Resume {id}: it goes on\n"
    unknown = command("run", "skip", id, "member:nobody", environ=busy)
    assert (unknown.exit_code, unknown.stderr) == (1, "Refused: no member is named nobody\n")
    aborted = command("run", "abort", id, environ=busy)
    assert aborted.stderr == f"Abort {id}: nothing was under way\n"
    assert command("run", "watch", id, "--timeout", "20s", environ=busy).exit_code == 7
    assert command("run", "status", id, "--exit-code", environ=busy).exit_code == 7


def test_a_run_that_a_stranger_made_waits_until_an_operator_starts_it(command: Command, busy: dict[str, str]) -> None:
    plan = planned(command, busy, "observe-only", "name=tools")
    refused = command("run", "start", plan, "--yes", "--as", "eve", environ=busy)
    assert refused.exit_code == 1
    assert "Refused: eve has no right to start; these have: bob, " in refused.stderr
    id = refused.stdout.strip()
    assert f"fleetkeeper run start {plan}" in command("run", "status", id, environ=busy).stdout
    assert begun(command, busy, plan, 0) == id
    assert command("run", "watch", id, "--timeout", "60s", environ=busy).exit_code == 0
    other = command("run", "start", plan, "--yes", environ=busy)
    assert other.stdout.strip() == f"{plan}-2"


def test_a_freeze_holds_what_it_reaches_and_lifting_it_lets_go(command: Command, busy: dict[str, str]) -> None:
    frozen = command("freeze", "-l", "name=tools", "--reason", "Black Friday", "--until", "90d", environ=busy)
    freeze = frozen.stdout.strip()
    assert f"fleetkeeper unfreeze {freeze}" in frozen.stderr
    assert "Black Friday" in command("get", "freezes", environ=busy).stdout
    id = begun(command, busy, planned(command, busy, "observe-only", "name=tools"), 0)
    assert "Freezes that stand" in command("run", "status", id, environ=busy).stdout
    stranger = command("unfreeze", freeze, "--as", "eve", environ=busy)
    assert stranger.exit_code == 1
    assert stranger.stderr.startswith("Refused: eve has no right to unfreeze; these have: bob, ")
    lifted = command("unfreeze", freeze, environ=busy)
    assert (lifted.exit_code, lifted.stderr) == (0, f"Unfreeze {freeze}: {actor()} lifted it\n")
    assert command("run", "watch", id, "--timeout", "60s", environ=busy).exit_code == 0
    gone = command("unfreeze", freeze, environ=busy)
    assert (gone.exit_code, gone.stderr) == (
        2,
        f"fleetkeeper: no freeze {freeze} stands: `fleetkeeper get freezes` lists them\n",
    )


def test_what_is_said_of_notices_is_judged_by_the_engine(command: Command, busy: dict[str, str]) -> None:
    stranger = command("notices", "unmute", "FK203", "--as", "eve", environ=busy)
    assert stranger.stderr.startswith("Refused: eve has no right to unmute; these have: bob, ")
    refused = command("notices", "unmute", "FK203", environ=busy)
    assert (refused.exit_code, refused.stderr) == (
        1,
        "Refused: FK203 is not muted: `fleetkeeper campaign` names the checks that are\n",
    )


def test_ctrl_c_ends_the_watch_and_not_the_run(command: Command, busy: dict[str, str], tmp_path: Path) -> None:
    id = begun(command, busy, planned(command, busy, selector="name=payments"), 5)
    with Program(["run", "watch", id], busy, tmp_path) as program:
        assert program.process.stdout is not None
        assert "created with 1 of 1 members" in program.process.stdout.readline()
        program.tell(signal.SIGINT)
        assert program.ended() == 130
    assert program.lines[-1].startswith("The run goes on.")
    assert status(command, busy, id)["state"] == "not_started"


# ---- without an engine


def test_without_an_engine_a_verb_waits_and_says_so(command: Command, idle: dict[str, str]) -> None:
    plan = planned(command, idle, "observe-only")
    started = command("run", "start", plan, "--yes", environ=idle)
    assert (
        "No engine is running: `fleetkeeper serve` starts one. The start is stored and waits for it." in started.stderr
    )
    id = started.stdout.strip()
    paused = command("run", "pause", id, environ=idle)
    assert (paused.exit_code, paused.stderr) == (
        6,
        "No engine is running: `fleetkeeper serve` starts one. The pause is stored and waits for it.\n",
    )
    assert command("run", "status", id, environ=idle).stdout.startswith(
        "No engine is running, so nothing of this moves"
    )
    again = command("run", "start", plan, "--yes", environ=idle)
    assert (again.exit_code, again.stdout.strip()) == (0, id)  # said once more: nobody has started it yet


def test_a_run_whose_plan_was_changed_by_hand_is_listed_and_can_be_aborted(
    command: Command, idle: dict[str, str]
) -> None:
    plan = planned(command, idle, "observe-only")
    id = command("run", "start", plan, "--yes", environ=idle).stdout.strip()
    with sqlite3.connect(f"{idle['HOME']}/fleet.db") as database:
        database.execute("UPDATE plan SET header = replace(header, 'Look', 'Rush') WHERE id = ?", (plan,))
    refused = command("run", "resume", id, environ=idle)
    assert refused.exit_code == 1
    assert "its digest differs" in refused.stderr
    aborted = command("run", "abort", id[:-1], environ=idle)
    assert (aborted.exit_code, aborted.stderr) == (
        6,
        "No engine is running: `fleetkeeper serve` starts one. The abort is stored and waits for it.\n",
    )
    assert id in command("get", "runs", environ=idle).stdout

    shown = command("run", "status", id[:-1], environ=idle)
    assert shown.exit_code == 0
    assert shown.stdout.startswith("THE PLAN IS NOT WHAT WAS APPROVED: the header of plan")
    assert f"Run {id} of plan {plan}, started by {actor()}" in shown.stdout
    assert "payments: NOT STARTED, 0 of" in shown.stdout
    assert "created with 3 of 3 members" in shown.stdout
    assert command("run", "status", id, "--exit-code", environ=idle).exit_code == 7
    (document,) = json.loads(command("run", "status", id, "-o", "json", environ=idle).stdout)["items"]
    assert (document["id"], document["state"], document["unreadable"]) == (id, "not_started", 0)
    assert "its digest differs" in document["wrong"]
    assert [each["state"] for each in document["tasks"]] == ["not_started"] * 3
    log = command("run", "log", id, environ=idle)
    assert log.exit_code == 0
    assert log.stderr.startswith("The plan is not what was approved: the header of plan")
    assert "created with 3 of 3 members" in log.stdout
    assert "Nothing is left" in command("cleanup", environ=idle).stdout


def test_a_plan_file_is_started_as_it_was_exported_or_not_at_all(
    command: Command, idle: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    assert command("plan", "observe-only", "--out", str(file), environ=idle).exit_code == 0
    edited = tmp_path / "edited.json"
    edited.write_text(file.read_text("utf-8").replace("tools", "shop"), "utf-8")
    refused = command("run", "start", str(edited), "--yes", environ=idle)
    assert refused.exit_code != 0
    assert "changed after its export" in refused.stderr
    assert command("run", "start", str(file), "--yes", environ=idle).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("run", "start", "nothing", "--yes"), "there is no plan nothing", id="a plan that is not there"),
        pytest.param(("run", "status", "nothing"), "there is no run nothing", id="a run that is not there"),
        pytest.param(("run", "approve", "nothing"), "there is no plan and no run nothing", id="nothing to approve"),
        pytest.param(("run", "start", "no.json"), "no.json cannot be read as a plan", id="a file that is not there"),
        pytest.param(("run", "watch", "x", "--timeout", "soon"), "--timeout 'soon' is not a duration", id="no time"),
        pytest.param(
            ("freeze", "--reason", "x"), "say what to freeze: --all, or -l SELECTOR", id="a freeze of nothing"
        ),
        pytest.param(
            ("freeze", "--all", "--reason", "x", "--until", "2020-01-01"), "is over already", id="a freeze that is over"
        ),
        pytest.param(
            ("run", "resume", "x", "--as", "ann", "--token-file", "t"), "contradict each other", id="two identities"
        ),
        pytest.param(("run", "resume", "x", "--token-file", "no"), "--token-file no: ", id="a token that is not there"),
    ],
)
def test_what_cannot_be_is_told(
    arguments: tuple[str, ...], message: str, command: Command, idle: dict[str, str]
) -> None:
    answer = command(*arguments, environ=idle)
    assert answer.exit_code == 2
    assert message in answer.stderr


def test_nobody_is_started_without_being_asked(command: Command, idle: dict[str, str]) -> None:
    answer = command("run", "start", planned(command, idle, "observe-only"), environ=idle)
    assert answer.exit_code == 2
    assert "needs --yes where nobody can be asked" in answer.stderr


def test_another_name_is_believed_only_where_the_settings_say_so(command: Command, idle: dict[str, str]) -> None:
    strict = idle | {"FLEETKEEPER_APPROVALS__LOCAL": "false"}
    answer = command("run", "pause", "x", "--as", "ann", environ=strict)
    assert answer.exit_code == 2
    assert "--as is believed only with approvals.local" in answer.stderr
