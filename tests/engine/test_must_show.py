"""What the product must show, by real adapters over a simulated fleet: nothing mixed, nothing hidden, nothing raw."""

import io
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.cli import app, fleet_tables
from fleetkeeper.config import KubeCluster, StoreSettings
from fleetkeeper.core import model, parts
from fleetkeeper.core.fleet import NEEDED, fleet_rows, gap_rows
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import SimCluster, SimIssue
from tests.contract.observed import NOON, SCOPE
from tests.engine.fakes import FakeCloud, Fleet, Snapshot, described, fails
from tests.engine.live import STRANGER, Live, connected, live, world_of

PROD, DEV = "111122223333", "444455556666"

NAMESAKES = f"""
[[cluster]]
name = "shop"
key = "shop-prod"
template = ["small"]
account = "{PROD}"
region = "eu-west-1"
version = "1.34"
tags = {{ environment = "production", service = "shop" }}
[[cluster]]
name = "shop"
key = "shop-dev"
template = ["small"]
account = "{DEV}"
region = "eu-west-1"
own_ca = true
tags = {{ environment = "dev", ring = "canary", service = "shop" }}
[[cluster]]
name = "pay"
key = "pay"
template = ["small"]
account = "{PROD}"
region = "eu-west-1"
tags = {{ environment = "production" }}
"""


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def arn(account: str, name: str) -> str:
    return f"arn:aws:eks:eu-west-1:{account}:cluster/{name}"


def kubeconfig(folder: Path, server: str, ca_pem: str) -> str:
    """A kubeconfig with one context and a token that every simulated API server accepts."""
    (folder / "ca.pem").write_text(ca_pem, encoding="utf-8")
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": "ca.pem"}}],
        "users": [{"name": "u", "user": {"token": STRANGER}}],
        "contexts": [{"name": "shop", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "shop",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(folder / "kubeconfig")


def strangers(found: Live) -> list[str]:
    """Requests with the kubeconfig's token, to any API server."""
    log = found.simulator.kube.access_log
    return [entry.path for key in found.world.clusters for entry in log(key) if entry.user == "stranger"]


def shown(found: Live) -> str:
    """The fleet table with all that is not seen."""
    keeper, out = found.keeper, io.StringIO()
    fleet = keeper.fleet(Selector(), NEEDED)
    rows = fleet_rows(fleet)
    console = Console(file=out, width=100, highlight=False, markup=False, emoji=False)
    fleet_tables.show_clusters(console, rows, gap_rows(rows, keeper.not_listed()), fleet.now)
    return out.getvalue()


# Two clusters of one name, a kubeconfig that points at the wrong one, and pods that may not be read


@pytest.mark.parametrize(
    ("server", "ca"),
    [
        pytest.param("shop-dev", "shop-dev", id="the namesake's address and CA"),
        pytest.param("shop-dev", "shop-prod", id="the namesake's address with the right CA"),
        pytest.param("shop-prod", "shop-dev", id="the right address with the namesake's CA"),
        pytest.param("pay", "pay", id="a neighbour behind the same host and CA"),
    ],
)
def test_namesakes_a_wrong_kubeconfig_and_forbidden_pods(store: SqlStore, tmp_path: Path, server: str, ca: str) -> None:
    with live(world_of(NAMESAKES), store) as first:
        simulator, clusters = first.simulator, first.world.clusters
        path = kubeconfig(tmp_path, clusters[server].endpoint, clusters[ca].ca_pem)
        row = KubeCluster("shop", arn(PROD, "shop"), path, "shop")
        found = connected(simulator, store, row)
        found.world.faults.append(Fault("kube", "forbid", cluster="pay", operation="/pods"))
        outcome = found.observe()
        table = shown(found)

        rows = found.rows()
        prod, dev, pay = rows[arn(PROD, "shop")], rows[arn(DEV, "shop")], rows[arn(PROD, "pay")]
        assert strangers(found) == []
        assert simulator.kube.access_log("shop-prod") == []
        assert {entry.user.split(":")[4] for entry in simulator.kube.access_log("shop-dev")} == {DEV}

    assert (len(rows), outcome.clusters, outcome.incomplete) == (3, 3, 2)
    assert (str(prod.value(parts.CONTROL_PLANE).version), prod.placement.environment) == ("1.34", "production")
    assert (str(dev.value(parts.CONTROL_PLANE).version), dev.placement.ring) == ("1.35", "canary")
    assert {part: gap.reason for part, gap in prod.gaps.items()} == dict.fromkeys(
        parts.KUBE_PARTS, GapReason.WRONG_ENDPOINT
    )
    assert prod.value(parts.NODES) is None
    assert len(dev.value(parts.NODES)) == 2
    assert dev.gaps == {}
    assert {part: gap.reason for part, gap in pay.gaps.items()} == {
        parts.PODS: GapReason.FORBIDDEN,
        parts.POD_NOTES: GapReason.FORBIDDEN,
    }
    assert "cannot list resource" in pay.gaps[parts.PODS].detail
    assert f"shop ({PROD}/eu-west-1): most of what its API server says" in table
    assert "wrong endpoint: " in table
    assert f"pay ({PROD}/eu-west-1): pods, pod notes, since" in table


def test_the_right_kubeconfig_is_used(store: SqlStore, tmp_path: Path) -> None:
    with live(world_of(NAMESAKES), store) as first:
        prod = first.world.clusters["shop-prod"]
        path = kubeconfig(tmp_path, prod.endpoint, prod.ca_pem)
        found = connected(first.simulator, store, KubeCluster("shop", prod.arn, path, "shop"))

        assert found.observe().complete
        users = {entry.user for entry in first.simulator.kube.access_log("shop-prod")}
        assert users == {"stranger"}


def test_a_standalone_cluster_needs_no_account(store: SqlStore, tmp_path: Path) -> None:
    with live(world_of(NAMESAKES), store) as first:
        dev = first.world.clusters["shop-dev"]
        path = kubeconfig(tmp_path, dev.endpoint, dev.ca_pem)
        found = connected(first.simulator, store, KubeCluster("edge", "", path, "shop"), accounts=(PROD,))

        assert found.observe().complete
        edge = next(c for c in found.rows().values() if c.name == "edge")

    assert edge.scope is None
    assert len(edge.value(parts.NODES)) == 2


# A tenth of the fleet is dead


def test_a_fleet_of_which_a_tenth_is_unreachable_still_gives_a_full_table_with_reasons(store: SqlStore) -> None:
    world = world_of("""
[[cluster]]
name = "team-{n:02}"
template = ["small"]
count = 20
tags = { environment = "production" }
""")
    dead = list(world.clusters)[4:6]
    world.faults += [Fault("kube", "unreachable", cluster=key) for key in dead]
    with live(world, store) as found:
        outcome = found.observe()
        table = shown(found)
        names = {key: world.clusters[key].name for key in world.clusters}

    assert (outcome.clusters, outcome.incomplete, outcome.not_listed) == (20, 2, {})
    fleet_table, _, not_seen = table.partition("Not seen")
    body = {line.split()[0]: line for line in fleet_table.splitlines() if line.startswith("team-")}
    assert set(body) == set(names.values())
    assert {line.split()[4] for line in body.values()} == {"1.35"}
    assert {name for name, line in body.items() if " ? " in line} == {names[key] for key in dead}
    assert not_seen.count("unreachable: ") == 2
    for key in dead:
        assert f"{names[key]} ({world.clusters[key].account}/eu-west-1): most of what its API server says" in not_seen


# Strings that want to be more than strings

HOSTILE = (
    "\x1b[2J\x1b]0;pwned\x07 \x9b31m \x00\r\n\t <script>alert(1)</script> \u202egnp.exe\u202c "
    "\u2028\u200b\ud800 {{7*7}} [red]x[/red] "
)
ENORMOUS = HOSTILE + "A" * 1_000_000
RAW = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def raw(text: str) -> set[str]:
    """Characters that a terminal would obey or hide."""
    return {char for char in text if char != "\n" and unicodedata.category(char) in RAW}


def poisoned(value: Any, evil: str) -> Any:
    """A core value with every text in it, also in tags, turned hostile; names stay different by what they were."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return evil + value
    if isinstance(value, tuple):
        return tuple(poisoned(one, evil) for one in value)
    if isinstance(value, dict):
        return {evil + key: evil + text for key, text in value.items()}
    if is_dataclass(value) and not isinstance(value, type | Minor):
        return replace(value, **{f.name: poisoned(getattr(value, f.name), evil) for f in fields(value)})
    return value


def poisoned_cluster(name: str, evil: str) -> Snapshot:
    return {part: poisoned(value, evil) for part, value in described(name).items()}


@pytest.fixture
def get(database: StoreSettings, tmp_path: Path) -> Callable[..., str]:
    """Runs `fleetkeeper get …` on the store and gives what it printed."""
    (tmp_path / "fleetkeeper.toml").write_text(f'[store]\nurl = "{database.url}"\n', encoding="utf-8")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["--config", str(tmp_path / "fleetkeeper.toml"), "get", *arguments])
        assert result.exception is None, result.exception
        assert result.exit_code == 0
        return result.stdout

    return run


TABLES = [("clusters",), ("nodes",), ("nodes", "--each"), ("addons",), ("changes", "--since", "2026-11-01")]


def test_no_table_ever_prints_what_a_terminal_would_obey(store: SqlStore, get: Callable[..., str]) -> None:
    evil = HOSTILE
    fleet = Fleet(store, FakeCloud(SCOPE, {"shop": poisoned_cluster("shop", evil), evil: described(evil)}))
    fleet.kubes.alone[evil + "edge"] = poisoned_cluster("edge", evil)
    fleet.broken[(parts.PODS, "shop")] = fails(GapReason.FORBIDDEN, evil)
    fleet.broken[(parts.CLUSTER_VERSIONS, "")] = fails(GapReason.SERVER_ERROR, evil)
    fleet.observe()
    fleet.cloud.clusters["shop"] = described("shop")
    fleet.broken[("connect", evil)] = fails(GapReason.UNREACHABLE, evil)
    fleet.broken[(parts.MANAGED_ADDONS, evil)] = ZeroDivisionError(evil)
    fleet.later()

    for arguments in TABLES:
        for form in ("table", "wide", "json", "jsonl", "yaml"):
            said = get(*arguments, "-o", form)
            assert raw(said) == set(), (arguments, form)
            assert form != "table" or max(map(len, said.splitlines())) <= 100, arguments
    assert len(store.clusters()) == 3


def enormous_cluster() -> Snapshot:
    """A cluster whose names and versions are a megabyte long."""
    evil, usual = ENORMOUS, described("shop", tags={"environment": ENORMOUS, ENORMOUS: "x"})
    return usual | {
        parts.NODES: tuple(replace(n, name=evil + n.name, kubelet=evil, group=evil) for n in usual[parts.NODES]),
        parts.NAMESPACES: (model.Namespace(evil),),
        parts.HELM_RELEASES: tuple(replace(r, name=evil, chart_version=evil) for r in usual[parts.HELM_RELEASES]),
        parts.MANAGED_ADDONS: (model.ManagedAddon(evil, evil, evil),),
    }


def test_a_name_of_a_megabyte_is_cut_in_every_table(store: SqlStore, get: Callable[..., str]) -> None:
    fleet = Fleet(store, FakeCloud(SCOPE, {"shop": enormous_cluster(), ENORMOUS: described(ENORMOUS)}))
    fleet.broken[(parts.PODS, "shop")] = fails(GapReason.FORBIDDEN, ENORMOUS)
    fleet.observe()
    fleet.cloud.clusters["shop"] = described("shop")
    fleet.later()

    for arguments in TABLES:
        said = get(*arguments)
        assert raw(said) == set(), arguments
        assert max(map(len, said.splitlines())) <= 100, arguments
        assert len(said) < 20_000, arguments
    assert len(store.clusters()) == 2


def test_hostile_strings_of_a_real_answer_come_through_as_harmless_text(
    store: SqlStore, get: Callable[..., str]
) -> None:
    evil = HOSTILE.replace("\ud800", "")
    world = world_of(NAMESAKES)
    shop = world.clusters["shop-prod"]
    poison_world(shop, evil)
    with live(world, store) as found:
        outcome = found.observe()

    assert outcome.incomplete <= 1
    row = found.rows()[shop.arn]
    assert row.value(parts.CONTROL_PLANE).tags["owner"] == evil
    assert evil in {node.name for node in row.value(parts.NODES)}
    for arguments in TABLES:
        for form in ("table", "json"):
            assert raw(get(*arguments, "-o", form)) == set(), (arguments, form)


def poison_world(shop: SimCluster, evil: str) -> None:
    """Hostile text wherever the owner of a cluster, or of a part of it, may write something."""
    shop.tags |= {"owner": evil, "huge": "A" * 1_000_000, evil: "key"}
    shop.issues = [SimIssue("Other", evil, [evil])]
    shop.node_groups["general"].labels = {evil: evil}
    for resource in ("/nodes", "/namespaces", "apps/deployments"):
        first = next(iter(shop.objects[resource].values()))
        metadata = {**first["metadata"], "name": evil, "labels": {"team": evil}, "annotations": {"a8r.io/owner": evil}}
        shop.put(resource, {**first, "metadata": metadata})


# Broken answers on both faces


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(world_of(NAMESAKES)) as running:
        yield running


@pytest.mark.parametrize("kind", ["truncate", "garbage", "error", "throttle", "forbid", "unreachable"])
@pytest.mark.parametrize("side", ["aws", "kube"])
@pytest.mark.parametrize("rate", [1.0, 0.4])
def test_broken_answers_end_as_gaps_with_reasons_and_never_as_a_crash(
    simulator: Simulator, store: SqlStore, kind: str, side: str, rate: float
) -> None:
    simulator.world.faults.clear()
    found = connected(simulator, store)
    assert found.observe().complete
    before = found.rows()
    found.clock.turn(90)
    simulator.world.faults.append(Fault(side, kind, rate=rate))
    outcome = found.observe()
    simulator.world.faults.clear()

    rows = found.rows()
    assert set(rows) == set(before)
    broken = {part: gap for row in rows.values() for part, gap in row.gaps.items()}
    assert all(gap.detail for gap in broken.values())
    assert "own" not in {gap.detail.partition("fault of fleetkeeper's ")[2][:3] for gap in broken.values()}
    if rate == 1.0:
        assert not outcome.complete
        assert broken
        assert {row.parts[parts.NODES].observed_at for row in rows.values()} == {NOON}
        assert "2 h old" in shown(found) or "90 min old" in shown(found)
    for arn_of, row in rows.items():
        assert row.id == before[arn_of].id
        assert row.placement == before[arn_of].placement
        assert len(row.value(parts.NODES)) == 2
        assert row.value(parts.ADDONS) is not None


def test_a_fleet_heals_at_the_next_look(simulator: Simulator, store: SqlStore) -> None:
    simulator.world.faults[:] = [Fault("kube", "garbage"), Fault("aws", "truncate", operation="ListNodegroups")]
    found = connected(simulator, store)
    assert found.observe().incomplete == 3
    simulator.world.faults.clear()
    found.clock.at += timedelta(minutes=15)

    assert found.observe().complete
    assert "nothing is missing" in shown(found)
