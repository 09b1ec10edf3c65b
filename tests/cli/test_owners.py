"""`get owners` and `owners explain` over a simulated fleet: tables, documents, and what is said when nothing fits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetkeeper.adapters.store import schema
from fleetkeeper.config import StoreSettings
from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command
from tests.cli.programs import of_fleet, run
from tests.cli.test_output import shape

GOLDEN = Path(__file__).parents[1] / "golden" / "cli_shapes_owners.json"
OWNERS = """
[owners]
[[owners.teams]]
name = "platform"
channel = "C0123456789"
[[owners.teams]]
name = "payments"
ask = "#payments"
[[owners.rules]]
owner = "platform"
namespace = "kube-system"
"""


@pytest.fixture(scope="session")
def owned(fleet: SimProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a fleet with teams that was observed and assessed once, and that no test changes."""
    home = tmp_path_factory.mktemp("owned")
    store = f"sqlite:///{home}/fleet.db"
    schema.upgrade(StoreSettings(store))
    environ = of_fleet(home, fleet, store)
    file = Path(environ["FLEETKEEPER_CONFIG"])
    file.write_text(file.read_text("utf-8") + OWNERS, "utf-8")
    for step in ("observe", "assess"):
        assert run([step], environ, home).returncode == 0
    return environ


@pytest.fixture
def told(command: Command, owned: dict[str, str]) -> Callable[..., Any]:
    """Runs a command that must succeed, and gives its JSON."""

    def tell(*words: str) -> Any:
        found = command(*words, "-o", "json", environ=owned)
        assert (found.exit_code, found.stderr) == (0, "")
        return json.loads(found.stdout)

    return tell


def without_data(document: Any) -> Any:
    """What the keys of counters are is data."""

    def plain(item: dict[str, Any]) -> dict[str, Any]:
        counts = {name: "counts" for name in ("by", "passed_over") if name in item}
        return item | counts | {"trouble": ["text"]}

    return document | {"items": [plain(each) for each in document["items"]]}


def test_the_shapes_of_documents_are_as_promised(told: Callable[..., Any]) -> None:
    found = {
        "owners": shape(without_data(told("get", "owners"))),
        "owner": shape(without_data(told("owners", "explain", "payments/payments/Deployment/api"))),
    }
    assert found == json.loads(GOLDEN.read_text("utf-8"))


def test_every_finding_is_somebodys(told: Callable[..., Any]) -> None:
    owners, findings = told("get", "owners"), told("get", "findings")["items"]
    rows = {(each["kind"], each["owner"]): each for each in owners["items"]}
    assert sum(each["findings"] for each in owners["items"]) == len(findings)
    assert rows["team", "payments"]["by"]["object"] >= 1
    assert rows["unowned", "platform"]["findings"] == owners["unowned"] > 0


def test_yaml_says_the_same(command: Command, owned: dict[str, str], told: Callable[..., Any]) -> None:
    found = yaml.safe_load(command("get", "owners", "-o", "yaml", environ=owned).stdout)
    assert found["items"] == told("get", "owners")["items"]


@pytest.mark.parametrize("words", [("get", "owners"), ("owners", "explain", "payments/payments/deployment/api")])
def test_tables_fit_a_hundred_columns(words: tuple[str, ...], command: Command, owned: dict[str, str]) -> None:
    found = command(*words, environ=owned)
    assert (found.exit_code, found.stderr) == (0, "")
    assert max(map(len, found.stdout.splitlines())) <= 100


def test_the_table_has_a_line_for_what_nobody_owns(command: Command, owned: dict[str, str]) -> None:
    lines = command("get", "owners", environ=owned).stdout.splitlines()
    assert lines[0].split()[:4] == ["OWNER", "OPEN", "BLOCKERS", "CLUSTERS"]
    assert any(line.startswith("(unowned) platform") for line in lines)
    assert any("without an owner: name owners by labels or by owners.rules." in line for line in lines)


def test_where_nothing_is_open_it_says_what_to_do(command: Command, owned: dict[str, str]) -> None:
    assert command("get", "owners", "-l", "name=none", environ=owned).stdout.startswith("Nothing is open: ")


def test_the_place_that_holds_is_marked(command: Command, owned: dict[str, str]) -> None:
    text = command("owners", "explain", "payments/payments/deployment/api", environ=owned).stdout
    assert text.startswith("Deployment payments/api of payments (111122223333/eu-west-1)\n")
    assert "owned by payments, because of `team` on Deployment payments/api" in text
    assert "ask #payments" in text
    (held,) = [line for line in text.splitlines() if line.startswith("→")]
    assert held.split()[1] == "object"
    assert "not used: another comes" in text


def test_what_is_in_kube_system_goes_by_the_rule_of_the_settings(told: Callable[..., Any]) -> None:
    (row,) = told("owners", "explain", "shop/kube-system/DaemonSet/aws-node")["items"]
    assert (row["owner"], row["because"]) == ("platform", "the rule at fleetkeeper.toml:33")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        pytest.param("shop", "shop is no object: write it as CLUSTER/NAMESPACE/KIND/NAME", id="a cluster alone"),
        pytest.param("shop/web/Deployment/", "is no object", id="no name"),
        pytest.param("shp/-/Cluster", "no cluster is called shp: did you mean shop?", id="no such cluster"),
        pytest.param(
            "shop/shp/Deployment/web", "there is no namespace shp: did you mean shop?", id="no such namespace"
        ),
        pytest.param(
            "shop/shop/Deployment/wev", "there is no Deployment shop/wev: did you mean web?", id="no such object"
        ),
    ],
)
def test_what_is_not_there_is_told(what: str, message: str, command: Command, owned: dict[str, str]) -> None:
    found = command("owners", "explain", what, environ=owned)
    assert found.exit_code == 2
    assert message in found.stderr


def test_a_bad_file_is_told_with_its_line(command: Command, owned: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text("kind: Component\nmetadata: {name: a}\n", "utf-8")
    found = command("get", "owners", environ=owned | {"FLEETKEEPER_OWNERS__CATALOG": str(tmp_path / "catalog.yaml")})
    assert found.exit_code == 1
    assert f"{tmp_path}/catalog.yaml:1: spec.owner: is missing of Component a" in found.stderr
