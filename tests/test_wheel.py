"""The wheel: what is in it, and that it works where there is no checkout."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import fleetkeeper
from tests.cli.programs import surroundings

ROOT = Path(__file__).parent.parent

INSTALLED = """
import sys
sys.path[:] = [p for p in sys.path if p != sys.argv[1]]
del sys.argv[1]
from fleetkeeper.cli import main
main()
"""
"""The command line without the checkout, which the environment of the tests has on its path."""

Installed = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed alone."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "--no-deps", "--no-index", "--target", str(folder), str(wheel)], check=True)
    return folder


@pytest.fixture
def installed(site: Path, tmp_path: Path) -> Installed:
    """Runs a command of the installed wheel in an empty folder."""

    def run(*arguments: str, timeout: float = 300) -> "subprocess.CompletedProcess[str]":
        environ = surroundings(tmp_path, PYTHONPATH=str(site))
        command = [sys.executable, "-c", INSTALLED, str(ROOT), *arguments]
        return subprocess.run(
            command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


def shipped(folder: str) -> set[str]:
    """The files of a folder of the checkout, without what Python leaves there."""
    files = (p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(ROOT).as_posix() for p in files}


@pytest.mark.parametrize("folder", ["compat", "playbooks", "alembic"])
def test_it_carries_the_data(folder: str, names: set[str]) -> None:
    wanted = {f"fleetkeeper/_data/{name}" for name in shipped(folder)}
    assert wanted == {name for name in names if name.startswith(f"fleetkeeper/_data/{folder}/")}


def test_it_carries_every_file_of_the_package_and_the_example(names: set[str]) -> None:
    package = {name for name in names if name.startswith("fleetkeeper/") and not name.startswith("fleetkeeper/_data/")}
    assert package == shipped("fleetkeeper")
    assert {"fleetkeeper/_data/config.example.toml", "fleetkeeper/_data/slack-manifest.yaml"} <= names
    for name in (
        "py.typed",
        "onboarding/reader-policy.json",
        "sim/scenarios/demo.toml",
        "sim/control_plane/modules/etcd/go.sum",
    ):
        assert f"fleetkeeper/{name}" in names


def test_it_carries_nothing_else(names: set[str]) -> None:
    """At top level `alembic` or `tests` would land inside, or in place of, other people's packages."""
    assert {name.split("/")[0] for name in names} == {
        "fleetkeeper",
        f"fleetkeeper-{fleetkeeper.__version__}.dist-info",
    }
    assert not [name for name in names if name.endswith((".pyc", ".db", ".lock"))]


def test_its_programs(site: Path) -> None:
    assert {p.name for p in (site / "bin").iterdir()} == {"fleetkeeper", "kubectl-fleetkeeper"}


def test_it_is_what_runs(installed: Installed, site: Path, tmp_path: Path) -> None:
    """Guards the tests below: the checkout must not answer in the wheel's place."""
    code = INSTALLED.replace("main()", "import fleetkeeper; print(fleetkeeper.__file__)")
    environ = surroundings(tmp_path, PYTHONPATH=str(site))
    command = [sys.executable, "-c", code, str(ROOT)]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parent == site / "fleetkeeper"
    assert installed("--version").stdout == f"fleetkeeper {fleetkeeper.__version__}\n"


def test_the_first_steps(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "fleetkeeper.toml").write_text('[aws]\nregions = ["eu-west-1"]\n', encoding="utf-8")
    steps = [installed(*c) for c in (["config", "check"], ["db", "upgrade"], ["db", "check"], ["get", "clusters"])]
    assert [(step.returncode, step.stderr) for step in steps] == [(0, "")] * 4
    assert steps[1].stdout.startswith("Applied pre_0001")
    assert steps[3].stdout.startswith("No clusters yet")


def test_the_demo(installed: Installed) -> None:
    done = installed("demo", "--check")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "demo --check: everything is as it should be."
