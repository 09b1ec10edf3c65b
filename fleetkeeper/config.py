"""The operator's settings as one frozen value; settings.load reads it from TOML and the environment.

The class attributes' defaults are the documented ones; config.example.toml shows every key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from fleetkeeper.core.changing_via import ChangeVia, DirectRule, ProposalRule
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.notices.values import LADDER, Policy, Rung
from fleetkeeper.core.owner_values import NAMED
from fleetkeeper.core.owners import Rule, Source, Team
from fleetkeeper.core.people import People, Role
from fleetkeeper.core.placement import MappingRule, MappingSettings
from fleetkeeper.core.policy import TargetRule
from fleetkeeper.core.references import Allowed, Where
from fleetkeeper.core.release_plan import ChartSource
from fleetkeeper.core.smoke import SmokeTest
from fleetkeeper.core.waivers import Decisions, Waiver

__all__ = [
    "ApprovalSettings",
    "AssessSettings",
    "AwsAccount",
    "AwsSettings",
    "CalendarSettings",
    "DirectRule",
    "EngineSettings",
    "FreezeSettings",
    "HookSettings",
    "KubeCluster",
    "KubernetesSettings",
    "LogSettings",
    "MappingRule",
    "MappingSettings",
    "ObserveSettings",
    "OidcSettings",
    "Organizations",
    "ProgramSettings",
    "PrometheusSettings",
    "ProposalRule",
    "Secret",
    "SecretText",
    "ServeSettings",
    "ServiceLimit",
    "Settings",
    "SmokeSettings",
    "StoreSettings",
    "TargetRule",
    "Waiver",
]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is never shown; origin is `env NAME` or `file PATH`."""

    value: str = field(repr=False)
    origin: str = ""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """url: sqlite:///path or postgresql://user@host/db. The password comes from the environment or a file."""

    url: str = "sqlite:///fleetkeeper.db"
    password: Secret | None = None
    history_days: int = 400  # older changes and gone clusters are forgotten; a year, and some time to look back on it


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """One account to observe. role_arn "" uses aws.role_name in that account; regions () uses aws.regions."""

    id: str
    name: str = ""
    role_arn: str = ""
    external_id: Secret | None = None
    regions: tuple[str, ...] = ()
    executor_role_arn: str = ""  # "" uses aws.executor_role_name in that account


@dataclass(frozen=True, slots=True)
class Organizations:
    """Discovery of accounts; role_arn is assumed first (the management account or a delegated administrator)."""

    role_arn: str = ""
    include_ous: tuple[str, ...] = ()  # OU paths such as Prod/Payments or ids; () means all
    exclude_accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AwsSettings:
    regions: tuple[str, ...] = ()
    accounts: tuple[AwsAccount, ...] = ()
    organizations: Organizations | None = None
    role_name: str = "fleetkeeper-reader"
    executor_role_name: str = "fleetkeeper-executor"  # assumed only by the engine, to change what a plan says
    external_id: Secret | None = None
    profile: str = ""
    endpoint_url: str = ""  # for VPC endpoints and the demo; "" is AWS's own
    ca_bundle: str = ""
    proxy_url: str = ""
    partition: str = "aws"
    requests_per_second: float = 10.0  # per account and region, over all APIs
    names: tuple[str, ...] = ()  # shell patterns of cluster names to observe; () means all
    exclude_names: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)  # observe only clusters that carry all of these


@dataclass(frozen=True, slots=True)
class KubeCluster:
    """How to reach one cluster other than by its public EKS endpoint and a token.

    With arn: an EKS cluster whose kubeconfig context (for example one with a proxy) is to be used, after its address
    and CA were found to be the cluster's. Without: a cluster that only the kubeconfig knows.
    """

    name: str
    arn: str = ""
    kubeconfig: str = ""  # "" is $KUBECONFIG, else ~/.kube/config
    context: str = ""  # "" is the kubeconfig's current one
    proxy_url: str = ""
    executor_context: str = ""  # the engine's own; "": nothing is changed in this cluster


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    clusters: tuple[KubeCluster, ...] = ()
    proxy_url: str = ""
    page_size: int = 500
    timeout_seconds: float = 30.0  # for one request, from connect to the last byte
    max_answer_mib: int = 64  # a larger page is refused, decoded
    concurrency: int = 8  # clusters read at once


@dataclass(frozen=True, slots=True)
class ObserveSettings:
    schedule: str = "*/15 * * * *"  # crontab syntax, in `timezone`
    timezone: str = "UTC"
    helm_secrets: bool = False  # read Helm release secrets; needs `get, list` on secrets
    audit_logs: bool = False  # query the audit logs in CloudWatch; costs money, and needs rights on logs
    stale_after_minutes: int = 60  # older data is shown as old


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An OpenID Connect issuer; claim: the one that holds the name that [approvals.people] lists."""

    issuer: str
    audience: str
    claim: str = "email"


@dataclass(frozen=True, slots=True)
class ApprovalSettings:
    """local: believe a name that the command line says; only where all who reach the database are trusted.

    people: name → role; others: the role of everyone else; alike: another name of a person → the first one.
    """

    signing_key: Secret | None = None  # None: made beside a SQLite database
    local: bool = False
    oidc: OidcSettings | None = None
    others: Role = Role.VIEWER
    people: Mapping[str, Role] = field(default_factory=dict)
    alike: Mapping[str, str] = field(default_factory=dict)

    @property
    def roles(self) -> People:
        return People(self.people, self.others, self.alike)


@dataclass(frozen=True, slots=True)
class AssessSettings:
    """targets: the first one that fits a cluster holds. severities: check code → what its findings count as."""

    targets: tuple[TargetRule, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    severities: Mapping[str, str] = field(default_factory=dict)

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.waivers, {code: Severity(text) for code, text in self.severities.items()})


@dataclass(frozen=True, slots=True)
class ServiceLimit:
    """In how many regions a service may be unavailable at once, over all runs; `*` is every service without its own."""

    name: str
    max_unavailable_regions: int = 1


@dataclass(frozen=True, slots=True)
class SecretText:
    """A secret under a name: a header, or an environment variable."""

    name: str
    value: Secret | None = None


@dataclass(frozen=True, slots=True)
class HookSettings:
    """One HTTP endpoint that playbooks may name. Either url or secret_url is set; ca_bundle "" is the system's CAs."""

    name: str
    url: str = ""
    secret_url: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: tuple[SecretText, ...] = ()
    timeout_seconds: float = 30.0
    ca_bundle: str = ""


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """One program that playbooks may name: its arguments as they are, run without a shell in a folder."""

    name: str
    command: tuple[str, ...]
    folder: str
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretText, ...] = ()
    timeout_minutes: float = 60.0


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """One server that gates may ask by name: a token, or a user name with its password, or neither."""

    name: str
    url: str
    username: str = ""
    password: Secret | None = None
    token: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 10.0
    ca_bundle: str = ""


@dataclass(frozen=True, slots=True)
class SilencerSettings:
    """Where alerts of a member are silenced: an Alertmanager, by matchers, or PagerDuty, by services.

    matchers: at least one binds to the cluster. services: what service_key gives for a cluster → ids of services.
    sender: whom PagerDuty shall name as the author.
    """

    name: str
    kind: str
    url: str
    matchers: tuple[str, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)
    service_key: str = "{cluster}"
    sender: str = ""
    username: str = ""
    password: Secret | None = None
    token: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 10.0
    ca_bundle: str = ""


@dataclass(frozen=True, slots=True)
class CalendarSettings:
    """One .ics calendar, of a file or behind a URL, whose events freeze. everything: not only what names it."""

    name: str
    file: str = ""
    url: str = ""
    secret_url: Secret | None = None
    everything: bool = True
    timezone: str = "UTC"  # of its days, and of times without one, where the calendar itself names none
    ca_bundle: str = ""


@dataclass(frozen=True, slots=True)
class FreezeSettings:
    """A time in which nothing begins. calendar "" freezes everything, else what names it; selector "" all clusters."""

    reason: str
    begins: datetime
    until: datetime
    selector: str = ""
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class ChartSettings:
    """One Helm chart that the engine may upgrade releases of: where its packages are, and which versions may be used.

    chart is its name as releases have it; repository an https:// repository, oci://, or a folder of packages. versions:
    the chart's version → the application's. timeout_minutes is helm's own, for one of its waits.
    """

    name: str
    chart: str = ""
    repository: str = ""
    username: str = ""
    password: Secret | None = None
    ca_bundle: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    timeout_minutes: float = 10.0


@dataclass(frozen=True, slots=True)
class SmokeSettings:
    """The pod that shows whether a new node is good for anything (core/smoke.py)."""

    image: str
    command: tuple[str, ...] = ()
    namespace: str = "default"
    service_account: str = "default"
    timeout_minutes: float = 5.0
    storage_class: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def test(self) -> SmokeTest:
        return SmokeTest(
            image=self.image,
            command=self.command,
            namespace=self.namespace,
            service_account=self.service_account,
            timeout=timedelta(minutes=self.timeout_minutes),
            storage_class=self.storage_class,
            annotations=self.annotations,
        )


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What steps may reach by name, and what plans heed.

    folder keeps what programs did; channels: name → the hook that messages go to. own_cluster: the ARN of the cluster
    that fleetkeeper runs in, which a plan puts alone and last; "none", or "" for what its pod shows. prometheus is what
    gates may ask; calendars and freezes are when nothing begins; silencers silence alerts. helm is the program, by its
    path or found on PATH; it is run only for charts. direct and proposals: who may change a version, the first that
    fits. smoke: the test of new nodes, None for none.
    """

    folder: str = "fleetkeeper-engine"
    hooks: tuple[HookSettings, ...] = ()
    programs: tuple[ProgramSettings, ...] = ()
    channels: Mapping[str, str] = field(default_factory=dict)
    own_cluster: str = ""
    services: tuple[ServiceLimit, ...] = ()
    prometheus: tuple[PrometheusSettings, ...] = ()
    calendars: tuple[CalendarSettings, ...] = ()
    freezes: tuple[FreezeSettings, ...] = ()
    silencers: tuple[SilencerSettings, ...] = ()
    charts: tuple[ChartSettings, ...] = ()
    helm: str = "helm"
    direct: tuple[DirectRule, ...] = ()
    proposals: tuple[ProposalRule, ...] = ()
    smoke: SmokeSettings | None = None

    @property
    def change_via(self) -> ChangeVia:
        return ChangeVia(self.direct, self.proposals)

    @property
    def allowed(self) -> Allowed:
        """What playbooks may name."""
        calendars = {each.name for each in self.calendars} | {each.calendar for each in self.freezes if each.calendar}
        return {
            Where.HOOKS: frozenset(each.name for each in self.hooks),
            Where.PROGRAMS: frozenset(each.name for each in self.programs),
            Where.CHANNELS: frozenset(self.channels),
            Where.PROMETHEUS: frozenset(each.name for each in self.prometheus),
            Where.CALENDARS: frozenset(calendars),
            Where.SILENCERS: frozenset(each.name for each in self.silencers),
            Where.CHARTS: frozenset(each.name for each in self.charts),
        }

    @property
    def chart_sources(self) -> tuple[ChartSource, ...]:
        """What plans may upgrade releases to."""
        return tuple(ChartSource(each.name, each.chart, each.versions) for each in self.charts)

    @property
    def service_limits(self) -> Mapping[str, int]:
        return {each.name: each.max_unavailable_regions for each in self.services}


@dataclass(frozen=True, slots=True)
class ServeSettings:
    listen: str = "127.0.0.1:8321"  # health and metrics
    shutdown_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: str = "info"  # debug, info, warning, error
    format: str = "auto"  # json, text, auto: text at a terminal


@dataclass(frozen=True, slots=True)
class RehearsalSettings:
    """node_hour_usd: USD for an hour of a node, by instance type; `default` is that of every other one."""

    node_hour_usd: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnersSettings:
    """Who owns what (core/owners.py). catalog: a file of Backstage entities (YAML); codeowners: application or
    repository → a CODEOWNERS file. keys: names of labels, annotations and tags of one's own that name owners.
    """

    teams: tuple[Team, ...] = ()
    rules: tuple[Rule, ...] = ()
    precedence: tuple[Source, ...] = NAMED
    keys: tuple[str, ...] = ()
    catalog: str = ""
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


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator can set. origins maps each dotted key that was set to `file:line` or `env NAME`."""

    store: StoreSettings = StoreSettings()
    aws: AwsSettings = AwsSettings()
    kubernetes: KubernetesSettings = KubernetesSettings()
    observe: ObserveSettings = ObserveSettings()
    mapping: MappingSettings = field(default_factory=MappingSettings)
    assess: AssessSettings = field(default_factory=AssessSettings)
    approvals: ApprovalSettings = field(default_factory=ApprovalSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    owners: OwnersSettings = field(default_factory=OwnersSettings)
    notices: NoticesSettings = field(default_factory=NoticesSettings)
    slack: SlackSettings = field(default_factory=SlackSettings)
    pagerduty: PagerDutySettings = field(default_factory=PagerDutySettings)
    rehearsal: RehearsalSettings = field(default_factory=RehearsalSettings)
    serve: ServeSettings = ServeSettings()
    log: LogSettings = LogSettings()
    compat_folders: tuple[Path, ...] = ()  # the operator's own compat data, laid over ours
    playbook_folders: tuple[Path, ...] = ()  # the operator's own playbooks, laid over ours by name
    origins: Mapping[str, str] = field(default_factory=dict)
