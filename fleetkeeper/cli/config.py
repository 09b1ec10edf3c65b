"""`fleetkeeper config`: check and show the settings."""

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.get import FormatOption
from fleetkeeper.cli.output import Format

app = typer.Typer(help="Check or show the configuration.", no_args_is_help=True, rich_markup_mode=None)


@app.command("check")
def check(ctx: typer.Context) -> None:
    """Read the configuration and name every mistake with its file, line and fix."""
    context.settings(ctx)
    print("The configuration is good.")


@app.command("show")
def show(ctx: typer.Context, output: FormatOption = Format.TABLE) -> None:
    """Every setting with its value and where it came from; secrets are not shown."""
    from fleetkeeper.cli import tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.config_show import show as shown

    found = shown(context.settings(ctx))
    if output.is_table:
        columns = (tables.Column("KEY"), tables.Column("VALUE", wraps=True), tables.Column("FROM", wraps=True))
        console = tables.console()
        rows = [(r.key, r.value, r.origin) for r in found]
        console.print(tables.table(columns, rows, console.width))
    else:
        write("settings", found, output)
