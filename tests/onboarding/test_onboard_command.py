"""`fleetkeeper onboard` as it is typed: what it takes from the configuration and from what was observed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.cli import context, onboard
from fleetkeeper.core import parts
from fleetkeeper.core.model import ClusterId, ControlPlane, Placement, Scope
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Observation
from fleetkeeper.errors import UsageError
from tests.sqlite import migrated

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNT = "111122223333"
PRINCIPAL = "arn:aws:iam::999988887777:role/fleetkeeper"

Run = Callable[..., Result]


def arn(name: str, region: str = "eu-west-1") -> str:
    return f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration without anything but where the database would be; the environment says nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLEETKEEPER_CONFIG", raising=False)
    path = tmp_path / "fleetkeeper.toml"
    path.write_text('[store]\nurl = "sqlite:///fleet.db"\n')
    return path


@pytest.fixture
def run(config: Path) -> Run:
    app = typer.Typer()

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = context.Root(config, verbose=False)

    app.command("onboard")(onboard.onboard)
    return lambda *words: CliRunner().invoke(app, ["onboard", *words])


@pytest.fixture
def observed(config: Path) -> None:
    """Two clusters of one name in two regions, one that takes only aws-auth, one that only a kubeconfig knows."""
    store = SqlStore(migrated(config.parent / "fleet.db"))
    place = Placement("production", "", "", mapped=False, reason="")
    eks = [("shop", "eu-west-1", "API"), ("shop", "us-east-1", "API"), ("old", "eu-west-1", "CONFIG_MAP")]
    for name, region, mode in eks:
        id = ClusterId(arn(name, region), NOW)
        plane = ControlPlane(name, Minor(1, 35), "ACTIVE", "https://e.example", "ca", authentication_mode=mode)
        store.save_cluster(id, name, Scope(ACCOUNT, region), place, NOW)
        store.save(id, [Observation(parts.CONTROL_PLANE, plane, None, NOW)])
    store.save_cluster(ClusterId("kubeconfig:uid", NOW), "edge", None, place, NOW)
    store.close()


def test_an_account_gets_its_role_also_without_a_database(run: Run) -> None:
    result = run(ACCOUNT, "--principal", PRINCIPAL)

    assert result.exit_code == 0
    assert f"Read access for fleetkeeper to the AWS account {ACCOUNT}" in result.stdout
    assert "EDIT" not in result.stdout.replace('["us-east-1"] # EDIT: the regions to read', "")
    assert "Without what was observed before" in result.stderr


def test_a_new_external_id_is_random_and_a_given_one_is_kept(run: Run) -> None:
    first, second = (run(ACCOUNT, "--format", "trust-policy", "--principal", PRINCIPAL).stdout for _ in range(2))
    given = run(ACCOUNT, "--format", "trust-policy", "--principal", PRINCIPAL, "--external-id", "mine").stdout

    ids = [json.loads(t)["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] for t in (first, second, given)]
    assert ids[0] != ids[1]
    assert len(ids[0]) == 32
    assert ids[2] == "mine"


def test_a_configured_external_id_is_used(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETKEEPER_AWS__EXTERNAL_ID", "configured")

    told = run(ACCOUNT, "--principal", PRINCIPAL).stdout

    assert '"sts:ExternalId": "configured"' in told
    assert "configured already (env FLEETKEEPER_AWS__EXTERNAL_ID)" in told


def test_an_account_lists_its_clusters_as_observed(run: Run, observed: None) -> None:
    result = run(ACCOUNT, "--principal", PRINCIPAL)

    assert f"fleetkeeper onboard {arn('shop')}\nfleetkeeper onboard {arn('shop', 'us-east-1')}\n" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("subject", "has", "lacks"),
    [
        (arn("shop"), "create-access-entry", "aws-auth"),
        ("old", "iamidentitymapping", "create-access-entry"),
        (arn("unseen"), "which of the two next steps", "eksctl get"),
        ("edge", "The user of fleetkeeper's kubeconfig must be in that group", "aws eks"),
    ],
    ids=["access entries", "aws-auth alone", "not observed yet", "a kubeconfig alone"],
)
def test_a_cluster_gets_the_way_in_that_it_takes(run: Run, observed: None, subject: str, has: str, lacks: str) -> None:
    told = run(subject, "--principal", PRINCIPAL).stdout

    assert has in told
    assert lacks not in told


def test_a_cluster_of_the_configuration_needs_no_observation(run: Run, config: Path) -> None:
    config.write_text(f'[[kubernetes.clusters]]\nname = "front"\narn = "{arn("shop")}"\n')

    assert f"fleetkeeper doctor {arn('shop')}" in run("front").stdout


def test_the_role_of_a_cluster_is_that_of_its_account(run: Run, config: Path) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/teams/reader"
    config.write_text(f'[aws]\nregions = ["eu-west-1"]\n[[aws.accounts]]\nid = "{ACCOUNT}"\nrole_arn = "{role}"\n')

    assert f"--principal-arn {role}" in run(arn("shop")).stdout


@pytest.mark.parametrize("option", ["--helm-secrets", "--no-helm-secrets"])
def test_secrets_are_an_option(run: Run, option: str) -> None:
    manifest = run(arn("shop"), "--format", "kubernetes", option).stdout

    assert ("- secrets\n" in yaml.safe_dump_all(yaml.safe_load_all(manifest))) is (option == "--helm-secrets")


@pytest.mark.parametrize("format", ["policy", "cloudformation", "text"])
@pytest.mark.parametrize("option", ["--audit-logs", "--no-audit-logs"])
def test_queries_of_audit_logs_are_an_option(run: Run, option: str, format: str) -> None:
    assert ("logs:StartQuery" in run(ACCOUNT, "--format", format, option).stdout) is (option == "--audit-logs")


def test_queries_of_audit_logs_are_asked_for_where_they_are_configured(run: Run, config: Path) -> None:
    assert "logs:" not in run(ACCOUNT, "--format", "policy").stdout
    config.write_text("[observe]\naudit_logs = true\n")
    assert "logs:StartQuery" in run(ACCOUNT, "--format", "policy").stdout


@pytest.mark.parametrize(
    "format",
    [
        *("policy", "assume-policy", "organizations-policy"),
        *("executor-policy", "executor-surge", "executor-blue-green"),
    ],
)
def test_each_policy_is_a_document_by_itself(run: Run, format: str) -> None:
    assert json.loads(run(ACCOUNT, "--format", format).stdout)["Version"] == "2012-10-17"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("shop",), "several clusters; give the ARN: arn:"),
        (("nobody",), "neither an account of 12 digits, nor a cluster"),
        (("12345",), "neither an account of 12 digits, nor a cluster"),
        ((ACCOUNT, "--external-id", "a b"), "--external-id must be"),
        ((ACCOUNT, "--principal", "me"), "must be the ARN of the role or user"),
        ((ACCOUNT, "--format", "trust-policy"), "--principal ARN"),
        (("old", "--format", "policy"), "is about an account"),
        (("old", "--format", "cloudformation"), "takes no access entries"),
        (("edge", "--format", "cloudformation"), "is no EKS cluster"),
    ],
)
def test_what_cannot_be_is_a_usage_error(run: Run, observed: None, words: tuple[str, ...], told: str) -> None:
    result = run(*words)

    assert isinstance(result.exception, UsageError)
    assert told in str(result.exception)
    assert result.stdout == ""
