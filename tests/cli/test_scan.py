"""`fleetkeeper scan`: its exit codes, its formats, its baseline, and fingerprints that are those of live findings."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from fleetkeeper.core.finding import Finding, Severity, Subject
from tests.cli.conftest import Command
from tests.cli.programs import surroundings
from tests.cli.test_output import shape

GOLDEN = Path(__file__).parents[1] / "golden" / "cli_shapes_scan.json"

PDB = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: web, namespace: shop}\n"
ENDPOINTS = "kind: Endpoints\nmetadata: {name: db}\napiVersion: v1\n"
ISSUER = "apiVersion: cert-manager.io/v1alpha2\nkind: ClusterIssuer\nmetadata: {name: ca}\n"
GOOD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A blocker, a note and a warning of an addon, in a folder below where commands run."""
    top = tmp_path / "deploy"
    top.mkdir()
    for name, text in (("a.yaml", PDB), ("b.yaml", f"---\n{ENDPOINTS}---\n{ISSUER}"), ("c.yaml", GOOD)):
        (top / name).write_text(text, encoding="utf-8")
    return top


def found(command: Command, *words: str) -> list[dict[str, Any]]:
    answer = command("scan", *words, "-o", "json")
    document = json.loads(answer.stdout)
    assert (document["schema_version"], document["kind"]) == (1, "scan")
    items: list[dict[str, Any]] = document["items"]
    return items


def test_text_names_file_and_line_what_is_wrong_and_what_to_do(command: Command, files: Path) -> None:
    told = command("scan", "deploy", "--target", "1.36", "--from", "1.34")
    assert (told.exit_code, told.stderr) == (0, "")
    assert (
        told.stdout
        == """\
deploy/a.yaml:1: blocker FK301: PodDisruptionBudget shop/web is written as policy/v1beta1 PodDisruptionBudget, \
which 1.25 stopped serving: it fails to apply on 1.34 already
    fix: write PodDisruptionBudget shop/web as policy/v1
deploy/b.yaml:4: info FK301: Endpoints db is written as v1 Endpoints, deprecated since 1.33, with no removal in sight
    fix: write Endpoints db as discovery.k8s.io/v1 EndpointSlice
deploy/b.yaml:6: warning FK304: ClusterIssuer ca is written as cert-manager.io/v1alpha2 ClusterIssuer, \
which cert-manager 1.6.0 removes
    fix: write ClusterIssuer ca as cert-manager.io/v1 before cert-manager is upgraded
3 files for 1.34 → 1.36: 1 blocker, 1 warning, 1 note
"""
    )


@pytest.mark.parametrize(
    ("text", "target", "words", "code"),
    [
        pytest.param(GOOD, "1.36", ["--exit-code"], 0, id="nothing to change is 0"),
        pytest.param(PDB, "1.36", [], 0, id="a blocker alone is 0"),
        pytest.param(PDB, "1.36", ["--exit-code"], 3, id="a blocker is 3 where it is asked for"),
        pytest.param(PDB, "1.24", ["--exit-code"], 0, id="what is only deprecated is 0"),
        pytest.param(ENDPOINTS, "1.36", ["--exit-code"], 0, id="what is never removed is 0"),
        pytest.param(ISSUER, "1.36", ["--exit-code"], 0, id="what an addon removes is 0"),
        pytest.param("a: [", "1.36", [], 1, id="what could not be judged is 1"),
        pytest.param("a: [", "1.36", ["--exit-code"], 3, id="what could not be judged is 3 where it is asked for"),
    ],
)
def test_exit_codes(text: str, target: str, words: list[str], code: int, command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert command("scan", "a.yaml", "--target", target, *words).exit_code == code


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([".", "--target", "new"], "--target new: ", id="a target that is no minor"),
        pytest.param([".", "--target", "1.30", "--from", "x"], "--from x: ", id="a source that is no minor"),
        pytest.param([".", "--target", "1.30", "--from", "1.31"], "--from 1.31 is newer than", id="a way back"),
        pytest.param(["gone", "--target", "1.30"], "no such file or folder: gone", id="a path that is not there"),
        pytest.param([".", "--target", "1.30", "--baseline", "x"], "--baseline x: No such file", id="no baseline"),
        pytest.param([".", "--target", "1.30", "--write-baseline", "x/y"], "--write-baseline x/y: ", id="no folder"),
    ],
)
def test_wrong_usage_says_what_to_write(words: list[str], message: str, command: Command) -> None:
    told = command("scan", *words)
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith(f"fleetkeeper: {message}")


def test_a_baseline_keeps_what_is_known_from_failing_but_not_the_same_in_a_new_file(
    command: Command, files: Path
) -> None:
    (files / "bad.yaml").write_text("a: [", encoding="utf-8")
    wrote = command("scan", "deploy", "--target", "1.36", "--exit-code", "--write-baseline", "known.json")
    assert (wrote.exit_code, wrote.stderr) == (0, "Wrote 2 findings to known.json.\n")
    again = ("scan", "deploy", "--target", "1.36", "--exit-code", "--baseline", "known.json")
    told = command(*again)
    assert told.exit_code == 0
    assert told.stdout.splitlines()[-1].endswith("1 warning, 1 note (2 in the baseline)")
    (files / "d.yaml").write_text(PDB, encoding="utf-8")
    assert command(*again).exit_code == 3


def test_fingerprints_are_those_of_live_findings(command: Command, files: Path) -> None:
    """As core/checks/api_use.py and third_party_api.py make them of an object in a cluster."""
    live = [
        ("FK301", Subject("PodDisruptionBudget", "web", "shop"), "policy/v1beta1/PodDisruptionBudget"),
        ("FK301", Subject("Endpoints", "db", "data"), "/v1/Endpoints"),
        ("FK304", Subject("ClusterIssuer", "ca"), "cert-manager.io/v1alpha2/ClusterIssuer"),
    ]
    wanted = {Finding(code, Severity.INFO, subject, "", "", key=key).fingerprint for code, subject, key in live}
    rows = found(command, "deploy", "--target", "1.36", "--namespace", "data")
    assert {row["fingerprint"] for row in rows} == wanted
    assert found(command, "deploy", "--target", "1.36")[1]["namespace"] == ""


def test_sarif_has_regions_and_rules(command: Command, files: Path) -> None:
    (files / "with space.yaml").write_text("a: [", encoding="utf-8")
    log = json.loads(command("scan", "deploy", "--target", "1.36", "-o", "sarif").stdout)
    run = log["runs"][0]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert places[0] == {
        "artifactLocation": {"uri": "deploy/a.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 1},
    }
    assert places[3]["artifactLocation"]["uri"] == "deploy/with%20space.yaml"
    assert [each["level"] for each in run["results"]] == ["error", "note", "warning", "error"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == ["FK301", "FK301", "FK304", "FK000"]


def test_junit_fails_what_counts(command: Command, files: Path) -> None:
    root = ET.fromstring(command("scan", "deploy", "--target", "1.36", "-o", "junit").stdout)
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    assert [suite.get("name") for suite in root] == ["deploy/a.yaml", "deploy/b.yaml"]
    root = ET.fromstring(command("scan", "deploy/c.yaml", "--target", "1.36", "-o", "junit").stdout)
    assert (root.get("tests"), root.get("failures")) == ("1", "0")


def test_markdown_is_a_table_that_no_text_can_break(command: Command, files: Path) -> None:
    (files / "a|b.yaml").write_text(PDB.replace("web", "'a|b'"), encoding="utf-8")
    told = command("scan", "deploy", "--target", "1.36", "-o", "markdown").stdout.splitlines()
    assert told[:3] == ["# Manifests", "", "4 files for 1.36: 2 blockers, 1 warning, 1 note"]
    assert [line.replace("\\|", "").count("|") for line in told if line.startswith("|")] == [5] * 6


def test_the_shape_of_a_scan_is_as_promised(command: Command, files: Path) -> None:
    """With a finding of each severity, one of them without a line; and without a finding and a source."""
    (files / "bad.yaml").write_bytes(b"\x7fELF\0")
    whole = command("scan", "deploy", "--target", "1.36", "--from", "1.34", "-o", "json")
    none = command("scan", "deploy/c.yaml", "--target", "1.36", "-o", "json")
    documents = [json.loads(answer.stdout) for answer in (whole, none)]
    assert [(document["schema_version"], document["kind"]) for document in documents] == [(1, "scan")] * 2
    found = dict(zip(("scan", "scan without findings"), map(shape, documents), strict=True))
    assert found == json.loads(GOLDEN.read_text("utf-8"))


def test_yaml_and_json_lines_say_the_same_as_json(command: Command, files: Path) -> None:
    rows = found(command, "deploy", "--target", "1.36")
    words = ("scan", "deploy", "--target", "1.36", "-o")
    assert yaml.safe_load(command(*words, "yaml").stdout)["items"] == rows
    head, *lines = map(json.loads, command(*words, "jsonl").stdout.splitlines())
    assert (head["files"], head["target"], head["counts"]["blocker"]) == (3, "1.36", 1)
    assert lines == rows


def test_standard_input_is_what_helm_and_kustomize_write(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "fleetkeeper", "scan", "-", "--target", "1.36", "--exit-code"]
    done = subprocess.run(
        words, input=f"---\n{GOOD}---\n{PDB}".encode(), capture_output=True, env=surroundings(tmp_path), check=False
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert done.stdout.startswith(b"-:6: blocker FK301: PodDisruptionBudget shop/web ")


def test_a_scan_imports_neither_clouds_nor_databases(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PDB, encoding="utf-8")
    script = (
        "import sys; from fleetkeeper.cli import app\n"
        "try: app(['scan', 'a.yaml', '--target', '1.36', '-o', 'sarif'])\n"
        "except SystemExit: pass\n"
        "heavy = [name for name in ('boto3', 'kubernetes', 'sqlalchemy', 'rich') if name in sys.modules]\n"
        "print(heavy, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=surroundings(tmp_path),
        cwd=tmp_path,
        check=True,
    )
    assert done.stderr == "[]\n"


def test_names_from_files_are_harmless_on_a_terminal(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PDB.replace("web", '"\\e[2Jx"'), encoding="utf-8")
    told = command("scan", "a.yaml", "--target", "1.36").stdout
    assert "\x1b" not in told
    assert "\\x1b[2Jx" in told
