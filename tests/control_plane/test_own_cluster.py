"""The cluster that we run in, by the files of a real service account, and by a real API server."""

from collections.abc import Mapping
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from fleetkeeper.adapters.kube.in_cluster import pod_of
from fleetkeeper.adapters.kube.limits import Limits, WallPace
from fleetkeeper.clock import SystemClock
from fleetkeeper.core.hosting import Home, hosting
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.model import ControlPlane as Described
from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.control_plane.plane import ControlPlane
from tests.contract.observed import NOON

ASKED = (Limits(attempts=1), WallPace(Event()), SystemClock())
RBAC = "/apis/rbac.authorization.k8s.io/v1"
EKS = ClusterId("arn:aws:eks:eu-west-1:111122223333:cluster/hub", NOON)


def in_pod(plane: ControlPlane, namespace: str, folder: Path) -> Mapping[str, str]:
    """What the kubelet would put into a pod of the namespace: the CA that the controller publishes, and a token."""
    published = plane.wait_for(f"/api/v1/namespaces/{namespace}/configmaps/kube-root-ca.crt", lambda _: True)
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    plane.wait_for(account, lambda _: True)
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = plane.create(f"{account}/token", asked)["status"]["token"]
    (folder / "ca.crt").write_text(published["data"]["ca.crt"], "utf-8")
    (folder / "token").write_text(token, "utf-8")
    place = urlsplit(plane.server)
    return {"KUBERNETES_SERVICE_HOST": str(place.hostname), "KUBERNETES_SERVICE_PORT": str(place.port)}


def described(plane: ControlPlane) -> Described:
    return Described("hub", Minor.parse(plane.version), "ACTIVE", plane.server, plane.ca_pem)


def test_a_pod_without_any_right_knows_its_cluster_by_the_published_certificate(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    found = pod_of(in_pod(control_plane, namespace, tmp_path), tmp_path, ASKED)
    assert found is not None
    assert (found.uid, found.unknown) == ("", "")  # its service account may not read kube-system
    assert hosting(Home(pod=found), EKS, described(control_plane)).is_own


def test_a_pod_that_may_read_kube_system_knows_its_cluster_by_its_uid(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    environment = in_pod(control_plane, namespace, tmp_path)
    rule = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}
    control_plane.create(f"{RBAC}/clusterroles", {"metadata": {"name": namespace}, "rules": [rule]})
    control_plane.create(
        f"{RBAC}/clusterrolebindings",
        {
            "metadata": {"name": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        },
    )
    uid = control_plane.wait_for("/api/v1/namespaces/kube-system", lambda _: True)["metadata"]["uid"]
    found = pod_of(environment, tmp_path, ASKED)
    assert found is not None
    assert found.uid == uid
    own, other = ClusterId(f"kubeconfig:{uid}", NOON), ClusterId("kubeconfig:another", NOON)
    plane = described(control_plane)
    assert [hosting(Home(pod=found), each, plane).is_own for each in (own, other)] == [True, False]
