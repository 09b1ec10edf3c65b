"""Every key of a configuration that sets them all arrives in its field."""

from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from fleetkeeper.config import (
    AssessSettings,
    AwsAccount,
    AwsSettings,
    CalendarSettings,
    ChartSettings,
    DirectRule,
    EngineSettings,
    FreezeSettings,
    HookSettings,
    KubeCluster,
    KubernetesSettings,
    LogSettings,
    MappingRule,
    MappingSettings,
    ObserveSettings,
    Organizations,
    ProgramSettings,
    PrometheusSettings,
    ProposalRule,
    Secret,
    SecretText,
    ServeSettings,
    ServiceLimit,
    Settings,
    SilencerSettings,
    SmokeSettings,
    StoreSettings,
    TargetRule,
    Waiver,
)
from fleetkeeper.core.changing_via import Component
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from tests.config_files import in_an_empty_folder, written

__all__ = ["in_an_empty_folder"]

_EVERYTHING = """
compat_folders = ["compat"]
playbook_folders = ["playbooks"]
[store]
url = "postgresql://u@db/fleet"
history_days = 10
[aws]
regions = ["eu-west-2"]
role_name = "r"
executor_role_name = "x"
external_id_env = "SET"
profile = "p"
endpoint_url = "http://endpoint"
ca_bundle = "file"
proxy_url = "http://proxy"
partition = "aws"
requests_per_second = 3
names = ["n"]
exclude_names = ["x"]
tags = {t = "v"}
[[aws.accounts]]
id = "111122223333"
name = "a"
role_arn = "arn:aws:iam::111122223333:role/r"
executor_role_arn = "arn:aws:iam::111122223333:role/x"
external_id_file = "file"
regions = ["eu-west-1"]
[aws.organizations]
role_arn = "arn:aws:iam::444455556666:role/o"
include_ous = ["ou"]
exclude_accounts = ["777788889999"]
[kubernetes]
proxy_url = "http://proxy2"
page_size = 11
timeout_seconds = 12
max_answer_mib = 13
concurrency = 14
[[kubernetes.clusters]]
name = "c"
arn = "arn:aws:eks:eu-west-1:111122223333:cluster/c"
kubeconfig = "k"
context = "ctx"
executor_context = "own"
proxy_url = "http://proxy3"
[observe]
schedule = "*/10 * * * *"
timezone = "Asia/Tokyo"
helm_secrets = true
audit_logs = true
stale_after_minutes = 15
[mapping]
environment_tag = "e"
ring_tag = "r"
service_tag = "s"
[[mapping.rules]]
environment = "dev"
ring = "late"
service = "pay"
accounts = ["a*"]
ous = ["ou"]
names = ["n"]
arns = ["arn:*"]
tags = {t = "v"}
[[assess.targets]]
clusters = "ring=late"
minor = "1.36"
before = 2027-01-31
surge_nodes = 2
[[assess.waivers]]
code = "FK401"
reason = "why"
approver = "ada"
expires = 2027-03-31
clusters = "name=a*"
namespace = "n*"
name = "x"
ticket = "T-1"
[assess.severities]
FK302 = "blocker"
[serve]
listen = "[::1]:80"
shutdown_seconds = 16
[log]
level = "debug"
format = "json"
[engine]
folder = "work"
channels = {oncall = "h"}
own_cluster = "arn:aws:eks:eu-west-1:111122223333:cluster/own"
helm = "/opt/helm"
[[engine.services]]
name = "shop"
max_unavailable_regions = 2
[[engine.hooks]]
name = "h"
url = "https://hooks"
headers = {X-Team = "pay"}
timeout_seconds = 5
ca_bundle = "file"
[[engine.hooks.secret_headers]]
name = "Authorization"
value_env = "SET"
[[engine.hooks]]
name = "s"
secret_url_file = "url"
[[engine.programs]]
name = "p"
command = ["/bin/true", "-x"]
folder = "compat"
environment = {TEAM = "pay"}
timeout_minutes = 2
[[engine.programs.secrets]]
name = "TOKEN"
value_file = "file"
[[engine.prometheus]]
name = "m"
url = "https://metrics"
username = "u"
password_env = "SET"
headers = {X-Scope-OrgID = "t"}
timeout_seconds = 4
ca_bundle = "file"
[[engine.prometheus]]
name = "t"
url = "https://metrics"
token_file = "file"
[[engine.silencers]]
name = "am"
kind = "alertmanager"
url = "https://alerts"
matchers = ['cluster="{cluster}"']
username = "u"
password_env = "SET"
headers = {X-Scope-OrgID = "t"}
timeout_seconds = 6
ca_bundle = "file"
[[engine.silencers]]
name = "pd"
kind = "pagerduty"
url = "https://pager"
services = {shop = "P1 P2"}
service_key = "{account}/{cluster}"
sender = "fleet@example.com"
token_file = "file"
[engine.smoke]
image = "i"
command = ["a", "b"]
namespace = "n"
service_account = "s"
timeout_minutes = 7
storage_class = "gp3"
annotations = {a = "b"}
[[engine.calendars]]
name = "k"
file = "k.ics"
everything = false
timezone = "Asia/Tokyo"
ca_bundle = "file"
[[engine.calendars]]
name = "u"
url = "https://calendar"
[[engine.calendars]]
name = "s"
secret_url_file = "url"
[[engine.freezes]]
reason = "fair"
begins = 2026-12-01T00:00:00+01:00
until = 2026-12-02T00:00:00Z
selector = "ring=late"
calendar = "k"
[[engine.charts]]
name = "guard"
chart = "acme"
repository = "oci://charts.example.com/acme"
username = "u"
password_env = "SET"
ca_bundle = "file"
versions = {"1.2.0" = "1.2"}
timeout_minutes = 4
[[engine.direct]]
clusters = "ring=late"
components = ["addons", "releases"]
[[engine.proposals]]
clusters = "name=a*"
components = ["node-groups"]
hook = "h"
undo = "s"
[[engine.proposals]]
clusters = "name=a*"
components = ["control-plane"]
command = "p"
[[engine.proposals]]
clusters = "ring=late"
channel = "oncall"
"""
ACCOUNT = "arn:aws:iam::111122223333:role"
IN_FILE, IN_VARIABLE = Secret("in file", "file file"), Secret("secret", "env SET")
SECRET_URL = Secret("https://hooks/s3cret", "file url")


@pytest.fixture
def whole() -> Settings:
    Path("compat").mkdir()
    Path("playbooks").mkdir()
    Path("file").write_text("in file", "utf-8")
    Path("url").write_text("https://hooks/s3cret", "utf-8")
    return written(_EVERYTHING, {"SET": "secret"})


def test_the_store_and_what_is_observed(whole: Settings) -> None:
    assert whole.store == StoreSettings("postgresql://u@db/fleet", history_days=10)
    assert whole.observe == ObserveSettings(
        "*/10 * * * *", "Asia/Tokyo", helm_secrets=True, audit_logs=True, stale_after_minutes=15
    )
    assert whole.serve == ServeSettings("[::1]:80", 16.0)
    assert whole.log == LogSettings("debug", "json")
    assert (whole.compat_folders, whole.playbook_folders) == ((Path("compat"),), (Path("playbooks"),))


def test_aws(whole: Settings) -> None:
    account = AwsAccount("111122223333", "a", f"{ACCOUNT}/r", IN_FILE, ("eu-west-1",), f"{ACCOUNT}/x")
    assert whole.aws == AwsSettings(
        regions=("eu-west-2",),
        accounts=(account,),
        organizations=Organizations("arn:aws:iam::444455556666:role/o", ("ou",), ("777788889999",)),
        role_name="r",
        executor_role_name="x",
        external_id=IN_VARIABLE,
        profile="p",
        endpoint_url="http://endpoint",
        ca_bundle="file",
        proxy_url="http://proxy",
        requests_per_second=3.0,
        names=("n",),
        exclude_names=("x",),
        tags={"t": "v"},
    )


def test_kubernetes(whole: Settings) -> None:
    arn = "arn:aws:eks:eu-west-1:111122223333:cluster/c"
    assert whole.kubernetes == KubernetesSettings(
        clusters=(KubeCluster("c", arn, "k", "ctx", "http://proxy3", "own"),),
        proxy_url="http://proxy2",
        page_size=11,
        timeout_seconds=12.0,
        max_answer_mib=13,
        concurrency=14,
    )


def test_where_clusters_stand_and_what_is_wanted_of_them(whole: Settings) -> None:
    rule = MappingRule("dev", "late", "pay", ("a*",), ("ou",), ("n",), ("arn:*",), {"t": "v"}, "fleetkeeper.toml:55")
    assert whole.mapping == MappingSettings("e", "r", "s", "", (rule,))
    late, some = Selector.parse("ring=late"), Selector.parse("name=a*")
    target = TargetRule(late, Minor(1, 36), 1, date(2027, 1, 31), 2, "fleetkeeper.toml:64")
    waiver = Waiver("why", "ada", date(2027, 3, 31), "", "FK401", some, "n*", "x", "T-1", "fleetkeeper.toml:69")
    assert whole.assess == AssessSettings((target,), (waiver,), {"FK302": "blocker"})


def test_what_programs_of_the_engine_may_run(whole: Settings) -> None:
    secret = SecretText("TOKEN", IN_FILE)
    program = ProgramSettings("p", ("/bin/true", "-x"), "compat", {"TEAM": "pay"}, (secret,), 2.0)
    assert whole.engine.programs == (program,)
    assert (whole.engine.folder, whole.engine.helm) == ("work", "/opt/helm")


def test_where_the_engine_sends_what_it_has_to_say(whole: Settings) -> None:
    hook = HookSettings(
        name="h",
        url="https://hooks",
        headers={"X-Team": "pay"},
        secret_headers=(SecretText("Authorization", IN_VARIABLE),),
        timeout_seconds=5.0,
        ca_bundle="file",
    )
    assert whole.engine.hooks == (hook, HookSettings("s", secret_url=SECRET_URL))
    assert whole.engine.channels == {"oncall": "h"}


def test_what_metrics_the_engine_asks_for(whole: Settings) -> None:
    assert whole.engine.prometheus == (
        PrometheusSettings("m", "https://metrics", "u", IN_VARIABLE, None, {"X-Scope-OrgID": "t"}, 4.0, "file"),
        PrometheusSettings("t", "https://metrics", token=IN_FILE),
    )


def test_where_the_engine_silences_alerts(whole: Settings) -> None:
    alertmanager = SilencerSettings(
        "am",
        "alertmanager",
        "https://alerts",
        ('cluster="{cluster}"',),
        username="u",
        password=IN_VARIABLE,
        headers={"X-Scope-OrgID": "t"},
        timeout_seconds=6.0,
        ca_bundle="file",
    )
    pagerduty = SilencerSettings(
        name="pd",
        kind="pagerduty",
        url="https://pager",
        services={"shop": "P1 P2"},
        service_key="{account}/{cluster}",
        sender="fleet@example.com",
        token=IN_FILE,
    )
    assert whole.engine.silencers == (alertmanager, pagerduty)


def test_what_shows_that_a_new_node_is_good(whole: Settings) -> None:
    assert whole.engine.smoke == SmokeSettings("i", ("a", "b"), "n", "s", 7.0, "gp3", {"a": "b"})


def test_when_the_engine_holds_back(whole: Settings) -> None:
    begins, until = datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
    assert whole.engine.calendars == (
        CalendarSettings("k", "k.ics", everything=False, timezone="Asia/Tokyo", ca_bundle="file"),
        CalendarSettings("u", url="https://calendar"),
        CalendarSettings("s", secret_url=SECRET_URL),
    )
    assert whole.engine.freezes == (FreezeSettings("fair", begins, until, "ring=late", "k"),)
    assert whole.engine.services == (ServiceLimit("shop", 2),)
    assert whole.engine.own_cluster == "arn:aws:eks:eu-west-1:111122223333:cluster/own"


def test_what_the_engine_changes_and_what_it_proposes(whole: Settings) -> None:
    late, some = Selector.parse("ring=late"), Selector.parse("name=a*")
    chart = ChartSettings(
        "guard", "acme", "oci://charts.example.com/acme", "u", IN_VARIABLE, "file", {"1.2.0": "1.2"}, 4.0
    )
    assert whole.engine.charts == (chart,)
    assert whole.engine.direct == (DirectRule(late, (Component.ADDONS, Component.RELEASES), "fleetkeeper.toml:180"),)
    assert whole.engine.proposals == (
        ProposalRule(some, (Component.NODE_GROUPS,), hook="h", undo="s", origin="fleetkeeper.toml:183"),
        ProposalRule(some, (Component.CONTROL_PLANE,), command="p", origin="fleetkeeper.toml:188"),
        ProposalRule(late, channel="oncall", origin="fleetkeeper.toml:192"),
    )


def test_nothing_of_the_engine_is_left_out_here() -> None:
    here = {"folder", "hooks", "programs", "channels", "own_cluster", "services", "prometheus", "calendars"}
    here |= {"freezes", "silencers", "charts", "helm", "direct", "proposals", "smoke"}
    assert {each.name for each in fields(EngineSettings)} == here


def test_no_section_is_left_out_here() -> None:
    """Approvals, owners and the prices of rehearsals have tests of their own."""
    here = {"store", "observe", "serve", "log", "compat_folders", "playbook_folders"}
    here |= {"aws", "kubernetes", "mapping", "assess", "engine"}
    assert {each.name for each in fields(Settings)} == here | {"approvals", "rehearsal", "owners", "origins"}
