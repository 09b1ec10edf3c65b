"""The [engine] section: what steps may reach by name, when nothing begins, and who may change a version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.config.secret import Secret
from fleetkeeper.core.changing_via import ChangeVia, DirectRule, ProposalRule
from fleetkeeper.core.references import Allowed, Where
from fleetkeeper.core.release_plan import ChartSource
from fleetkeeper.core.smoke import SmokeTest


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
