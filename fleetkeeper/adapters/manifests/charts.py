"""Renders a Helm chart by the `helm` program, as a cluster of the target minor would be given it."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import yaml

from fleetkeeper.adapters.manifests.chart_guards import guarded
from fleetkeeper.adapters.manifests.files import CHART
from fleetkeeper.core.chart_capabilities import Capabilities
from fleetkeeper.core.constraint import Constraint
from fleetkeeper.core.manifests import Cause, Manifest, Unjudged
from fleetkeeper.core.text import safe

PATIENCE = 120
"""Seconds for one chart; helm itself has no limit."""

_SOURCE = re.compile(rb"(?m)^# Source: (\S+)[ \t]*$")
_ADVICE = "Use --debug flag"  # how Helm 3 ends what it says of a template that fails
_LONGEST = 300


class NotRendered(Exception):
    """Why a chart was not rendered, for people."""

    def __init__(self, text: str, cause: Cause = Cause.CHART) -> None:
        super().__init__(text)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Renderer:
    """helm is the program; namespace "" is helm's own default."""

    helm: str
    cluster: Capabilities
    namespace: str

    def render(self, folder: Path) -> IO[bytes]:
        """What `helm template` writes, as a file of its own; NotRendered says why there is nothing."""
        try:
            with guarded(folder, self.cluster.gone) as chart:
                text, code, told = _run(self._command(chart))
        except OSError as error:
            raise NotRendered(f"it cannot be read: {error.strerror or type(error).__name__}") from error
        if code:
            text.close()
            raise self._refusal(folder) or NotRendered(f"helm template fails: {_words(told) or ended_by(code)}")
        text.seek(0)
        return text

    def _command(self, folder: Path) -> list[str]:
        command = [self.helm, "template", "scan", str(folder), "--include-crds"]
        command += ["--kube-version", f"{self.cluster.minor}.0", "--api-versions", ",".join(self.cluster.served)]
        return command + (["--namespace", self.namespace] if self.namespace else [])

    def _refusal(self, folder: Path) -> NotRendered | None:
        wanted = _described(folder).get("kubeVersion")
        try:
            if not isinstance(wanted, str) or Constraint.parse(wanted).accepts(f"v{self.cluster.minor}.0"):
                return None
        except ValueError:  # Helm takes it for no version, and says so
            return None
        return NotRendered(f"it refuses {self.cluster.minor} by its kubeVersion {safe(wanted, 120)}", Cause.REFUSED)


def program() -> str | None:
    return shutil.which("helm")


def is_library(folder: Path) -> bool:
    """Whether a chart is only there for others, in which it is rendered; Helm refuses to render it by itself."""
    return _described(folder).get("type") == "library"


def _described(folder: Path) -> dict[str, Any]:
    """Its Chart.yaml; empty for one that cannot be read, which Helm has words for."""
    try:
        found = yaml.load((folder / CHART).read_bytes(), Loader=yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _run(command: list[str]) -> tuple[IO[bytes], int, str]:
    """A command's output, exit code and errors. It is ended with all that it started, for `helm` may be a script."""
    text: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by who reads it
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=text, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        text.close()
        raise NotRendered(f"helm does not run: {error.strerror}") from error
    with child:
        try:
            told = child.communicate(timeout=PATIENCE)[1]
        except BaseException as error:
            os.killpg(child.pid, signal.SIGKILL)
            text.close()
            if isinstance(error, subprocess.TimeoutExpired):
                raise NotRendered(f"helm template took longer than {PATIENCE} s") from error
            raise
    return text, child.returncode, told.decode("utf-8", "replace")


def _words(told: str) -> str:
    """Helm's error, which may have several lines, without the warnings before it and the advice after it."""
    lines = [line.strip() for line in told.splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), 0)
    error = " ".join(line for line in lines[first:] if line and not line.startswith(_ADVICE))
    return safe(error.removeprefix("Error: "), _LONGEST)


def ended_by(code: int) -> str:
    """How a program ended that said nothing; below zero is the signal that ended it, as from lack of memory."""
    if code >= 0:
        return "without a word"
    known = {each.value: each.name for each in signal.Signals}
    return f"it was ended by {known.get(-code, f'signal {-code}')}"


class Sources:
    """Where the lines of a rendered chart come from, by the comments that helm writes before each document."""

    def __init__(self, rendered: IO[bytes], folder: Path) -> None:
        self._folder = folder
        self._sources: list[tuple[int, str]] = []
        for number, line in enumerate(rendered, 1):
            found = _SOURCE.match(line.rstrip(b"\r\n")) if line.startswith(b"# Source: ") else None
            if found:
                self._sources.append((number, found[1].decode("utf-8", "replace")))
        rendered.seek(0)

    def locate(self, seen: Manifest | Unjudged) -> Manifest | Unjudged:
        """The same, at the template that it was rendered from, as far as that can be told."""
        name = next((source for line, source in reversed(self._sources) if line <= seen.line), "")
        inside = Path(*Path(name).parts[1:])
        template = self._folder / inside
        if not name or ".." in inside.parts or not template.is_file():
            return replace(seen, file=(self._folder / "Chart.yaml").as_posix(), line=1)
        wanted = seen.api_version if isinstance(seen, Manifest) else "apiVersion"
        return replace(seen, file=template.as_posix(), line=_line_of(template, wanted))


def _line_of(template: Path, text: str) -> int:
    """The first line that has an apiVersion of this text, else the first with any, else 1."""
    lines = template.read_text("utf-8", "replace").splitlines()
    having = [number for number, line in enumerate(lines, 1) if "apiVersion" in line]
    return next((number for number in having if text in lines[number - 1]), next(iter(having), 1))
