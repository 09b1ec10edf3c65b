"""Finds manifests under paths: files by their name, every folder once, charts as one thing."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".yaml", ".yml", ".json")
CHART = "Chart.yaml"
_RENDERED = frozenset({"templates", "charts", "crds"})
"""Folders of a chart that Helm answers for."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to read. Its path is a text, for to make a Path of it would cost as much as to read it.

    in_chart: it lies in a chart that could not be rendered, which is told for the whole chart.
    """

    path: str
    in_chart: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A folder that holds a Helm chart."""

    folder: str


@dataclass(frozen=True, slots=True)
class Unlistable:
    """A folder or file that could not even be looked at."""

    path: str
    text: str


Found = File | Chart | Unlistable


class Walk:
    """A walk over paths. Links are followed, but a folder is walked once, whatever loops lead to it."""

    def __init__(self, *, renders: bool) -> None:
        self._renders = renders
        self._seen: set[tuple[int, int]] = set()

    def find(self, paths: Sequence[str]) -> Iterator[Found]:
        """Everything to scan, in the order of the paths and then by name; a path that is a file is always read."""
        for path in paths:
            if Path(path).is_dir():
                yield from self._folder(path)
            else:
                yield File(path)

    def _folder(self, top: str) -> Iterator[Found]:
        waiting = [(top, False)]
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
                        folders.append((_path(entry), inside or (is_chart and not self._renders)))
                elif entry.name.lower().endswith(SUFFIXES):
                    yield from _file(entry, in_chart=inside or (is_chart and not self._renders))
            waiting += reversed(folders)

    def _is_new(self, folder: str) -> bool:
        found = Path(folder).stat()
        name = (found.st_dev, found.st_ino)
        is_new = name not in self._seen
        self._seen.add(name)
        return is_new


def _path(entry: "os.DirEntry[str]") -> str:
    return entry.path.removeprefix("./")


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _file(entry: "os.DirEntry[str]", *, in_chart: bool) -> Iterator[Found]:
    """A file; never a pipe or a device that happens to be named like one, for it may never end."""
    try:
        if entry.is_file():
            yield File(_path(entry), in_chart)
        else:
            entry.stat()  # says why, where a link leads nowhere
            yield Unlistable(_path(entry), "is no regular file")
    except OSError as error:
        yield Unlistable(_path(entry), error.strerror or type(error).__name__)
