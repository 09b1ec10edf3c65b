"""`fleetkeeper cleanup`: what runs left in clusters, and how to remove it."""

from typing import Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.get import FormatOption
from fleetkeeper.cli.output import Format


def cleanup(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Only of this run.")] = "",
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what runs left, or may have left, in clusters, and what to do about each. Exit code 7: there is something.

    It changes nothing: an abort has undone what can be undone; what is shown here needs a person.
    """
    from fleetkeeper.cli.output import write
    from fleetkeeper.cli.run_reading import stored
    from fleetkeeper.cli.run_tables import show_residue
    from fleetkeeper.cli.tables import console
    from fleetkeeper.core.run_status import residue

    with context.keeper(ctx) as keeper:
        chosen = [stored(keeper, run)] if run else [stored(keeper, each.id) for each in keeper.runs()]
    left = [each for found in chosen for each in residue(found.run, found.tasks, found.steps)]
    if output.is_table:
        show_residue(console(wide=output is Format.WIDE), left)
    else:
        write("residue", left, output)
    if left:
        raise typer.Exit(Exit.PARTIAL)
