"""The floor of bench/inventory.py: the requests of an observation made bare, one after another, and nothing kept."""

import base64
import json
import os
import ssl
import sys
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import msgspec
import urllib3
from botocore.config import Config

from fleetkeeper.adapters.eks.models import SmallLoader
from fleetkeeper.adapters.eks.token import cluster_token
from fleetkeeper.core.model import Scope

REGIONS = ("eu-west-1", "us-east-1")
ROLE = "fleetkeeper-reader"
SERVICES = ("eks", "iam", "kms", "autoscaling", "ec2", "service-quotas")
HEADERS = {"Accept-Encoding": "gzip", "User-Agent": "bench"}


def client(session: Any, service: str, region: str) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return session.create_client(service, region_name=region, endpoint_url=os.environ["BENCH_AWS_URL"], config=config)


def assumed(base: Any, account: str) -> Any:
    answer = client(base, "sts", REGIONS[0]).assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="bench"
    )["Credentials"]
    session = botocore.session.Session()
    session.register_component("data_loader", base.get_component("data_loader"))
    session.set_credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
    return session


def aws(clients: dict[str, Any], name: str) -> Any:
    """What an observation asks of AWS for one cluster."""
    eks = clients["eks"]
    cluster = eks.describe_cluster(name=name)["cluster"]
    for addon in eks.list_addons(clusterName=name)["addons"]:
        eks.describe_addon(clusterName=name, addonName=addon)
    for group in eks.list_nodegroups(clusterName=name)["nodegroups"]:
        eks.describe_nodegroup(clusterName=name, nodegroupName=group)
    eks.list_fargate_profiles(clusterName=name)
    for insight in eks.list_insights(clusterName=name)["insights"]:
        if insight["insightStatus"]["status"] != "PASSING":
            eks.describe_insight(clusterName=name, id=insight["id"])
    for update in eks.list_updates(name=name)["updateIds"]:
        eks.describe_update(name=name, updateId=update)
    clients["iam"].get_role(RoleName=cluster["roleArn"].rpartition("/")[2])
    for encryption in cluster.get("encryptionConfig", ()):
        clients["kms"].describe_key(KeyId=encryption["provider"]["keyArn"])
    return cluster


def scope(clients: dict[str, Any], oldest: str) -> None:
    """What it asks once for all clusters of an account and region, but for the metrics of quotas."""
    offered = clients["eks"].describe_cluster_versions(includeAll=True)["clusterVersions"]
    for minor in (each["clusterVersion"] for each in offered):
        if minor >= oldest:  # all of them are 1.xx
            clients["eks"].describe_addon_versions(kubernetesVersion=minor)
    clients["autoscaling"].describe_auto_scaling_groups(MaxRecords=100)
    clients["ec2"].describe_subnets(MaxResults=1000)
    clients["service-quotas"].list_service_quotas(ServiceCode="ec2", MaxResults=100)


def kube(cluster: Any, targets: list[tuple[str, str]], token: str) -> None:
    """The same paths that the observation asked of one API server, over one connection."""
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificateAuthority"]["data"]).decode())
    with urllib3.PoolManager(ssl_context=context) as pool:
        for path, accept in targets:
            headers = HEADERS | {"Accept": accept, "Authorization": f"Bearer {token}"}
            answer = pool.request("GET", cluster["endpoint"] + path, headers=headers)
            if "json" in answer.headers.get("Content-Type", ""):
                msgspec.json.decode(answer.data)  # /metrics is text


def asked(control: str, key: str) -> list[tuple[str, str]]:
    connection = HTTPConnection(urlsplit(control).netloc, timeout=30)
    connection.request("GET", f"/access-log?cluster={key}")
    log = json.loads(connection.getresponse().read())
    connection.close()
    return [(entry["path"], entry.get("accept") or "application/json") for entry in log]


def main() -> None:
    wanted = int(sys.argv[1])
    base = botocore.session.Session()
    base.register_component("data_loader", SmallLoader())
    done = 0
    accounts = client(base, "organizations", "us-east-1").list_accounts()["Accounts"] if wanted else []
    targets: list[tuple[str, str]] = []
    for account in accounts:
        if account["Name"] == "management" or done >= wanted:
            continue
        session = assumed(base, account["Id"])
        for region in REGIONS:
            clients = {name: client(session, name, region) for name in SERVICES}
            sts_url, versions = os.environ["BENCH_AWS_URL"], set()
            for name in clients["eks"].list_clusters()["clusters"]:
                if done >= wanted:
                    break
                cluster = aws(clients, name)
                key = cluster["endpoint"].rpartition("/")[2]
                targets = targets or asked(os.environ["BENCH_CONTROL_URL"], key)
                token, _ = cluster_token(session, sts_url, Scope(account["Id"], region), name, datetime.now(UTC))
                kube(cluster, targets, token)
                versions.add(cluster["version"])
                done += 1
            if versions:
                scope(clients, min(versions))
    print(json.dumps({"clusters": done}))


if __name__ == "__main__":
    main()
