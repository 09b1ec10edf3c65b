"""Finds manifests under paths: files by their name, every folder once, charts as one thing."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".yaml", ".yml", ".json")
CHART = "Chart.yaml"
_RENDERED = frozenset({"templates", "charts", "crds"})
"""Folders of a chart that Helm answers for."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to read. in_chart: it lies in a chart that could not be rendered, which is told for the whole chart."""

    path: Path
    in_chart: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A folder that holds a Helm chart."""

    folder: Path


@dataclass(frozen=True, slots=True)
class Unlistable:
    """A folder or file that could not even be looked at."""

    path: Path
    text: str


Found = File | Chart | Unlistable


class Walk:
    """A walk over paths. Links are followed, but a folder is walked once, whatever loops lead to it."""

    def __init__(self, *, renders: bool) -> None:
        self._renders = renders
        self._seen: set[tuple[int, int]] = set()

    def find(self, paths: Sequence[Path]) -> Iterator[Found]:
        """Everything to scan, in the order of the paths and then by name; a path that is a file is always read."""
        for path in paths:
            if path.is_dir():
                yield from self._folder(path, in_chart=False)
            else:
                yield File(path)

    def _folder(self, top: Path, *, in_chart: bool) -> Iterator[Found]:
        waiting = [(top, in_chart)]
        while waiting:
            folder, inside = waiting.pop()
            try:
                if not self._is_new(folder):
                    continue
                with os.scandir(folder) as entries:
                    inner = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                yield Unlistable(folder, error.strerror or type(error).__name__)
                continue
            is_chart = not inside and any(entry.name == CHART for entry in inner)
            if is_chart:
                yield Chart(folder)
            folders = []
            for entry in inner:
                if _is_folder(entry):
                    if entry.name != ".git" and not (is_chart and self._renders and entry.name in _RENDERED):
                        folders.append((Path(entry.path), inside or (is_chart and not self._renders)))
                elif entry.name.lower().endswith(SUFFIXES):
                    yield from _file(entry, in_chart=inside or (is_chart and not self._renders))
            waiting += reversed(folders)

    def _is_new(self, folder: Path) -> bool:
        found = folder.stat()
        name = (found.st_dev, found.st_ino)
        is_new = name not in self._seen
        self._seen.add(name)
        return is_new


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _file(entry: "os.DirEntry[str]", *, in_chart: bool) -> Iterator[Found]:
    """A file; never a pipe or a device that happens to be named like one, for it may never end."""
    try:
        if stat.S_ISREG(entry.stat().st_mode):
            yield File(Path(entry.path), in_chart)
        else:
            yield Unlistable(Path(entry.path), "is no regular file")
    except OSError as error:
        yield Unlistable(Path(entry.path), error.strerror or type(error).__name__)
