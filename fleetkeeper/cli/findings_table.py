"""Findings as a table, and one of them in full."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from fleetkeeper.cli.readiness_tables import finding_lines, line, state_words
from fleetkeeper.cli.tables import Column, age, day, table
from fleetkeeper.core.reports.rows import FindingRow, WaiverRow
from fleetkeeper.core.text import safe

_MOST_CLUSTERS = 10
_STYLES = {"blocker": "red", "unknown": "yellow", "warning": "", "info": "dim"}
_COLUMNS = (
    Column("FINDING"),
    Column("CLUSTER", most=18),
    Column("SEVERITY"),
    Column("CODE"),
    Column("WHAT", wraps=True),
    Column("STATE", most=16),
)


def show_findings(console: Console, rows: Sequence[FindingRow], now: datetime) -> None:
    if not rows:
        console.print("No findings: `fleetkeeper assess` looks again, `--state all` shows those that are resolved.")
        return
    body = [
        (
            row.fingerprint[:8],
            row.cluster,
            Text(_severity(row), style=_STYLES[row.severity.value]),
            row.code,
            row.message,
            f"{row.state} {age(row.since, now)}",
        )
        for row in rows
    ]
    console.print(table(_COLUMNS, body, console.width))
    holding = sum(1 for row in rows if row.holds)
    noun = f"{len(rows)} finding{'' if len(rows) == 1 else 's'}"
    blocks = f"{holding} block{'s' if holding == 1 else ''}"
    console.print(Text(f"\n{noun}, {blocks}. All of one: fleetkeeper explain FINDING", style="dim"))


def _severity(row: FindingRow) -> str:
    return f"{row.severity.value}, waived" if row.waiver else row.severity.value


def show_finding(console: Console, rows: Sequence[FindingRow], rule: str, now: datetime) -> None:
    """One finding on each cluster that has it, then the rule behind it."""
    for row in rows[:_MOST_CLUSTERS]:
        console.print(Text(safe(row.where, 150), style="bold"))
        for each in finding_lines(row, now)[:-1]:
            console.print(each)
        for title, texts in _sections(row, now):
            console.print(line(title, 2, "bold"))
            for text in texts:
                console.print(line(text, 4))
        console.print()
    if len(rows) > _MOST_CLUSTERS:
        console.print(f"and {len(rows) - _MOST_CLUSTERS} more clusters: narrow them with -l\n")
    console.print(Text(rule))


def _sections(row: FindingRow, now: datetime) -> Iterator[tuple[str, list[str]]]:
    yield "Breaks", [_breaks(row)]
    yield "History", list(_history(row, now))
    yield "Owner", list(_owner(row))
    if row.waiver or row.waiver_ended:
        yield "Waiver", list(_waivers(row))
    yield "Evidence", [_evidence(row, number) for number in range(len(row.evidence))] or ["none is recorded"]
    yield "Id", [row.fingerprint]


def _breaks(row: FindingRow) -> str:
    blocks = "the hop has to wait" if row.holds else "it is waived" if row.waiver else "no hop waits for it"
    minor = f" to {row.minor}" if row.minor else ""
    by = f", by {day(row.deadline)}" if row.deadline else ""
    return f"{row.breaks}{minor}{by}; {blocks}"


def _history(row: FindingRow, now: datetime) -> Iterator[str]:
    yield state_words(row, now)
    times = f", opened {row.times} times" if row.times > 1 else ""
    yield f"first seen {_at(row.first_seen)}, last seen {_at(row.last_seen)}{times}"


def _owner(row: FindingRow) -> Iterator[str]:
    yield row.owner or "nobody is named"
    for key, value in row.owner_keys.items():
        yield f"{key}={value}"


def _waivers(row: FindingRow) -> Iterator[str]:
    if row.waiver:
        yield f"until {row.waiver.until}: {_waiver(row.waiver)}"
    if row.waiver_ended:
        yield f"ended on {row.waiver_ended.until}, so it counts again: {_waiver(row.waiver_ended)}"


def _waiver(waiver: WaiverRow) -> str:
    ticket = f", {waiver.ticket}" if waiver.ticket else ""
    return f"{waiver.reason} ({waiver.approver}{ticket}; {waiver.origin})"


def _evidence(row: FindingRow, number: int) -> str:
    each = row.evidence[number]
    when = _at(each.at) if each.at else "at no known time"
    return f"{when}  {each.source} ({each.confidence.value} confidence): {each.text}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
