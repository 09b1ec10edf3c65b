"""Every key is read, is in the example, and is shown with its origin; secrets are not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args, get_type_hints

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
    StoreSettings,
    TargetRule,
    Waiver,
)
from fleetkeeper.config_show import Row, as_mapping, show
from fleetkeeper.core.changing_via import Component
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import ConfigError
from fleetkeeper.settings.load import load
from tests.config_files import in_an_empty_folder, written

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"

__all__ = ["in_an_empty_folder"]


# ---- every key


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


def test_every_key_arrives_in_its_field() -> None:
    Path("compat").mkdir()
    Path("playbooks").mkdir()
    Path("file").write_text("in file", "utf-8")
    Path("url").write_text("https://hooks/s3cret", "utf-8")
    executor = "arn:aws:iam::111122223333:role/x"
    account = AwsAccount(
        "111122223333",
        "a",
        "arn:aws:iam::111122223333:role/r",
        Secret("in file", "file file"),
        ("eu-west-1",),
        executor,
    )
    rule = MappingRule("dev", "late", "pay", ("a*",), ("ou",), ("n",), ("arn:*",), {"t": "v"}, "fleetkeeper.toml:55")
    late, some = Selector.parse("ring=late"), Selector.parse("name=a*")
    target = TargetRule(late, Minor(1, 36), 1, date(2027, 1, 31), 2, "fleetkeeper.toml:64")
    ends = date(2027, 3, 31)
    waiver = Waiver("why", "ada", ends, "", "FK401", some, "n*", "x", "T-1", "fleetkeeper.toml:69")
    found = written(_EVERYTHING, {"SET": "secret"})
    hooks = (
        HookSettings(
            name="h",
            url="https://hooks",
            headers={"X-Team": "pay"},
            secret_headers=(SecretText("Authorization", Secret("secret", "env SET")),),
            timeout_seconds=5.0,
            ca_bundle="file",
        ),
        HookSettings("s", secret_url=Secret("https://hooks/s3cret", "file url")),
    )
    secret = SecretText("TOKEN", Secret("in file", "file file"))
    program = ProgramSettings("p", ("/bin/true", "-x"), "compat", {"TEAM": "pay"}, (secret,), 2.0)
    in_file = Secret("in file", "file file")
    servers = (
        PrometheusSettings(
            "m", "https://metrics", "u", Secret("secret", "env SET"), None, {"X-Scope-OrgID": "t"}, 4.0, "file"
        ),
        PrometheusSettings("t", "https://metrics", token=in_file),
    )
    silencers = (
        SilencerSettings(
            "am",
            "alertmanager",
            "https://alerts",
            ('cluster="{cluster}"',),
            username="u",
            password=Secret("secret", "env SET"),
            headers={"X-Scope-OrgID": "t"},
            timeout_seconds=6.0,
            ca_bundle="file",
        ),
        SilencerSettings(
            name="pd",
            kind="pagerduty",
            url="https://pager",
            services={"shop": "P1 P2"},
            service_key="{account}/{cluster}",
            sender="fleet@example.com",
            token=in_file,
        ),
    )
    calendars = (
        CalendarSettings("k", "k.ics", everything=False, timezone="Asia/Tokyo", ca_bundle="file"),
        CalendarSettings("u", url="https://calendar"),
        CalendarSettings("s", secret_url=Secret("https://hooks/s3cret", "file url")),
    )
    begins, until = datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
    freezes = (FreezeSettings("fair", begins, until, "ring=late", "k"),)
    chart = ChartSettings(
        "guard",
        "acme",
        "oci://charts.example.com/acme",
        "u",
        Secret("secret", "env SET"),
        "file",
        {"1.2.0": "1.2"},
        4.0,
    )
    assert found == Settings(
        store=StoreSettings("postgresql://u@db/fleet", history_days=10),
        aws=AwsSettings(
            regions=("eu-west-2",),
            accounts=(account,),
            organizations=Organizations("arn:aws:iam::444455556666:role/o", ("ou",), ("777788889999",)),
            role_name="r",
            executor_role_name="x",
            external_id=Secret("secret", "env SET"),
            profile="p",
            endpoint_url="http://endpoint",
            ca_bundle="file",
            proxy_url="http://proxy",
            requests_per_second=3.0,
            names=("n",),
            exclude_names=("x",),
            tags={"t": "v"},
        ),
        kubernetes=KubernetesSettings(
            clusters=(
                KubeCluster("c", "arn:aws:eks:eu-west-1:111122223333:cluster/c", "k", "ctx", "http://proxy3", "own"),
            ),
            proxy_url="http://proxy2",
            page_size=11,
            timeout_seconds=12.0,
            max_answer_mib=13,
            concurrency=14,
        ),
        observe=ObserveSettings(
            "*/10 * * * *", "Asia/Tokyo", helm_secrets=True, audit_logs=True, stale_after_minutes=15
        ),
        mapping=MappingSettings("e", "r", "s", "", (rule,)),
        assess=AssessSettings((target,), (waiver,), {"FK302": "blocker"}),
        engine=EngineSettings(
            "work",
            hooks,
            (program,),
            {"oncall": "h"},
            "arn:aws:eks:eu-west-1:111122223333:cluster/own",
            (ServiceLimit("shop", 2),),
            servers,
            calendars,
            freezes,
            silencers,
            (chart,),
            "/opt/helm",
            (DirectRule(late, (Component.ADDONS, Component.RELEASES), "fleetkeeper.toml:172"),),
            (
                ProposalRule(some, (Component.NODE_GROUPS,), hook="h", undo="s", origin="fleetkeeper.toml:175"),
                ProposalRule(some, (Component.CONTROL_PLANE,), command="p", origin="fleetkeeper.toml:180"),
                ProposalRule(late, channel="oncall", origin="fleetkeeper.toml:184"),
            ),
        ),
        serve=ServeSettings("[::1]:80", 16.0),
        log=LogSettings("debug", "json"),
        compat_folders=(Path("compat"),),
        playbook_folders=(Path("playbooks"),),
        origins=found.origins,
    )


# ---- the example and what is shown


def test_the_example_is_sound() -> None:
    settings = load(EXAMPLE, {})
    assert settings.aws.accounts[0].name == "payments"
    assert settings.mapping.rules[0].tags == {"team": "payments", "tier": "*"}


def _keys(kind: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(table, key) of every setting below a settings class."""
    hints = get_type_hints(kind)
    for member in fields(kind):
        inner = hints[member.name]
        nested = next((t for t in (inner, *get_args(inner)) if isinstance(t, type) and is_dataclass(t)), None)
        if member.name in ("origin", "origins"):
            continue
        if nested is Secret:
            yield from ((prefix, f"{member.name}_{source}") for source in ("env", "file"))
        elif nested is not None and nested not in (Minor, Selector):
            yield from _keys(nested, f"{prefix}.{member.name}" if prefix else member.name)
        else:
            yield prefix, member.name


_SECRETS = ("engine.hooks.secret_headers", "engine.programs.secrets")
_EITHER = (
    *("assess.targets.minor", "assess.waivers.fingerprint"),
    *(f"engine.silencers.{key}" for key in ("services", "service_key", "sender")),
    *("engine.proposals.hook", "engine.proposals.channel"),
)


@pytest.mark.parametrize(("table", "key"), list(_keys(Settings)))
def test_the_example_has_every_key(table: str, key: str) -> None:
    sections = re.split(r"^(?:# )?\[+([a-z_.]+)\]+$", "[]\n" + EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    named = dict(zip(["", *sections[1::2]], sections[0::2], strict=True))
    path = f"{table}.{key}".removeprefix(".")
    # Those need what only the reader's machine has; the others exclude a key that the example shows.
    commented = "(?:# )?" if key.endswith(("_env", "_file")) or path in _EITHER or table in _SECRETS else ""
    assert path in named or re.search(rf"^{commented}{key} = ", named[table], re.MULTILINE)


def test_every_key_is_shown_with_its_origin() -> None:
    text = (
        '[store]\nurl = "postgresql://u@db/fleet"\npassword_env = "DB"\n'
        '[aws]\nregions = ["eu-west-1"]\n[aws.tags]\nteam = "pay"\n'
    )
    settings = written(text, {"DB": "s3cret", "FLEETKEEPER_OBSERVE__HELM_SECRETS": "true"})
    rows = {row.key: row for row in show(settings)}
    assert rows["store.url"] == Row("store.url", "postgresql://u@db/fleet", "fleetkeeper.toml:2")
    assert rows["store.password"] == Row("store.password", "(set, from env DB)", "env DB")
    assert rows["aws.regions"] == Row("aws.regions", "eu-west-1", "fleetkeeper.toml:5")
    assert rows["aws.tags"] == Row("aws.tags", "team=pay", "fleetkeeper.toml:7")
    assert rows["aws.organizations"] == Row("aws.organizations", "(not set)", "default")
    assert rows["observe.helm_secrets"].origin == "env FLEETKEEPER_OBSERVE__HELM_SECRETS"
    assert rows["serve.listen"] == Row("serve.listen", "127.0.0.1:8321", "default")
    assert "s3cret" not in f"{rows} {as_mapping(settings)} {settings}"


def test_settings_as_plain_values() -> None:
    plain = as_mapping(written('[[kubernetes.clusters]]\nname = "edge"\n'))
    assert isinstance(plain["kubernetes"], dict)
    assert plain["kubernetes"]["clusters"] == [
        {"name": "edge", "arn": "", "kubeconfig": "", "context": "", "proxy_url": "", "executor_context": ""}
    ]
    assert plain["compat_folders"] == []


def test_reading_settings_imports_no_vendor_library() -> None:
    code = (
        "import sys, fleetkeeper.settings.load, fleetkeeper.config_show; "
        "print([m for m in ('boto3', 'kubernetes', 'sqlmodel', 'apscheduler', 'pydantic', 'tree_sitter', 'msgspec') "
        "if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]"


# ---- what was decided about findings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param('minor = "1.36"\nbehind = 1', "stands beside minor", id="a minor and a distance"),
        pytest.param("minor = 1.30", "must be quoted: 1.30 unquoted", id="a minor without quotes"),
        pytest.param('clusters = "rink=late"', "'rink' is not one of", id="a selector of nothing"),
    ],
)
def test_a_target_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        written(f"[[assess.targets]]\n{text}\n")


def test_a_target_for_all_must_be_the_last() -> None:
    with pytest.raises(ConfigError, match="no target after it is ever used"):
        written('[[assess.targets]]\nbehind = 0\n[[assess.targets]]\nclusters = "ring=late"\n')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "must name what it waives", id="of nothing"),
        pytest.param('code = "FK1"', "must be the code of a check", id="no code"),
        pytest.param('fingerprint = "abc"', "must be the 16 characters", id="no fingerprint"),
        pytest.param('code = "FK401"\nfingerprint = "0123456789abcdef"', "either fingerprint or code", id="both"),
    ],
)
def test_a_waiver_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        written(f'[[assess.waivers]]\nreason = "r"\napprover = "a"\nexpires = 2027-01-01\n{text}\n')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param('FK401 = "unknown"', "must be one of blocker, warning, info", id="unknown is not for sale"),
        pytest.param('PDB = "info"', "must be the code of a check", id="no code"),
    ],
)
def test_a_severity_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        written(f"[assess.severities]\n{text}\n")
