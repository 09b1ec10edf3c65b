"""Renders a Helm chart by the `helm` program, as a cluster of the target minor would be given it."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO

from fleetkeeper.core.manifests import Manifest, Unjudged
from fleetkeeper.core.text import safe
from fleetkeeper.core.versions import Minor

PATIENCE = 120
"""Seconds for one chart; helm itself has no limit."""

_SOURCE = re.compile(rb"(?m)^# Source: (\S+)[ \t]*$")


class NotRendered(Exception):
    """Why a chart was not rendered, for people."""


def program() -> str | None:
    return shutil.which("helm")


def render(helm: str, folder: Path, target: Minor, namespace: str) -> IO[bytes]:
    """What `helm template` writes, as a file of its own; NotRendered says why there is nothing."""
    command = [helm, "template", "scan", str(folder), "--include-crds", "--kube-version", f"{target}.0"]
    command += ["--namespace", namespace] if namespace else []
    text: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by who reads it
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=text, stderr=subprocess.PIPE, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        text.close()
        raise NotRendered(f"helm template took longer than {PATIENCE} s") from error
    except OSError as error:
        text.close()
        raise NotRendered(f"helm does not run: {error.strerror}") from error
    if done.returncode:
        text.close()
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotRendered(f"helm template fails: {safe(told[-1] if told else 'without a word', 300)}")
    text.seek(0)
    return text


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
