"""Small worlds for tests of the simulator, healthy unless a test changes one thing, and clients that talk to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY, AwsServer, serve_aws
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.world import (
    SimAccount,
    SimAddon,
    SimAutoScalingGroup,
    SimCluster,
    SimFargateProfile,
    SimInsight,
    SimNodeGroup,
    World,
)

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MANAGEMENT = "111111111111"
PROD = "222222222222"
DEV = "333333333333"
REGION = "eu-west-1"
EXTERNAL_ID = "fleetkeeper-7f3a"
CUSTOM_AMI = "ami-0c0ffee0c0ffee001"


def a_node_group(name: str = "main") -> SimNodeGroup:
    return SimNodeGroup(
        name=name,
        version="1.34",
        release_version="1.34.11-20261102",
        labels={"team": "shop"},
        taints=[{"key": "dedicated", "value": "shop", "effect": "NO_SCHEDULE"}],
        tags={"cost": "shop"},
        instances={"i-0aaaaaaaaaaaaaaa1": "eu-west-1a", "i-0aaaaaaaaaaaaaaa2": "eu-west-1b"},
    )


def an_insight() -> SimInsight:
    client = {"userAgent": "argocd", "numberOfRequestsLast30Days": 7, "lastRequestTime": NOW - timedelta(days=2)}
    usage = {"usage": "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas", "stopServingVersion": "1.32"}
    return SimInsight(
        id="a87900d3",
        name="Deprecated APIs removed in Kubernetes v1.32",
        category="UPGRADE_READINESS",
        status="ERROR",
        kubernetes_version="1.32",
        reason="Deprecated API usage detected within last 30 days.",
        refreshed_at=NOW - timedelta(hours=3),
        resources=[{"insightStatus": {"status": "ERROR"}, "kubernetesResourceUri": "/api/v1/namespaces/shop"}],
        summary={
            "deprecationDetails": [{**usage, "clientStats": [client]}],
            "addonCompatibilityDetails": [{"name": "coredns", "compatibleVersions": ["v1.14.3-eksbuild.11"]}],
        },
    )


def a_cluster(name: str = "shop", account: str = PROD, region: str = REGION, version: str = "1.34") -> SimCluster:
    """A healthy cluster with two managed groups (one with a custom image), a self-managed one, and one of each part."""
    custom = a_node_group("custom")
    custom.ami_type, custom.version, custom.release_version = "CUSTOM", "", CUSTOM_AMI
    custom.instances = {"i-0bbbbbbbbbbbbbbb1": "eu-west-1b"}
    custom.launch_template = {"id": "lt-0123456789abcdef0", "name": "custom", "version": "3"}
    old = SimAutoScalingGroup(
        f"{name}-legacy", CUSTOM_AMI, "m5.large", 1, 1, 2, instances={"i-0ccccccccccccccc1": "eu-west-1a"}
    )
    return SimCluster(
        key=f"{account}/{region}/{name}",
        name=name,
        account=account,
        region=region,
        partition="aws",
        version=version,
        patch=f"v{version}.2-eks-a1b2c3d",
        platform_version="eks.24",
        created_at=NOW - timedelta(days=300),
        vpc="vpc-0123456789abcdef0",
        subnets=["subnet-0a", "subnet-0b", "subnet-0c"],
        security_group="sg-0123456789abcdef0",
        ca_pem="-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        tags={"env": "prod"},
        addons={
            "coredns": SimAddon("coredns", "v1.13.2-eksbuild.19"),
            "vpc-cni": SimAddon("vpc-cni", "v1.22.4-eksbuild.2"),
        },
        node_groups={"main": a_node_group(), "custom": custom},
        auto_scaling_groups={old.name: old},
        fargate_profiles={"jobs": SimFargateProfile("jobs", [{"namespace": "jobs", "labels": {"fargate": "yes"}}])},
        insights={"a87900d3": an_insight()},
        access={f"arn:aws:iam::{account}:role/fleetkeeper-reader": ["fleetkeeper:readers"]},
    )


def a_world(*clusters: SimCluster) -> World:
    """Three accounts in nested units; PROD asks for an external id; one cluster unless others are given."""
    world = World(epoch=NOW, management_account=MANAGEMENT)
    world.accounts = {
        MANAGEMENT: SimAccount(MANAGEMENT, "management"),
        PROD: SimAccount(PROD, "prod", "workloads/prod", {"owner": "team-shop"}, [REGION], external_id=EXTERNAL_ID),
        DEV: SimAccount(DEV, "dev", "workloads", {}, [REGION]),
    }
    world.clusters = {cluster.key: cluster for cluster in clusters or (a_cluster(),)}
    return world


@cache
def _session() -> Any:
    """One botocore session for all tests: its loader keeps the API models."""
    return botocore.session.Session()


@dataclass
class Aws:
    """A served world and botocore clients for it. Roles are assumed once per account."""

    world: World
    server: AwsServer
    _open: list[Any] = field(default_factory=list)
    _roles: dict[str, dict[str, str]] = field(default_factory=dict)

    def client(self, service: str, account: str = PROD, region: str = REGION) -> Any:
        """A client that acts in the account: with the base key in the management account, else by its role."""
        if account == MANAGEMENT:
            return self.with_keys(service, DEMO_ACCESS_KEY, DEMO_SECRET_KEY, region=region)
        if account not in self._roles:
            self._roles[account] = self.assume(account)
        keys = self._roles[account]
        return self.with_keys(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region)

    def with_keys(
        self,
        service: str,
        key: str,
        secret: str,
        token: str | None = None,
        region: str = REGION,
        endpoint: str = "",
        patience: float = 60.0,
    ) -> Any:
        """A client with these keys, of the simulator unless another endpoint is named (to presign, not to call)."""
        made = _session().create_client(
            service,
            region_name=region,
            endpoint_url=endpoint or self.server.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}, read_timeout=patience, connect_timeout=5),
        )
        self._open.append(made)
        return made

    def assume(self, account: str, external_id: str = EXTERNAL_ID, role: str = "fleetkeeper-reader") -> dict[str, str]:
        """The credentials of an account's role."""
        answer: dict[str, Any] = self.client("sts", MANAGEMENT).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="fleetkeeper", ExternalId=external_id
        )
        credentials: dict[str, str] = answer["Credentials"]
        return credentials

    def close(self) -> None:
        for client in self._open:
            client.close()
        self.server.close()


@contextmanager
def served(world: World, living: LivingWorld | None = None) -> Iterator[Aws]:
    """The world over HTTP."""
    aws = Aws(world, serve_aws(world, living))
    try:
        yield aws
    finally:
        aws.close()


@contextmanager
def strictly_served(world: World) -> Iterator[Aws]:
    """The world over HTTP; in the end every call must have been one that AWS knows."""
    with served(world) as aws:
        yield aws
        assert aws.server.violations == []


def pages(client: Any, operation: str, member: str, **arguments: Any) -> list[Any]:
    return [each for page in client.get_paginator(operation).paginate(**arguments) for each in page[member]]
