"""What account and cluster owners read: golden files, which are also shell scripts and documents that parse."""

import json
import re
import subprocess
import tomllib
from collections.abc import Callable

import pytest
import yaml

from fleetkeeper.config import AwsAccount, AwsSettings, Organizations, Secret
from fleetkeeper.onboarding.account import AccountRequest, account_text
from fleetkeeper.onboarding.cloudformation import account_template, cluster_template
from fleetkeeper.onboarding.cluster import ClusterRequest, cluster_text
from fleetkeeper.onboarding.clusters import KnownCluster
from fleetkeeper.onboarding.identities import ExternalId, Role, configured_external_id, reader_role
from tests.onboarding.goldens import assert_golden

ACCOUNT = "111122223333"
PRINCIPAL = "arn:aws:iam::999988887777:role/fleetkeeper"
NEW = ExternalId("0123456789abcdef0123456789abcdef")
ROLE = Role.of("aws", ACCOUNT, "fleetkeeper-reader")
SHOP = KnownCluster("shop-1", f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop-1", ACCOUNT, "eu-west-1", "API")
OLD = KnownCluster("old", f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/old", ACCOUNT, "eu-west-1", "CONFIG_MAP")
UNSEEN = KnownCluster("unseen", f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/unseen", ACCOUNT, "eu-west-1")

CONFIGURED = AwsSettings(
    regions=("eu-west-1",),
    accounts=(AwsAccount(ACCOUNT, "payments", f"arn:aws:iam::{ACCOUNT}:role/teams/platform/reader"),),
    organizations=Organizations(f"arn:aws:iam::{ACCOUNT}:role/fleetkeeper-organizations"),
    external_id=Secret("kept-elsewhere", "env FLEETKEEPER_AWS__EXTERNAL_ID"),
)


def first_time() -> str:
    """Nothing configured, nothing observed, nobody told who fleetkeeper runs as."""
    return account_text(AccountRequest(AwsSettings(), ACCOUNT, "", NEW))


def everything_known() -> str:
    kept = configured_external_id(CONFIGURED, ACCOUNT)
    assert kept is not None
    return account_text(AccountRequest(CONFIGURED, ACCOUNT, PRINCIPAL, kept, (SHOP, OLD), "prod.toml"))


TEXTS: dict[str, Callable[[], str]] = {
    "onboard_account_first_time.txt": first_time,
    "onboard_account_everything_known.txt": everything_known,
    "onboard_account.cloudformation.txt": lambda: account_template(ROLE, PRINCIPAL, "its-external-id", (SHOP, OLD)),
    "onboard_cluster_access_entry.txt": lambda: cluster_text(ClusterRequest(SHOP, ROLE)),
    "onboard_cluster_aws_auth.txt": lambda: cluster_text(
        ClusterRequest(OLD, reader_role(CONFIGURED, ACCOUNT), helm_secrets=True)
    ),
    "onboard_cluster_not_observed.txt": lambda: cluster_text(ClusterRequest(UNSEEN, "")),
    "onboard_cluster_kubeconfig.txt": lambda: cluster_text(ClusterRequest(KnownCluster("edge"), "")),
    "onboard_cluster.cloudformation.txt": lambda: cluster_template(SHOP, ROLE.arn),
}
SCRIPTS = [name for name in TEXTS if "cloudformation" not in name]
HEREDOC = re.compile(r"cat >>? (?P<file>\S+) <<'?EOF'?\n(?P<content>.*?)^EOF$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_the_one_that_was_agreed_to(name: str) -> None:
    assert_golden(name, TEXTS[name]())


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_text_is_a_shell_script(name: str) -> None:
    checked = subprocess.run(["sh", "-n"], input=TEXTS[name](), text=True, capture_output=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_file_that_the_text_writes_is_what_its_name_says(name: str) -> None:
    written = list(HEREDOC.finditer(TEXTS[name]()))
    readers: dict[str, Callable[[str], object]] = {
        "json": json.loads,
        "yaml": lambda text: list(yaml.safe_load_all(text)),
        "toml": tomllib.loads,
    }

    assert written
    for found in written:
        assert readers[found["file"].rpartition(".")[2]](found["content"])


@pytest.mark.parametrize("name", SCRIPTS)
def test_prose_fits_a_terminal(name: str) -> None:
    outside = HEREDOC.sub("", TEXTS[name]()).splitlines()

    assert not [line for line in outside if len(line) > 100 and not line.startswith(("#   ", "  --"))]


def test_a_name_from_a_cluster_cannot_leave_its_comment() -> None:
    hostile = KnownCluster("edge\nrm -rf /")

    assert "\nrm" not in cluster_text(ClusterRequest(hostile, ""))


def test_a_name_from_a_cluster_is_quoted_in_commands() -> None:
    hostile = KnownCluster("edge; rm -rf /")

    assert "fleetkeeper doctor 'edge; rm -rf /'" in cluster_text(ClusterRequest(hostile, ""))


def test_a_new_external_id_is_said_to_be_new_and_a_configured_one_is_not_shown_twice() -> None:
    assert "makes up another" in first_time()
    assert "configured already (env FLEETKEEPER_AWS__EXTERNAL_ID)" in everything_known()
    assert everything_known().count("kept-elsewhere") == 1


@pytest.mark.parametrize(
    ("settings", "external_id", "told"),
    [
        (AwsSettings(("eu-west-1",)), NEW, '[[aws.accounts]]\nid = "111122223333"\nexternal_id_file'),
        (AwsSettings(), NEW, 'regions = ["us-east-1"] # EDIT'),
        (AwsSettings(("eu-west-1",), (AwsAccount(ACCOUNT),)), NEW, "Add to the [[aws.accounts]] table of 111122223333"),
        (AwsSettings(("eu-west-1",), (AwsAccount(ACCOUNT),)), ExternalId("x1", "env X"), "lists the account"),
        (AwsSettings(("eu-west-1",), organizations=Organizations()), ExternalId("x1", "env X"), "Organizations lists"),
        (AwsSettings(("eu-west-1",)), ExternalId("x1", "env X"), 'id = "111122223333"\nEOF'),
    ],
    ids=[
        "an account that is new gets a table",
        "without regions anywhere the table has some to edit",
        "an account that is listed gets a line",
        "an account that is listed with its external id needs nothing",
        "an account that Organizations lists needs nothing",
        "an account that is new under a common external id gets a table without one",
    ],
)
def test_the_configuration_that_is_to_be_added(settings: AwsSettings, external_id: ExternalId, told: str) -> None:
    assert told in account_text(AccountRequest(settings, ACCOUNT, PRINCIPAL, external_id))
