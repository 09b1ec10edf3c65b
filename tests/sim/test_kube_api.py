from dataclasses import replace

import pytest

from fleetkeeper.sim.kube_api import KubeServer
from fleetkeeper.sim.world import SimCluster, SimDeprecatedCall
from tests.sim.kube_wire import (
    ask,
    cluster,
    config_map,
    get,
    names,
    server,
    world,
)

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"

__all__ = ["cluster", "server", "world"]


# ---- lists


def test_a_list_has_bare_items_and_a_resource_version(cluster: SimCluster) -> None:
    body = get(cluster, "/api/v1/namespaces/team/pods").json()
    assert body == {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": str(cluster.revision)},
        "items": [cluster.objects["/pods"][("team", "p")]],
    }


def test_an_object_alone_says_what_it_is(cluster: SimCluster) -> None:
    body = get(cluster, "/api/v1/namespaces/team").json()
    assert (body["kind"], body["apiVersion"], body["status"]) == ("Namespace", "v1", {"phase": "Active"})


def test_items_of_a_custom_resource_say_what_they_are(cluster: SimCluster) -> None:
    body = get(cluster, "/apis/example.com/v1/widgets").json()
    assert list(body) == ["apiVersion", "items", "kind", "metadata"]
    assert body["metadata"] == {"continue": "", "resourceVersion": str(cluster.revision)}
    assert (body["items"][0]["kind"], body["items"][0]["apiVersion"]) == ("Widget", "example.com/v1")


def test_an_empty_list_is_empty_and_an_empty_metadata_list_is_null(cluster: SimCluster) -> None:
    assert get(cluster, "/apis/batch/v1/jobs").json()["items"] == []
    body = get(cluster, "/apis/batch/v1/jobs", Accept=METADATA).json()
    assert (body["kind"], body["items"]) == ("PartialObjectMetadataList", None)


def test_a_metadata_list_has_nothing_but_metadata(cluster: SimCluster) -> None:
    (item,) = get(cluster, "/api/v1/pods", Accept=METADATA).json()["items"]
    assert item == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": cluster.objects["/pods"][("team", "p")]["metadata"],
    }


def test_a_client_that_would_also_take_json_gets_json_instead_of_a_table(cluster: SimCluster) -> None:
    assert get(cluster, "/api/v1/pods", Accept=f"{TABLE},application/json").json()["kind"] == "PodList"
    assert get(cluster, "/api/v1/pods", Accept=TABLE).status == 406


def test_pages_follow_each_other_to_the_end(cluster: SimCluster) -> None:
    first = get(cluster, "/api/v1/configmaps?limit=4").json()["metadata"]
    assert first["remainingItemCount"] == 2
    last = get(cluster, f"/api/v1/configmaps?limit=4&continue={first['continue']}")
    assert names(last) == ["c3", "c4"]  # "team-b/other" came first
    assert last.json()["metadata"] == {"resourceVersion": first["resourceVersion"]}


def test_items_come_in_the_order_of_their_keys_in_etcd(cluster: SimCluster) -> None:
    cluster.put("/configmaps", config_map("team-b", "aaa"))
    found = names(get(cluster, "/api/v1/configmaps"))
    assert found == ["aaa", "other", "c0", "c1", "c2", "c3", "c4"]  # "team-b/..." sorts before "team/..."


def test_a_selected_list_does_not_count_what_remains(cluster: SimCluster) -> None:
    reply = get(cluster, "/api/v1/namespaces/team/configmaps?labelSelector=odd%3Dyes&limit=1")
    assert names(reply) == ["c1"]
    assert set(reply.json()["metadata"]) == {"resourceVersion", "continue"}


def test_a_token_from_before_a_change_is_expired_and_offers_to_go_on_inconsistently(cluster: SimCluster) -> None:
    token = get(cluster, "/api/v1/configmaps?limit=4").json()["metadata"]["continue"]
    cluster.put("/configmaps", config_map("zoo", "new"))
    refused = get(cluster, f"/api/v1/configmaps?limit=4&continue={token}")
    body = refused.json()
    assert (refused.status, body["reason"]) == (410, "Expired")
    rest = get(cluster, f"/api/v1/configmaps?limit=4&continue={body['metadata']['continue']}")
    assert names(rest) == ["c3", "c4", "new"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", ["p"], id="pods of a node"),
        pytest.param("/api/v1/pods?fieldSelector=spec.nodeName%3Dn2", [], id="pods of another node"),
        pytest.param("/api/v1/secrets?fieldSelector=type%3Dhelm.sh/release.v1", ["h"], id="secrets of a type"),
        pytest.param("/api/v1/secrets?fieldSelector=type!%3Dhelm.sh/release.v1", ["o"], id="secrets not of a type"),
        pytest.param("/api/v1/configmaps?fieldSelector=metadata.name%3Dc3", ["c3"], id="by name"),
        pytest.param("/api/v1/configmaps?labelSelector=odd%20in%20(yes,maybe)", ["c1", "c3"], id="label in a set"),
        pytest.param("/api/v1/configmaps?labelSelector=!odd", ["other"], id="label absent"),
        pytest.param("/api/v1/configmaps?labelSelector=odd!%3Dyes", ["other", "c0", "c2", "c4"], id="label not equal"),
    ],
)
def test_selectors(cluster: SimCluster, path: str, found: list[str]) -> None:
    assert names(get(cluster, path)) == found


def test_an_unknown_field_is_a_bad_request(cluster: SimCluster) -> None:
    reply = get(cluster, "/api/v1/pods?fieldSelector=spec.colour%3Dred")
    assert (reply.status, reply.json()["message"]) == (400, "field label not supported: spec.colour")


def test_only_big_answers_are_compressed_and_only_when_asked(cluster: SimCluster) -> None:
    assert "content-encoding" not in get(cluster, "/api/v1/configmaps", Accept_Encoding="gzip").headers
    cluster.put("/configmaps", config_map("team", "big", 200_000))
    plain, zipped = get(cluster, "/api/v1/configmaps"), get(cluster, "/api/v1/configmaps", Accept_Encoding="gzip")
    assert "content-encoding" not in plain.headers
    assert (zipped.headers["content-encoding"], zipped.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert len(zipped.body) < 3_000
    assert zipped.json() == plain.json()


# ---- errors


@pytest.mark.parametrize(
    ("path", "status", "message", "details"),
    [
        pytest.param(
            "/api/v1/namespaces/team/pods/x", 404, 'pods "x" not found', {"name": "x", "kind": "pods"}, id="no such pod"
        ),
        pytest.param(
            "/apis/apps/v1/namespaces/team/deployments/x",
            404,
            'deployments.apps "x" not found',
            {"name": "x", "group": "apps", "kind": "deployments"},
            id="no such deployment",
        ),
        pytest.param(
            "/api/v1/foos", 404, "the server could not find the requested resource", {}, id="no such resource"
        ),
    ],
)
def test_what_is_not_there(cluster: SimCluster, path: str, status: int, message: str, details: dict[str, str]) -> None:
    reply = get(cluster, path)
    assert reply.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "NotFound",
        "details": details,
        "code": status,
    }


@pytest.mark.parametrize("path", ["/nope", "/apis/nope.example.com/v1/things", "/apis/example.com/v1/nothings"])
def test_a_path_that_nobody_serves_is_a_plain_404(cluster: SimCluster, path: str) -> None:
    reply = get(cluster, path)
    assert (reply.status, reply.body) == (404, b"404 page not found\n")


def test_a_delete_begins_the_end_of_a_pod(cluster: SimCluster) -> None:
    reply = ask("DELETE", cluster, "/api/v1/namespaces/team/pods/p")
    assert (reply.status, reply.json()["metadata"]["deletionGracePeriodSeconds"]) == (200, 30)
    assert get(cluster, "/api/v1/namespaces/team/pods/p").json() == reply.json()


def test_an_unknown_prefix_is_no_cluster(cluster: SimCluster, server: KubeServer) -> None:
    nowhere = replace(cluster, endpoint=cluster.endpoint.removesuffix("/a") + "/zzz")
    assert get(nowhere, "/version").status == 404
    assert server.access_log("")[-1].status == 404


# ---- discovery and deprecation


def test_version_tells_the_patch_of_the_control_plane(cluster: SimCluster) -> None:
    body = get(cluster, "/version").json()
    assert (body["major"], body["minor"], body["gitVersion"]) == ("1", "34", "v1.34.2-eks-3cfe0ce")


def test_discovery_lists_builtin_and_custom_resources(cluster: SimCluster) -> None:
    groups = {group["name"] for group in get(cluster, "/apis").json()["groups"]}
    assert {"apps", "batch", "example.com"} <= groups
    assert "pods" in {r["name"] for r in get(cluster, "/api/v1").json()["resources"]}
    assert {r["name"] for r in get(cluster, "/apis/example.com/v1").json()["resources"]} >= {"widgets", "relics"}


def test_a_deprecated_api_warns_and_shows_in_the_metrics_until_a_restart(
    cluster: SimCluster, server: KubeServer
) -> None:
    labels = 'group="",removed_release="",resource="endpoints",subresource="",version="v1"'
    line = f"apiserver_requested_deprecated_apis{{{labels}}} 1"
    assert line not in get(cluster, "/metrics").body.decode()
    warned = get(cluster, "/api/v1/endpoints")
    expected = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    assert warned.headers["warning"] == expected
    assert line in get(cluster, "/metrics").body.decode()
    server.api.forget(cluster)
    assert line not in get(cluster, "/metrics").body.decode()


def test_a_deprecated_custom_resource_warns_too(cluster: SimCluster) -> None:
    assert (
        get(cluster, "/apis/example.com/v1/relics").headers["warning"] == '299 - "example.com/v1 Relic is deprecated"'
    )


def test_calls_of_the_scenario_show_in_the_metrics(cluster: SimCluster) -> None:
    group = "flowcontrol.apiserver.k8s.io"
    cluster.deprecated_calls.append(SimDeprecatedCall(group, "v1beta3", "flowschemas", "1.32"))
    found = get(cluster, "/metrics").body.decode()
    assert (
        f'{{group="{group}",removed_release="1.32",resource="flowschemas",subresource="",version="v1beta3"}} 1' in found
    )


def test_clients_that_ask_for_the_same_api_share_a_line_of_the_metrics(cluster: SimCluster) -> None:
    api = ("batch", "v1beta1", "cronjobs", "1.25")
    cluster.deprecated_calls += [SimDeprecatedCall(*api, user=user, calls_a_day=9) for user in ("ci", "robot")]
    found = get(cluster, "/metrics").body.decode()

    assert found.count('resource="cronjobs",subresource=""') == 1
