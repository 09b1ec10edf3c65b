"""Each part of a cluster as our own values, from the requests that we promise and no more."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.core.gitops import RESOURCES
from fleetkeeper.core.model import ComputeKind, Crd, HelmRelease, Namespace, Pods, Workload
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.objects import gitops
from tests.adapters.kube.server import ApiServer, Asked, Reply, gzipped, listing, reply, serving
from tests.adapters.kube.server import status as failure
from tests.adapters.kube.support import TestPace, meta, reading

Object = Mapping[str, Any]
KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
    "cronjobs": "CronJob",
    "jobs": "Job",
    "pods": "Pod",
    "nodes": "Node",
    "namespaces": "Namespace",
    "secrets": "Secret",
    "configmaps": "ConfigMap",
    "customresourcedefinitions": "CustomResourceDefinition",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "poddisruptionbudgets": "PodDisruptionBudget",
    "persistentvolumes": "PersistentVolume",
    "validatingwebhookconfigurations": "ValidatingWebhookConfiguration",
    "mutatingwebhookconfigurations": "MutatingWebhookConfiguration",
    "apiservices": "APIService",
    "endpointslices": "EndpointSlice",
    "applications": "Application",
}


def cluster(**objects: Iterable[Object]) -> Callable[[Asked], Reply]:
    """A cluster that has these objects, by plural; it knows namespaces, names and metadata-only answers."""

    def script(asked: Asked) -> Reply:
        parts = asked.path.split("/")[3 if asked.path.startswith("/api/") else 4 :]
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        found = [o for o in objects.get(parts[0], ()) if not namespace or o["metadata"].get("namespace") == namespace]
        if len(parts) > 1:
            one = [o for o in found if o["metadata"]["name"] == parts[1]]
            return reply(one[0]) if one else reply(failure(404, f'{parts[0]} "{parts[1]}" not found'), 404)
        if "PartialObjectMetadataList" in asked.headers["Accept"]:
            return reply(listing("PartialObjectMetadataList", [{"metadata": o["metadata"]} for o in found]))
        return reply(listing(f"{KINDS[parts[0]]}List", found))

    return script


@contextmanager
def looking(script: Callable[[Asked], Reply]) -> Iterator[tuple[KubeReader, ApiServer]]:
    with serving(script) as server, reading(server) as reader:
        yield KubeReader(reader), server


def template(*images: str, init: tuple[str, ...] = ()) -> Object:
    return {
        "spec": {"containers": [{"image": i} for i in images], "initContainers": [{"image": i} for i in init] or None}
    }


def bare(workload: Workload) -> Workload:
    """Without what an upgrade needs of its template, which tests of their own are about."""
    return replace(workload, template=None, selector=None, ready=None)


OWNED: Mapping[str, Any] = {
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "apiVersion": "apps/v1", "uid": "x"}]
}


def test_the_version_is_the_servers_own() -> None:
    with looking(lambda _: reply({"gitVersion": "v1.36.3-eks-a1b2c3", "major": "1"})) as (kube, server):
        assert kube.git_version() == "v1.36.3-eks-a1b2c3"
        assert [a.path for a in server.asked] == ["/version"]


def test_a_node_is_read_with_its_kind_and_group() -> None:
    node = {
        "metadata": meta(
            "ip-10-0-0-1",
            labels={
                "eks.amazonaws.com/nodegroup": "blue",
                "node.kubernetes.io/instance-type": "m6i.large",
                "topology.kubernetes.io/zone": "eu-west-1a",
            },
            creationTimestamp="2026-05-01T10:00:00Z",
        ),
        "spec": {"providerID": "aws:///eu-west-1a/i-0123456789abcdef0", "unschedulable": True},
        "status": {
            "nodeInfo": {
                "kubeletVersion": "v1.35.2-eks-1",
                "osImage": "Amazon Linux 2023",
                "operatingSystem": "linux",
                "architecture": "amd64",
                "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.12",
                "kubeProxyVersion": "",
            },
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
            "images": [{"names": ["x"], "sizeBytes": 1}],
        },
    }
    bare: Object = {"metadata": {"name": "n2"}, "spec": {}, "status": {"conditions": None}}
    with looking(cluster(nodes=[node, bare])) as (kube, _):
        one, two = kube.nodes()
    assert (one.kind, one.group, one.ready, one.schedulable) == (ComputeKind.MANAGED, "blue", True, False)
    assert (one.instance_type, one.zone, one.kubelet) == ("m6i.large", "eu-west-1a", "v1.35.2-eks-1")
    assert one.created_at == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert (two.kind, two.ready, two.schedulable, two.kubelet) == (ComputeKind.UNKNOWN, False, True, "")


def test_workloads_come_from_templates_with_their_owners() -> None:
    labels = {"team": "payments", "app": "web", "pod": "no"}
    deployment = {
        "metadata": meta("web", labels=labels),
        "spec": {"replicas": 3, "template": template("app:1", "sidecar:2", "app:1", init=("init:3",))},
    }
    cron = {"metadata": meta("nightly"), "spec": {"jobTemplate": {"spec": {"template": template("job:1")}}}}
    job = {"metadata": meta("once"), "spec": {"template": template("once:1")}}
    finished = {
        "metadata": meta("done"),
        "spec": {"template": template("done:1")},
        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
    }
    owned = {"metadata": meta("nightly-1", **OWNED), "spec": {"template": template("job:1")}}
    alone = {"metadata": meta("rs"), "spec": {"replicas": 1, "template": template("rs:1")}}
    rollout = {"metadata": meta("rollout-1", **OWNED), "spec": {"template": template("rollout:1")}}
    script = cluster(
        deployments=[deployment],
        daemonsets=[{"metadata": meta("agent"), "spec": {"template": {"spec": {"containers": None}}}}],
        statefulsets=[{"metadata": meta("db"), "spec": None}],
        cronjobs=[cron],
        jobs=[job, finished, owned],
        replicasets=[alone, rollout],
    )
    with looking(script) as (kube, server):
        found = {w.kind: w for w in kube.workloads()}
        assert bare(found["Deployment"]) == Workload(
            "Deployment", "team", "web", "uid-web", ("init:3", "app:1", "sidecar:2"), 3, {"team": "payments"}
        )
        assert [(w.kind, w.images) for w in kube.workloads()] == [
            ("Deployment", ("init:3", "app:1", "sidecar:2")),
            ("StatefulSet", ()),
            ("DaemonSet", ()),
            ("CronJob", ("job:1",)),
            ("Job", ("once:1",)),
            ("ReplicaSet", ("rs:1",)),
        ]
        asked = {a.path for a in server.asked}
        assert "/apis/batch/v1/namespaces/team/jobs/nightly-1" not in asked
        sets = next(a for a in server.asked if a.path.endswith("replicasets"))
        assert sets.query["labelSelector"] == "!pod-template-hash"


def test_only_pods_without_an_owner_are_read_in_full() -> None:
    mirror = meta("etcd", annotations={"kubernetes.io/config.mirror": "x"})
    pods = [
        {"metadata": meta("web-1", **OWNED), "spec": {"containers": [{"image": "web:1"}]}},
        {"metadata": mirror, "spec": {"containers": [{"image": "etcd:1"}]}},
        {"metadata": meta("debug", labels={"owner": "me"}), "spec": {"containers": [{"image": "busybox"}]}},
    ]
    with looking(cluster(pods=pods)) as (kube, server):
        alone = Workload("Pod", "team", "debug", "uid-debug", ("busybox",), None, {"owner": "me"})
        pods_ = kube.pods()
        assert (pods_.total, [bare(each) for each in pods_.ownerless]) == (3, [alone])
        assert [a.path for a in server.asked] == ["/api/v1/pods", "/api/v1/namespaces/team/pods/debug"]
        assert "PartialObjectMetadataList" in server.asked[0].headers["Accept"]
        assert server.asked[0].query["fieldSelector"] == "status.phase!=Succeeded,status.phase!=Failed"


def test_many_pods_without_an_owner_are_read_by_their_namespace() -> None:
    pods = [{"metadata": meta(f"p{i}"), "spec": {"containers": [{"image": f"i:{i}"}]}} for i in range(30)]
    pods += [{"metadata": meta("elsewhere", "other"), "spec": {"containers": [{"image": "o"}]}}]
    with looking(cluster(pods=pods)) as (kube, server):
        assert len(kube.pods().ownerless) == 31
        assert [a.path for a in server.asked[1:]] == [
            "/api/v1/namespaces/team/pods",
            "/api/v1/namespaces/other/pods/elsewhere",
        ]


def test_a_pod_that_went_away_since_the_list_is_no_failure() -> None:
    whole = cluster(pods=[{"metadata": meta("gone")}])
    empty = cluster()
    with looking(lambda a: (whole if a.path == "/api/v1/pods" else empty)(a)) as (kube, _):
        assert kube.pods() == Pods(1, ())


def test_more_ownerless_pods_than_we_read_are_too_large() -> None:
    pods = [{"metadata": meta(f"p{i}")} for i in range(5_001)]
    with looking(cluster(pods=pods)) as (kube, _), pytest.raises(ReadError) as caught:
        kube.pods()
    assert caught.value.reason is GapReason.TOO_LARGE


def test_all_requests_of_one_part_share_one_deadline() -> None:
    pods = [{"metadata": meta(f"p{i}", f"team-{i}")} for i in range(400)]
    pace = TestPace(step=0.5)
    with serving(cluster(pods=pods)) as server, reading(server, pace=pace) as reader:
        with pytest.raises(ReadError) as caught:
            KubeReader(reader).pods()
        assert caught.value.reason is GapReason.TIMEOUT
        assert len(server.asked) < 400


def test_a_hostile_name_is_never_put_into_a_path() -> None:
    with looking(cluster(pods=[{"metadata": meta("../../secrets/x")}])) as (kube, server):
        with pytest.raises(ReadError, match="is not a name"):
            kube.pods()
        assert len(server.asked) == 1


def test_namespaces_keep_only_what_names_owners() -> None:
    found = [{"metadata": {"name": "pay", "labels": {"team": "payments", "x": "y"}, "annotations": None}}]
    with looking(cluster(namespaces=found)) as (kube, _):
        assert kube.namespaces() == (Namespace("pay", {"team": "payments"}),)


def test_keys_of_ones_own_are_kept_of_everything_that_is_listed() -> None:
    own = meta("web", labels={"Acme.com/Crew": "blue", "x": "y"}, annotations={"a8r.io/owner": "ada@example.com"})
    pods = {"spec": {"template": template("app:1")}}
    hooks = [{"name": "a.example.com", "clientConfig": {"url": "https://a.example.com"}}]
    script = cluster(
        namespaces=[{"metadata": own}],
        deployments=[{"metadata": own, **pods}],
        cronjobs=[{"metadata": own, "spec": {"jobTemplate": pods}}],
        poddisruptionbudgets=[{"metadata": own}],
        validatingwebhookconfigurations=[{"metadata": own, "webhooks": hooks}],
        apiservices=[{"metadata": own, "spec": {"service": {"namespace": "team", "name": "web"}}}],
        jobs=[{"metadata": meta("once", **OWNED), **pods}],
    )
    with serving(script) as server, reading(server) as reader:
        kube = KubeReader(reader, ("acme.com/crew",))
        listed: tuple[Any, ...] = (
            *kube.namespaces(),
            *kube.workloads(),
            *kube.budgets(),
            *kube.webhooks(),
            *kube.api_services(),
        )
    assert len(listed) == 6
    assert {tuple(each.owner.items()) for each in listed} == {
        (("a8r.io/owner", "ada@example.com"), ("acme.com/crew", "blue"))
    }


def test_crds_are_read_without_their_schemas() -> None:
    crd = {
        "metadata": {"name": "certificates.cert-manager.io"},
        "spec": {
            "group": "cert-manager.io",
            "names": {"kind": "Certificate", "plural": "certificates"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"x": [1, None]}}},
                {"name": "v1alpha2", "served": False, "storage": False, "deprecated": True},
            ],
        },
        "status": {"storedVersions": ["v1alpha2", "v1"]},
    }
    versions = (("v1", True, True, False), ("v1alpha2", False, False, True))
    with looking(cluster(customresourcedefinitions=[crd])) as (kube, server):
        wanted = Crd("certificates.cert-manager.io", "cert-manager.io", "Certificate", versions, ("v1alpha2", "v1"))
        assert kube.crds() == (wanted,)
        assert server.asked[0].query["limit"] == "50"


def release(name: str, revision: int, in_secret: bool = True, version: str = "1.0.0") -> Object:
    document = {"chart": {"metadata": {"name": name, "version": version}}, "info": {"status": "deployed"}}
    packed = base64.b64encode(gzipped(json.dumps(document).encode()))
    labels = {"owner": "helm", "status": "deployed", "name": name, "version": str(revision)}
    return {
        "metadata": meta(f"sh.helm.release.v1.{name}.v{revision}", labels=labels),
        "data": {"release": (base64.b64encode(packed) if in_secret else packed).decode()},
    }


def as_known(*releases: HelmRelease) -> dict[str, HelmRelease]:
    return {r.key: r for r in releases}


def test_helm_releases_are_listed_by_metadata_and_only_new_ones_read() -> None:
    secrets = [release("web", 1), release("web", 12), release("api", 3)]
    with looking(cluster(secrets=secrets)) as (kube, server):
        first = kube.helm_releases({})
        assert [(r.name, r.revision, r.chart_version) for r in first] == [("api", 3, "1.0.0"), ("web", 12, "1.0.0")]
        assert server.asked[0].query["labelSelector"] == "owner=helm,status in (deployed,superseded)"
        assert "PartialObjectMetadataList" in server.asked[0].headers["Accept"]
        assert [a.path.rpartition("/")[2] for a in server.asked[1:]] == [
            "sh.helm.release.v1.api.v3",
            "sh.helm.release.v1.web.v12",
        ]
    with looking(cluster(secrets=secrets)) as (kube, server):
        assert kube.helm_releases(as_known(*first)) == first
        assert len(server.asked) == 1


def test_many_new_helm_releases_are_read_by_one_list() -> None:
    with looking(cluster(secrets=[release(f"r{i}", 1) for i in range(40)])) as (kube, server):
        assert len(kube.helm_releases({})) == 40
        assert len(server.asked) == 2
        assert server.asked[1].query["limit"] == "50"


def test_config_maps_are_asked_for_only_when_no_secret_holds_a_release() -> None:
    with looking(cluster(configmaps=[release("web", 2, in_secret=False)])) as (kube, server):
        assert [(r.name, r.chart) for r in kube.helm_releases({})] == [("web", "web")]
        assert [a.path for a in server.asked][:2] == ["/api/v1/secrets", "/api/v1/configmaps"]


def test_one_forged_record_does_not_hide_the_others() -> None:
    forged = {**release("evil", 1), "data": {"release": "AAAA"}}
    with looking(cluster(secrets=[forged, release("web", 1)])) as (kube, _):
        assert [(r.name, r.status) for r in kube.helm_releases({})] == [("evil", "unreadable"), ("web", "deployed")]


def test_secrets_that_may_not_be_listed_are_a_refusal_and_nothing_else_is_asked() -> None:
    with looking(lambda _: reply(failure(403, "secrets is forbidden"), 403)) as (kube, server):
        with pytest.raises(ReadError, match="secrets is forbidden") as caught:
            kube.helm_releases({})
        assert caught.value.reason is GapReason.FORBIDDEN
        assert len(server.asked) == 1


def test_a_whole_look_asks_only_for_generally_available_versions() -> None:
    with looking(cluster()) as (kube, server):
        for look in (kube.nodes, kube.workloads, kube.pods, kube.namespaces, kube.crds):
            look()
        for around in (kube.budgets, kube.volumes, kube.webhooks, kube.api_services):
            around()
        kube.helm_releases({})
        roots = {"/".join(a.path.split("/")[: 3 if a.path.startswith("/api/") else 4]) for a in server.asked}
        assert roots == {
            *("/api/v1", "/apis/apps/v1", "/apis/batch/v1", "/apis/apiextensions.k8s.io/v1"),
            *("/apis/autoscaling/v2", "/apis/policy/v1", "/apis/apiregistration.k8s.io/v1"),
            "/apis/admissionregistration.k8s.io/v1",
        }
        assert server.connections == 1


def defined(kind: str, *versions: str) -> Crd:
    group, version, plural = RESOURCES[kind]
    return Crd(f"{plural}.{group}", group, kind, tuple((name, True, True, False) for name in versions or (version,)))


def test_nothing_is_asked_of_argo_cd_and_flux_where_they_are_not_installed() -> None:
    with looking(cluster()) as (kube, server):
        assert kube.gitops((Crd("certs.example.io", "example.io", "Cert", ()),)) == ()
        assert server.asked == []


def test_a_kind_of_flux_that_is_served_as_deprecated_alone_is_not_read_and_told() -> None:
    with looking(cluster()) as (kube, server):
        with pytest.raises(ReadError, match="served as v2beta2, and can be read as v2 only") as caught:
            kube.gitops((defined("HelmRelease", "v2beta2"),))
        assert (caught.value.reason, server.asked) == (GapReason.NOT_FOUND, [])


def test_of_an_application_only_what_it_deploys_is_kept() -> None:
    made = gitops.application("web", "podinfo", "6.5.0", "shop")
    made["spec"]["source"]["helm"] = {"values": "password: s3cret", "parameters": [{"name": "a", "value": "s3cret"}]}
    made |= {
        "status": {**gitops.synced("6.5.0"), "resources": [{"kind": "Secret", "name": "s3cret"}] * 9, "history": [1]}
    }
    script = cluster(applications=[made])
    with looking(script) as (kube, server):
        (found,) = kube.gitops((defined("Application"),))
        assert [each.path for each in server.asked] == ["/apis/argoproj.io/v1alpha1/applications"]
    assert (found.chart, found.deployed, found.ready) == ("podinfo", "6.5.0", True)
    assert "s3cret" not in repr(found)
