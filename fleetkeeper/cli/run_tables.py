"""Runs, freezes and what is left of runs, as tables; a run as its screen."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from fleetkeeper.cli.tables import Column, age, table
from fleetkeeper.core.run import Freeze, Run
from fleetkeeper.core.run_page import Seen, run_page
from fleetkeeper.core.run_status import Residue

WATCH_WIDTH = 140
NO_ENGINE = "No engine is running, so nothing of this moves: `fleetkeeper serve` starts one."

_RUNS = (
    Column("RUN", wraps=True),
    Column("STATE", wraps=True),
    Column("FOR"),
    Column("WHY", wraps=True),
    Column("BY", 20),
    Column("AGE"),
)
_FREEZES = (
    Column("FREEZE"),
    Column("WHAT", wraps=True),
    Column("UNTIL"),
    Column("REASON", wraps=True),
    Column("BY", 20),
    Column("AGE"),
)
_LEFT = (
    Column("RUN", wraps=True),
    Column("CLUSTER", wraps=True),
    Column("STEP", wraps=True),
    Column("WHAT IS LEFT", wraps=True),
    Column("DO", wraps=True),
)


def show_run(console: Console, seen: Seen, now: datetime, *, idle: bool) -> None:
    if idle:
        console.print(Text(NO_ENGINE, "bold red"))
    for line in run_page(seen, now, console.width):
        console.print(Text(line.text, line.style))


def show_runs(console: Console, runs: Sequence[Run], now: datetime) -> None:
    if not runs:
        console.print(
            "No runs: make a plan with `fleetkeeper plan PLAYBOOK`, start it with `fleetkeeper run start PLAN`."
        )
        return
    rows = [
        (
            each.id,
            each.state.value.replace("_", " "),
            age(each.since, now),
            each.why.text if each.why else "",
            each.created_by,
            age(each.created_at, now),
        )
        for each in runs
    ]
    console.print(table(_RUNS, rows, console.width))


def show_freezes(console: Console, freezes: Sequence[Freeze], now: datetime) -> None:
    if not freezes:
        console.print("No freezes: `fleetkeeper freeze --all --reason TEXT` makes one.")
        return
    rows = [
        (
            each.id,
            each.selector or "everything",
            f"{each.until:%Y-%m-%d %H:%M}" if each.until else "lifted",
            each.reason,
            each.actor,
            age(each.at, now),
        )
        for each in freezes
    ]
    console.print(table(_FREEZES, rows, console.width))


def show_residue(console: Console, left: Sequence[Residue]) -> None:
    if not left:
        console.print("Nothing is left: every run ended clean, or still works.")
        return
    rows = [(each.run, f"{each.member} {each.where}".strip(), each.step, each.what, each.do) for each in left]
    console.print(table(_LEFT, rows, console.width))
