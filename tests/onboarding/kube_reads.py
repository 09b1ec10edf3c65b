"""Which rights the reading of a cluster needs: a recorded run of the real client against the simulated API server."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from threading import Event
from typing import Any, cast

import yaml

from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.adapters.kube.limits import WallPace
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import KubernetesSettings
from fleetkeeper.core.api_search import LiveKind
from fleetkeeper.core.gitops import APPLICATION
from fleetkeeper.core.model import ClusterId, ControlPlane
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Cloud
from fleetkeeper.sim.kube.api import Request, attributes
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube_api import KubeServer, serve_kube, static_tokens
from fleetkeeper.sim.objects.gitops import definition
from fleetkeeper.sim.world import SimCluster, World

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/shop-1"
KEY = "shop-1"
TOKEN = "reader"

Need = tuple[str, str, str]
"""(verb, API group, resource), or (verb, "", path) for what is no resource."""

# More than are read one by one (client._FEW), so that lists and single reads are both taken.
_CROWD = 30


def world(holders: str = "secrets", crowd: int = _CROWD) -> World:
    """One cluster in which nothing has an owner. holders: where Helm keeps its releases, secrets or configmaps."""
    places = [("quiet", "alone"), *(("crowd", f"one-{n}") for n in range(crowd))]
    cluster = SimCluster(
        key=KEY,
        name=KEY,
        account="111122223333",
        region="eu-west-1",
        partition="aws",
        version="1.35",
        patch="v1.35.2-eks-a1b2c3d",
        platform_version="eks.1",
        created_at=NOW,
    )
    cluster.put("/namespaces", {"metadata": {"name": "kube-system", "uid": "1", "creationTimestamp": _time()}})
    for resource in ("/pods", "batch/jobs"):
        for namespace, name in places:
            cluster.put(resource, {"metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": {}})
    service = {"service": {"namespace": "quiet", "name": "guard"}}
    webhook = {"metadata": {"name": "guard"}, "webhooks": [{"name": "guard.example.com", "clientConfig": service}]}
    cluster.put("admissionregistration.k8s.io/validatingwebhookconfigurations", webhook)
    for namespace, name in places:
        labels = {"owner": "helm", "status": "deployed", "name": name, "version": "1"}
        metadata = {"name": f"sh.helm.release.v1.{name}.v1", "namespace": namespace, "uid": name, "labels": labels}
        cluster.put(f"/{holders}", {"metadata": metadata, "data": {"release": ""}})
    # Without Flux's kind: the role for traces lets it be listed.
    cluster.put("apiextensions.k8s.io/customresourcedefinitions", definition(APPLICATION))
    found = World(NOW, "111122223333")
    found.clusters[KEY] = cluster
    return found


def _time() -> str:
    return NOW.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def reading(place: World, user: User) -> Iterator[tuple[KubeReader, KubeServer]]:
    """The real client at the simulated API server, as a user."""
    server = serve_kube(place, static_tokens({TOKEN: user}))
    settings = KubernetesSettings()
    ends = datetime.now(UTC) + timedelta(hours=1)
    access = KubeAccess(settings, lambda *_: (TOKEN, ends), SystemClock(), WallPace(Event()))
    cluster = place.clusters[KEY]
    control_plane = ControlPlane(KEY, Minor(1, 35), "ACTIVE", cluster.endpoint, cluster.ca_pem)
    kube = access.of_eks(cast(Cloud, None), ClusterId(ARN, NOW), control_plane)
    assert isinstance(kube, KubeReader)
    try:
        yield kube, server
    finally:
        kube.close()
        server.close()


def observe(kube: KubeReader) -> None:
    """Everything but Helm releases, what is set of EKS addons, and the objects of kinds that go away."""
    kube.git_version()
    kube.identity()
    for read in (kube.nodes, kube.workloads, kube.pods, kube.pod_notes, kube.namespaces, kube.crds):
        read()
    for look in (kube.budgets, kube.volumes, kube.webhooks, kube.api_services, kube.api_use):
        look()
    kube.gitops(kube.crds())
    kube.object_traces([LiveKind("Certificate", "certificates", ("cert-manager.io/v1",), frozenset())])


def needed_to_observe() -> set[Need]:
    with reading(world(), User("master", ("system:masters",))) as (kube, server):
        observe(kube)
        return _asked(server)


def needed_for_helm() -> set[Need]:
    """In Secrets, and in a cluster that keeps them in ConfigMaps; few are read one by one, many as a list."""
    needed = set()
    for holders, crowd in product(("secrets", "configmaps"), (0, _CROWD)):
        with reading(world(holders, crowd), User("master", ("system:masters",))) as (kube, server):
            assert len(kube.helm_releases({})) == crowd + 1
            needed |= _asked(server)
    return needed


def _asked(server: KubeServer) -> set[Need]:
    requests = (Request.parse(a.method, a.path.partition("?")[0], "", {}) for a in server.access_log(KEY))
    asked = [attributes(request) for request in requests]
    return {(a.verb, a.group, a.resource) if a.resource else (a.verb, "", a.path) for a in asked}


def granted(manifest: str, role: str) -> set[Need]:
    """The rights of a ClusterRole in a manifest, one by one."""
    found = next(d for d in documents(manifest) if d["kind"] == "ClusterRole" and d["metadata"]["name"] == role)
    rights: set[Need] = set()
    for rule in found["rules"]:
        groups, resources = rule.get("apiGroups", [""]), rule.get("resources") or rule["nonResourceURLs"]
        rights |= set(product(rule["verbs"], groups, resources))
    return rights


def documents(manifest: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(manifest) if document]
