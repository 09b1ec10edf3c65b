"""Owners as a table, and every place that names the owner of one object."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from fleetkeeper.cli.tables import Column, indented, table
from fleetkeeper.core.reports.owner_rows import UNOWNED, ExplainedRow, HitRow, OwnerRow
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted, some

_COLUMNS = (
    Column("OWNER", most=40),
    Column("OPEN", right=True),
    Column("BLOCKERS", right=True),
    Column("CLUSTERS", right=True),
    Column("FOUND BY", wraps=True),
    Column("TROUBLE", wraps=True),
)
_HITS = (
    Column(""),
    Column("SOURCE"),
    Column("WHERE", wraps=True),
    Column("SAYS", most=40),
    Column("MEANS", wraps=True),
)


def show_owners(console: Console, rows: Sequence[OwnerRow]) -> None:
    if not rows:
        console.print("Nothing is open: `fleetkeeper assess` looks again.")
        return
    body = [
        (
            Text(safe(_owner(row), 200), style="yellow" if row.kind == UNOWNED else ""),
            str(row.findings),
            str(row.blockers),
            str(row.clusters),
            some((f"{source} ({count})" for source, count in row.by.items()), 9 if console.width > 100 else 3),
            "; ".join(_trouble(row)),
        )
        for row in rows
    ]
    console.print(table(_COLUMNS, body, console.width))
    unowned = sum(row.findings for row in rows if row.kind == UNOWNED)
    if unowned:
        fix = "name owners by labels or by owners.rules"
        console.print(Text(f"\n{counted(unowned, 'finding')} without an owner: {fix}.", style="yellow"))
    console.print(Text("\nWhy: fleetkeeper owners explain CLUSTER/NAMESPACE/KIND/NAME", style="dim"))


def _owner(row: OwnerRow) -> str:
    return f"(unowned) {row.owner}" if row.kind == UNOWNED else row.owner


def _trouble(row: OwnerRow) -> Iterator[str]:
    if row.trouble:
        yield some(row.trouble)
    if row.passed_over:
        yield some(f"{why} ({count})" for why, count in row.passed_over.items())


def show_explained(console: Console, rows: Sequence[ExplainedRow]) -> None:
    for number, row in enumerate(rows):
        if number:
            console.print()
        console.print(Text(safe(f"{row.about} of {row.place}", 200), style="bold"))
        told = f"{row.owner} is told of what nobody owns" if row.is_unowned else f"owned by {row.owner}"
        console.print(indented(f"{told}, because of {row.because}"))
        if not row.is_observed:
            console.print(indented("the object itself is not observed: only what is around it speaks"))
        for text in _more(row):
            console.print(indented(text))
        console.print()
        console.print(table(_HITS, [_hit(each) for each in row.hits], console.width))


def _more(row: ExplainedRow) -> Iterator[str]:
    if row.findings:
        yield f"{counted(row.findings, 'finding')} of it open"
    if row.ask:
        yield f"ask {row.ask}"
    if row.channel_from:
        yield f"told in {row.channel}, by {row.channel_from}"
    yield from row.trouble


def _hit(hit: HitRow) -> tuple[str | Text, ...]:
    means = hit.team or hit.person or hit.channel
    why_not = f"not used: {hit.why_not}" if hit.why_not else ""
    return (
        Text("→" if hit.holds else "", style="green"),
        hit.source,
        hit.where,
        hit.value,
        "; ".join(filter(None, (means, why_not))),
    )
