"""API servers that are wrong themselves: they lag behind, their clock is off, their watches have gaps."""

import http.client
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from fleetkeeper.sim.faults import ALL, Fault
from fleetkeeper.sim.world import SimCluster, World
from tests.sim.kube_wire import Reply
from tests.sim.kube_writing import (
    MAP,
    MAPS,
    Clock,
    clock,
    cluster,
    data,
    send,
    server,
    watching,
    world,
    write,
)

__all__ = ["clock", "cluster", "server", "world"]


# ---- reads that lag


def keys(reply: Reply) -> str:
    """The value in the config map of an answer, be it one or a list."""
    body = reply.json()
    found = body["items"][0] if "items" in body else body
    return str(found["data"]["key"])


LAGGING: dict[str, tuple[str, str, str]] = {
    "a get from the cache": (f"{MAP}?resourceVersion=0", "old", "old"),
    "a list from the cache": (f"{MAPS}?resourceVersion=0", "old", "old"),
    "a plain get": (MAP, "new", "old"),
    "a plain list": (MAPS, "new", "old"),
}


@pytest.mark.parametrize("case", LAGGING, ids=list(LAGGING))
@pytest.mark.parametrize("reads", ["cached", ALL])
def test_a_lagging_server_shows_the_past_where_a_cache_may(
    world: World, cluster: SimCluster, clock: Clock, case: str, reads: str
) -> None:
    path, cached, every = LAGGING[case]
    world.order(Fault("kube", "stale", seconds=30.0, reads=reads))
    write(cluster, "new")
    assert keys(send(cluster, "GET", path)) == (every if reads == ALL else cached)
    assert data(cluster) == "new"
    clock.advance(29)
    assert keys(send(cluster, "GET", path)) == (every if reads == ALL else cached)
    clock.advance(1)
    assert keys(send(cluster, "GET", path)) == "new"


def test_each_write_shows_when_its_own_time_has_passed(world: World, cluster: SimCluster, clock: Clock) -> None:
    world.order(Fault("kube", "stale", seconds=30.0))
    seen = []
    for value in ("first", "second", "third", "fourth"):
        write(cluster, value)
        seen.append(keys(send(cluster, "GET", f"{MAP}?resourceVersion=0")))
        clock.advance(15)
    assert seen == ["old", "old", "first", "second"]


def test_what_came_and_went_lags_too(world: World, cluster: SimCluster, clock: Clock) -> None:
    world.order(Fault("kube", "stale", seconds=30.0))
    before = send(cluster, "GET", f"{MAPS}?resourceVersion=0").json()
    send(cluster, "DELETE", MAP)
    send(cluster, "POST", MAPS, {"metadata": {"name": "d"}, "data": {"key": "d"}})
    assert send(cluster, "GET", f"{MAPS}?resourceVersion=0").json() == before
    assert [each["metadata"]["name"] for each in send(cluster, "GET", MAPS).json()["items"]] == ["d"]
    clock.advance(30)
    assert send(cluster, "GET", f"{MAPS}?resourceVersion=0").json() == send(cluster, "GET", MAPS).json()


def test_a_version_that_the_cache_has_not_reached_is_too_large(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "stale", seconds=30.0))
    version = write(cluster, "new").json()["metadata"]["resourceVersion"]
    assert send(cluster, "GET", f"{MAPS}?resourceVersion={version}").status == 504


def test_a_write_is_never_late(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "stale", seconds=30.0, reads=ALL))
    old = send(cluster, "GET", MAP).json()
    write(cluster, "new")
    assert send(cluster, "GET", MAP).json() == old
    assert send(cluster, "PUT", MAP, {**old, "data": {"key": "lost"}}).status == 409
    assert data(cluster) == "new"


def test_the_past_ends_with_its_fault(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "stale", seconds=30.0))
    write(cluster, "new")
    world.faults.clear()
    assert keys(send(cluster, "GET", f"{MAP}?resourceVersion=0")) == "new"
    world.order(Fault("kube", "stale", seconds=30.0))
    assert keys(send(cluster, "GET", f"{MAP}?resourceVersion=0")) == "new"


def test_a_change_around_the_api_shows_at_once(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "stale", seconds=30.0))
    write(cluster, "new")
    cluster.put("/configmaps", {"metadata": {"name": "c", "namespace": "team"}, "data": {"key": "newest"}})
    assert keys(send(cluster, "GET", f"{MAP}?resourceVersion=0")) == "newest"


# ---- clocks


@pytest.mark.parametrize("ahead", [3600.0, -3600.0], ids=["ahead", "behind"])
def test_a_skewed_server_shows_its_own_time(world: World, cluster: SimCluster, clock: Clock, ahead: float) -> None:
    right = parsedate_to_datetime(send(cluster, "GET", MAP).headers["date"])
    world.order(Fault("kube", "skew", seconds=ahead, count=2))
    wrong = parsedate_to_datetime(send(cluster, "GET", MAP).headers["date"])
    assert abs((wrong - right).total_seconds() - ahead) < 30
    skewed = send(cluster, "POST", MAPS, {"metadata": {"name": "skewed"}}).json()["metadata"]
    after = send(cluster, "POST", MAPS, {"metadata": {"name": "after"}}).json()["metadata"]
    times = [datetime.fromisoformat(each["creationTimestamp"]) for each in (skewed, after)]
    assert times == [clock.at + timedelta(seconds=ahead), clock.at]


# ---- watches


def test_a_gap_cuts_an_open_watch_and_forgets_what_it_could_go_on_from(world: World, cluster: SimCluster) -> None:
    begun = write(cluster, "first").json()["metadata"]["resourceVersion"]
    with watching(cluster, begun) as watch:
        seen = write(cluster, "second").json()["metadata"]["resourceVersion"]
        assert watch.event()[1]["metadata"]["resourceVersion"] == seen
        world.order(Fault("kube", "watch-gap", operation="/configmaps", count=1))
        write(cluster, "third")
        with pytest.raises((ConnectionError, http.client.IncompleteRead, EOFError)):
            watch.event()
    with watching(cluster, seen) as watch:
        kind, status = watch.event()
    assert (watch.status, kind, status["code"], status["reason"]) == (200, "ERROR", 410, "Expired")
    assert status["message"].startswith(f"too old resource version: {seen} (")
    fresh = send(cluster, "GET", MAPS).json()["metadata"]["resourceVersion"]
    with watching(cluster, fresh) as watch:
        write(cluster, "fourth")
        assert watch.event()[1]["data"]["key"] == "fourth"


def test_a_gap_leaves_the_watches_of_other_resources(world: World, cluster: SimCluster) -> None:
    since = send(cluster, "GET", MAPS).json()["metadata"]["resourceVersion"]
    with watching(cluster, since) as watch:
        world.order(Fault("kube", "watch-gap", operation="/pods"))
        write(cluster, "new")
        assert watch.event()[0] == "MODIFIED"


@pytest.mark.parametrize(
    ("since", "ends"), [("1", True), ("0", False), ("", False)], ids=["from a version", "from the cache", "from now"]
)
def test_a_watch_from_a_version_expires_on_demand(world: World, cluster: SimCluster, since: str, ends: bool) -> None:
    world.order(Fault("kube", "expire"))
    with watching(cluster, since or "") as watch:
        kind, seen = watch.event()
        if not ends:
            assert kind == "ADDED"
            return
        assert (kind, seen["code"], seen["message"]) == ("ERROR", 410, "too old resource version: 1 (2)")
        with pytest.raises(EOFError):
            watch.event()


def test_a_watch_is_refused_like_any_request(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "error", verb="watch", status=503))
    with watching(cluster, "0") as watch:
        assert watch.status == 503
    assert send(cluster, "GET", MAPS).status == 200


def test_an_expired_page_does_not_count_for_other_reads(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "expire", count=1))
    send(cluster, "POST", MAPS, {"metadata": {"name": "d"}})
    token = send(cluster, "GET", f"{MAPS}?limit=1").json()["metadata"]["continue"]
    assert [send(cluster, "GET", f"{MAPS}?limit=1&continue={token}").status for _ in range(2)] == [410, 200]
