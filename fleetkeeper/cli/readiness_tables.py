"""Readiness for people: the fleet as a matrix of hops, and one cluster in detail."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from fleetkeeper.cli.tables import Column, age, day, table
from fleetkeeper.core.assess import NOT_SEEN
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.reports.markdown import at_target, hop_words
from fleetkeeper.core.reports.rows import ActionRow, FindingRow, ReportRow
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import EXAMPLES, counted

_STYLES = {"blocked": "red", "unknown": "yellow", "ready": "green", "blocker": "red", "warning": "", "info": "dim"}
_LONGEST = 600
_RECENT = timedelta(hours=1)
"""What was seen within it was seen at the last look, or nearly so."""
_FLEET = (
    Column("CLUSTER", wraps=True),
    Column("AT"),
    Column("TARGET"),
    Column("HOPS", wraps=True),
    Column("FIRST IN THE WAY", wraps=True),
    Column("DEADLINE"),
)


def show_fleet(console: Console, rows: Sequence[ReportRow]) -> None:
    """One row a cluster, the most urgent first: each hop, what is first in its way, and by when."""
    if not rows:
        console.print("No cluster to assess: run `fleetkeeper observe`, or see `fleetkeeper get clusters`.")
        return
    names = Counter(row.cluster for row in rows)
    body = [
        (
            row.cluster if names[row.cluster] == 1 else Text(f"{safe(row.cluster, 60)}\n{row.account}/{row.region}"),
            row.at or "?",
            row.target or "?",
            _hops(row),
            row.in_the_way or "-",
            day(row.deadline) if row.deadline and row.hops else "-",
        )
        for row in rows
    ]
    console.print(table(_FLEET, body, console.width))
    console.print(Text(f"\n{_summary(rows)}", style="dim"))


def _hops(row: ReportRow) -> Text:
    if not row.hops:
        return Text(at_target(row), style=_STYLES[row.verdict])
    each = zip(row.hops, hop_words(row.hops), strict=True)
    return Text("\n").join(Text(words, style=_STYLES[hop.verdict]) for hop, words in each)


def _summary(rows: Sequence[ReportRow]) -> str:
    verdicts = Counter("at target" if row.verdict == "ready" and not row.hops else row.verdict for row in rows)
    counts = ", ".join(f"{verdicts[v]} {v}" for v in ("blocked", "unknown", "ready", "at target") if verdicts[v])
    return f"{len(rows)} clusters: {counts}. One in detail: fleetkeeper assess -l name=NAME"


def show_cluster(console: Console, row: ReportRow, now: datetime, every: bool = False) -> None:
    """One cluster: what to do first, then each hop with what it waits for; every: warnings and infos in full, too."""
    _print(console, _head(row))
    told: set[str] = set()
    for hop, words in zip(row.hops, hop_words(row.hops), strict=True):
        console.print(Text(f"\n{hop.source} → {words}", style=f"bold {_STYLES[hop.verdict]}"))
        _show_findings(console, hop.findings, told, now, every)
        if hop.verdict == "ready" and not hop.findings:
            console.print(line("nothing stands in the way", 2))
    if row.stay:
        why = (
            "No hop waits for these now; the next one, or a rotation of its nodes, would" if row.at else "What hides it"
        )
        console.print(Text(f"\n{why}", style="bold"))
        _show_findings(console, row.stay, told, now, every)
    if row.findings:
        console.print(Text("\nAll of one: fleetkeeper explain FINDING", style="dim"))


def _head(row: ReportRow) -> Iterator[RenderableType]:
    where = Text(safe(row.where, 150), style="bold")
    if not row.at:
        yield where.append(": its minor was never seen", style="yellow")
        return
    by = f" by {day(row.deadline)}" if row.deadline else ""
    if row.hops:
        yield where.append(f": at {row.at}, wanted at {row.target}{by}", style="not bold")
    else:
        target = f"its target is {row.target}" if row.target else "no target is known"
        yield where.append(f": at {row.at}, {target}", style="not bold")
    yield Text(f"Target: {safe(row.reason, 150)}", style="dim")
    if row.first:
        yield Text("\nDo first", style="bold")
    for number, action in enumerate(row.first, 1):
        yield line(f"{number}. {action.fix}", 0)
        yield line(_gain(action), 3, "dim")


def _gain(action: ActionRow) -> str:
    mends = f"mends {counted(action.mends, 'finding')} ({action.code})"
    mends += f", {action.alike} more like it" if action.alike else ""
    owner = f"owner {action.owner}" if action.owner else ""
    by = f"by {day(action.deadline)}" if action.deadline else ""
    return " · ".join(filter(None, (mends, f"for {action.hop}", owner, by)))


def _show_findings(console: Console, rows: Sequence[FindingRow], told: set[str], now: datetime, every: bool) -> None:
    """In full what holds, or all; the rest as counts. What an earlier hop told is only counted."""
    fresh = [row for row in rows if row.fingerprint not in told]
    full = [row for row in fresh if every or row.holds]
    told |= {row.fingerprint for row in full}
    graver = [row for row in full if row.holds and row.severity is not Severity.UNKNOWN]
    _show_by_check(console, graver, now, every)
    for block in _not_seen(row for row in full if row.code == NOT_SEEN):
        _print(console, block)
    _show_by_check(console, [row for row in full if row not in graver and row.code != NOT_SEEN], now, every)
    if rest := _rest(rows, full):
        console.print(line(rest, 2, "dim"))


def _show_by_check(console: Console, rows: Sequence[FindingRow], now: datetime, every: bool) -> None:
    """The first few of each check: a hundred budgets alike are one thing to know, and one list to fetch."""
    for code in dict.fromkeys(row.code for row in rows):
        some = [row for row in rows if row.code == code]
        shown = some if every else some[:EXAMPLES]
        for row in shown:
            _print(console, finding_lines(row, now))
        if len(some) > len(shown):
            rest = (
                f"and {len(some) - len(shown)} more: fleetkeeper get findings --code {code} -l name={some[0].cluster}"
            )
            console.print(line(rest, 2, "dim"))


def _not_seen(rows: Iterable[FindingRow]) -> Iterator[list[RenderableType]]:
    """Parts that one remedy shows are one block: a cluster that is not read at all must not fill the screen."""
    alike: dict[tuple[bool, str], list[FindingRow]] = {}
    for row in rows:
        alike.setdefault((row.holds, row.fix), []).append(row)
    for (holds, fix), some in alike.items():
        parts = ", ".join(row.key.replace("_", " ") for row in some)
        noun = "part" if len(some) == 1 else "parts"
        head = f"UNKNOWN {NOT_SEEN} {len(some)} {noun} not seen{'' if holds else ' (does not block)'}"
        text = f"{parts}: the checks that need {'it' if len(some) == 1 else 'them'} cannot judge"
        yield [line(head, 2, "yellow"), line(text, 4), line(f"→ {fix}" if fix else "→ nothing: not asked for", 4)]


def finding_lines(row: FindingRow, now: datetime) -> list[RenderableType]:
    """A finding in a few lines: what, the fact, the fix, who and since when."""
    style = _STYLES.get(row.severity.value, "yellow")
    mark = " (waived)" if row.waiver else " (known)" if row.is_known else ""
    return [
        line(f"{row.severity.value.upper()} {row.code} {row.about}  {row.fingerprint[:8]}{mark}", 2, style),
        line(row.message, 4),
        line(f"→ {row.fix}", 4),
        line(" · ".join(_facts(row, now)), 4, "dim"),
    ]


def _facts(row: FindingRow, now: datetime) -> Iterator[str]:
    if row.owner:
        yield f"owner {row.owner}"
    if row.deadline:
        yield f"by {day(row.deadline)}"
    if row.breaks != "nothing":
        yield f"breaks {row.breaks}"
    yield state_words(row, now)
    if row.waiver_ended:
        yield f"its waiver ended on {row.waiver_ended.until}"


def state_words(row: FindingRow, now: datetime) -> str:
    """`open for 3 d`, `unconfirmed for 2 d, proven fixed on 2026-12-03 if quiet until then`, and when it was seen."""
    words = f"{row.state} for {age(row.since, now)}"
    if row.state == "unconfirmed" and row.proven_at:
        words += f", proven fixed on {day(row.proven_at)} if quiet until then"
    elif row.state == "unconfirmed":
        words += ", its quiet cannot be seen now"
    return words if now - row.last_seen < _RECENT else f"{words}, last seen {age(row.last_seen, now)} ago"


def _rest(rows: Sequence[FindingRow], full: Sequence[FindingRow]) -> str:
    shown = {row.fingerprint for row in full}
    above = [row for row in rows if row.holds and row.fingerprint not in shown]
    left = [row for row in rows if not row.holds and row.fingerprint not in shown]
    words = [f"{len(above)} from above"] if above else []
    for severity in ("blocker", "unknown", "warning", "info"):
        some = [row for row in left if row.severity.value == severity and not row.waiver]
        if some:
            words.append(_counted(some, severity))
    waived = [row for row in left if row.waiver]
    words += [_counted(waived, "waived")] if waived else []
    return "also " + ", ".join(words) if words else ""


def _counted(rows: Sequence[FindingRow], noun: str) -> str:
    codes = Counter(row.code for row in rows)
    each = ", ".join(code if count == 1 else f"{code} {count}x" for code, count in codes.items())
    plural = "" if len(rows) == 1 or noun in ("unknown", "waived") else "s"
    return f"{len(rows)} {noun}{plural} ({each})"


def _print(console: Console, lines: Iterable[RenderableType]) -> None:
    for each in lines:
        console.print(each)


def line(text: str, indent: int, style: str = "") -> RenderableType:
    return Padding(Text(safe(text, _LONGEST), style), (0, 0, 0, indent), expand=False)
