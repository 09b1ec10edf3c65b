"""The sections about whoever is told: [owners], [notices], and the ways to people, [slack] and [pagerduty]."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta

from fleetkeeper.config.secret import Secret
from fleetkeeper.core.notices.values import LADDER, Policy, Rung
from fleetkeeper.core.owner_values import NAMED
from fleetkeeper.core.owners import Rule, Source, Team

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class OwnersSettings:
    """Who owns what (core/owners.py). catalog: a file of Backstage entities (YAML); codeowners: application or
    repository → a CODEOWNERS file. keys: names of labels, annotations and tags of one's own that name owners.

    catalog_slack_annotation: of groups with their channel, and of users with their id, as Backstage's own notifications
    have it (backstage.io/docs/reference/plugin-notifications-backend-module-slack, read 2026-11-21); "" is none.
    """

    teams: tuple[Team, ...] = ()
    rules: tuple[Rule, ...] = ()
    precedence: tuple[Source, ...] = NAMED
    keys: tuple[str, ...] = ()
    catalog: str = ""
    catalog_slack_annotation: str = "slack.com/bot-notify"
    codeowners: Mapping[str, str] = field(default_factory=dict)
    fallback: str = "platform"


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """The workspace. app_token (xapp-) is for Socket Mode; listen with signing_secret for HTTP; both "" only sends.

    history: the app may read the history of its channels, so that a message whose answer was lost is looked for.
    """

    bot_token: Secret | None = None
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    listen: str = ""
    api_url: str = "https://slack.com/api/"
    history: bool = False
    channel_seconds: float = 1.0
    per_minute: float = 180.0
    timeout_seconds: float = 10.0
    ca_bundle: str = ""
    proxy_url: str = ""

    @property
    def hears(self) -> bool:
        """Whether what people click is listened to."""
        return self.bot_token is not None and bool(self.app_token or self.listen)


@dataclass(frozen=True, slots=True)
class PagerDutySettings:
    """Events API v2. routing_key: of an integration of the service that pages the fleet's on-call."""

    routing_key: Secret | None = None
    url: str = "https://events.pagerduty.com/v2/enqueue"


@dataclass(frozen=True, slots=True)
class NoticesSettings:
    """Who is told what, when and how often. schedule: when it is looked who has to be told, in `observe.timezone`.

    live: shell patterns of the teams that are told; all others are only previewed. holidays: days on which nobody is.
    pager: what pages the fleet's on-call: "pagerduty", `hook:NAME`, or "" for nothing.
    """

    schedule: str = "*/10 * * * *"
    live: tuple[str, ...] = ()
    hours: tuple[time, time] = (time(9), time(17))
    weekdays: tuple[str, ...] = WEEKDAYS[:5]
    holidays: tuple[date, ...] = ()
    timezone: str = "UTC"
    ladder: tuple[Rung, ...] = LADDER
    first_day: int = 20
    direct_week: int = 3
    grace_hours: float = 24.0
    extension_days: int = 30
    extensions: int = 2
    imprecise_percent: float = 10.0
    imprecise_after: int = 20
    oncall_channel: str = ""
    pager: str = ""

    @property
    def policy(self) -> Policy:
        """As core/notices has it; the fallback team is that of [owners]."""
        return Policy(
            ladder=self.ladder,
            live=self.live,
            hours=self.hours,
            weekdays=frozenset(WEEKDAYS.index(each) for each in self.weekdays),
            holidays=frozenset(self.holidays),
            first_day=self.first_day,
            direct_week=self.direct_week,
            grace=timedelta(hours=self.grace_hours),
            longest_extension=timedelta(days=self.extension_days),
            most_extensions=self.extensions,
            imprecise=self.imprecise_percent / 100,
            enough=self.imprecise_after,
            timezone=self.timezone,
            oncall_channel=self.oncall_channel,
            pager=self.pager,
        )
