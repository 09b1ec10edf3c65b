"""`assess`, `get findings` and `explain` over a simulated fleet: formats, filters and exit codes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from fleetkeeper.adapters.store import schema
from fleetkeeper.cli.output import plain
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.checks import all_checks
from fleetkeeper.core.reports.rows import report_row
from fleetkeeper.core.reports.rules import rules_page
from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command
from tests.cli.programs import of_fleet, run
from tests.cli.test_output import shape
from tests.core.reports.clusters import everything

GOLDEN = Path(__file__).parents[1] / "golden" / "cli_shapes_assess.json"


@pytest.fixture(scope="session")
def assessed(fleet: SimProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a fleet that was observed and assessed once, and that no test changes."""
    home = tmp_path_factory.mktemp("assessed")
    store = f"sqlite:///{home}/fleet.db"
    schema.upgrade(StoreSettings(store))
    environ = of_fleet(home, fleet, store)
    for step in ("observe", "assess"):
        assert run([step], environ, home).returncode == 0
    return environ


@pytest.fixture
def told(command: Command, assessed: dict[str, str]) -> Callable[..., Any]:
    """Runs a command that must succeed, and gives its JSON."""

    def tell(*words: str) -> Any:
        found = command(*words, "-o", "json", environ=assessed)
        assert (found.exit_code, found.stderr) == (0, "")
        return json.loads(found.stdout)

    return tell


def test_the_shapes_of_reports_are_as_promised(told: Callable[..., Any]) -> None:
    """Of reports that have everything; the fleet's own have no members besides."""
    rows = [report_row(each) for each in everything()]
    found = {
        "assessment": shape([plain(each) for each in rows]),
        "findings": shape([plain(each) for row in rows for each in row.findings]),
    }
    assert found == json.loads(GOLDEN.read_text("utf-8"))
    ((promised,), (promised_finding,)) = found["assessment"], found["findings"]
    assert {tuple(each) for each in told("assess")["items"]} == {tuple(promised)}
    assert {tuple(each) for each in told("get", "findings")["items"]} == {tuple(promised_finding)}


def test_yaml_and_json_lines_say_the_same(command: Command, assessed: dict[str, str], told: Callable[..., Any]) -> None:
    clusters = [each["cluster"] for each in told("assess")["items"]]
    as_yaml = yaml.safe_load(command("assess", "-o", "yaml", environ=assessed).stdout)
    lines = command("assess", "-o", "jsonl", environ=assessed).stdout.splitlines()
    assert [each["cluster"] for each in as_yaml["items"]] == clusters
    assert [json.loads(each)["cluster"] for each in lines[1:]] == clusters


def test_the_table_has_a_row_for_each_cluster_and_fits(command: Command, assessed: dict[str, str]) -> None:
    found = command("assess", environ=assessed)
    assert (found.exit_code, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert lines[0].split() == ["CLUSTER", "AT", "TARGET", "HOPS", "FIRST", "IN", "THE", "WAY", "DEADLINE"]
    assert max(map(len, lines)) <= 100
    assert {line.split()[0] for line in lines[1:] if line[:1].isalpha()} == {"payments", "shop", "tools"}


def test_one_cluster_is_told_in_detail(command: Command, assessed: dict[str, str]) -> None:
    found = command("assess", "-l", "name=payments", environ=assessed)
    assert found.stdout.startswith("payments (111122223333/eu-west-1): at 1.34, wanted at 1.35 by 2026-12-02")
    assert max(map(len, found.stdout.splitlines())) <= 100
    wide = command("assess", "-l", "name=payments", "-o", "wide", environ=assessed)
    assert len(wide.stdout) > len(found.stdout)


def test_no_cluster_says_what_to_do(command: Command, assessed: dict[str, str]) -> None:
    assert command("assess", "-l", "name=no-such", environ=assessed).stdout.startswith("No cluster to assess")


def test_a_target_of_ones_own_is_tried(told: Callable[..., Any]) -> None:
    before = told("get", "findings")["items"]
    found = told("assess", "--target", "1.36")["items"]
    assert {each["cluster"]: [hop["target"] for hop in each["hops"]] for each in found} == {
        "payments": ["1.35", "1.36"],
        "shop": ["1.36"],
        "tools": ["1.36"],
    }
    assert told("get", "findings")["items"] == before


# ---- for build servers


def test_what_was_not_seen_fails_a_build_that_asks_for_it(command: Command, assessed: dict[str, str]) -> None:
    assert command("assess", "--target", "1.36", environ=assessed).exit_code == 0
    assert command("assess", "--target", "1.36", "--exit-code", environ=assessed).exit_code == 3


def test_a_cluster_at_its_target_fails_no_build(command: Command, assessed: dict[str, str]) -> None:
    assert command("assess", "-l", "name=shop", "--target", "1.35", "--exit-code", environ=assessed).exit_code == 0


def test_a_baseline_lets_a_build_pass_until_something_new(command: Command, assessed: dict[str, str]) -> None:
    wrote = command("assess", "-l", "name=shop", "--target", "1.36", "--write-baseline", "known.json", environ=assessed)
    assert wrote.exit_code == 0
    assert wrote.stderr.startswith("Wrote ")
    trial = ("assess", "--target", "1.36", "--baseline", "known.json", "--exit-code")
    assert command(*trial, "-l", "name=shop", environ=assessed).exit_code == 0
    assert command(*trial, environ=assessed).exit_code == 3


def test_sarif_and_junit_and_markdown(command: Command, assessed: dict[str, str]) -> None:
    def written(form: str) -> str:
        found = command("assess", "--target", "1.36", "-o", form, environ=assessed)
        assert (found.exit_code, found.stderr) == (0, "")
        return found.stdout

    log = json.loads(written("sarif"))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    assert {each["partialFingerprints"]["cluster/v1"].rpartition("/")[2] for each in log["runs"][0]["results"]} == {
        "payments",
        "shop",
        "tools",
    }
    assert len(ET.fromstring(written("junit"))) == 4
    assert written("markdown").startswith("# Readiness\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["assess", "--target", "new"], "--target new: ", id="a target that is no minor"),
        pytest.param(["assess", "--baseline", "none.json"], "--baseline none.json: No such file", id="no baseline"),
        pytest.param(["assess", "--write-baseline", "no/such/f"], "--write-baseline no/such/f: ", id="no such folder"),
        pytest.param(["get", "findings", "--severity", "bad"], "--severity bad: must be one of", id="a severity"),
        pytest.param(["get", "findings", "--state", "new"], "--state new: must be one of open,", id="a state"),
        pytest.param(["explain"], "write the id of a finding, as", id="nothing to explain"),
        pytest.param(["explain", "FK999"], "no check has the code FK999", id="a code of no check"),
        pytest.param(["explain", "feedfeedfeed"], "no finding begins with feedfeedfeed", id="an id of no finding"),
    ],
)
def test_wrong_usage_says_what_to_write(
    words: list[str], message: str, command: Command, assessed: dict[str, str]
) -> None:
    found = command(*words, environ=assessed)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith(f"fleetkeeper: {message}")


# ---- findings


def test_findings_are_those_of_the_last_assessment(told: Callable[..., Any]) -> None:
    found = told("get", "findings")["items"]
    assert {each["cluster"] for each in found} == {"payments", "shop", "tools"}
    assert {each["state"] for each in found} == {"open"}


@pytest.mark.parametrize(
    ("words", "member", "value"),
    [
        pytest.param(["--code", "fk000"], "code", "FK000", id="of one check"),
        pytest.param(["--severity", "info"], "severity", "info", id="of one severity"),
        pytest.param(["-l", "name=shop"], "cluster", "shop", id="of some clusters"),
        pytest.param(["--state", "open"], "state", "open", id="in one state"),
    ],
)
def test_findings_can_be_narrowed(words: list[str], member: str, value: str, told: Callable[..., Any]) -> None:
    found = told("get", "findings", *words)["items"]
    assert {each[member] for each in found} == {value}
    assert len(found) <= len(told("get", "findings")["items"])


def test_findings_of_a_namespace(told: Callable[..., Any]) -> None:
    every = told("get", "findings")["items"]
    wanted = next(each["namespace"] for each in every if each["namespace"])
    found = told("get", "findings", "--namespace", wanted)["items"]
    assert found == [each for each in every if each["namespace"] == wanted]


def test_the_table_of_findings_fits(command: Command, assessed: dict[str, str]) -> None:
    found = command("get", "findings", environ=assessed)
    assert found.stdout.startswith("FINDING")
    assert max(map(len, found.stdout.splitlines())) <= 100


def test_a_finding_is_explained_by_the_beginning_of_its_id(
    command: Command, assessed: dict[str, str], told: Callable[..., Any]
) -> None:
    finding = told("get", "findings", "--code", "FK000", "-l", "name=payments")["items"][0]
    found = command("explain", finding["fingerprint"][:8], "-l", "name=payments", environ=assessed)
    assert found.exit_code == 0
    for text in (
        f"payments ({finding['account']}/{finding['region']})",
        finding["fingerprint"],
        "Evidence",
        "History",
        "FK000: a part of",
    ):
        assert text in found.stdout
    again = told("explain", finding["fingerprint"], "-l", "name=payments")["items"]
    assert [each["fingerprint"] for each in again] == [finding["fingerprint"]]


def test_a_code_is_explained_without_any_database(command: Command) -> None:
    found = command("explain", "fk102")
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.startswith("FK102: Support of the control plane ends\n\nThe end of support")
    assert "asked once; not seen, it does not block." in found.stdout


def test_all_rules_are_the_page_of_the_documentation(command: Command) -> None:
    page = Path(__file__).parents[2] / "docs" / "checks.md"
    assert command("explain", "--all").stdout == rules_page(all_checks())
    assert page.read_text("utf-8") == rules_page(all_checks()), "run: fleetkeeper explain --all > docs/checks.md"


def test_nothing_is_resolved_in_a_fleet_that_did_not_change(told: Callable[..., Any]) -> None:
    assert told("get", "findings", "--state", "resolved")["items"] == []
    assert told("get", "findings", "--state", "all")["items"] == told("get", "findings")["items"]


# ---- settings

_SETTINGS = """
[[assess.targets]]
clusters = "name=shop"
minor = "1.36"
before = 2027-02-01

[[assess.targets]]
behind = 0

[[assess.waivers]]
code = "FK202"
clusters = "name=payments"
reason = "the addon moves with the cluster"
approver = "jo@example.com"
expires = 9999-01-01
"""


def test_targets_and_waivers_of_the_settings_hold(command: Command, assessed: dict[str, str], tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    settings, home = Path(assessed["FLEETKEEPER_CONFIG"]).read_text("utf-8"), assessed["HOME"]
    shutil.copy(f"{home}/fleet.db", tmp_path)
    own.write_text(settings.replace(f"sqlite:///{home}/", f"sqlite:///{tmp_path}/") + _SETTINGS, encoding="utf-8")
    environ = assessed | {"FLEETKEEPER_CONFIG": str(own)}
    assert command("assess", environ=environ).exit_code == 0
    rows = json.loads(command("get", "findings", "-o", "json", "--code", "FK202", environ=environ).stdout)["items"]
    assert {row["cluster"] for row in rows if row["waiver"]} == {"payments"}

    def tried(environ: dict[str, str]) -> dict[str, Any]:
        found = json.loads(command("assess", "-o", "json", "--target", "1.36", environ=environ).stdout)["items"]
        return {row["cluster"]: row for row in found}

    def holding(row: Any) -> set[str]:
        return {finding["code"] for hop in row["hops"] for finding in hop["findings"] if finding["holds"]}

    before, after = tried(assessed), tried(environ)
    assert after["shop"]["deadline"] == "2027-02-01T00:00:00Z"
    assert "FK202" in holding(before["payments"])
    assert "FK202" not in holding(after["payments"])
