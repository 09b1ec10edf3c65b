"""Notices as tables: previews, the outbox, why somebody is told, and campaigns."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from fleetkeeper.cli.tables import Column, age, day, indented, table
from fleetkeeper.core.notices.campaign import Progress
from fleetkeeper.core.notices.values import Delivery
from fleetkeeper.core.notices.why import Why
from fleetkeeper.core.reports.notice_rows import SHADOW, CheckRow, PreviewRow, SilenceRow, sparkline
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.notice_ports import Record

_PREVIEW = (
    Column("WHEN", wraps=True),
    Column("TO", wraps=True),
    Column("OWNER", 30),
    Column("WHAT", wraps=True),
    Column("ITEMS", right=True),
    Column("WHY", wraps=True),
)
_QUIET = (Column("OWNER", 30), Column("ITEMS", right=True), Column("UNTIL"), Column("QUIET BECAUSE", wraps=True))
_RECORDS = (
    Column("NOTICE", 14),
    Column("STORED"),
    Column("WHAT"),
    Column("TO", wraps=True),
    Column("OWNER", 30),
    Column("ITEMS", right=True),
    Column("STATE", wraps=True),
)
_CAMPAIGN = (
    Column("CAMPAIGN"),
    Column("OWNER", 30),
    Column("OPEN", right=True),
    Column("ACKED", right=True),
    Column("EXTENDED", right=True),
    Column("OVERDUE", right=True),
    Column("FIXED", right=True),
    Column("MEDIAN"),
    Column("12 WEEKS"),
)
_CHECKS = (Column("CHECK"), Column("TOLD", right=True), Column("NOT MINE", right=True), Column(""))
_TROUBLE = (Delivery.AMBIGUOUS, Delivery.FAILED)


def show_preview(console: Console, rows: Sequence[PreviewRow], quiet: Sequence[SilenceRow], now: datetime) -> None:
    if not rows:
        console.print("Nobody would be told anything.")
    elif any(row.text for row in rows):
        for row in rows:
            console.print(Text(safe(f"── {_when(row, now)} · {row.kind} to {_to(row)} · {row.why}", 300), "bold"))
            for line in row.text.split("\n"):
                console.print(Text(safe(line, 400)))
    else:
        body = [
            (_when(row, now), _to(row), some(row.owners), row.kind, _items(row), row.why_then or row.why)
            for row in rows
        ]
        console.print(table(_PREVIEW, body, console.width))
    if quiet:
        console.print()
        shown = [(row.owner, str(row.items), day(row.until) if row.until else "", row.why) for row in quiet[:20]]
        console.print(table(_QUIET, shown, console.width))
        if len(quiet) > len(shown):
            console.print(f"and {len(quiet) - len(shown)} more: -o json has all")
    if any(row.state == SHADOW for row in rows):
        console.print(Text("\nshadow: not live, so nothing goes out; `live` of [notices] names who is told.", "dim"))


def _when(row: PreviewRow, now: datetime) -> str:
    if row.state == SHADOW:
        return "shadow"
    return "now" if row.at <= now else f"{row.at:%a %d %b %H:%M} UTC"


def _to(row: PreviewRow) -> str:
    return f"{row.audience} {row.to}"


def _items(row: PreviewRow) -> str:
    return f"{row.items} ({row.news} new)" if row.news and row.news != row.items else str(row.items)


def show_records(console: Console, records: Sequence[Record], counts: Mapping[Delivery, int], now: datetime) -> None:
    if not records:
        console.print("Nothing was told: `fleetkeeper notices preview` says what would be, and why not.")
    else:
        console.print(table(_RECORDS, [_record(each, now) for each in records], console.width))
    left = [f"{counts[state]} {state.value}" for state in Delivery if counts.get(state) and state is not Delivery.SENT]
    if left:
        style = "red" if any(counts.get(state) for state in _TROUBLE) else ""
        console.print(Text(f"\nIn the outbox, edits too: {', '.join(left)}.", style))


def _record(record: Record, now: datetime) -> tuple[str, ...]:
    notice = record.notice
    return (
        notice.id,
        f"{age(record.stored_at, now)} ago",
        notice.kind.value,
        f"{notice.recipient.audience.value} {notice.recipient.address}",
        some(notice.recipient.owners),
        str(len(notice.entries)),
        _state(record, now),
    )


def _state(record: Record, now: datetime) -> str:
    if record.state is Delivery.PENDING and record.not_before > now:
        return f"pending, not before {record.not_before:%a %d %b %H:%M} UTC"
    return f"{record.state.value}: {record.error}" if record.error else record.state.value


def show_why(console: Console, record: Record | None, rows: Sequence[Why], now: datetime) -> None:
    if record is not None:
        notice = record.notice
        console.print(Text(safe(f"{notice.kind.value} {notice.id} to {notice.recipient.address}", 200), "bold"))
        console.print(indented(f"why then: {notice.why}"))
        console.print(indented(f"delivery: {_state(record, now)}; {counted(record.attempts, 'attempt')}"))
        if notice.following:
            console.print(indented(f"then: {notice.following}"))
        console.print()
    for row in rows:
        console.print(Text(safe(f"{row.cluster}: {row.code} {row.subject}", 200), "bold"))
        for line in _why(row):
            console.print(indented(line))
        console.print()


def _why(row: Why) -> Iterator[str]:
    yield row.message
    yield f"owner: {row.owner}"
    for each in row.owners:
        mark = "→" if each.holds else "·"
        lost = f" ({each.why_not})" if each.why_not else ""
        yield f"  {mark} {each.source}: {each.where or each.value}{f' says {each.value}' if each.where else ''}{lost}"
    if row.deadline:
        what = f"; then {row.consequence}" if row.consequence else ""
        yield f"due {row.deadline:%Y-%m-%d %H:%M} UTC: {row.clock}{what}"
    else:
        yield "due: nobody has to fix it by a date"
    if row.hard:
        yield f"no extension goes beyond {row.hard:%Y-%m-%d %H:%M} UTC"
    until = f" until {row.until:%Y-%m-%d}" if row.until else ""
    yield f"stands: {row.phase}{f' by {row.by}' if row.by else ''}{until}"
    if row.busy:
        yield f"busy: {row.busy}"
    if row.last_told:
        rung = f", at the rung of {row.rung} days" if row.rung is not None else ""
        yield f"told {counted(row.times_told, 'time')}, last {row.last_told:%Y-%m-%d %H:%M} UTC{rung}: {row.notice}"
    if row.escalated:
        yield f"went to: {', '.join(row.escalated)}"
    for said in row.answers:
        until = f" until {said.until}" if said.until else ""
        yield f"{said.at:%Y-%m-%d %H:%M} {said.person} ({said.identity}): {said.kind}{until} {said.reason}".rstrip()
    yield f"now: {row.now}{f' (until {row.now_until:%Y-%m-%d %H:%M} UTC)' if row.now_until else ''}"


def show_campaign(console: Console, rows: Sequence[Progress], checks: Sequence[CheckRow]) -> None:
    if not rows:
        console.print("Nothing has to be fixed by a date: `fleetkeeper get findings` lists what was found.")
        return
    body = [
        (
            row.campaign or "no target",
            row.owner or "all",
            str(row.open),
            str(row.acked),
            str(row.extended),
            Text(str(row.overdue), "red" if row.overdue else ""),
            str(row.fixed),
            _span(row.time_to_fix),
            sparkline(row.weeks),
        )
        for row in rows
    ]
    console.print(table(_CAMPAIGN, body, console.width))
    disputed = [row for row in checks if row.not_mine]
    if disputed:
        console.print('\nOwners say "not mine":')
        shown = [
            (row.code, str(row.told), f"{row.not_mine} ({row.share:.0%})", "muted" if row.muted else "")
            for row in disputed
        ]
        console.print(table(_CHECKS, shown, console.width))


def _span(time: timedelta | None) -> str:
    if time is None:
        return ""
    return f"{time.days} d" if time >= timedelta(days=2) else f"{time.total_seconds() / 3600:.0f} h"
