"""One item and one recipient: whether there is something to tell them, when that may be, or why they hear nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import next_moment
from fleetkeeper.core.notices.ladder import URGENT_DAYS, calmed, rung_of
from fleetkeeper.core.notices.memory import Last
from fleetkeeper.core.notices.news import Case, News, news_of
from fleetkeeper.core.notices.routing import Route
from fleetkeeper.core.notices.suppress import ADVISORY, Quiet, not_yet, quiet_of
from fleetkeeper.core.notices.values import Audience, Item, Rung
from fleetkeeper.core.notices.view import Known, View

NOBODY = Quiet("nobody can be reached: neither the owner, nor the fallback team, nor the fleet's on-call has a channel")
MARGIN = timedelta(hours=1)
"""What is told at the last moment needs somebody to read it, and a turn at that moment."""

_NOT_THEIRS = Quiet("")


@dataclass(frozen=True, slots=True)
class Judged:
    """at: when it may be told. is_pressing: the deadline would pass before the recipient's hours begin."""

    known: Known
    audience: Audience
    route: Route
    rung: Rung
    news: News
    at: datetime
    deadline: datetime
    is_pressing: bool

    @property
    def item(self) -> Item:
        return self.known.item

    @property
    def owner(self) -> str:
        return self.known.owner

    @property
    def is_urgent(self) -> bool:
        return self.is_pressing or self.rung.days <= URGENT_DAYS


def judge(view: View, known: Known, audience: Audience, moment: datetime | None = None) -> Judged | Quiet:
    """moment: as of then, for a message that goes out earlier than this item alone would be told."""
    deadline = known.deadline
    route = view.routes.to(known.owner, audience)
    if route is None:
        return NOBODY
    if deadline is None:
        return ADVISORY
    at, pressing = (moment, False) if moment else _moment(view, known, deadline, route, audience)
    rung = rung_at(view, deadline, at, route.zone)
    if rung is None:
        return not_yet(view, deadline, route.zone)
    if known.is_tentative:
        rung = calmed(rung)
    if audience not in rung.to and audience is not Audience.CHANNEL:
        return _NOT_THEIRS
    quiet = quiet_of(view, known, rung, route.zone)
    if quiet:
        return quiet
    last = _last(view, known, route, audience)
    news = news_of(view, Case(known, deadline, rung, at, route.zone, audience, last))
    if isinstance(news, Quiet):
        return news
    return Judged(known, audience, route, rung, news, at, deadline, pressing)


def rung_at(view: View, deadline: datetime, moment: datetime, zone: ZoneInfo) -> Rung | None:
    """Of the ladder, with the dates of many items with one deadline worked out once."""
    key = (deadline, moment, zone)
    if key not in view.rungs:
        view.rungs[key] = rung_of(deadline, moment, zone, view.situation.policy.ladder)
    return view.rungs[key]


def _last(view: View, known: Known, route: Route, audience: Audience) -> Last | None:
    if audience is not Audience.CHANNEL:
        return view.memory.people.get((route.recipient.key, known.item.key))
    told = known.heard
    return Last(told.rung, told.last) if told else None


def _moment(view: View, known: Known, deadline: datetime, route: Route, audience: Audience) -> tuple[datetime, bool]:
    """(when, whether only because the deadline would pass unannounced): hours, else daylight of any day, else now."""
    now, normal = view.now, view.moment(route.zone)
    if normal == now:
        return now, False
    rung = rung_at(view, deadline, now, route.zone)
    if audience is Audience.PAGER or (rung is not None and rung.urgent):
        return now, False
    told = known.heard
    if deadline <= now or normal < deadline - MARGIN or (told is not None and told.announced == deadline):
        return normal, False
    daylight = next_moment(now, route.zone, view.situation.policy, any_day=True)
    return (daylight if daylight < deadline - MARGIN else now), True
