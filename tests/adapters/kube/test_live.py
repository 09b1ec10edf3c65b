"""Pods and nodes of an API server as a drain sees them, also where it says null, nothing, or nonsense."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fleetkeeper.adapters.kube import live
from fleetkeeper.core.live import LiveNode, LivePod, Room, Toleration
from fleetkeeper.errors import InvalidAnswer, ReadError
from fleetkeeper.values import to_json
from tests.adapters.kube.server import Asked, Reply, listing, reply, serving
from tests.adapters.kube.support import meta, reading

ASKS = {"requests": {"cpu": "100m", "memory": "1Ki"}}


def pods(*items: object) -> tuple[LivePod, ...]:
    def script(asked: Asked) -> Reply:
        kind = "PodList" if asked.path.endswith("/pods") else "PartialObjectMetadataList"
        return reply(listing(kind, list(items) if kind == "PodList" else []))

    with serving(script) as server, reading(server) as reader:
        return live.pods(reader)


def node(**given: object) -> LiveNode:
    listed = reply(listing("NodeList", [{"metadata": meta("a"), **given}]))
    with serving(lambda _: listed) as server, reading(server) as reader:
        (found,) = live.nodes(reader)
        return found


def pod(spec: object = None, **more: Any) -> LivePod:
    (found,) = pods({"metadata": meta("web", uid="u", **more.pop("metadata", {})), "spec": spec, **more})
    return found


def test_a_pod_of_which_next_to_nothing_is_said() -> None:
    found = pod()
    assert (found.node, found.phase, found.ready, found.wants, found.grace) == ("", "", False, Room(0, 0, 1), 30)
    assert (found.tolerates, found.tolerant, found.claims, found.selects) == ((), False, (), {})


def test_null_is_nothing_everywhere() -> None:
    spec: dict[str, Any] = dict.fromkeys(
        (
            "nodeName",
            "tolerations",
            "initContainers",
            "resources",
            "overhead",
            "priority",
            "volumes",
            "nodeSelector",
            "affinity",
        )
    )
    container = {"resources": None, "restartPolicy": None}
    assert pod({**spec, "containers": [container]}) == pod({"containers": [{}]}) == pod()


def test_overhead_comes_on_top_and_a_pods_own_request_in_place_of_its_containers() -> None:
    spec: dict[str, Any] = {"containers": [{"resources": ASKS}, {"resources": {"requests": None}}]}
    assert pod(spec).wants == Room(100, 1024, 1)
    assert pod({**spec, "overhead": {"cpu": "50m", "memory": "1Ki"}}).wants == Room(150, 2048, 1)
    assert pod({**spec, "resources": {"requests": {"cpu": "1"}}}).wants == Room(1000, 1024, 1)
    assert pod({**spec, "resources": {"requests": None}}).wants == Room(100, 1024, 1)


@pytest.mark.parametrize("broken", ["much", "1 Gi", {"a": 1}])
def test_a_request_that_is_no_quantity_is_no_answer(broken: object) -> None:
    with pytest.raises(InvalidAnswer):
        pod({"containers": [{"resources": {"requests": {"cpu": broken}}}]})
    with pytest.raises(InvalidAnswer):
        node(status={"allocatable": {"memory": broken}})


def test_a_toleration_without_an_operator_compares() -> None:
    found = pod({"tolerations": [{"key": "gpu", "value": "yes"}, {"operator": "Exists"}]})
    assert found.tolerates == (Toleration("gpu", "Equal", "yes"), Toleration("", "Exists"))
    assert found.tolerant
    assert not pod({"tolerations": [{"operator": "Exists", "effect": "NoExecute"}]}).tolerant


def test_what_a_pod_is_placed_by_is_kept_as_the_server_has_it() -> None:
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}
    assert pod({"affinity": apart}).around == to_json({"affinity": apart})
    spread = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
    assert pod({"affinity": None, "topologySpreadConstraints": spread}).around == to_json(
        {"topologySpreadConstraints": spread}
    )
    assert pod({"affinity": {}, "topologySpreadConstraints": []}).around == pod({}).around == ""
    with pytest.raises(InvalidAnswer):
        pod({"affinity": "near"})


def test_why_a_pod_has_no_node_is_what_its_scheduler_says_last() -> None:
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    assert pod(status={"conditions": [waits]}).unplaced == "0/3 nodes are available"
    assert pod(status={"conditions": [{**waits, "message": None}]}).unplaced == ""
    assert pod(status={"conditions": [{**waits, "status": "True"}]}).unplaced == pod().unplaced == ""


def test_a_deletion_began_its_grace_before_its_end() -> None:
    going = {"deletionTimestamp": "2026-11-20T09:00:30Z"}
    assert pod(metadata={**going, "deletionGracePeriodSeconds": 30}).leaving_since == datetime(
        2026, 11, 20, 9, tzinfo=UTC
    )
    for grace in (None, 10**15):
        ended = pod(metadata={**going, "deletionGracePeriodSeconds": grace}).leaving_since
        assert ended == datetime(2026, 11, 20, 9, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("since", [None, "", "soon", "2026-11-20T09:00:00"])
def test_a_ready_pod_that_does_not_say_since_when(since: str | None) -> None:
    found = pod(status={"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}]})
    assert (found.ready, found.ready_since) == (True, None)


def test_a_node_that_does_not_say_what_it_has_has_no_room() -> None:
    assert node().room == node(status={"allocatable": None}).room == Room()


def test_a_list_without_an_end_is_no_list() -> None:
    endless = reply(listing("PodList", [], next_="more"))
    with serving(lambda _: endless) as server, reading(server) as reader, pytest.raises(ReadError):
        live.pods(reader)
