"""Notices as rows for people and programs: what would be told, what was, and how campaigns go."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.plain import plain
from fleetkeeper.core.notices.campaign import Progress, Report, Week
from fleetkeeper.core.notices.values import Notice, Turn

NOW, LATER, SHADOW = "now", "later", "shadow"
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One message. state: now, later (at says when, why_then why), or shadow: its team is not live, nothing goes out.

    items: of the selected clusters, and news how many of them are new in it.
    """

    state: str
    at: datetime
    via: str
    to: str
    audience: str
    owners: tuple[str, ...]
    kind: str
    items: int
    news: int
    why: str
    why_then: str
    following: str
    urgent: bool
    id: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """Why items of an owner are quiet, those alike as one row."""

    owner: str
    why: str
    until: datetime | None
    items: int


@dataclass(frozen=True, slots=True)
class CheckRow:
    """How often owners say of a check that it is not theirs. muted: it is quiet for that until somebody looks at it."""

    code: str
    told: int
    not_mine: int
    share: float
    muted: bool


def preview_rows(
    messages: Iterable[tuple[Notice, Message]], turn: Turn, clusters: Collection[str] | None, owner: str, full: bool
) -> tuple[PreviewRow, ...]:
    """clusters: keys of those that are meant, None for all. full: with the texts."""
    states = {each.id: NOW for each in turn.notices} | {each.id: LATER for each in turn.later}
    return tuple(
        _preview_row(notice, message, states.get(notice.id, SHADOW), clusters, full)
        for notice, message in messages
        if (not owner or owner in notice.recipient.owners) and _concerns(notice, clusters)
    )


def _preview_row(
    notice: Notice, message: Message, state: str, clusters: Collection[str] | None, full: bool
) -> PreviewRow:
    own = [each for each in notice.entries if clusters is None or each.item.cluster in clusters]
    to = notice.recipient
    return PreviewRow(
        state=state,
        at=notice.at,
        via=to.via.value,
        to=to.address,
        audience=to.audience.value,
        owners=to.owners,
        kind=f"{notice.kind.value} in a thread" if notice.thread else notice.kind.value,
        items=len(own),
        news=sum(bool(each.news) for each in own),
        why=notice.why,
        why_then=notice.why_then,
        following=notice.following,
        urgent=notice.is_urgent,
        id=notice.id,
        text=plain(message) if full else "",
    )


def _concerns(notice: Notice, clusters: Collection[str] | None) -> bool:
    return clusters is None or any(each.item.cluster in clusters for each in notice.entries)


def silence_rows(turn: Turn, clusters: Collection[str] | None, owner: str) -> tuple[SilenceRow, ...]:
    """Those with the most items first."""
    counts: dict[tuple[str, str, datetime | None], int] = {}
    for each in turn.silences:
        if (clusters is None or each.key.cluster in clusters) and owner in ("", each.owner):
            key = (each.owner, each.why, each.until)
            counts[key] = counts.get(key, 0) + 1
    rows = (SilenceRow(who, why, until, count) for (who, why, until), count in counts.items())
    return tuple(sorted(rows, key=lambda row: (-row.items, row.owner, row.why)))


def check_rows(report: Report) -> tuple[CheckRow, ...]:
    rows = (
        CheckRow(code, rate.told, rate.not_mine, rate.share, code in report.muted)
        for code, rate in report.checks.items()
    )
    return tuple(sorted(rows, key=lambda row: (-row.share, row.code)))


def sparkline(weeks: Iterable[Week]) -> str:
    """What was open at the end of each week, as bars; the highest of them is the most there ever was."""
    counts = [each.open for each in weeks]
    most = max(counts, default=0)
    if not most:
        return ""
    return "".join(" " if not count else _BARS[(count * len(_BARS) - 1) // most] for count in counts)


def campaign_rows(report: Report) -> Iterator[Progress]:
    """Each campaign's teams, then its total (of owner "")."""
    totals: Mapping[str, Progress] = {each.campaign: each for each in report.totals}
    for campaign, total in totals.items():
        yield from (each for each in report.rows if each.campaign == campaign)
        yield total
