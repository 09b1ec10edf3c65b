"""`fleetkeeper doctor` as it is typed: its table, its documents and its exit codes."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from fleetkeeper import wiring
from fleetkeeper.cli import context, doctor, doctor_table
from fleetkeeper.engine.diagnose import Doctor
from fleetkeeper.engine.probing import Right
from fleetkeeper.errors import GapReason
from tests.engine.fake_probes import Denied, Fleet
from tests.onboarding.goldens import assert_golden

EAST = "111122223333/us-east-1"
WEST = "444455556666/eu-west-1"
SOME_TROUBLE: Denied = {
    ("111122223333", "sts:AssumeRole"): GapReason.FORBIDDEN,
    (WEST, "autoscaling:DescribeAutoScalingGroups"): GapReason.FORBIDDEN,
    (f"{WEST}/pay", "connection"): GapReason.TIMEOUT,
}

Run = Callable[..., Result]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def run(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command over the fake fleet instead of the wired one."""

    @contextmanager
    def wired(*_: object, **__: object) -> Iterator[Doctor]:
        yield fleet.doctor()

    monkeypatch.setattr(wiring, "doctor", wired, raising=False)
    config = tmp_path / "fleetkeeper.toml"
    config.write_text(
        '[[kubernetes.clusters]]\nname = "front"\narn = "arn:aws:eks:us-east-1:111122223333:cluster/shop"\n'
    )
    app = typer.Typer()

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = context.Root(config, verbose=False)

    app.command("doctor")(doctor.doctor)
    return lambda *words: CliRunner().invoke(app, ["doctor", *words])


def shown(fleet: Fleet, cluster: str = "") -> str:
    out = io.StringIO()
    proofs = fleet.doctor().cluster(cluster) if cluster else fleet.doctor().fleet()
    console = Console(file=out, width=100, highlight=False, markup=False, emoji=False)
    doctor_table.show(console, proofs, whole=bool(cluster))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def test_a_healthy_fleet_is_shown_in_few_rows() -> None:
    assert_golden("doctor_fleet_healthy.txt", shown(Fleet()))


def test_trouble_is_shown_with_what_to_do() -> None:
    assert_golden("doctor_fleet_trouble.txt", shown(Fleet(SOME_TROUBLE)))


def test_a_cluster_is_shown_right_by_right() -> None:
    fleet = Fleet({(f"{EAST}/shop", "list nodes"): GapReason.FORBIDDEN})
    fleet.kube.may = {Right("delete", "pods")}

    assert_golden("doctor_cluster.txt", shown(fleet, "arn:aws:eks:us-east-1:111122223333:cluster/shop"))


@pytest.mark.parametrize(
    ("denied", "code"),
    [
        ({}, 0),
        ({(EAST, "eks:DescribeCluster"): GapReason.THROTTLED}, 0),
        ({(EAST, "eks:DescribeCluster"): GapReason.FORBIDDEN}, 4),
        ({("edge", "credential"): GapReason.UNAUTHENTICATED}, 4),
        ({("edge", "TLS"): GapReason.UNREACHABLE}, 7),
        ({("edge", "endpoint identity"): GapReason.WRONG_ENDPOINT}, 1),
        (SOME_TROUBLE, 4),
    ],
    ids=["all good", "only a warning", "no permission", "no credential", "no answer", "something else", "everything"],
)
@pytest.mark.parametrize("output", ["table", "json"])
def test_the_exit_code_says_what_is_wrong(run: Run, fleet: Fleet, denied: Denied, code: int, output: str) -> None:
    fleet.denied.update(denied)

    assert run("-o", output).exit_code == code


def test_the_document_holds_every_row(run: Run, fleet: Fleet) -> None:
    fleet.denied.update({(EAST, "eks:DescribeCluster"): GapReason.FORBIDDEN})

    document: dict[str, Any] = json.loads(run("-o", "json").stdout)

    assert (document["schema_version"], document["kind"]) == (1, "doctor")
    (failed,) = [item for item in document["items"] if item["result"] == "FAIL"]
    assert failed["subject"] == EAST
    assert failed["what"] == "eks:DescribeCluster"
    assert failed["reason"] == "forbidden"
    assert "fleetkeeper onboard 111122223333 --format policy" in failed["fix"]
    assert document["items"][0]["what"] == "readable"


def test_a_name_of_the_configuration_is_its_cluster(run: Run) -> None:
    document = json.loads(run("front", "-o", "json").stdout)

    assert f"{EAST}/shop" in {item["subject"] for item in document["items"]}


def test_mistakes_of_the_configuration_are_rows(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fleetkeeper.toml").write_text("[aws]\nregion = 5\n")

    result = run("-o", "json")

    assert result.exit_code == 1
    (item,) = json.loads(result.stdout)["items"]
    assert item["result"] == "FAIL"
    assert item["subject"].endswith("fleetkeeper.toml:2")
    assert item["what"] == "aws.region"
