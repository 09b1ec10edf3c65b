"""Reports as Markdown, for a pull request, a ticket or a wiki page."""

from collections.abc import Iterable, Iterator, Sequence

from fleetkeeper.core.finding import Severity
from fleetkeeper.core.reports.rows import FindingRow, HopRow, ReportRow
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted

_LONGEST = 500
_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>|#~"})


def markdown(reports: Sequence[ReportRow]) -> str:
    """A table of the fleet, then what stands in the way of each cluster that is not ready."""
    return "\n".join([*_fleet(reports), *(line for each in reports for line in _cluster(each))]) + "\n"


def _fleet(reports: Sequence[ReportRow]) -> Iterator[str]:
    yield "# Readiness"
    yield ""
    yield "| cluster | at | target | hops | first thing to do | deadline |"
    yield "|---|---|---|---|---|---|"
    for each in reports:
        hops = "<br>".join(hop_words(each.hops)) or at_target(each)
        first = plain(each.next_step)
        day = f"{each.deadline:%Y-%m-%d}" if each.deadline else ""
        yield f"| {plain(each.where)} | {each.at or '?'} | {each.target or '?'} | {hops} | {first} | {day} |"


def _cluster(report: ReportRow) -> Iterator[str]:
    holding = [(hop, hop.holding) for hop in report.hops if hop.holding]
    if not holding and not report.failing:
        return
    yield ""
    yield f"## {plain(report.where)}"
    for hop, rows in holding:
        yield ""
        yield f"### {hop.source} → {hop.target}: {hop.verdict}"
        yield ""
        yield from _items(rows)
    if not report.hops:
        yield ""
        yield from _items(report.failing)


def _items(rows: Iterable[FindingRow]) -> Iterator[str]:
    for row in rows:
        yield f"- **{row.severity.value} {row.code}** {plain(row.message)} (`{row.fingerprint}`)"
        yield f"  - fix: {plain(row.fix)}"
        if row.owner:
            yield f"  - owner: {plain(row.owner)}"
        if row.deadline:
            yield f"  - deadline: {row.deadline:%Y-%m-%d}"


def hop_words(hops: Sequence[HopRow]) -> tuple[str, ...]:
    """`1.35: 3 blockers, 1 unknown`, `1.36: ready` for each; counts are of what the hop waits for.

    After a hop that is not ready no other one is: there, `1.36: nothing more`.
    """
    free = next((number for number, hop in enumerate(hops) if hop.holding), len(hops))
    return tuple(_words(hop, "ready" if number < free else "nothing more") for number, hop in enumerate(hops))


def _words(hop: HopRow, otherwise: str) -> str:
    unknowns = sum(1 for each in hop.holding if each.severity is Severity.UNKNOWN)
    blockers = len(hop.holding) - unknowns
    words = [counted(blockers, "blocker")] if blockers else []
    words += [f"{unknowns} unknown"] if unknowns else []
    return f"{hop.target}: {', '.join(words) or otherwise}"


def at_target(report: ReportRow) -> str:
    """What stands in place of the hops where there are none."""
    if not report.at:
        return "unknown: never seen"
    return "at target" if report.target else "no target is known"


def plain(text: str) -> str:
    """Text from a cluster that can be no markup, nor end a row."""
    return safe(text, _LONGEST).translate(_SPECIAL)
