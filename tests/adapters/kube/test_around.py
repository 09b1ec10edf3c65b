"""What stands around workloads, from the requests that we promise: traces, webhooks, notes, metrics, settings."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fleetkeeper.core.api_search import LiveKind
from fleetkeeper.core.eks_objects import ADDON_OBJECTS
from fleetkeeper.core.observed import ObjectTrace
from fleetkeeper.errors import GapReason, ReadError
from tests.adapters.kube.server import Asked, Reply, listing, reply
from tests.adapters.kube.server import status as failure
from tests.adapters.kube.support import meta
from tests.adapters.kube.test_client import OWNED, cluster, looking

Object = Mapping[str, Any]
CIDRS = LiveKind(
    "ServiceCIDR",
    "servicecidrs",
    ("networking.k8s.io/v1", "networking.k8s.io/v1beta1"),
    frozenset({"networking.k8s.io/v1beta1", "networking.k8s.io/v1alpha1"}),
)


def serving(*versions: str, resource: str = "servicecidrs", items: tuple[Object, ...] = ()) -> Callable[[Asked], Reply]:
    """An API server that serves the resource at these versions of networking.k8s.io, and counts every other call."""

    def script(asked: Asked) -> Reply:
        if asked.path == "/apis":
            served = [{"version": version, "resources": [{"resource": resource}]} for version in versions]
            group = {"metadata": {"name": "networking.k8s.io"}, "versions": served}
            return reply({"kind": "APIGroupDiscoveryList", "items": [group]})
        return reply(listing("PartialObjectMetadataList", list(items)))

    return script


def written(version: str, manager: str = "operator", time: str = "2026-11-01T00:00:00Z", **more: str) -> Object:
    entry = {"apiVersion": f"networking.k8s.io/{version}", "manager": manager, "operation": "Update", "time": time}
    return {**entry, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}, **more}


def test_a_kind_is_listed_by_metadata_at_the_first_place_that_is_served() -> None:
    with looking(serving("v1", "v1beta1")) as (kube, server):
        assert kube.object_traces([CIDRS]) == ()
        assert [asked.path for asked in server.asked] == ["/apis", "/apis/networking.k8s.io/v1/servicecidrs"]
        assert "PartialObjectMetadataList" in server.asked[1].headers["Accept"]


def test_a_kind_that_is_served_nowhere_is_not_asked_for() -> None:
    with looking(serving("v1alpha1")) as (kube, server):
        assert kube.object_traces([CIDRS]) == ()
        assert [asked.path for asked in server.asked] == ["/apis"]


def test_without_kinds_nothing_is_asked() -> None:
    with looking(serving()) as (kube, server):
        assert kube.object_traces([]) == ()
        assert server.asked == []


def test_each_writer_in_an_old_version_is_told_once_by_its_newest_write() -> None:
    applied = noted("ServiceCIDR")
    managed = [
        written("v1beta1", time="2026-10-01T00:00:00Z"),
        written("v1beta1", subresource="status"),
        written("v1beta1", "other"),
        written("v1", "kubectl"),
    ]
    item = {"metadata": meta("legacy", annotations=applied, labels={"team": "net"}, managedFields=managed)}
    with looking(serving("v1", items=(item,))) as (kube, _):
        found = kube.object_traces([CIDRS])

    assert [(t.source, t.api_version, t.manager, t.at and t.at.month) for t in found] == [
        ("managed fields", "networking.k8s.io/v1beta1", "operator", 11),
        ("managed fields", "networking.k8s.io/v1beta1", "other", 11),
        ("last applied", "networking.k8s.io/v1alpha1", "", None),
    ]
    assert {(t.kind, t.name, t.owner["team"]) for t in found} == {("ServiceCIDR", "legacy", "net")}


def noted(kind: str) -> dict[str, str]:
    """The annotation that kubectl apply leaves, of a manifest of this kind in an old version."""
    note = json.dumps({"apiVersion": "networking.k8s.io/v1alpha1", "kind": kind, "metadata": {"name": "legacy"}})
    return {"kubectl.kubernetes.io/last-applied-configuration": note}


def test_a_note_that_a_controller_copied_from_an_object_of_another_kind_is_not_told() -> None:
    item = {"metadata": meta("made", annotations=noted("ClusterCIDR"))}
    with looking(serving("v1", items=(item,))) as (kube, _):
        assert kube.object_traces([CIDRS]) == ()


def test_every_object_of_a_kind_that_is_lost_is_told() -> None:
    lost = LiveKind("ServiceCIDR", "servicecidrs", ("networking.k8s.io/v1",), frozenset(), "networking.k8s.io/v1")
    with looking(serving("v1", items=({"metadata": meta("one")},))) as (kube, _):
        (found,) = kube.object_traces([lost])

    assert found == ObjectTrace("stored object", "networking.k8s.io/v1", "ServiceCIDR", "team", "one", "uid-one")


@pytest.mark.parametrize("note", ["", "[", '{"apiVersion":7}', "[" * 100_000], ids=["none", "cut", "a number", "deep"])
def test_a_note_that_is_no_manifest_is_no_trace(note: str) -> None:
    item = {"metadata": {**meta("x"), "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "N"}}}
    body = reply(listing("PartialObjectMetadataList", [item])).body
    text = json.dumps(note).encode()

    def script(asked: Asked) -> Reply:
        return serving("v1")(asked) if asked.path == "/apis" else Reply(body.replace(b'"N"', text))

    with looking(script) as (kube, _):
        assert kube.object_traces([CIDRS]) == ()


def test_an_api_server_without_aggregated_discovery_is_told() -> None:
    old: Object = {"kind": "APIGroupList", "items": None, "groups": []}
    with looking(lambda _: reply(old)) as (kube, _), pytest.raises(ReadError, match="and later"):
        kube.object_traces([CIDRS])


def test_a_kind_that_may_not_be_listed_is_a_gap_with_its_name() -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/apis":
            return serving("v1")(asked)
        return reply(failure(403, 'cannot list resource "servicecidrs"', "Forbidden"), 403)

    with looking(script) as (kube, _), pytest.raises(ReadError, match="servicecidrs") as caught:
        kube.object_traces([CIDRS])
    assert caught.value.reason is GapReason.FORBIDDEN


def hook(name: str, namespace: str, service: str, **more: Any) -> Object:
    client = {"service": {"namespace": namespace, "name": service}} if service else {"url": "https://hooks.example.com"}
    return {"name": name, "clientConfig": client, **more}


def test_endpoints_are_read_by_one_list_for_each_namespace_of_services() -> None:
    hooks = [hook("a", "sec", "one"), hook("b", "sec", "two"), hook("c", "ops", "one"), hook("d", "", "")]
    labels = {"kubernetes.io/service-name": "one"}
    slices: list[Object] = [
        {"metadata": meta("one-4", "sec", labels=labels), "endpoints": [{"addresses": ["10.0.0.1"]}]},
        {"metadata": meta("one-6", "sec", labels=labels), "endpoints": [{"addresses": ["fd00::1"], "conditions": {}}]},
        {
            "metadata": meta("one-5", "sec", labels=labels),
            "endpoints": [{"addresses": ["10.0.0.2"], "conditions": {"ready": False}}, {"addresses": None}],
        },
    ]
    script = cluster(
        validatingwebhookconfigurations=[{"metadata": meta("guard"), "webhooks": hooks}], endpointslices=slices
    )
    with looking(script) as (kube, server):
        found = {each.name: each.endpoints for each in kube.webhooks()}
        lists = [a for a in server.asked if a.path.endswith("endpointslices")]

    assert found == {"a": 1, "b": 0, "c": 0, "d": None}
    assert [a.query["labelSelector"] for a in lists] == [
        "kubernetes.io/service-name in (one)",
        "kubernetes.io/service-name in (one,two)",
    ]


@pytest.mark.parametrize("service", ["../secrets", "a),x in (b", "a" * 80, "UPPER"])
def test_a_service_whose_name_cannot_be_is_not_seen_and_not_asked_for(service: str) -> None:
    script = cluster(mutatingwebhookconfigurations=[{"metadata": meta("m"), "webhooks": [hook("x", "sec", service)]}])
    with looking(script) as (kube, server):
        (found,) = kube.webhooks()
        assert found.endpoints is None
        assert not [a for a in server.asked if "endpointslices" in a.path]


def pod(name: str, **more: Any) -> Object:
    return {"metadata": meta(name, **more), "spec": {"nodeName": "node-1", "containers": []}}


STAYS: Object = {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}


def test_notes_are_of_the_pods_that_were_listed_and_name_the_workload_at_the_top() -> None:
    above: Object = {"ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}]}
    held = {"deletionTimestamp": "2026-11-20T10:00:00Z", "finalizers": ["example.com/hold"], **OWNED}
    script = cluster(
        pods=[pod("web-1-a", **OWNED, **STAYS), pod("web-1-b", **held), pod("web-1-c", **OWNED)],
        replicasets=[{"metadata": meta("web-1", **above)}],
    )
    with looking(script) as (kube, server):
        assert kube.pods().total == 3
        notes = kube.pod_notes()
        paths = [a.path for a in server.asked]

    assert [(n.name, n.why, n.controller, n.node) for n in notes] == [
        ("web-1-a", "do-not-disrupt", "Deployment/web", "node-1"),
        ("web-1-b", "finalizers", "Deployment/web", "node-1"),
    ]
    assert paths.count("/api/v1/pods") == 1
    assert "/api/v1/namespaces/team/pods/web-1-c" not in paths


@pytest.mark.parametrize("value", ["false", "True", ""])
def test_an_annotation_that_is_not_true_is_no_note(value: str) -> None:
    with looking(cluster(pods=[pod("a", **OWNED, annotations={"karpenter.sh/do-not-disrupt": value})])) as (kube, _):
        assert kube.pod_notes() == ()


def test_metrics_must_be_text() -> None:
    with looking(lambda _: reply({})) as (kube, _), pytest.raises(ReadError, match="expected text/plain"):
        kube.api_use()


def test_of_the_metrics_only_two_families_are_read() -> None:
    name = "apiserver_requested_deprecated_apis"
    labels = 'group="",removed_release="",resource="endpoints",subresource="",version="v1"'
    samples = (f"{name}{{{labels}}} 1", f"other_{name}{{{labels}}} 1", "process_start_time_seconds 1e9", "")
    page = "\n".join(("# HELP x", f"# TYPE {name} gauge", *samples))
    body = Reply(page.encode(), content_type="text/plain; version=0.0.4", gzip=True)
    with looking(lambda _: body) as (kube, _):
        found = kube.api_use()

    assert [call.resource for call in found.calls] == ["endpoints"]
    assert found.since is not None


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("mode: ipvs", "ipvs"),
        ('mode: ""', "iptables"),
        ("kind: KubeProxyConfiguration", "iptables"),
        ("mode: [", ""),
        ("- mode", ""),
        ("mode: nonsense", ""),
        ("mode: {a: b}", ""),
    ],
)
def test_the_mode_of_kube_proxy(text: str, mode: str) -> None:
    settings = {"metadata": meta("kube-proxy-config", "kube-system"), "data": {"config": text}}
    with looking(cluster(configmaps=[settings])) as (kube, _):
        assert kube.proxy_mode() == mode


def test_without_settings_the_mode_is_not_seen() -> None:
    with looking(cluster()) as (kube, server):
        assert kube.proxy_mode() == ""
        assert len(server.asked) == 2


def test_objects_of_addons_that_are_not_there_were_not_changed() -> None:
    with looking(cluster()) as (kube, server):
        assert kube.customised(ADDON_OBJECTS) == ()
        assert {a.path.rpartition("/")[0] for a in server.asked} == {
            "/apis/apps/v1/namespaces/kube-system",
            "/api/v1/namespaces/kube-system/configmaps",
        }
