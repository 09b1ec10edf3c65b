"""Surroundings in which only what a test sets decides where AWS is and who we are; and the simulated AWS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY
from fleetkeeper.sim.world import SimCluster
from tests.adapters.eks.support import cloud
from tests.sim.worlds import PROD, REGION, Aws, a_world, strictly_served


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


@pytest.fixture
def aws() -> Iterator[Aws]:
    """The common world; a module that needs another one has a fixture of that name."""
    with strictly_served(a_world()) as running:
        yield running


@pytest.fixture
def shop(aws: Aws) -> SimCluster:
    return aws.world.clusters[f"{PROD}/{REGION}/shop"]


@pytest.fixture
def eks(aws: Aws) -> EksCloud:
    return cloud(aws.server.url)
