"""Takes a Debian package apart into the cache, by apt's own trust, without root and without installing it."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleetkeeper.sim.control_plane.cache import cache_root
from fleetkeeper.sim.control_plane.errors import ControlPlaneError

COMMAND = "python -m fleetkeeper.sim.programs"
"""What a person types to prepare all packages."""

_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Package:
    """program is its path inside; only this major version of it is taken, for our tests rest on its behaviour."""

    name: str
    program: str
    major: int


PROMETHEUS = Package("prometheus", "usr/bin/prometheus", 2)
ALERTMANAGER = Package("prometheus-alertmanager", "usr/bin/prometheus-alertmanager", 0)
PACKAGES = (PROMETHEUS, ALERTMANAGER)


def found(package: Package, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of a prepared package; ControlPlaneError with the command that prepares it."""
    folder = _folder(package, environ)
    if not folder.is_dir():
        raise ControlPlaneError(f"{package.name} is not there (no {folder}); run `{COMMAND}`")
    return folder


def prepare(package: Package, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the package, downloaded and taken apart where it is missing. A second caller waits for the first.

    Raises ControlPlaneError that names the step which failed.
    """
    folder = _folder(package, environ)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.parent):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
                made = Path(temporary, "package")
                _run(["dpkg-deb", "-x", str(_download(package, Path(temporary))), str(made)], f"unpack {package.name}")
                _verify(package, made)
                made.rename(folder)
    return folder


def _folder(package: Package, environ: Mapping[str, str]) -> Path:
    return cache_root(environ) / "debian" / f"{package.name}-{package.major}"


def _download(package: Package, folder: Path) -> Path:
    """The .deb by the machine's own lists, or by fresh ones in a folder of ours where those are absent or too old."""
    own = [f"Dir::State={folder}/state", f"Dir::Cache={folder}/cache", "Dir::State::status=/dev/null"]
    options = [part for each in own for part in ("-o", each)]
    command = ["download", "-q", package.name]
    if not _is_done(["apt-get", *command], folder):
        for inner in ("state/lists/partial", "cache/archives/partial"):
            (folder / inner).mkdir(parents=True)
        _run(["apt-get", *options, "-q", "update"], "read Debian's package lists", folder)
        _run(["apt-get", *options, *command], f"download {package.name}", folder)
    debs = sorted(folder.glob("*.deb"))
    if not debs:
        raise ControlPlaneError(f"`apt-get download {package.name}` left no package")
    return debs[-1]


def _verify(package: Package, folder: Path) -> None:
    """It must run here (its libraries are the machine's own), and be of the major version that we know."""
    said = _run([str(folder / package.program), "--version"], f"run {package.name}")
    version = re.search(r"version (\d+)\.", said)
    if version is None or int(version[1]) != package.major:
        first = said.strip().partition("\n")[0]
        raise ControlPlaneError(f"{package.name} {package.major} is needed, and Debian's here is: {first}")


def _is_done(command: Sequence[str], folder: Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, cwd=folder).returncode == 0
    except FileNotFoundError:
        return False


def _run(command: Sequence[str], what: str, folder: Path | None = None) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    except OSError as error:
        tool = Path(command[0]).name
        wanted = "; this needs Debian or Ubuntu" if shutil.which(command[0]) is None else ""
        raise ControlPlaneError(f"could not {what}: {tool}: {error.strerror}{wanted}") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:]
        raise ControlPlaneError(f"could not {what} (it ended with {done.returncode}):\n" + "\n".join(said))
    return done.stdout + done.stderr


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One at a time; the kernel drops the lock when its holder dies."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
