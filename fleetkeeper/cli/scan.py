"""`fleetkeeper scan`: what manifests in files hold that a Kubernetes minor no longer takes; needs no cluster."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import arguments, context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.output import Format
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.scan_rows import Report


class ScanFormat(StrEnum):
    """How a scan is written: lines as compilers write them, for programs, or for build servers."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    JSONL = "jsonl"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"


def scan(
    ctx: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files and folders; - is standard input.")],
    target: Annotated[str, typer.Option("--target", help="The minor to judge for, such as 1.36.")],
    source: Annotated[str, typer.Option("--from", help="The minor that the cluster is on.")] = "",
    namespace: Annotated[str, typer.Option("--namespace", help="Where objects go that do not say it themselves.")] = "",
    output: Annotated[ScanFormat, typer.Option("-o", "--output", help="How to write it.")] = ScanFormat.TEXT,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 when something is removed or was not judged.")
    ] = False,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="What this file has does not count for the exit code.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write what would count into this file.")
    ] = None,
) -> None:
    """Judge manifests for a Kubernetes minor: files, folders, Helm charts, standard input."""
    from fleetkeeper import scanner
    from fleetkeeper.core.scan import Scope

    wanted = arguments.minor("--target", target)
    scope = Scope(wanted, arguments.minor("--from", source) if source else None, namespace)
    if scope.source is not None and scope.source > scope.target:
        raise UsageError(f"--from {source} is newer than --target {target}")
    _must_exist(paths)
    known = arguments.read_known(baseline)
    report = scanner.scan(paths, scope, context.settings(ctx).compat_folders, known)
    if write_baseline:
        arguments.write_baseline(write_baseline, [row for row in report.rows if row.blocks])
    _show(report, output)
    _end(report, exit_code=exit_code, accepted=write_baseline is not None)


def _end(report: "Report", *, exit_code: bool, accepted: bool) -> None:
    """Without --exit-code findings are no failure, but a scan that could not judge everything is."""
    if accepted:
        return
    if exit_code and report.failing:
        raise typer.Exit(Exit.FINDINGS)
    if report.is_partial:
        raise typer.Exit(Exit.ERROR)


def _must_exist(paths: list[str]) -> None:
    """A path that is not there is a mistake of the caller; a link to nowhere is told as not judged."""
    missing = [path for path in paths if path != "-" and not Path(path).exists() and not Path(path).is_symlink()]
    if missing:
        raise UsageError(f"no such file or folder: {', '.join(missing[:3])}")


def _show(report: "Report", output: ScanFormat) -> None:
    from fleetkeeper.core import scan_reports

    match output:
        case ScanFormat.TEXT:
            print(scan_reports.text(report), end="")
        case ScanFormat.SARIF:
            print(_sarif(report))
        case ScanFormat.JUNIT:
            print(scan_reports.junit(report), end="")
        case ScanFormat.MARKDOWN:
            print(scan_reports.markdown(report), end="")
        case _:
            from fleetkeeper.cli.output import write

            more = {"target": report.target, "source": report.source, "files": report.files, "counts": report.counts}
            write("scan", report.rows, Format(output.value), **more)


def _sarif(report: "Report") -> str:
    import json

    import fleetkeeper
    from fleetkeeper.core.checks import all_checks
    from fleetkeeper.core.scan_reports import sarif

    return json.dumps(sarif(report, all_checks(), fleetkeeper.__version__), indent=2)
