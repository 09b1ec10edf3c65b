import http.client
import ssl

import pytest

from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.kube_api import KubeServer
from fleetkeeper.sim.world import SimCluster, World
from tests.sim.kube_wire import (
    ADMIN,
    NOBODY,
    RBAC,
    READER,
    cluster,
    get,
    server,
    world,
)

__all__ = ["cluster", "server", "world"]


# ---- who may what


def test_an_unknown_token_is_unauthorized(cluster: SimCluster) -> None:
    reply = get(cluster, "/api/v1/pods", token="stolen")
    assert (reply.status, reply.json()) == (
        401,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "Unauthorized",
            "reason": "Unauthorized",
            "code": 401,
        },
    )


@pytest.mark.parametrize(
    ("token", "path", "message"),
    [
        pytest.param(
            NOBODY,
            "/api/v1/nodes",
            'nodes is forbidden: User "nobody" cannot list resource "nodes" in API group "" at the cluster scope',
            id="a list at the cluster scope",
        ),
        pytest.param(
            READER,
            "/apis/apps/v1/namespaces/team/deployments/web",
            'deployments.apps "web" is forbidden: User "reader" cannot get resource "deployments" in API group "apps" '
            'in the namespace "team"',
            id="an object in a namespace",
        ),
        pytest.param(
            "",
            "/metrics",
            'forbidden: User "system:anonymous" cannot get path "/metrics"',
            id="a path, without a token",
        ),
    ],
)
def test_a_refusal_says_who_may_not_do_what(cluster: SimCluster, token: str, path: str, message: str) -> None:
    reply = get(cluster, path, token=token)
    assert (reply.status, reply.json()["message"]) == (403, message)


def test_a_binding_gives_what_its_role_says_and_no_more(cluster: SimCluster) -> None:
    assert get(cluster, "/api/v1/configmaps", token=READER).status == 200
    assert get(cluster, "/api/v1/secrets", token=READER).status == 403
    cluster.remove(f"{RBAC}/clusterroles", "", "reader")
    gone = get(cluster, "/api/v1/configmaps", token=READER)
    assert gone.json()["message"].endswith(': RBAC: clusterrole.rbac.authorization.k8s.io "reader" not found')


# ---- certificates


def test_clusters_on_one_port_are_told_apart_by_the_text_of_their_ca(world: World, server: KubeServer) -> None:
    first, second = world.clusters["a"], world.clusters["b"]
    assert first.ca_pem != second.ca_pem
    assert first.endpoint.rpartition("/")[0] == second.endpoint.rpartition("/")[0]
    assert get(second, "/version").status == 200


def test_a_cluster_with_its_own_ca_is_reached_with_no_other(world: World, server: KubeServer) -> None:
    alone = world.clusters["own"]
    assert get(alone, "/version").status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        get(alone, "/version", ca_pem=server.ca_pem)


# ---- faults


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [
        pytest.param("throttle", 429, b"Too many requests", id="throttle"),
        pytest.param("error", 500, b"Internal error occurred: etcdserver", id="error"),
        pytest.param("forbid", 403, b'User \\"admin\\" cannot list resource', id="forbid"),
        pytest.param("garbage", 200, b'"metadata":"none"', id="garbage"),
        pytest.param("slow", 200, b"PodList", id="slow, but right"),
    ],
)
def test_a_fault_answers_in_place_of_the_server(
    world: World, cluster: SimCluster, kind: str, status: int, says: bytes
) -> None:
    world.faults = [Fault("kube", kind, cluster="a", operation="/pods")]
    reply = get(cluster, "/api/v1/pods")
    assert reply.status == status
    assert says in reply.body
    assert get(cluster, "/api/v1/nodes").json()["kind"] == "NodeList"


def test_throttling_names_the_seconds_to_wait(world: World, cluster: SimCluster) -> None:
    world.faults = [Fault("kube", "throttle")]
    assert get(cluster, "/api/v1/pods").headers["retry-after"] == "1"


def test_an_unreachable_cluster_hangs_up(world: World, cluster: SimCluster, server: KubeServer) -> None:
    world.faults = [Fault("kube", "unreachable", cluster="a")]
    with pytest.raises(ConnectionError):
        get(cluster, "/version")
    assert server.access_log("a")[-1].status == 0
    assert get(world.clusters["b"], "/version").status == 200


def test_a_truncated_answer_ends_before_its_length(world: World, cluster: SimCluster) -> None:
    world.faults = [Fault("kube", "truncate")]
    with pytest.raises(http.client.IncompleteRead):
        get(cluster, "/api/v1/configmaps")


def test_a_continue_token_expires_on_demand(world: World, cluster: SimCluster) -> None:
    world.faults = [Fault("kube", "expire")]
    token = get(cluster, "/api/v1/configmaps?limit=2").json()["metadata"]["continue"]
    refused = get(cluster, f"/api/v1/configmaps?limit=2&continue={token}")
    assert refused.status == 410
    assert refused.json()["metadata"]["continue"]


def test_every_second_request_fails_at_half_rate(world: World, cluster: SimCluster) -> None:
    world.faults = [Fault("kube", "error", rate=0.5)]
    assert [get(cluster, "/api/v1/pods").status for _ in range(4)] == [200, 500, 200, 500]


# ---- the log


def test_every_request_is_logged_with_its_user_and_agent(cluster: SimCluster, server: KubeServer) -> None:
    before, others = len(server.access_log("a")), server.access_log("b")
    get(cluster, "/api/v1/pods?limit=5", token=READER, User_Agent="probe/1")
    get(cluster, "/api/v1/pods", token="stolen")
    get(cluster, "/version", token=ADMIN)
    seen = server.access_log("a")[before:]
    assert [(e.user, e.method, e.path, e.status) for e in seen] == [
        ("reader", "GET", "/api/v1/pods?limit=5", 403),
        ("", "GET", "/api/v1/pods", 401),
        ("admin", "GET", "/version", 200),
    ]
    assert seen[0].user_agent == "probe/1"
    assert server.access_log("b") == others
