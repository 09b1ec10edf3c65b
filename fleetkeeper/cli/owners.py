"""`fleetkeeper get owners` and `fleetkeeper owners explain`: who owns what, and which places say so."""

from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.get import FormatOption, SelectorOption, selected
from fleetkeeper.cli.get import app as get_app
from fleetkeeper.cli.output import Format
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.finding import Subject

app = typer.Typer(help="Who owns what, and why.", no_args_is_help=True, rich_markup_mode=None)

_FORM = "write it as CLUSTER/NAMESPACE/KIND/NAME, with - for the namespace of what has none: shop/-/Node/ip-10-0-0-1"


@get_app.command("owners")
def owners(ctx: typer.Context, selector: SelectorOption = "", output: FormatOption = Format.TABLE) -> None:
    """Who owns what is open: findings of each owner, how they were found, who cannot be told, what nobody owns."""
    from fleetkeeper.cli import owner_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core.reports.owner_rows import UNOWNED, owner_rows

    with context.keeper(ctx) as keeper:
        found = keeper.owners(selected(selector))
        rows = owner_rows(found.held(), found.directory)
        now = keeper.ports.clock.now()
    if output.is_table:
        owner_tables.show_owners(tables.console(wide=output is Format.WIDE), rows)
    else:
        unowned = sum(row.findings for row in rows if row.kind == UNOWNED)
        write("owners", rows, output, at=now, unowned=unowned)


@app.command("explain")
def explain(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(help="CLUSTER/NAMESPACE/KIND/NAME; - is the namespace of what has none.", show_default=False),
    ],
    selector: SelectorOption = "",
    output: FormatOption = Format.TABLE,
) -> None:
    """Every place that names an owner of one object, the one that holds, and why the others do not."""
    from fleetkeeper.cli import owner_tables, tables
    from fleetkeeper.cli.output import write

    cluster, subject = _object(what)
    with context.keeper(ctx) as keeper:
        rows = keeper.owners(selected(selector)).explain(cluster, subject)
        now = keeper.ports.clock.now()
    if output.is_table:
        owner_tables.show_explained(tables.console(wide=output is Format.WIDE), rows)
    else:
        write("owner", rows, output, at=now)


def _object(text: str) -> "tuple[str, Subject]":
    """The cluster's name and the object; names may hold slashes, as those of addons do."""
    from fleetkeeper.core.finding import CLUSTER, Subject

    cluster, *path = text.split("/", 3)
    if cluster and [each.lower() for each in path] == ["-", "cluster"]:
        return cluster, CLUSTER
    if len(path) != 3 or not all((cluster, *path)):
        raise UsageError(f"{text} is no object: {_FORM}")
    namespace, kind, name = path
    return cluster, Subject(kind, name, "" if namespace == "-" else namespace)
