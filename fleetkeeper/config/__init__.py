"""The operator's settings as one frozen value; settings.load reads it from TOML and the environment.

The class attributes' defaults are the documented ones; config.example.toml shows every key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fleetkeeper.config.engine import (
    CalendarSettings,
    ChartSettings,
    EngineSettings,
    FreezeSettings,
    HookSettings,
    ProgramSettings,
    PrometheusSettings,
    SecretText,
    ServiceLimit,
    SilencerSettings,
    SmokeSettings,
)
from fleetkeeper.config.notices import WEEKDAYS, NoticesSettings, OwnersSettings, PagerDutySettings, SlackSettings
from fleetkeeper.config.secret import Secret
from fleetkeeper.core.changing_via import DirectRule, ProposalRule
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.people import People, Role
from fleetkeeper.core.placement import MappingRule, MappingSettings
from fleetkeeper.core.policy import TargetRule
from fleetkeeper.core.waivers import Decisions, Waiver

__all__ = [
    "WEEKDAYS",
    "ApprovalSettings",
    "AssessSettings",
    "AwsAccount",
    "AwsSettings",
    "CalendarSettings",
    "ChartSettings",
    "DirectRule",
    "EngineSettings",
    "FreezeSettings",
    "HookSettings",
    "KubeCluster",
    "KubernetesSettings",
    "LogSettings",
    "MappingRule",
    "MappingSettings",
    "NoticesSettings",
    "ObserveSettings",
    "OidcSettings",
    "Organizations",
    "OwnersSettings",
    "PagerDutySettings",
    "ProgramSettings",
    "PrometheusSettings",
    "ProposalRule",
    "RehearsalSettings",
    "Secret",
    "SecretText",
    "ServeSettings",
    "ServiceLimit",
    "Settings",
    "SilencerSettings",
    "SlackSettings",
    "SmokeSettings",
    "StoreSettings",
    "TargetRule",
    "Waiver",
]


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
