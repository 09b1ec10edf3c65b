"""The [notices] section: who is told what, when and how often; the rungs of the ladder are [[notices.ladder]]."""

import re
from collections.abc import Collection
from datetime import date, time
from itertools import pairwise

from fleetkeeper.config import WEEKDAYS, NoticesSettings
from fleetkeeper.core.notices.values import Audience, Rung
from fleetkeeper.documents import Table
from fleetkeeper.settings import checks

PAGERDUTY, HOOK = "pagerduty", "hook:"

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_CHANNEL = re.compile(r"[CG][A-Z0-9]{7,}", re.ASCII)
_LAST_MINUTE = time(23, 59, 59)


def read_notices(table: Table, hooks: Collection[str]) -> NoticesSettings:
    """hooks: the names of engine.hooks, one of which may stand in the place of the channel or the pager."""
    default = NoticesSettings()
    found = NoticesSettings(
        schedule=table.text("schedule", default.schedule, check=checks.crontab),
        live=table.texts("live", default.live),
        hours=table.parsed("hours", _hours, optional=True) or default.hours,
        weekdays=table.texts("weekdays", default.weekdays, choices=WEEKDAYS),
        holidays=table.each("holidays", _day, optional=True),
        timezone=table.text("timezone", default.timezone, check=checks.timezone),
        ladder=_ladder(table) or default.ladder,
        first_day=table.integer("first_day", default.first_day, minimum=1, maximum=100_000),
        direct_week=table.integer("direct_week", default.direct_week, minimum=0, maximum=100),
        grace_hours=table.number("grace_hours", default.grace_hours, minimum=0, maximum=31 * 24),
        extension_days=table.integer("extension_days", default.extension_days, minimum=1, maximum=366),
        extensions=table.integer("extensions", default.extensions, minimum=0, maximum=100),
        imprecise_percent=table.number("imprecise_percent", default.imprecise_percent, minimum=0, maximum=100),
        imprecise_after=table.integer("imprecise_after", default.imprecise_after, minimum=1, maximum=100_000),
        oncall_channel=table.text("oncall_channel", ""),
        pager=table.text("pager", ""),
    )
    if not found.weekdays:
        table.mistake("weekdays", "is empty, so nobody would ever be told")
    _reachable(table, found, hooks)
    return found


def _ladder(table: Table) -> tuple[Rung, ...]:
    """The rungs as written, () without any; each later one must be nearer to the deadline."""
    tables = table.tables("ladder")
    rungs = tuple(_rung(each) for each in tables)
    for (one, other), inner in zip(pairwise(rungs), tables[1:], strict=True):
        if other.days >= one.days:
            inner.mistake("days", f"must be less than the {one.days} of the rung before it")
    return rungs


def _rung(table: Table) -> Rung:
    every = table.integer("every", 0, minimum=0, maximum=366)
    to = table.texts("to", choices=tuple(Audience))
    return Rung(
        days=table.integer("days", minimum=0, maximum=3660),
        to=tuple(Audience(each) for each in to if each in tuple(Audience)),
        every=every,
        thread=table.boolean("thread", False),
        acked=table.boolean("acked", False),
        urgent=table.boolean("urgent", False),
    )


def _reachable(table: Table, found: NoticesSettings, hooks: Collection[str]) -> None:
    """Whether everybody whom a rung names can be told; what is written must be of a form that goes out."""
    for key, text in (("oncall_channel", found.oncall_channel), ("pager", found.pager)):
        hook = text.removeprefix(HOOK)
        if hook != text and hook not in hooks:
            table.mistake(key, f"names {hook}, which is no entry of engine.hooks")
    if (
        found.oncall_channel
        and not found.oncall_channel.startswith(HOOK)
        and not _CHANNEL.fullmatch(found.oncall_channel)
    ):
        table.mistake("oncall_channel", "must be a Slack channel's id such as C0123456789, or hook:NAME")
    if found.pager and found.pager != PAGERDUTY and not found.pager.startswith(HOOK):
        table.mistake("pager", f"must be {PAGERDUTY} or hook:NAME")
    if not table.has("ladder"):
        return
    wanted = {audience for rung in found.ladder for audience in rung.to}
    if Audience.FLEET in wanted and not found.oncall_channel:
        table.mistake("oncall_channel", "is missing, and a rung of the ladder tells the fleet")
    if Audience.PAGER in wanted and not found.pager:
        table.mistake("pager", "is missing, and a rung of the ladder pages")


def _hours(text: str) -> tuple[time, time]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("must be hours of one day such as 09:00-17:00")
    begin = time(int(found[1]), int(found[2]))
    end = time(int(found[3]), int(found[4])) if found[3] else _LAST_MINUTE
    if end <= begin:
        raise ValueError("must end after it begins, on the same day")
    return begin, end


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("must be a day such as 2026-12-25") from error
