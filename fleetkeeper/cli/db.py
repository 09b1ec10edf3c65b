"""`fleetkeeper db`: the database's schema."""

import sys
from typing import Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit

app = typer.Typer(help="Upgrade or check the database.", no_args_is_help=True, rich_markup_mode=None)


@app.command("upgrade")
def upgrade(
    ctx: typer.Context,
    pre: Annotated[
        bool, typer.Option("--pre", help="Only what the running version bears too: run it before a rolling deploy.")
    ] = False,
) -> None:
    """Bring the database to this version's schema; safe to run twice or from two places at once."""
    from fleetkeeper import wiring

    done = wiring.upgrade_database(context.settings(ctx), only_pre=pre)
    print(f"Applied {', '.join(done)}." if done else "Nothing to do: the database is of this version.")


@app.command("check")
def check(ctx: typer.Context) -> None:
    """Say whether the database is of this version; exit code 1 when it is not."""
    from fleetkeeper import wiring

    differences = wiring.check_database(context.settings(ctx))
    if not differences:
        print("The database is of this version.")
        return
    print("The tables are not what this version declares; restore a backup or ask for help:", file=sys.stderr)
    for difference in differences:
        print(f"  {difference}", file=sys.stderr)
    raise typer.Exit(Exit.ERROR)
