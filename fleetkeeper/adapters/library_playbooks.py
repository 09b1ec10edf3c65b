"""Reads playbooks from disk: those that are shipped, and the operator's own folders laid over them by name."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetkeeper import documents
from fleetkeeper.core.playbook import Playbook
from fleetkeeper.core.playbook_file import Known, read_playbook
from fleetkeeper.data import data_path
from fleetkeeper.errors import ConfigError, Mistake
from fleetkeeper.values import digest

FOLDER = "playbooks"


def read_playbooks(overlays: Sequence[Path], steps: Known, gates: Known) -> Mapping[str, Playbook]:
    """Every playbook by its name; one of a later folder replaces that of an earlier.

    Raises one ConfigError with every mistake of every file.
    """
    shipped = data_path(FOLDER)
    found: dict[str, Playbook] = {}
    mistakes: list[Mistake] = []
    for folder in (shipped, *overlays):
        if not folder.is_dir():
            mistakes.append(Mistake(str(folder), 0, "", "is not a folder of playbooks"))
        for path in sorted(folder.glob("*.toml")):
            try:
                playbook = _read(path, f"shipped {path.name}" if folder == shipped else str(path), steps, gates)
            except ConfigError as error:
                mistakes += error.mistakes
            else:
                found[playbook.name] = playbook
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return found


def read_files(paths: Sequence[Path], steps: Known, gates: Known) -> Mapping[str, Playbook]:
    """The playbooks of files, and of the folders among the paths; ConfigError with every mistake of all."""
    found: dict[str, Playbook] = {}
    mistakes: list[Mistake] = []
    files = [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    for path in files:
        try:
            playbook = _read(path, str(path), steps, gates)
        except ConfigError as error:
            mistakes += error.mistakes
        else:
            found[str(path)] = playbook
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return found


def _read(path: Path, origin: str, steps: Known, gates: Known) -> Playbook:
    """One file; its name is that of the playbook, so that a folder cannot hold two of one name."""
    root = documents.read(path)
    playbook = read_playbook(root, digest(path.read_text("utf-8")), origin, steps, gates)
    if playbook.name and playbook.name != path.stem:
        root.mistake("name", f"must be the name of the file, {path.stem}")
    root.finish()
    return playbook
