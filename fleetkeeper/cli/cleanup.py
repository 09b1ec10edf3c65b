"""`fleetkeeper cleanup`: what runs left in clusters, and the second try to undo it."""

from typing import Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.get import FormatOption
from fleetkeeper.cli.output import Format
from fleetkeeper.cli.run import AsOption, TokenOption
from fleetkeeper.errors import UsageError


def cleanup(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Only of this run.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Let the engine try once more to undo what RUN left.")] = False,
    name: AsOption = "",
    token: TokenOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what runs left, or may have left, in clusters, and what to do about each. Exit code 7: there is something.

    With --undo what the run left is looked at once more, and undone where that can be: `run log RUN` tells.
    """
    from fleetkeeper.cli.output import write
    from fleetkeeper.cli.run_commands import said_by, send
    from fleetkeeper.cli.run_reading import id_of, rows
    from fleetkeeper.cli.run_tables import show_residue
    from fleetkeeper.cli.tables import console
    from fleetkeeper.core.run import Verb
    from fleetkeeper.core.run_status import residue

    if undo and not run:
        raise UsageError("--undo is for one run: `fleetkeeper cleanup` without it shows which left something")
    with context.keeper(ctx) as keeper:
        if undo:
            said = said_by(context.settings(ctx), Verb.CLEANUP, name, token)
            send(keeper, Verb.CLEANUP, id_of(keeper, run), "", said, "")
        chosen = [rows(keeper, each) for each in ([run] if run else [each.id for each in keeper.runs()])]
    left = [each for found in chosen for each in residue(found.run, found.tasks, found.steps)]
    if output.is_table:
        show_residue(console(wide=output is Format.WIDE), left)
    else:
        write("residue", left, output)
    if left:
        raise typer.Exit(Exit.PARTIAL)
