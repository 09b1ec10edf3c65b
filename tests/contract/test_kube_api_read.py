"""The simulator's API servers answer every read as the real one does: one table of cases, both sides, no difference."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.kube_cases import CASES, METADATA_LIST, Case
from tests.contract.kube_normal import continue_token, normalised
from tests.contract.kube_objects import MANY, MANY_ITEMS
from tests.contract.kube_sides import Reply, Sides, sides
from tests.control_plane.conftest import plane_minor
from tests.control_plane.readers import compacting
from tests.waiting import wait_until

__all__ = ["plane_minor"]

LIST = f"/api/v1/namespaces/{MANY}/configmaps?limit=10"
AGGREGATED = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
METRIC = "apiserver_requested_deprecated_apis"


@pytest.fixture(scope="module")
def served(plane_minor: str) -> Iterator[Sides]:
    """Both servers with the same objects; nothing writes."""
    with sides(plane_minor) as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_both_answer_alike(served: Sides, case: Case) -> None:
    real, simulated = served.both(case.method, case.path, case.user, case.headers)

    assert real.status == case.status
    assert case.says in real.text
    assert normalised(simulated) == normalised(real)


def test_no_two_cases_have_one_name() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("headers", [{}, METADATA_LIST], ids=["whole objects", "metadata"])
def test_pages_go_on_to_the_end(served: Sides, headers: dict[str, str]) -> None:
    """Each side follows its own tokens; every page is alike."""
    names: list[str] = []
    tokens = ("", "")
    for _ in range(MANY_ITEMS):
        real = served.real.request("GET", f"{LIST}&continue={tokens[0]}", headers=headers)
        simulated = served.simulated.request("GET", f"{LIST}&continue={tokens[1]}", headers=headers)
        assert normalised(simulated) == normalised(real)
        page, copy = body(real), body(simulated)
        names += [item["metadata"]["name"] for item in page["items"]]
        assert page["metadata"].get("remainingItemCount", 0) == MANY_ITEMS - len(names)
        tokens = (page["metadata"].get("continue", ""), copy["metadata"].get("continue", ""))
        if not any(tokens):
            break

    assert names == [f"item-{n:02}" for n in range(MANY_ITEMS)]


def test_a_version_stays_the_same_from_page_to_page(served: Sides) -> None:
    for side in (served.real, served.simulated):
        first = body(side.request("GET", LIST))["metadata"]
        second = body(side.request("GET", f"{LIST}&continue={first['continue']}"))["metadata"]

        assert second["resourceVersion"] == first["resourceVersion"]


def test_a_token_that_is_too_old_is_answered_with_one_that_goes_on(plane_minor: str) -> None:
    with sides(plane_minor, *compacting(plane_minor)) as found:
        first, copy = (body(reply) for reply in found.both("GET", LIST))
        found.cluster.put("/configmaps", {"metadata": {"name": "later", "namespace": "kube-public"}})
        found.plane.create("/api/v1/namespaces/kube-public/configmaps", {"metadata": {"name": "later"}})
        real = until_expired(found, f"{LIST}&continue={first['metadata']['continue']}")
        simulated = found.simulated.request("GET", f"{LIST}&continue={copy['metadata']['continue']}")

        assert real.status == 410
        assert body(real)["reason"] == "Expired"
        assert continue_token(body(real)["metadata"]["continue"])["rv"] == -1
        assert normalised(simulated) == normalised(real)

        rest = found.real.request("GET", f"{LIST}&continue={body(real)['metadata']['continue']}")
        rest_copy = found.simulated.request("GET", f"{LIST}&continue={body(simulated)['metadata']['continue']}")
        assert [item["metadata"]["name"] for item in body(rest)["items"]] == [f"item-{n}" for n in range(10, 20)]
        assert normalised(rest_copy) == normalised(rest)


@pytest.mark.parametrize("path", ["/api/v1", "/apis/apps/v1", "/apis/batch/v1", "/apis/example.com/v1"])
def test_discovery_of_a_version_is_true_in_all_that_it_holds(served: Sides, path: str) -> None:
    real, simulated = served.both("GET", path)
    listed, copy = body(real)["resources"], body(simulated)["resources"]
    known = {row["name"] for row in copy}

    assert {**body(simulated), "resources": ...} == {**body(real), "resources": ...}
    assert by("name", copy) == by("name", [without_hash(row) for row in listed if row["name"] in known])


def test_discovery_of_groups_is_true_in_all_that_it_holds(served: Sides) -> None:
    real, simulated = served.both("GET", "/apis")
    known = {group["name"] for group in body(simulated)["groups"]}

    assert body(simulated)["groups"] == [group for group in body(real)["groups"] if group["name"] in known]


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_aggregated_discovery_is_true_in_all_that_it_holds(served: Sides, path: str) -> None:
    real, simulated = served.both("GET", path, headers=AGGREGATED)
    assert {**normalised(simulated), "body": ...} == {**normalised(real), "body": ...}

    assert dict(aggregated(simulated)).items() <= dict(aggregated(real)).items()


def test_a_call_of_a_deprecated_api_is_seen_in_the_metric(served: Sides) -> None:
    flow_schemas = "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas"  # served up to 1.31
    path = flow_schemas if served.minor == "1.31" else "/api/v1/endpoints"  # deprecated from 1.33 on
    called = served.both("GET", path)
    assert {reply.headers["warning"] for reply in called} == {called[0].headers["warning"]}

    real, simulated = (lines(reply) for reply in served.both("GET", "/metrics", user="prober"))
    assert real
    assert simulated <= real


def test_component_statuses_warn(served: Sides) -> None:
    real, simulated = served.both("GET", "/api/v1/componentstatuses")

    assert real.headers["warning"] == '299 - "v1 ComponentStatus is deprecated in v1.19+"'
    assert simulated.headers["warning"] == real.headers["warning"]


def body(reply: Reply) -> Any:
    return json.loads(reply.body)


def by(key: str, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Custom resources come in no order."""
    return {row[key]: row for row in rows}


def without_hash(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "storageVersionHash"}


def aggregated(reply: Reply) -> Iterator[tuple[tuple[str, str, str], Any]]:
    """(group, version, resource) → what is said of it, and what is said of its group and version."""
    found = body(reply)
    yield ("", "", ""), {**found, "items": ...}
    for group in found["items"]:
        for version in group["versions"]:
            where = (group["metadata"].get("name", ""), version["version"])
            yield (*where, ""), ({**group, "versions": ...}, {**version, "resources": ...})
            for row in version["resources"]:
                yield (*where, row["resource"]), {key: row[key] for key in row if key != "subresources"}


def lines(reply: Reply) -> set[str]:
    """The lines about deprecated calls, the comments among them."""
    return {line for line in reply.body.decode().splitlines() if METRIC in line}


def until_expired(found: Sides, path: str) -> Reply:
    """The answer of the real server once it has compacted what the token needs."""

    def refused() -> Reply | None:
        reply = found.real.request("GET", path)
        return None if reply.status == 200 else reply

    return wait_until(refused, "the token has expired")
