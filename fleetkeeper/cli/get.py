"""`fleetkeeper get`: what is stored of the fleet; reads no cluster and no cloud."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.output import Format
from fleetkeeper.cli.times import moment

if TYPE_CHECKING:
    from fleetkeeper.core.selector import Selector

app = typer.Typer(
    help="Show the fleet as last observed: clusters, addons, nodes, changes; plans, runs, freezes; owners, notices.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SELECTOR_HELP = "Only clusters that match, such as ring=canary,region!=us-east-1,name=shop-*."
SelectorOption = Annotated[str, typer.Option("-l", "--selector", help=SELECTOR_HELP)]
FormatOption = Annotated[Format, typer.Option("-o", "--output", help="How to write it.")]
AtOption = Annotated[str, typer.Option("--at", help="As it was then: 2026-11-20, 2026-11-20T09:00Z or 7d (ago).")]


def selected(text: str) -> "Selector":
    from fleetkeeper.core.selector import Selector

    return Selector.parse(text)


@app.command("clusters")
def clusters(
    ctx: typer.Context, selector: SelectorOption = "", at: AtOption = "", output: FormatOption = Format.TABLE
) -> None:
    """The fleet: versions, support dates, compute, addons, and what could not be seen."""
    from fleetkeeper.cli import fleet_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core.fleet import NEEDED, fleet_rows, gap_rows

    with context.keeper(ctx) as keeper:
        fleet = keeper.fleet(selected(selector), NEEDED, moment(at, keeper.ports.clock.now()))
        rows = fleet_rows(fleet)
        gaps = gap_rows(rows, {} if at or selector else keeper.not_listed())
        if output is Format.WIDE:
            fleet_tables.show_clusters_wide(tables.console(wide=True), rows, gaps, fleet.now)
        elif output is Format.TABLE:
            fleet_tables.show_clusters(tables.console(), rows, gaps, fleet.now, at=bool(at))
        else:
            write("clusters", rows, output, at=fleet.now, gaps=gaps)


@app.command("nodes")
def nodes(
    ctx: typer.Context,
    selector: SelectorOption = "",
    at: AtOption = "",
    each: Annotated[bool, typer.Option("--each", help="Every node, not those alike as one line.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Nodes by group: kind of compute, kubelet version, OS image, how many are ready."""
    from fleetkeeper.cli import fleet_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core.fleet import NEEDED, each_node, node_rows

    with context.keeper(ctx) as keeper:
        fleet = keeper.fleet(selected(selector), NEEDED, moment(at, keeper.ports.clock.now()))
        if not output.is_table:
            write("nodes", each_node(fleet), output, at=fleet.now)
        elif each:
            fleet_tables.show_each_node(tables.console(), each_node(fleet), fleet.now)
        else:
            fleet_tables.show_nodes(tables.console(), node_rows(fleet))


@app.command("addons")
def addons(
    ctx: typer.Context, selector: SelectorOption = "", at: AtOption = "", output: FormatOption = Format.TABLE
) -> None:
    """Addons: EKS-managed, Helm releases, and those found by their images or CRDs."""
    from fleetkeeper.cli import fleet_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core import parts
    from fleetkeeper.core.addons import addon_rows, addons_not_seen

    with context.keeper(ctx) as keeper:
        fleet = keeper.fleet(selected(selector), (parts.ADDONS,), moment(at, keeper.ports.clock.now()))
        rows, not_seen = addon_rows(fleet), addons_not_seen(fleet)
        if output.is_table:
            fleet_tables.show_addons(tables.console(), rows, not_seen)
        else:
            write("addons", rows, output, at=fleet.now, not_seen=not_seen)


@app.command("changes")
def changes(
    ctx: typer.Context,
    since: Annotated[str, typer.Option("--since", help="From then on: 7d, 12h, 2026-11-01.")] = "7d",
    until: Annotated[str, typer.Option("--until", help="Up to then.")] = "",
    selector: SelectorOption = "",
    output: FormatOption = Format.TABLE,
) -> None:
    """What changed: control planes, addons, node groups, nodes, Helm releases, clusters that came and went."""
    from fleetkeeper.cli import fleet_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core.changes import change_rows

    with context.keeper(ctx) as keeper:
        now = keeper.ports.clock.now()
        begin = moment(since, now) or now - timedelta(days=7)
        found = keeper.changes(begin, moment(until, now), selected(selector))
        if output.is_table:
            fleet_tables.show_changes(tables.console(), change_rows(found))
        else:
            write("changes", found, output, since=begin)


@app.command("plans")
def plans(ctx: typer.Context, output: FormatOption = Format.TABLE) -> None:
    """Stored plans, newest first, with who made them and until when they can be started."""
    from fleetkeeper.cli import plan_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core.plan_rows import plan_rows

    with context.keeper(ctx) as keeper:
        now = keeper.ports.clock.now()
        rows = plan_rows(keeper.plans(), now)
        if output.is_table:
            plan_tables.show_plans(tables.console(wide=output is Format.WIDE), rows, now)
        else:
            write("plans", rows, output, at=now)


@app.command("runs")
def runs(
    ctx: typer.Context,
    active: Annotated[bool, typer.Option("--active", help="Without those that are over.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Runs, newest first: their state and why they wait."""
    from fleetkeeper.cli import run_tables, tables
    from fleetkeeper.cli.output import write

    with context.keeper(ctx) as keeper:
        now, found = keeper.ports.clock.now(), keeper.runs(over=not active)
        if output.is_table:
            run_tables.show_runs(tables.console(wide=output is Format.WIDE), found, now)
        else:
            write("runs", found, output, at=now)


@app.command("freezes")
def freezes(ctx: typer.Context, output: FormatOption = Format.TABLE) -> None:
    """Freezes that stand; calendars of the settings are not among them."""
    from fleetkeeper.cli import run_tables, tables
    from fleetkeeper.cli.output import write

    with context.keeper(ctx) as keeper:
        now = keeper.ports.clock.now()
        found = tuple(each for each in keeper.freezes() if each.until is None or each.until > now)
        if output.is_table:
            run_tables.show_freezes(tables.console(wide=output is Format.WIDE), found, now)
        else:
            write("freezes", found, output, at=now)
