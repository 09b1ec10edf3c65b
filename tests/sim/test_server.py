import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.model import ServiceId
from botocore.signers import RequestSigner

import fleetkeeper
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.process import SimProcess, SimulatorFailed
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.touch import touch
from fleetkeeper.sim.world import SimCluster
from tests.sim.kube_wire import Reply, get

ROOT = Path(fleetkeeper.__file__).parent.parent


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    world = build(scenario_file.load(scenario_file.find("three")))
    with Simulator(world, tokens={"test": User("test", ("system:masters",))}) as running:
        yield running


@pytest.fixture(scope="module")
def process() -> Iterator[SimProcess]:
    with SimProcess("three") as running:
        yield running


def eks_token(simulator: Simulator, cluster: SimCluster) -> str:
    """A token as `aws eks get-token` makes it, after assuming the reader's role in the cluster's account."""
    keys = simulator.ready()
    account = simulator.world.accounts[cluster.account]
    sts = boto3.client(
        "sts",
        endpoint_url=simulator.aws_url,
        region_name=cluster.region,
        aws_access_key_id=str(keys["access_key_id"]),
        aws_secret_access_key=str(keys["secret_access_key"]),
    )
    role = f"arn:aws:iam::{account.id}:role/{account.role_name}"
    external = {"ExternalId": account.external_id} if account.external_id else {}
    found = sts.assume_role(RoleArn=role, RoleSessionName="fleetkeeper", **external)["Credentials"]
    session = boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    signer = RequestSigner(ServiceId("STS"), cluster.region, "sts", "v4", session.get_credentials(), session.events)
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"{simulator.aws_url}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster.name},
            "context": {},
        },
        region_name=cluster.region,
        expires_in=60,
        operation_name="",
    )
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def read(simulator: Simulator, key: str, path: str, token: str = "test") -> Reply:
    return get(simulator.world.clusters[key], path, token)


@pytest.mark.parametrize("key", ["payments", "shop"])
def test_a_token_of_eks_reads_as_the_reader(simulator: Simulator, key: str) -> None:
    token = eks_token(simulator, simulator.world.clusters[key])
    assert read(simulator, key, "/api/v1/nodes", token).status == 200
    assert read(simulator, key, "/api/v1/secrets", token).status == 200
    refused = read(simulator, key, "/api/v1/services", token)
    account = simulator.world.clusters[key].account
    assert f'User "arn:aws:sts::{account}:assumed-role/fleetkeeper-reader/' in refused.json()["message"]


def test_a_token_counts_for_no_other_cluster(simulator: Simulator) -> None:
    token = eks_token(simulator, simulator.world.clusters["payments"])
    assert read(simulator, "shop", "/api/v1/nodes", token).status == 401


def test_a_role_without_an_access_entry_is_unauthorized(simulator: Simulator) -> None:
    cluster = simulator.world.clusters["tools"]
    token = eks_token(simulator, cluster)
    entries, cluster.access = cluster.access, {}
    try:
        assert read(simulator, "tools", "/api/v1/nodes", token).status == 401
    finally:
        cluster.access = entries


def test_aws_and_kubernetes_tell_of_the_same_cluster(simulator: Simulator) -> None:
    cluster = simulator.world.clusters["payments"]
    assert read(simulator, "payments", "/version").json()["gitVersion"] == cluster.patch
    assert cluster.endpoint == f"{simulator.kube.url}/payments"


def test_a_process_says_where_everything_is(process: SimProcess) -> None:
    state = process.control("GET", "/state")
    assert (state["name"], state["clusters"], state["pid"]) == ("three", 3, process.pid)
    assert (state["epoch"], state["scale"]) == ("2026-11-20T09:00:00+00:00", 1.0)
    assert state["cpu_seconds"] > 0
    assert state["rss_bytes"] > 10_000_000
    assert process.aws_url.startswith("http://127.0.0.1:")


def test_faults_come_and_go_over_the_control_channel(process: SimProcess) -> None:
    process.control("POST", "/faults", {"add": [{"side": "kube", "kind": "error", "cluster": "shop"}]})
    assert [f["kind"] for f in process.control("GET", "/state")["faults"]] == ["error"]
    process.control("POST", "/faults", {"clear": "payments"})
    assert len(process.control("GET", "/state")["faults"]) == 1
    process.control("POST", "/faults", {"clear": True})
    assert process.control("GET", "/state")["faults"] == []


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        pytest.param(
            "/faults", {"add": [{"side": "kube", "kind": "x", "colour": 1}]}, "colour", id="unknown fault key"
        ),
        pytest.param("/touch", {"cluster": "nope", "set": {}}, "nope", id="unknown cluster"),
        pytest.param(
            "/touch", {"cluster": "shop", "set": {"colour": 1}}, "unknown in set: colour", id="unknown change"
        ),
        pytest.param("/touch", [], "must be a JSON object", id="not an object"),
    ],
)
def test_the_control_channel_refuses_nonsense(process: SimProcess, path: str, body: object, says: str) -> None:
    with pytest.raises(SimulatorFailed, match=says):
        process.control("POST", path, body)


def control(simulator: Simulator, changes: dict[str, object]) -> None:
    touch(simulator.living, simulator.kube, {"cluster": "tools", "set": changes})


def test_a_touched_cluster_shows_the_change_on_both_sides(simulator: Simulator) -> None:
    cluster = simulator.world.clusters["tools"]
    control(
        simulator,
        {
            "version": "1.36",
            "kubelet": "v1.36.1-eks-1",
            "addons": {"coredns": "v1.14.3-eksbuild.11", "vpc-cni": None},
            "images": {"backup/CronJob/nightly": "docker.io/library/postgres:18.1"},
            "put": {"/configmaps": [{"metadata": {"name": "new", "namespace": "x"}}]},
            "remove": {"apps/deployments": ["kube-system/metrics-server"]},
            "status": "UPDATING",
            "tags": {"ring": "late"},
        },
    )
    assert read(simulator, "tools", "/version").json()["minor"] == "36"
    nodes = read(simulator, "tools", "/api/v1/nodes").json()["items"]
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {"v1.36.1-eks-1"}
    (job,) = read(simulator, "tools", "/apis/batch/v1/cronjobs").json()["items"]
    assert "postgres:18.1" in str(job["spec"]["jobTemplate"]["spec"]["template"])
    assert read(simulator, "tools", "/api/v1/namespaces/x/configmaps/new").status == 200
    gone = read(simulator, "tools", "/apis/apps/v1/namespaces/kube-system/deployments/metrics-server")
    assert gone.status == 404
    assert (cluster.status, cluster.tags) == ("UPDATING", {"ring": "late"})
    assert cluster.addons["coredns"].version == "v1.14.3-eksbuild.11"
    assert "vpc-cni" not in cluster.addons
    twin = read(simulator, "shop", "/api/v1/nodes").json()["items"]
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in twin} == {"v1.35.2-eks-8f2a1c0"}


def test_the_log_of_a_process_shows_who_asked_what(process: SimProcess) -> None:
    assert process.control("GET", "/access-log?cluster=payments") == []


def child(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "fleetkeeper.sim", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("how", ["stdin closes", "SIGTERM", "SIGINT"])
def test_a_process_ends_cleanly(how: str) -> None:
    with child("three") as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.readline().startswith(b"{")
        if how == "stdin closes":
            running.stdin.close()
        else:
            running.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGINT)
        assert running.wait(timeout=20) == 0


def test_a_bad_scenario_is_told_on_stderr(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[fleet]\nname = 5\n", encoding="utf-8")
    with child(str(bad)) as running:
        _, said = running.communicate(timeout=20)
    assert running.returncode == 1
    assert f"{bad}:2: fleet.name: must be".encode() in said


def test_a_process_that_cannot_start_is_reported() -> None:
    with pytest.raises(SimulatorFailed, match="did not become ready"):
        SimProcess("no-such-scenario")
