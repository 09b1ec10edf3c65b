"""`fleetkeeper get findings` and `fleetkeeper explain`: what the last assessments left, and all about one finding."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.get import FormatOption, SelectorOption, app, selected
from fleetkeeper.cli.output import Format
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.reports.rows import FindingRow
    from fleetkeeper.keeper import Keeper

_CODE = re.compile(r"FK\d{3}", re.ASCII | re.IGNORECASE)
_FINGERPRINT = re.compile(r"[0-9a-f]{4,16}", re.ASCII)
_SEVERITIES = ("blocker", "unknown", "warning", "info")
_STATES = ("open", "unconfirmed", "resolved", "all")


@app.command("findings")
def findings(
    ctx: typer.Context,
    selector: SelectorOption = "",
    code: Annotated[str, typer.Option("--code", help="Only of this check, such as FK401.")] = "",
    severity: Annotated[str, typer.Option("--severity", help="Only blocker, unknown, warning or info.")] = "",
    state: Annotated[
        str, typer.Option("--state", help="Only open, unconfirmed or resolved; all. Without it: not resolved.")
    ] = "",
    namespace: Annotated[str, typer.Option("--namespace", help="Only of objects in this namespace.")] = "",
    output: FormatOption = Format.TABLE,
) -> None:
    """What the last assessment of each cluster found; `fleetkeeper assess` looks again."""
    from fleetkeeper.cli import findings_table, tables
    from fleetkeeper.cli.output import write

    _demand("--severity", severity, _SEVERITIES)
    _demand("--state", state, _STATES)
    with context.keeper(ctx) as keeper:
        rows = [
            row
            for row in stored(keeper, selector, resolved=state in ("resolved", "all"))
            if (not code or row.code == code.upper())
            and (not severity or row.severity.value == severity)
            and (state in ("", "all") or row.state == state)
            and (not namespace or row.namespace == namespace)
        ]
        now = keeper.ports.clock.now()
    if output.is_table:
        findings_table.show_findings(tables.console(wide=output is Format.WIDE), rows, now)
    else:
        write("findings", rows, output, at=now)


def _demand(option: str, text: str, allowed: Collection[str]) -> None:
    if text and text not in allowed:
        raise UsageError(f"{option} {text}: must be one of {', '.join(allowed)}")


def stored(keeper: "Keeper", selector: str, resolved: bool) -> Iterator["FindingRow"]:
    from fleetkeeper.core.reports.rows import finding_row

    for subject, entry in keeper.findings(selected(selector), resolved):
        yield finding_row(subject, entry)


def explain(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="A finding by the beginning of its id, or a code such as FK401.")] = "",
    every: Annotated[bool, typer.Option("--all", help="The rules of all checks, as Markdown.")] = False,
    selector: SelectorOption = "",
    output: FormatOption = Format.TABLE,
) -> None:
    """All about one finding: evidence, history, waiver, owner, fix; or the rule that a code stands for."""
    if every or _CODE.fullmatch(what):
        print(_rules(what.upper(), every), end="")
        return
    if not _FINGERPRINT.fullmatch(what):
        raise UsageError("write the id of a finding, as `fleetkeeper get findings` shows it, or a code such as FK401")
    from fleetkeeper.cli import findings_table, tables
    from fleetkeeper.cli.output import write

    with context.keeper(ctx) as keeper:
        rows = matching(list(stored(keeper, selector, resolved=True)), what)
        now = keeper.ports.clock.now()
    if output.is_table:
        findings_table.show_finding(tables.console(), rows, _rule_of(rows[0].code), now)
    else:
        write("findings", rows, output, at=now)


def matching(rows: Sequence["FindingRow"], start: str) -> list["FindingRow"]:
    """One finding, on whatever clusters it is, by the beginning of its id; UsageError for none and for several."""
    found = [row for row in rows if row.fingerprint.startswith(start)]
    different = sorted({row.fingerprint for row in found})
    if not different:
        raise UsageError(f"no finding begins with {start}: `fleetkeeper get findings --state all` lists them")
    if len(different) > 1:
        raise UsageError(f"{len(different)} findings begin with {start}: {', '.join(different[:3])}; write more of it")
    return found


def _rules(code: str, every: bool) -> str:
    from fleetkeeper.core.checks import all_checks
    from fleetkeeper.core.reports.rules import rules_page

    if every:
        return rules_page(all_checks())
    if rule := _rule_of(code):
        return f"{rule}\n"
    raise UsageError(f"no check has the code {code}: `fleetkeeper explain --all` lists them")


def _rule_of(code: str) -> str:
    """The rule of a check with its title, "" for a code that no check has."""
    from fleetkeeper.core.checks import check_of
    from fleetkeeper.core.reports.rules import RULES, rule_text

    if code in RULES:
        return f"{code}: {RULES[code]}"
    check = check_of(code)
    return f"{check.code}: {check.title}\n\n{rule_text(check)}" if check else ""
