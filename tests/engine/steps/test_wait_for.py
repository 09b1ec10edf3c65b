"""wait-for: what it says of an object, a field or an addon that is not as it should be, and when it is over."""

import re
from typing import Any

import pytest

from fleetkeeper.core.verdict import Done, Failed, Undone, Verdict, Wait
from fleetkeeper.errors import ParamError
from tests.engine.steps.walking import Place, told

DNS = "apps/v1/deployments/kube-system/coredns"


@pytest.fixture
def place() -> Place:
    return Place()


def put(place: Place, generation: int = 1, **status: Any) -> None:
    metadata = {"name": "coredns", "namespace": "kube-system", "uid": "7", "generation": generation}
    place.cluster.put("apps/deployments", {"metadata": metadata, "spec": {}, "status": status})


def condition(status: str, **more: Any) -> dict[str, Any]:
    return {"type": "Available", "status": status, **more}


@pytest.mark.parametrize(
    ("status", "wanted", "kind", "says"),
    [
        pytest.param({"conditions": [condition("True")]}, "Available", Done, "Available is True", id="it holds"),
        pytest.param(
            {"conditions": [condition("False")]}, "Available=False", Done, "is False", id="it holds as another status"
        ),
        pytest.param(
            {"conditions": [condition("False", reason="MinimumReplicasUnavailable", message="has 0")]},
            "Available",
            Wait,
            r"Available is False, not True \(MinimumReplicasUnavailable: has 0\)",
            id="it does not hold, and says why",
        ),
        pytest.param({}, "Available", Wait, "no condition Available yet", id="nobody has said yet"),
        pytest.param(
            {"conditions": [condition("True")], "observedGeneration": 0},
            "Available",
            Wait,
            "controller has not seen it yet",
            id="what was said is about an older generation",
        ),
    ],
)
def test_of_a_condition(place: Place, status: dict[str, Any], wanted: str, kind: type[Verdict], says: str) -> None:
    put(place, **status)
    verdict = place.walk("wait-for", object=DNS, condition=wanted).tick()
    assert isinstance(verdict, kind)
    assert re.search(says, told(verdict)), verdict


@pytest.mark.parametrize(
    ("field", "kind", "says"),
    [
        pytest.param("status.readyReplicas=2", Done, "status.readyReplicas is 2", id="it is so"),
        pytest.param("status.readyReplicas=3", Wait, "is 2, not 3", id="it is another"),
        pytest.param("status.phase=Done", Wait, "is not set, not Done", id="it is not there"),
        pytest.param("status.conditions.0.type=Available", Done, "is Available", id="it is in a list"),
        pytest.param("status.conditions.7.type=Available", Wait, "is not set", id="it is past the end of a list"),
    ],
)
def test_of_a_field(place: Place, field: str, kind: type[Verdict], says: str) -> None:
    put(place, readyReplicas=2, conditions=[condition("True")])
    verdict = place.walk("wait-for", object=DNS, field=field).tick()
    assert isinstance(verdict, kind)
    assert says in told(verdict)


def test_an_object_that_is_not_there_is_waited_for_until_it_is(place: Place) -> None:
    walk = place.walk("wait-for", object=DNS, condition="Available")
    assert told(walk.tick()) == "deployments kube-system/coredns is not there"
    put(place, conditions=[condition("True")])
    assert isinstance(walk.tick(), Done)


def test_a_cluster_wide_object_of_kubernetes_own_is_found(place: Place) -> None:
    walk = place.walk("wait-for", object="core/v1/namespaces/default", field="metadata.uid=1")
    assert isinstance(walk.tick(), Done)


def test_an_addon_is_waited_for_until_it_is_active(place: Place) -> None:
    walk = place.walk("wait-for", addon="coredns", every="5s")
    place.cluster.addons["coredns"].status = "UPDATING"
    waits = walk.tick()
    assert isinstance(waits, Wait)
    assert (waits.why, waits.again and waits.again.seconds) == ("coredns is UPDATING, not ACTIVE", 5)
    place.cluster.addons["coredns"].status = "ACTIVE"
    assert isinstance(walk.tick(), Done)


def test_an_addon_that_is_not_there_is_waited_for(place: Place) -> None:
    assert "not there" in told(place.walk("wait-for", addon="efs").tick())


def test_a_cluster_that_only_a_kubeconfig_knows_has_no_addons(place: Place) -> None:
    walk = place.walk("wait-for", addon="coredns")
    walk.subject = place.subject(scope=None)
    failed = walk.tick()
    assert isinstance(failed, Failed)
    assert failed.final


def test_it_leaves_nothing_behind(place: Place) -> None:
    assert place.walk("wait-for", addon="coredns").undo() == Undone()


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({}, "", "needs either an addon, or an object", id="nothing to wait for"),
        pytest.param({"addon": "a", "object": DNS, "condition": "Ready"}, "", "either", id="both"),
        pytest.param({"object": DNS}, "condition", "either a condition", id="an object alone"),
        pytest.param(
            {"object": DNS, "condition": "Ready", "field": "a=b"}, "condition", "either", id="a condition and a field"
        ),
        pytest.param(
            {"object": "deployments/coredns", "condition": "Ready"}, "object", "apps/v1/", id="a short object"
        ),
        pytest.param({"object": DNS, "field": "status.phase"}, "field", "field=value", id="a field without a value"),
        pytest.param(
            {"addon": "a", "condition": "Ready"}, "condition", "belongs to an object", id="an addon's condition"
        ),
        pytest.param({"addon": "a", "every": "0s"}, "every", "longer than 0s", id="no pause"),
        pytest.param({"addon": "a", "evry": "5s"}, "evry", "did you mean every?", id="an unknown one"),
    ],
)
def test_it_refuses(params: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("wait-for", **params)
    assert says in refused.value.wrong[name]
