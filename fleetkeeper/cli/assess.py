"""`fleetkeeper assess`: is the fleet ready for its next minors, and what stands in the way."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import arguments, context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.get import SelectorOption, selected
from fleetkeeper.cli.output import Format

if TYPE_CHECKING:
    from datetime import datetime

    from fleetkeeper.core.reports.rows import ReportRow


class ReportFormat(StrEnum):
    """How a report is written: what every command knows, and what build servers and code scanners take."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    JSONL = "jsonl"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"


def assess(
    ctx: typer.Context,
    selector: SelectorOption = "",
    target: Annotated[str, typer.Option("--target", help="Try this minor, such as 1.36, for all of them.")] = "",
    output: Annotated[ReportFormat, typer.Option("-o", "--output", help="How to write it.")] = ReportFormat.TABLE,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 when a hop has to wait.")] = False,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="What this file has does not count for --exit-code.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write what hops have to wait for into this file.")
    ] = None,
) -> None:
    """Judge the fleet as last observed for each hop to its target minor; one cluster is told in detail."""
    from fleetkeeper.core.reports.rows import by_urgency, report_row

    known = arguments.read_known(baseline)
    wanted = arguments.minor("--target", target) if target else None
    with context.keeper(ctx) as keeper:
        reports = keeper.assess(selected(selector), wanted)
        rows = by_urgency(report_row(report, known) for report in reports)
        now = keeper.ports.clock.now()
    if write_baseline:
        arguments.write_baseline(write_baseline, [finding for row in rows for finding in row.holding])
    _show(rows, output, now)
    if exit_code and any(row.failing for row in rows):
        raise typer.Exit(Exit.FINDINGS)


def _show(rows: Sequence["ReportRow"], output: ReportFormat, now: "datetime") -> None:
    from fleetkeeper.cli import readiness_tables, tables

    match output:
        case ReportFormat.TABLE | ReportFormat.WIDE:
            wide = output is ReportFormat.WIDE
            if len(rows) == 1:
                readiness_tables.show_cluster(tables.console(wide=wide), rows[0], now, every=wide)
            else:
                readiness_tables.show_fleet(tables.console(wide=wide), rows)
        case ReportFormat.SARIF | ReportFormat.JUNIT | ReportFormat.MARKDOWN:
            print(_document(rows, output), end="")
        case _:
            from fleetkeeper.cli.output import write

            write("assessment", rows, Format(output.value), at=now)


def _document(rows: Sequence["ReportRow"], output: ReportFormat) -> str:
    import json

    import fleetkeeper
    from fleetkeeper.core.checks import all_checks
    from fleetkeeper.core.reports.junit import junit
    from fleetkeeper.core.reports.markdown import markdown
    from fleetkeeper.core.reports.sarif import sarif

    if output is ReportFormat.SARIF:
        return json.dumps(sarif(rows, all_checks(), fleetkeeper.__version__), indent=2) + "\n"
    return junit(rows) if output is ReportFormat.JUNIT else markdown(rows)
