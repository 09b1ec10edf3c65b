"""`fleetkeeper observe`: read every cluster now."""

import sys
import time
from typing import TYPE_CHECKING

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.get import FormatOption, SelectorOption, selected
from fleetkeeper.cli.output import Format
from fleetkeeper.cli.signals import listening

if TYPE_CHECKING:
    from fleetkeeper.engine.observe import Outcome, Progress
    from fleetkeeper.keeper import Keeper


def observe(ctx: typer.Context, selector: SelectorOption = "", output: FormatOption = Format.TABLE) -> None:
    """Read every cluster and addon version, and store it. Exit code 7: some could not be read."""
    from fleetkeeper.cli.output import write

    with context.keeper(ctx) as keeper:
        begun = time.monotonic()
        with listening(lambda: _stop(keeper)):
            outcome = observed(keeper, selector)
        if output.is_table:
            _tell(outcome, time.monotonic() - begun)
        else:
            write("observation", [outcome], output)
    if outcome.stopped:
        raise typer.Exit(Exit.INTERRUPTED)
    if not outcome.complete:
        raise typer.Exit(Exit.PARTIAL)


def observed(keeper: "Keeper", selector: str) -> "Outcome":
    """Observe with a progress bar on stderr when that is a terminal."""
    from fleetkeeper.engine.observe import Progress

    chosen = selected(selector)
    if not sys.stderr.isatty():
        return keeper.observe(chosen, Progress())
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from fleetkeeper.cli.tables import console

    columns = (
        TextColumn("observing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("observing", total=None, note="")

        def show(progress: "Progress") -> None:
            note = f"{progress.incomplete} incomplete" if progress.incomplete else ""
            bar.update(task, total=progress.found or None, completed=progress.done, note=note)

        return keeper.observe(chosen, Progress(show))


def _stop(keeper: "Keeper") -> None:
    keeper.ports.cancel.set()
    print("Stopping: what is read by now is stored. Ctrl-C again ends at once.", file=sys.stderr)


def _tell(outcome: "Outcome", seconds: float) -> None:
    from fleetkeeper.core.text import safe

    if not outcome.clusters and not outcome.not_listed:
        print("Nothing to observe: set aws.regions or add a table of kubernetes.clusters.", file=sys.stderr)
        print("config.example.toml shows how; `fleetkeeper config show` says what is set.", file=sys.stderr)
        return
    what = "1 cluster" if outcome.clusters == 1 else f"{outcome.clusters} clusters"
    print(f"Observed {what} in {seconds:.1f} s.", file=sys.stderr)
    if outcome.incomplete:
        print(f"{outcome.incomplete} have parts that were not seen: fleetkeeper get clusters", file=sys.stderr)
    for name, gap in outcome.not_listed.items():
        print(f"Not listed: {safe(name, 100)}: {gap.reason.value}: {safe(gap.detail, 400)}", file=sys.stderr)
