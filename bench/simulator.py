"""What the simulator can answer: the ceiling of every benchmark that measures a client against it.

Requests are signed beforehand and sent over kept connections by bare clients on the other core, so that the simulator's
process is what is measured; its own CPU is told beside. Worlds: clusters of the bench scenario in one process.
"""

import json
import os
import ssl
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from _bare_requests import REGIONS, assumed, client
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from common import MIB, Figure, main

from fleetkeeper.adapters.eks.token import cluster_token
from fleetkeeper.core.model import Scope
from fleetkeeper.sim.process import SimProcess

SECONDS, QUICK_SECONDS = 6.0, 1.5
THREADS = 4
CLUSTERS = (100, 1000)
QUICK_CLUSTERS = (20, 100)
NODES = "/api/v1/nodes?limit=500"
PODS = "/api/v1/pods?limit=500"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Target:
    """One request, to be sent again and again. body None is a GET."""

    name: str
    url: str
    headers: Mapping[str, str]
    body: str | None = None
    ca_pem: str = ""

    def open(self) -> HTTPConnection:
        where = urlsplit(self.url)
        if where.scheme == "http":
            return HTTPConnection(where.netloc, timeout=60)
        return HTTPSConnection(where.netloc, timeout=60, context=ssl.create_default_context(cadata=self.ca_pem))


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests per second of the wall, seconds of the simulator's CPU per request, and the bytes of one answer."""

    per_second: float
    cpu: float
    size: float


def measure(quick: bool) -> list[Figure]:
    few, many = QUICK_CLUSTERS if quick else CLUSTERS
    found = []
    with SimProcess("bench", clusters=few) as fleet:
        at_first = float(fleet.control("GET", "/state")["rss_bytes"])
        for target in targets(fleet):
            rate = sent(fleet, target, QUICK_SECONDS if quick else SECONDS)
            cores = f"{rate.cpu * rate.per_second:.2f} cores of the simulator, {rate.size / 1000:.1f} kB each"
            found.append(Figure(target.name, rate.per_second, "requests/s", None, "higher", cores))
            beside = f"at most {1 / rate.cpu:.0f} requests/s on one core"
            found.append(Figure(f"{target.name}: CPU", rate.cpu * 1e6, "µs", None, "lower", beside))
    return found + worlds(few, at_first, many)


def worlds(few: int, at_first: float, many: int) -> list[Figure]:
    """Memory and time to start with many clusters, and after each of them was asked for its nodes and pods."""
    begun = time.monotonic()
    with SimProcess("bench", clusters=many) as fleet:
        start = time.monotonic() - begun
        asleep = float(fleet.control("GET", "/state")["rss_bytes"])
        each = (asleep - at_first) / (many - few)
        read_all(fleet, many)
        read = float(fleet.control("GET", "/state")["rss_bytes"])
    beside = f"{many} clusters in one process; {asleep / MIB:.0f} MiB in all"
    return [
        Figure("start with all clusters", start, "s", None, "lower", f"{many} clusters, until both faces answer"),
        Figure("memory of a cluster that nobody reads", each / 1000, "kB", None, "lower", beside),
        Figure(
            "memory of a cluster that was read", (read - asleep) / many / 1000, "kB", None, "lower", "more than that"
        ),
        Figure("clusters in 1 GiB", 1024 * MIB * many / read, "clusters", None, "higher", "once all were read"),
    ]


def targets(fleet: SimProcess) -> list[Target]:
    """One request of each kind that a fleet's observation is made of, and the writes of a rotation."""
    base = identified(fleet)
    accounts = client(base, "organizations", "us-east-1").list_accounts()["Accounts"]
    account = next(each["Id"] for each in accounts if each["Name"] != "management")
    session, region = assumed(base, account), REGIONS[0]
    eks = client(session, "eks", region)
    name = eks.list_clusters()["clusters"][0]
    cluster = eks.describe_cluster(name=name)["cluster"]
    token, _ = cluster_token(session, fleet.aws_url, Scope(account, region), name, datetime.now(UTC))
    signed = AWSRequest("GET", f"{fleet.aws_url}/clusters/{name}", headers={"Host": urlsplit(fleet.aws_url).netloc})
    SigV4Auth(session.get_credentials().get_frozen_credentials(), "eks", region).add_auth(signed)
    ca_pem = str(fleet.ready["kube_ca_pem"])
    bearer = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}}
    return [
        Target("EKS DescribeCluster", signed.url, dict(signed.headers)),
        Target("Kubernetes list of nodes, gzip", cluster["endpoint"] + NODES, bearer, ca_pem=ca_pem),
        Target(
            "Kubernetes list of pods, metadata", cluster["endpoint"] + PODS, bearer | {"Accept": PARTIAL}, ca_pem=ca_pem
        ),
        Target(
            "Kubernetes create (an access review)",
            cluster["endpoint"] + "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            bearer | {"Content-Type": "application/json"},
            json.dumps(review),
            ca_pem,
        ),
    ]


def sent(fleet: SimProcess, target: Target, seconds: float) -> Rate:
    """The request again and again, from a process of its own, so that this one's CPU is not in the way."""
    command = [
        sys.executable,
        __file__,
        "--send",
        json.dumps([target.name, target.url, dict(target.headers), target.body]),
    ]
    command += [target.ca_pem, str(seconds)]
    before = float(fleet.control("GET", "/state")["cpu_seconds"])
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    after = float(fleet.control("GET", "/state")["cpu_seconds"])
    count, wall, size = json.loads(done.stdout)
    return Rate(count / wall, (after - before) / count, size)


def send(target: Target, seconds: float) -> tuple[int, float, float]:
    """Requests answered, seconds of the wall, and the mean size of an answer; ends the run at an error."""
    counts, sizes, failures = [0] * THREADS, [0.0] * THREADS, list[str]()
    until = time.monotonic() + seconds

    def one(number: int) -> None:
        connection, path = target.open(), urlsplit(target.url)
        where = f"{path.path}?{path.query}" if path.query else path.path
        while time.monotonic() < until:
            connection.request("GET" if target.body is None else "POST", where, target.body, dict(target.headers))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status >= 300:
                failures.append(f"{answer.status} {body[:300]!r}")
                return
            counts[number] += 1
            sizes[number] = float(len(body))
        connection.close()

    begun = time.monotonic()
    threads = [threading.Thread(target=one, args=(number,)) for number in range(THREADS)]
    run_all(threads)
    if failures:
        raise SystemExit(f"{target.name}: {failures[0]}")
    return sum(counts), time.monotonic() - begun, statistics.mean(sizes)


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def identified(fleet: SimProcess) -> Any:
    """A session of the fleet's management account."""
    os.environ["AWS_ACCESS_KEY_ID"] = str(fleet.ready["access_key_id"])
    os.environ["AWS_SECRET_ACCESS_KEY"] = str(fleet.ready["secret_access_key"])
    os.environ["BENCH_AWS_URL"] = fleet.aws_url
    return botocore.session.Session()


def read_all(fleet: SimProcess, wanted: int) -> None:
    """Ask every cluster once for its nodes and pods, each with a token of its own account."""
    base = identified(fleet)
    done = 0
    for account in client(base, "organizations", "us-east-1").list_accounts()["Accounts"]:
        if account["Name"] == "management":
            continue
        session = assumed(base, account["Id"])
        for region in REGIONS:
            eks = client(session, "eks", region)
            names = [name for page in eks.get_paginator("list_clusters").paginate() for name in page["clusters"]]
            for name in names:
                read_one(fleet, session, eks, Scope(account["Id"], region), name)
                done += 1
    if done != wanted:
        raise SystemExit(f"{done} clusters instead of {wanted}")


def read_one(fleet: SimProcess, session: Any, eks: Any, scope: Scope, name: str) -> None:
    endpoint = eks.describe_cluster(name=name)["cluster"]["endpoint"]
    token, _ = cluster_token(session, fleet.aws_url, scope, name, datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    connection = Target(name, endpoint, {}, ca_pem=str(fleet.ready["kube_ca_pem"])).open()
    for path in (NODES, PODS):
        connection.request("GET", urlsplit(endpoint).path + path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"{name}: {answer.status}")
    connection.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        what, authority, duration = sys.argv[2:5]
        label, url, headers, content = json.loads(what)
        print(json.dumps(send(Target(label, url, headers, content, authority), float(duration))))
    else:
        main(measure)
