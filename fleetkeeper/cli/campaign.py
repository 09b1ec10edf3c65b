"""`fleetkeeper campaign`: how each team comes along with what has to be mended for a minor."""

from typing import Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.get import FormatOption
from fleetkeeper.cli.output import Format


def campaign(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="[TARGET]", help="A minor such as 1.36; without one all.")] = "",
    output: FormatOption = Format.TABLE,
) -> None:
    """By team: what is open, promised, extended, overdue and fixed, how fast, and whether it gets fewer.

    Checks of which many owners say "not mine" are told below.
    """
    from fleetkeeper.cli import notice_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core.reports.notice_rows import campaign_rows, check_rows

    with context.keeper(ctx) as keeper:
        now = keeper.ports.clock.now()
        report = keeper.campaign(target)
    rows, checks = tuple(campaign_rows(report)), check_rows(report)
    if output.is_table:
        notice_tables.show_campaign(tables.console(wide=output is Format.WIDE), rows, checks)
    else:
        write("campaign", rows, output, at=now, checks=checks)
