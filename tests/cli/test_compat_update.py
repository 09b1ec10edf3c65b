"""`fleetkeeper compat update` against a simulated EKS: a diff to review, and the operator's folder after --write."""

from pathlib import Path

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.versions import Minor, Version
from fleetkeeper.data import data_path
from tests.cli.conftest import Command


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.*")}


def test_without_write_a_diff_is_shown_and_nothing_is_written(
    command: Command, seen: dict[str, str], tmp_path: Path
) -> None:
    own = tmp_path / "own"
    found = command("compat", "update", "--folder", str(own), environ=seen)
    assert found.exit_code == 0, found.stderr
    assert "--- a/addons/vpc-cni.toml\n+++ b/addons/vpc-cni.toml\n" in found.stdout
    assert '+source = "eks:DescribeAddonVersions in 111122223333/eu-west-1"\n' in found.stdout
    assert all(line[0] in "+- @" for line in found.stdout.splitlines())
    assert "Nothing was written" in found.stderr
    assert "is not in compat_folders" in found.stderr
    assert not own.exists()


def test_with_write_the_folder_is_good_and_a_second_update_has_nothing_to_say(
    command: Command, seen: dict[str, str], tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shipped = files(data_path("compat"))
    first = command("compat", "update", "--folder", str(own), "--write", environ=seen)
    assert (first.exit_code, "Wrote " in first.stderr) == (0, True), first.stderr
    assert command("compat", "check", str(own), environ=seen).exit_code == 0
    laid_over = read_compat((own,))
    agent = laid_over.accepts("eks-pod-identity-agent", Version.parse("v0.0.1"), Minor(1, 34))
    assert agent.answer is None  # a version that EKS does not offer stays unknown
    again = command("compat", "update", "--folder", str(own), environ=seen)
    assert (again.exit_code, again.stdout) == (0, "")
    assert "nothing that is not known" in again.stderr
    assert files(data_path("compat")) == shipped
    assert all(name.startswith("addons/") or name == "kubernetes.toml" for name in files(own))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param((), "name a folder of your own with --folder", id="no folder"),
        pytest.param(("--folder", str(data_path("compat"))), "is what is shipped", id="the shipped folder"),
    ],
)
def test_it_asks_for_a_folder_of_the_operators_own(
    words: tuple[str, ...], told: str, command: Command, seen: dict[str, str]
) -> None:
    found = command("compat", "update", *words, environ=seen)
    assert (found.exit_code, found.stdout) == (2, "")
    assert told in found.stderr
