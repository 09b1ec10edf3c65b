"""The served fleet of three clusters, whose time only the test moves, and EKS as an account of it sees it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import SimCluster


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    world = build(scenario_file.load(scenario_file.find("three")))
    with Simulator(world, tokens={"test": User("test", ("system:masters",))}, virtual=True) as running:
        yield running
        assert running.aws.violations == []


def eks_of(simulator: Simulator, cluster: SimCluster) -> Any:
    keys = simulator.ready()
    account = simulator.world.accounts[cluster.account]
    place = {"endpoint_url": simulator.aws_url, "region_name": cluster.region}
    sts = boto3.client(
        "sts",
        **place,
        aws_access_key_id=str(keys["access_key_id"]),
        aws_secret_access_key=str(keys["secret_access_key"]),
    )
    role = f"arn:aws:iam::{account.id}:role/{account.role_name}"
    external = {"ExternalId": account.external_id} if account.external_id else {}
    found = sts.assume_role(RoleArn=role, RoleSessionName="test", **external)["Credentials"]
    return boto3.client(
        "eks",
        **place,
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )
