"""The real control plane starts, answers as itself, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.identity import Identity, TokenUser
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.waiting import wait_until

STARTS_A_PLANE = """
import json
import signal
import sys
from fleetkeeper.sim.control_plane.plane import ControlPlane
plane = ControlPlane(sys.argv[1])
plane.start()
print(json.dumps({"pids": plane.pids, "folder": str(plane.folder)}), flush=True)
signal.pause()
"""


@pytest.fixture
def node(control_plane: ControlPlane) -> Iterator[str]:
    """A node of this test alone that KWOK makes Ready."""
    name = f"node-{uuid4().hex[:12]}"
    control_plane.add_nodes([name])
    control_plane.wait_for(f"/api/v1/nodes/{name}", is_ready)
    yield name
    control_plane.request("DELETE", f"/api/v1/nodes/{name}")


def test_the_server_reports_the_version_that_was_built(control_plane: ControlPlane, plane_minor: str) -> None:
    version = control_plane.request("GET", "/version").json()

    assert version["gitVersion"] == f"v{control_plane.version}"
    assert f"{version['major']}.{version['minor']}" == plane_minor


def test_a_kwok_node_becomes_ready_with_the_kubelet_that_it_was_given(
    control_plane: ControlPlane,
    node: str,
) -> None:
    status = control_plane.request("GET", f"/api/v1/nodes/{node}").json()["status"]

    assert status["nodeInfo"]["kubeletVersion"] == f"v{control_plane.version}"
    assert status["allocatable"]["pods"] == "110"


def test_a_deployment_gets_its_pods_running(control_plane: ControlPlane, namespace: str, node: str) -> None:
    control_plane.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment("web", replicas=2, on=node))

    pods = control_plane.wait_for(f"/api/v1/namespaces/{namespace}/pods", lambda found: running(found) == 2)

    assert {pod["spec"]["nodeName"] for pod in pods["items"]} == {node}


def test_a_user_without_rights_is_refused_until_rbac_grants_them(
    control_plane: ControlPlane,
    namespace: str,
) -> None:
    group = f"readers-{namespace}"
    reader = control_plane.mint("reader", group)
    path = f"/api/v1/namespaces/{namespace}/pods"

    refused = control_plane.request("GET", path, identity=reader)
    control_plane.create(
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
        {
            "metadata": {"name": "readers"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
        },
    )
    assert refused.status == 403
    assert 'User "reader" cannot list resource "pods"' in refused.json()["message"]
    wait_until(lambda: control_plane.request("GET", path, identity=reader).ok, "the grant holds")


def test_a_wrong_token_is_not_authenticated(control_plane: ControlPlane) -> None:
    wrong = Identity("stranger", token="wrong")

    assert control_plane.request("GET", "/api/v1/nodes", identity=wrong).status == 401


def test_the_server_exposes_its_own_metrics(control_plane: ControlPlane) -> None:
    assert b"apiserver_request_total" in control_plane.request("GET", "/metrics").body


def test_a_streaming_list_is_not_broken_by_an_etcd_that_is_too_old(control_plane: ControlPlane) -> None:
    stream = control_plane.request(
        "GET",
        "/api/v1/nodes?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        "&allowWatchBookmarks=true&timeoutSeconds=1",
    )

    assert b"RequestWatchProgress" not in stream.body


def test_a_block_with_frozen_controllers_stops_deployments_and_then_lets_them_go_on(
    control_plane: ControlPlane,
    namespace: str,
    node: str,
) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    with control_plane.frozen_controllers():
        control_plane.create(path, deployment("late", replicas=1, on=node))
        while_frozen = control_plane.request("GET", f"{path}/late").json()

    control_plane.wait_for(f"{path}/late", lambda found: found["status"].get("readyReplicas") == 1)

    assert "observedGeneration" not in while_frozen["status"]


def test_every_process_and_the_folder_are_gone_after_stop(plane_minor: str) -> None:
    with ControlPlane(plane_minor) as plane:
        pids = plane.pids
        group = os.getpgid(pids["etcd"])
        folder = plane.folder

    assert set(pids) == {"etcd", "api-server", "controllers", "scheduler", "kwok"}
    assert not any(is_alive(pid) for pid in (*pids.values(), group))
    assert not folder.exists()


def test_every_process_and_the_folder_are_gone_after_the_parent_is_killed(plane_minor: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_A_PLANE, plane_minor],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        told = json.loads(parent.stdout.readline())
        pids, folder = told["pids"], Path(told["folder"])
        group = os.getpgid(pids["etcd"])
        assert all(is_alive(pid) for pid in (*pids.values(), group))
        parent.send_signal(signal.SIGKILL)

    wait_until(lambda: not any(is_alive(pid) for pid in (*pids.values(), group)), "its processes are gone")
    wait_until(lambda: not folder.exists(), "its folder is gone")


def test_a_switch_to_the_next_minor_keeps_objects_address_and_identities(
    adjacent_minors: tuple[str, str],
) -> None:
    older, newer = adjacent_minors
    with ControlPlane(older) as plane:
        reader, server = plane.mint("reader", "system:masters"), plane.server
        before = plane.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "kept"}})
        plane.switch(newer)
        after = plane.request("GET", "/api/v1/namespaces/default/configmaps/kept", identity=reader).json()
        version = plane.request("GET", "/version").json()

        assert plane.server == server
        assert version["gitVersion"] == f"v{plane.version}"
        assert plane.version.startswith(f"{newer}.")
        assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_plane_of_the_api_server_alone_gives_static_tokens_their_groups(plane_minor: str) -> None:
    options = Options(controllers=False, scheduler=False, kwok=False, token_users=(TokenUser("bot", ("a", "b")),))
    with ControlPlane(plane_minor, options) as plane:
        review = plane.request(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            {
                "kind": "SelfSubjectReview",
                "apiVersion": "authentication.k8s.io/v1",
            },
            identity=plane.token_identity("bot"),
        )

    user = review.json()["status"]["userInfo"]
    assert user["username"] == "bot"
    assert {"a", "b"} <= set(user["groups"])


def test_a_flag_that_the_server_does_not_know_is_reported_and_leaves_nothing(plane_minor: str) -> None:
    plane = ControlPlane(
        plane_minor,
        Options(controllers=False, scheduler=False, kwok=False, api_server_flags=("--no-such-flag",)),
    )
    with pytest.raises(ControlPlaneError, match=r"api-server ended with 1(.|\n)*no-such-flag"):
        plane.start()
    with pytest.raises(ControlPlaneError, match="not running"):
        _ = plane.pids


def deployment(name: str, *, replicas: int, on: str) -> dict[str, Any]:
    """A Deployment whose pods all go to one node."""
    labels = {"app": name}
    spec = {
        "containers": [{"name": "main", "image": "example.invalid/main:1"}],
        "nodeSelector": {"kubernetes.io/hostname": on},
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def is_ready(node: Any) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))


def running(pods: Any) -> int:
    return sum(pod["status"]["phase"] == "Running" for pod in pods["items"])


def is_alive(pid: int) -> bool:
    """A zombie counts as gone: where nobody reaps orphans, it stays in the table."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.strip().startswith("Z")
