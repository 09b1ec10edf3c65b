"""Plans and playbooks as tables and as documents."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from fleetkeeper.cli.output import plain
from fleetkeeper.cli.tables import Column, age, table
from fleetkeeper.core.amount import Amount, duration_text
from fleetkeeper.core.plan_rows import PlanRow
from fleetkeeper.core.playbook import Playbook, Window
from fleetkeeper.core.playbook_windows import window_text

_PLANS = (
    Column("PLAN", wraps=True),
    Column("CLUSTERS", right=True),
    Column("LEFT OUT", right=True),
    Column("CHANGES"),
    Column("ASKED FOR", wraps=True),
    Column("BY", 20),
    Column("AGE"),
    Column("EXPIRES"),
)
_PLAYBOOKS = (
    Column("NAME"),
    Column("CHANGES"),
    Column("WHAT", wraps=True),
    Column("STAGES", wraps=True),
    Column("FROM", wraps=True),
)


def show_plans(console: Console, rows: Sequence[PlanRow], now: datetime) -> None:
    if not rows:
        console.print("No plans: make one with `fleetkeeper plan PLAYBOOK`, see `fleetkeeper playbook show`.")
        return
    console.print(table(_PLANS, [_plan(row, now) for row in rows], console.width))


def _plan(row: PlanRow, now: datetime) -> tuple[str | Text, ...]:
    expires = Text("expired", style="dim") if row.expired else Text(f"{row.expires_at:%Y-%m-%d %H:%M}")
    asked = row.selector or "all"
    made = age(row.created_at, now)
    return (row.id, str(row.members), str(row.left), row.changes, asked, row.created_by, made, expires)


def show_playbooks(console: Console, playbooks: Sequence[Playbook]) -> None:
    rows = [
        (each.name, each.changes.value, each.title, ", ".join(stage.name for stage in each.stages), each.origin)
        for each in playbooks
    ]
    console.print(table(_PLAYBOOKS, rows, console.width))


def playbook_item(playbook: Playbook) -> dict[str, Any]:
    """A playbook as people write one: durations, amounts and windows as text."""
    found: dict[str, Any] = _written(playbook)
    return found


def _written(value: Any) -> Any:
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Amount):
        return str(value)
    if isinstance(value, Window):
        return window_text(value)
    if is_dataclass(value):
        return {each.name: _written(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: _written(inner) for name, inner in value.items()}
    return [_written(inner) for inner in value] if isinstance(value, tuple) else plain(value)
