"""Where the built programs are kept: outside git, one folder per version, found by environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetkeeper.sim.control_plane import modules
from fleetkeeper.sim.control_plane.errors import ControlPlaneError


@dataclass(frozen=True, slots=True)
class Programs:
    """Every program that one control plane runs, found and executable."""

    version: str
    etcd: Path
    api_server: Path
    controller_manager: Path
    scheduler: Path
    kwok: Path
    kwok_stages: tuple[Path, ...]


def cache_root(environ: Mapping[str, str]) -> Path:
    """$FLEETKEEPER_CACHE, else $XDG_CACHE_HOME/fleetkeeper, else ~/.cache/fleetkeeper.

    A relative XDG_CACHE_HOME is ignored, as the XDG specification asks.
    """
    own = environ.get("FLEETKEEPER_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    xdg = Path(environ.get("XDG_CACHE_HOME") or ".")
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "fleetkeeper"


def builds(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds one folder per built version."""
    return cache_root(environ) / "control-plane"


def find_programs(minor: str) -> Programs:
    """The programs of a minor; raises ControlPlaneError with the command that builds what is missing."""
    recipes = [modules.locked(name) for name in (minor, "etcd", "kwok")]
    kubernetes, etcd, kwok = (builds() / recipe.cache_name for recipe in recipes)
    missing = [folder.name for folder in (kubernetes, etcd, kwok) if not folder.is_dir()]
    if missing:
        raise ControlPlaneError(
            f"the control plane {minor} is not built (no {', '.join(missing)} in "
            f"{builds()}); run `{build_command(minor)}` (5 to 10 minutes, once)"
        )
    return Programs(
        version=recipes[0].version,
        etcd=etcd / "bin" / "etcd",
        api_server=kubernetes / "bin" / "kube-apiserver",
        controller_manager=kubernetes / "bin" / "kube-controller-manager",
        scheduler=kubernetes / "bin" / "kube-scheduler",
        kwok=kwok / "bin" / "kwok",
        kwok_stages=tuple(sorted((kwok / "stages").glob("*.yaml"))),
    )


def helm_program() -> Path:
    """The `helm` that was built beside the planes; raises ControlPlaneError with the command that builds it."""
    return _companion("helm")


def kubectl_program() -> Path:
    """The `kubectl` that was built beside the planes; raises ControlPlaneError with the command that builds it."""
    return _companion("kubectl")


def _companion(name: str) -> Path:
    recipe = modules.locked(name)
    program = builds() / recipe.cache_name / "bin" / name
    if not program.is_file():
        raise ControlPlaneError(f"{recipe.cache_name} is not built in {builds()}; run `{build_command()}`")
    return program


def build_command(*minors: str) -> str:
    """What a person types to build these minors; the default ones where none is named."""
    return " ".join(["python -m fleetkeeper.sim.control_plane build", *minors])
