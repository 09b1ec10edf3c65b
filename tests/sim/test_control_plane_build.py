"""Building a control plane, the pure parts: what is locked, where it is kept, which Go compiler fits."""

import subprocess
from pathlib import Path

import pytest

from fleetkeeper.sim.control_plane import cache, modules, toolchain
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.modules import GoMod
from tests.control_plane.conftest import require_control_plane

UPSTREAM = """\
module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
	github.com/kylelemons/godebug v1.1.0 // indirect
	k8s.io/api v0.0.0
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/apimachinery => ./staging/src/k8s.io/apimachinery
	example.org/fork => example.org/other v1.2.3
)
"""


def test_upstream_gives_its_go_line_godebug_settings_and_local_replaces_only() -> None:
    assert modules.parse_go_mod(UPSTREAM) == GoMod(
        go="1.26.0", godebug=("default=go1.26",), staging=("k8s.io/api", "k8s.io/apimachinery")
    )


def test_godebug_settings_in_a_block_and_replaces_on_single_lines_are_read_too() -> None:
    text = """\
go 1.25
godebug (
	default=go1.25
	x509negativeserial=1 // why
)
replace k8s.io/api => ./staging/src/k8s.io/api
"""
    upstream = modules.parse_go_mod(text)

    assert upstream == GoMod("1.25", ("default=go1.25", "x509negativeserial=1"), ("k8s.io/api",))


def test_a_go_mod_without_a_go_line_is_an_error() -> None:
    with pytest.raises(ControlPlaneError, match="no `go` line"):
        modules.parse_go_mod("module x\n")


def test_our_go_mod_requires_kubernetes_and_replaces_its_staging_modules_at_the_same_patch() -> None:
    text = modules.render_go_mod(modules.kubernetes_recipe("1.36.4"), modules.parse_go_mod(UPSTREAM))

    assert (
        text
        == """\
module fleetkeeper.example/control-plane

go 1.26.0

godebug default=go1.26

tool (
	k8s.io/kubernetes/cmd/kube-apiserver
	k8s.io/kubernetes/cmd/kube-controller-manager
	k8s.io/kubernetes/cmd/kube-scheduler
)

require k8s.io/kubernetes v1.36.4

replace (
	k8s.io/api => k8s.io/api v0.36.4
	k8s.io/apimachinery => k8s.io/apimachinery v0.36.4
)
"""
    )


def test_a_module_without_local_replaces_gets_none() -> None:
    text = modules.render_go_mod(modules.companion_recipe("kwok", "0.8.0"), GoMod("1.26.0", (), ()))

    assert "replace" not in text
    assert "require sigs.k8s.io/kwok v0.8.0" in text


@pytest.mark.parametrize("wrong", ["1.36", "1.36.4-rc.1", "", "latest"])
def test_only_a_released_patch_is_a_kubernetes_version(wrong: str) -> None:
    with pytest.raises(ControlPlaneError, match="is not a Kubernetes version"):
        modules.kubernetes_recipe(wrong)


@pytest.mark.parametrize("name", [*modules.locked_minors(), *modules.COMPANIONS])
def test_every_committed_lock_names_no_address_and_holds_together(name: str) -> None:
    recipe = modules.locked(name)
    go_mod, go_sum = (recipe.folder / "go.mod").read_text(), (recipe.folder / "go.sum").read_text()

    assert recipe.name == name
    assert all(f"\t{package}\n" in go_mod or f"tool {package}\n" in go_mod for package in recipe.packages)
    assert f"{recipe.module} v{recipe.version} h1:" in go_sum
    assert "://" not in go_mod + go_sum
    assert modules.parse_go_mod(go_mod).staging == ()  # nothing points into a folder


def test_the_pair_that_make_test_upgrades_between_is_locked() -> None:
    assert {"1.35", "1.36"} <= set(modules.locked_minors())


def test_a_minor_without_a_lock_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match=r"control_plane lock 1\.30 PATCH"):
        modules.locked("1.30", tmp_path)


def test_minors_are_ordered_as_numbers(tmp_path: Path) -> None:
    for name in ("1.100", "1.36", "etcd", "helm", "kubectl", "kwok", "1.9"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "go.mod").touch()

    assert modules.locked_minors(tmp_path) == ("1.9", "1.36", "1.100")


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        pytest.param({"FLEETKEEPER_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a"), id="our own variable wins"),
        pytest.param({"XDG_CACHE_HOME": "/b"}, Path("/b/fleetkeeper"), id="then XDG"),
        pytest.param({}, Path.home() / ".cache/fleetkeeper", id="then the home folder"),
        pytest.param(
            {"FLEETKEEPER_CACHE": "", "XDG_CACHE_HOME": ""},
            Path.home() / ".cache/fleetkeeper",
            id="empty is as good as unset",
        ),
        pytest.param({"XDG_CACHE_HOME": "b"}, Path.home() / ".cache/fleetkeeper", id="a relative XDG is ignored"),
        pytest.param({"FLEETKEEPER_CACHE": "~/c"}, Path.home() / "c", id="a tilde is the home folder"),
    ],
)
def test_the_cache_is_found_by_environment(environ: dict[str, str], root: Path) -> None:
    assert cache.cache_root(environ) == root
    assert cache.builds(environ) == root / "control-plane"


def test_a_missing_build_is_an_error_that_names_the_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETKEEPER_CACHE", str(tmp_path))

    with pytest.raises(ControlPlaneError, match=r"python -m fleetkeeper\.sim\.control_plane build 1\.36`"):
        cache.find_programs("1.36")
    with pytest.raises(
        ControlPlaneError, match=r"helm-[\d.]+ is not built .*python -m fleetkeeper\.sim\.control_plane build`"
    ):
        cache.helm_program()


def test_the_built_helm_is_the_locked_one_and_says_so(helm: Path) -> None:
    done = subprocess.run([helm, "version", "--short"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"v{modules.locked('helm').version}"


def test_the_tests_fail_rather_than_skip_where_no_control_plane_is_built(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETKEEPER_CACHE", str(tmp_path))

    with pytest.raises(pytest.fail.Exception, match=r"control_plane build 1\.36.*; or .*-m 'not control_plane'"):
        require_control_plane("1.36")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go1.26.8", (1, 26, 8)),
        ("go1.26", (1, 26, 0)),
        ("1.26.0", (1, 26, 0)),
        ("go version go1.25.5 linux/amd64", (1, 25, 5)),
        ("go1.27rc1", (1, 27, 0)),
        ("go1.26.8 X:nodwarf5", (1, 26, 8)),
        ("go1.26.6-custom", (1, 26, 6)),
        ("devel go1.28-9a1b2c3", None),
        ("", None),
        ("gcc 12", None),
    ],
)
def test_a_go_version_is_read(text: str, version: tuple[int, int, int] | None) -> None:
    assert toolchain.parse_go_version(text) == version


@pytest.mark.parametrize(
    ("version", "wanted", "why"),
    [
        pytest.param((1, 26, 8), "1.26.0", None, id="a newer patch fits"),
        pytest.param((1, 26, 0), "1.26.0", None, id="exactly the wanted one fits"),
        pytest.param((1, 25, 9), "1.26.0", "it is 1.25.9, and 1.26.0 or newer is needed", id="an older one does not"),
        pytest.param((1, 23, 9), "1.22.0", "it is 1.23.9, and 1.24.0 or newer is needed", id="tool lines need 1.24"),
        pytest.param(
            (1, 27, 0),
            "1.25.0",
            "it is 1.27.0, and Kubernetes 1.35 does not compile on 1.27.0",
            id="too new does not fit either",
        ),
        pytest.param(None, "1.26.0", "its version is not a release", id="a development build does not fit"),
    ],
)
def test_a_go_compiler_fits_or_the_reason_is_given(
    version: tuple[int, int, int] | None,
    wanted: str,
    why: str | None,
) -> None:
    assert toolchain.why_unfit(version, wanted) == why
