"""What may be said of a fault, when it is on and how often it strikes: by itself, over the channel, in a scenario."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

import fleetkeeper
from fleetkeeper.errors import ConfigError
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.faults import FIELDS, HARMS, Encounter, Fault, FaultError, Harm, Side, of_json
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import World
from tests.sim.fleet_of_three import eks_of
from tests.sim.kube_wire import get
from tests.sim.test_scenario import HEAD, scenario
from tests.sim.test_server import eks_token

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GUIDE = Path(fleetkeeper.__file__).parent.parent / "docs" / "simulator.md"
POD = Encounter("kube", "111122223333", "eu-west-1", "a", "/pods", "list")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(build(scenario_file.load(scenario_file.find("three"))), virtual=True) as running:
        yield running


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown side": ({"side": "azure"}, "side", "must be one of aws, kube"),
    "an unknown kind": ({"kind": "gremlins"}, "kind", "must be one of throttle, forbid"),
    "a kind of the other side": ({"side": "aws", "kind": "expire"}, "kind", "the side aws has no expire"),
    "a rate past 1": ({"rate": 1.5}, "rate", "must be from 0 to 1"),
    "a rate that is no number": ({"rate": float("nan")}, "rate", "must be from 0 to 1"),
    "negative seconds": ({"kind": "slow", "seconds": -1}, "seconds", "must not be negative"),
    "seconds past reason": ({"kind": "slow", "seconds": 1e300}, "seconds", "must be at most"),
    "seconds of a kind that has none": ({"seconds": 5}, "seconds", "it is for slow, timeout, stale, skew"),
    "a lag of nothing": ({"kind": "stale"}, "seconds", "a stale needs some"),
    "a negative count": ({"count": -1}, "count", "must not be negative"),
    "half a count": ({"count": 0.5}, "count", "must be a whole number"),
    "an end before the beginning": (
        {"begins": "2026-11-20T12:00:00Z", "ends": "2026-11-20T11:00:00Z"},
        "ends",
        "must be after begins",
    ),
    "two beginnings": ({"begins": "2026-11-20T12:00:00Z", "after": 5}, "after", "does not go with begins"),
    "two ends": ({"ends": "2026-11-20T12:00:00Z", "lasts": 5}, "lasts", "does not go with ends"),
    "an end in one form after a beginning in another": (
        {"ends": "2026-11-20T12:00:00Z", "after": 5},
        "ends",
        "does not go with after",
    ),
    "no time at all": ({"lasts": 0}, "lasts", "must be more than 0"),
    "a time without an offset": ({"begins": "2026-11-20T12:00:00"}, "begins", "must be a time with an offset"),
    "a time that is none": ({"ends": "noon"}, "ends", "must be a time with an offset"),
    "an account that is none": ({"account": "prod"}, "account", "12 digits"),
    "a core resource without its slash": ({"operation": "pods/eviction"}, "operation", '"/pods/eviction"'),
    "an operation that AWS spells otherwise": (
        {"side": "aws", "operation": "list_clusters"},
        "operation",
        "such as DescribeCluster",
    ),
    "an unknown verb": ({"verb": "read"}, "verb", "must be one of get, list, watch"),
    "a verb of AWS": ({"side": "aws", "verb": "get"}, "verb", "for the side kube only"),
    "a status that the side has not": ({"status": 404}, "status", "must be one of 500, 503, 504"),
    "a status of a kind that has its own": ({"kind": "forbid", "status": 500}, "status", "it is for error"),
    "reads of another kind": ({"reads": "all"}, "reads", "it is for stale"),
    "reads that are none": ({"kind": "stale", "seconds": 1, "reads": "some"}, "reads", "must be one of cached, all"),
    "a text that is a number": ({"region": 5}, "region", "must be a text"),
    "a number that is a text": ({"rate": "1"}, "rate", "must be a number"),
}


@pytest.mark.parametrize("case", WRONG, ids=list(WRONG))
def test_a_wrong_fault_is_refused_by_its_field(case: str) -> None:
    changed, field, says = WRONG[case]
    with pytest.raises(FaultError) as refused:
        of_json({"side": "kube", "kind": "error", **changed})
    assert [wrong.field for wrong in refused.value.mistakes] == [field]
    assert says in refused.value.mistakes[0].message


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(FaultError) as refused:
        of_json({"kind": 5, "colour": "red"})
    said = {wrong.field: wrong.message for wrong in refused.value.mistakes}
    assert said == {
        "colour": f"unknown field; known are {', '.join(FIELDS)}",
        "side": "is missing",
        "kind": "must be a text",
    }


def test_a_fault_is_an_object() -> None:
    with pytest.raises(FaultError, match="fault: must be an object"):
        of_json(["kube"])


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("harm", Harm)
def test_a_side_has_the_kinds_that_it_lists(side: Side, harm: Harm) -> None:
    seconds = 1.0 if harm in (Harm.STALE, Harm.SKEW) else 0.0
    if harm in HARMS[side]:
        assert Fault(side, harm, seconds=seconds).kind == harm
    else:
        with pytest.raises(FaultError, match=f"the side {side} has no {harm}"):
            Fault(side, harm, seconds=seconds)


# ---- when


WINDOWS: dict[str, tuple[dict[str, Any], list[bool]]] = {
    "always": ({}, [True] * 5),
    "from a time on": ({"begins": NOON + timedelta(seconds=10)}, [False, True, True, True, True]),
    "until a time, not at it": ({"ends": NOON + timedelta(seconds=20)}, [True, True, False, False, False]),
    "between two times": (
        {"begins": NOON + timedelta(seconds=10), "ends": NOON + timedelta(seconds=30)},
        [False, True, True, False, False],
    ),
    "for a while from a time on": (
        {"begins": NOON + timedelta(seconds=10), "lasts": 10.0},
        [False, True, False, False, False],
    ),
    "after a while": ({"after": 20.0}, [False, False, True, True, True]),
    "for a while": ({"lasts": 20.0}, [True, True, False, False, False]),
    "after a while, for a while": ({"after": 10.0, "lasts": 20.0}, [False, True, True, False, False]),
}


@pytest.mark.parametrize("case", WINDOWS, ids=list(WINDOWS))
@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "put there by hand"])
def test_a_fault_is_on_in_its_time(case: str, ordered: bool) -> None:
    fields, struck = WINDOWS[case]
    now = [NOON]
    world = World(NOON, "1", clock=lambda: now[0])
    fault = Fault("kube", "error", **fields)
    if ordered:
        world.order(fault)
    else:
        world.faults.append(fault)
    seen = []
    for seconds in range(0, 50, 10):
        now[0] = NOON + timedelta(seconds=seconds)
        seen.append(world.fault(POD) is fault)
    assert seen == struck


def test_requests_before_its_time_do_not_count() -> None:
    now = [NOON]
    world = World(NOON, "1", clock=lambda: now[0])
    fault = Fault("kube", "error", after=10.0, rate=0.5)
    world.order(fault)
    assert world.fault(POD) is None
    now[0] += timedelta(seconds=10)
    assert [world.fault(POD), world.fault(POD)] == [None, fault]


def test_a_fault_that_is_ordered_counts_its_time_anew() -> None:
    world = World(NOON, "1", clock=lambda: NOON)
    old = replace(Fault("kube", "error", lasts=5.0), set_at=NOON - timedelta(hours=1))
    assert not old.is_on(NOON)
    world.order(old)
    assert world.fault(POD) is old


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        pytest.param(Fault("kube", "error", count=2), [True, True, False, False, False, False], id="the first two"),
        pytest.param(
            Fault("kube", "error", count=2, rate=0.5),
            [False, True, False, True, False, False],
            id="two of every second",
        ),
    ],
)
def test_a_fault_ends_after_its_count(fault: Fault, struck: list[bool]) -> None:
    world = World(NOON, "1", faults=[replace(fault)])
    assert [world.fault(POD) is not None for _ in range(6)] == struck


def test_a_fault_that_is_used_up_leaves_the_place_to_the_next() -> None:
    first, second = Fault("kube", "error", count=1), Fault("kube", "throttle")
    world = World(NOON, "1", faults=[first, second])
    assert [world.fault(POD), world.fault(POD)] == [first, second]


# ---- at which operation


@pytest.mark.parametrize(
    ("selects", "operation", "verb", "meets"),
    [
        pytest.param({"operation": "/pods"}, "/pods/eviction", "create", True, id="a resource and its subresources"),
        pytest.param({"operation": "/pods/eviction"}, "/pods/eviction", "create", True, id="evictions"),
        pytest.param({"operation": "/pods/eviction"}, "/pods", "create", False, id="evictions, not creations"),
        pytest.param({"operation": "/pod"}, "/pods", "list", False, id="no other name that begins alike"),
        pytest.param({"verb": "delete"}, "/pods", "delete", True, id="a verb"),
        pytest.param({"verb": "delete"}, "/pods", "deletecollection", False, id="another verb"),
        pytest.param({"operation": "apps/deployments", "verb": "patch"}, "apps/deployments", "patch", True, id="both"),
        pytest.param({"operation": "/apis"}, "/apis/apps/v1", "get", True, id="a path and those below"),
    ],
)
def test_a_fault_selects_by_operation_and_verb(selects: dict[str, str], operation: str, verb: str, meets: bool) -> None:
    fault = Fault("kube", "error", **selects)  # type: ignore[arg-type]
    assert fault.selects(replace(POD, operation=operation, verb=verb)) is meets


# ---- the control channel


def control(simulator: Simulator, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection = HTTPConnection(urlsplit(simulator.control_url).netloc, timeout=20)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


REFUSED: dict[str, tuple[object, str]] = {
    "an unknown field of the body": ({"remove": True}, "unknown field remove; known are clear, add"),
    "one fault in place of a list": ({"add": {"side": "kube"}}, "add: must be a list of faults"),
    "an unknown cluster to clear": (
        {"clear": "nope"},
        "clear: must be true, false or the key of a cluster, not 'nope'",
    ),
    "a list to clear": ({"clear": ["shop"]}, "clear: must be true, false or the key of a cluster"),
    "an unknown cluster": (
        {"add": [{"side": "kube", "kind": "error", "cluster": "nope"}]},
        "add[0].cluster: there is no cluster nope",
    ),
    "a wrong field of the second": (
        {"add": [{"side": "kube", "kind": "error"}, {"side": "kube", "kind": "error", "rate": 2}]},
        "add[1].rate: must be from 0 to 1",
    ),
    "a counter": ({"add": [{"side": "kube", "kind": "error", "seen": 5}]}, "add[0].seen: unknown field"),
}


@pytest.mark.parametrize("case", REFUSED, ids=list(REFUSED))
def test_the_control_channel_refuses_and_changes_nothing(simulator: Simulator, case: str) -> None:
    body, says = REFUSED[case]
    simulator.world.faults[:] = [Fault("kube", "error", rate=0.0)]
    status, answer = control(simulator, "POST", "/faults", body)
    assert status == 400
    assert says in answer["error"]
    assert len(simulator.world.faults) == 1


def test_the_control_channel_orders_faults_of_a_time_and_shows_them(simulator: Simulator) -> None:
    simulator.world.faults.clear()
    times = {"begins": "2026-11-21T09:00:00+00:00", "ends": "2026-11-21T10:00:00+00:00"}
    orders = [
        {"side": "aws", "kind": "throttle", "operation": "ListClusters", "after": 60, "lasts": 5, "count": 3},
        {"side": "kube", "kind": "error", "status": 503, "retry_after": 7, "verb": "create", **times},
    ]
    assert control(simulator, "POST", "/faults", {"add": orders})[0] == 200
    shown = control(simulator, "GET", "/state")[1]["faults"]
    assert [{name: fault[name] for name in order} for fault, order in zip(shown, orders, strict=True)] == orders
    assert {fault["set_at"] for fault in shown} == {simulator.world.now().isoformat()}
    assert control(simulator, "POST", "/faults", {"clear": True})[0] == 200
    assert simulator.world.faults == []


def test_virtual_time_begins_and_ends_a_fault_on_both_faces(simulator: Simulator) -> None:
    shop = simulator.world.clusters["shop"]
    token, eks = eks_token(simulator, shop), eks_of(simulator, shop)
    simulator.world.faults.clear()
    window = {"after": 60, "lasts": 60}
    orders = [{"side": side, "kind": "forbid", "cluster": "shop", **window} for side in ("aws", "kube")]
    assert control(simulator, "POST", "/faults", {"add": orders})[0] == 200
    seen = []
    for _ in range(4):
        try:
            on_aws = eks.describe_cluster(name=shop.name)["ResponseMetadata"]["HTTPStatusCode"]
        except ClientError as error:
            on_aws = error.response["ResponseMetadata"]["HTTPStatusCode"]
        seen.append((on_aws, get(shop, "/api/v1/nodes", token).status))
        simulator.advance(50)
    assert seen == [(200, 200), (200, 200), (403, 403), (200, 200)]


def test_an_api_server_refuses_a_token_that_a_skewed_sts_finds_old(simulator: Simulator) -> None:
    shop, tools = simulator.world.clusters["shop"], simulator.world.clusters["tools"]
    orders = [Fault("aws", "skew", cluster="shop", operation="GetCallerIdentity", seconds=1000.0)]
    tokens = {each.key: eks_token(simulator, each) for each in (shop, tools)}
    simulator.world.faults[:] = orders
    found = {each.key: get(each, "/api/v1/nodes", tokens[each.key]).status for each in (shop, tools)}
    simulator.world.faults.clear()
    assert found == {"shop": 401, "tools": 200}


# ---- scenarios


CLUSTER = '[[cluster]]\nname = "c"\nversion = "1.34"\n'


def test_a_scenario_declares_faults_of_the_fleet_and_of_a_cluster() -> None:
    text = (
        f'{CLUSTER}[[cluster.fault]]\nkind = "throttle"\nafter = 60\nlasts = 30\ncount = 2\nverb = "list"\n'
        '[[cluster.fault]]\nkind = "throttle"\nafter = 600\n'
        '[[fault]]\nside = "aws"\nkind = "skew"\nseconds = -400\ncluster = "c"\nbegins = 2026-11-20T10:00:00Z\n'
        '[[fault]]\nkind = "error"\nstatus = 503\nretry_after = 5\n'
    )
    world = build(scenario(text))
    fleet, errors, *own = world.faults
    assert (fleet.kind, fleet.cluster, fleet.seconds, fleet.begins) == (
        "skew",
        "c",
        -400,
        datetime(2026, 11, 20, 10, tzinfo=UTC),
    )
    assert (errors.status, errors.retry_after, errors.cluster) == (503, 5, "")
    assert [(each.cluster, each.after, each.lasts, each.count) for each in own] == [
        ("c", 60.0, 30.0, 2),
        ("c", 600.0, None, 0),
    ]
    assert own[0].window(world.epoch) == (
        world.epoch + timedelta(seconds=60),
        world.epoch + timedelta(seconds=90),
    )


def test_two_worlds_of_a_scenario_count_for_themselves() -> None:
    found = scenario(f'{CLUSTER}[[cluster.fault]]\nkind = "error"\n[[fault]]\nkind = "slow"\n')
    first, second = build(found), build(found)
    for fault in first.faults:
        fault.strikes()
    assert [fault.seen for fault in second.faults] == [0, 0]


FIRST = HEAD.count("\n") + CLUSTER.count("\n") + 1
MISTAKES: dict[str, tuple[str, int, str]] = {
    "a kind of the other side": ('side = "aws"\nkind = "watch-gap"\n', 2, "the side aws has no watch-gap"),
    "a rate past 1": ('kind = "error"\nrate = 2\n', 2, "must be from 0 to 1"),
    "negative seconds": ('kind = "slow"\nseconds = -1\n', 2, "must not be negative"),
    "an end before the beginning": (
        'kind = "error"\nbegins = 2026-11-20T12:00:00Z\nends = 2026-11-20T11:00:00Z\n',
        3,
        "must be after begins",
    ),
    "an unknown key": ('kind = "error"\ncolour = "red"\n', 2, "unknown key"),
    "no kind": ("rate = 0.5\n", 0, "is missing"),
    "an unknown cluster": ('kind = "error"\ncluster = "d"\n', 2, "there is no cluster d"),
}


@pytest.mark.parametrize("case", MISTAKES, ids=list(MISTAKES))
def test_a_mistake_of_a_fault_in_a_scenario_has_its_line(case: str) -> None:
    text, line, says = MISTAKES[case]
    with pytest.raises(ConfigError) as raised:
        scenario(f"{CLUSTER}[[fault]]\n{text}")
    assert [(m.line, says in m.message) for m in raised.value.mistakes] == [(FIRST + line, True)]


# ---- the guide


def test_the_guide_has_every_kind_with_the_sides_that_have_it() -> None:
    section = GUIDE.read_text(encoding="utf-8").partition("## Faults\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    told = {
        cells[0].strip().strip("`"): {side for side, cell in zip(Side, cells[1:], strict=True) if cell.strip() != "–"}
        for cells in rows
        if len(cells) == 3
    }
    assert told == {harm.value: {side for side in Side if harm in HARMS[side]} for harm in Harm}


def test_the_guide_has_every_field() -> None:
    section = GUIDE.read_text(encoding="utf-8").partition("## Faults\n")[2].partition("\n## ")[0]
    assert [name for name in FIELDS if f"`{name}`" not in section] == []
