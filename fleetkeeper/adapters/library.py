"""Reads the compat data from disk: the folder that is shipped, and the operator's own folders laid over it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from fleetkeeper import documents
from fleetkeeper.core import addon_rows, compat_rows
from fleetkeeper.core.compat import AddonRow, Compat, MinorRow, SkewRow
from fleetkeeper.core.versions import Minor
from fleetkeeper.data import data_path
from fleetkeeper.documents import Table
from fleetkeeper.errors import ConfigError, Mistake

Row = TypeVar("Row")
Key = TypeVar("Key")

_KUBERNETES = "kubernetes.toml"
_ADDONS = "addons"


def read_compat(overlays: Sequence[Path] = ()) -> Compat:
    """The shipped data with the overlays on top, each over those before it: a row replaces the row of the same id.

    Raises one ConfigError with every mistake of every file.
    """
    return read_folders((data_path("compat"), *overlays))


def read_folders(folders: Sequence[Path]) -> Compat:
    """Folders that hold kubernetes.toml and addons/<id>.toml or some of them, the later over the earlier."""
    library = _Library()
    for folder in folders:
        library.add(folder)
    return library.compat()


class _Library:
    """The rows so far by their ids, and every document, for it keeps the mistakes that were noted in it."""

    def __init__(self) -> None:
        self._minors: dict[Minor, MinorRow] = {}
        self._skew: dict[str, SkewRow] = {}
        self._addons: dict[str, AddonRow] = {}
        self._details: dict[str, Table] = {}  # addon id → the document that its row is from
        self._documents: list[Table] = []
        self._mistakes: list[Mistake] = []

    def add(self, folder: Path) -> None:
        if not folder.is_dir():
            self._mistakes.append(Mistake(str(folder), 0, "", "is not a folder of compat data"))
            return
        for path in sorted(folder.glob("*.toml")):
            if path.name != _KUBERNETES:
                self._mistakes.append(
                    Mistake(str(path), 0, "", "is no file of compat data", f"known: {_KUBERNETES}, {_ADDONS}/<id>.toml")
                )
        for root in self._read(folder / _KUBERNETES):
            _lay_over(self._minors, root.tables("minor"), "minor", compat_rows.minor_row, lambda row: row.minor)
            _lay_over(self._skew, root.tables("skew"), "id", compat_rows.skew_row, lambda row: row.id)
        for path in sorted((folder / _ADDONS).glob("*.toml")):
            for root in self._read(path):
                self._add_addon(path, root)

    def _add_addon(self, path: Path, root: Table) -> None:
        row = addon_rows.addon_row(root)
        if row is None:
            return
        if row.id != path.stem:
            root.mistake("id", f"must be the name of the file, {path.stem}")
        self._addons.pop(row.id, None)  # to the end: in a contest between rows the newcomer is to be changed
        self._addons[row.id] = row
        self._details[row.id] = root

    def _read(self, path: Path) -> Iterator[Table]:
        """The document, or nothing when the file is not there or is no TOML."""
        if not path.exists():
            return
        try:
            document = documents.read(path)
        except ConfigError as error:
            self._mistakes += error.mistakes
            return
        self._documents.append(document)
        yield document

    def compat(self) -> Compat:
        for contest in addon_rows.contests(self._addons.values()):
            detect = self._details[contest.addon].table("detect")
            message = f"{contest.text} is claimed by {contest.claimed_by} too"
            detect.mistake(contest.key, message, "each trace may belong to one addon", item=contest.item)
        mistakes = (*self._mistakes, *(m for document in self._documents for m in document.mistakes()))
        if mistakes:
            raise ConfigError(mistakes)
        return Compat(tuple(self._minors.values()), tuple(self._skew.values()), tuple(self._addons.values()))


def _lay_over(
    rows: dict[Key, Row],
    tables: Sequence[Table],
    id_key: str,
    read: Callable[[Table], Row | None],
    id_of: Callable[[Row], Key],
) -> None:
    """Add the rows of one file; within one file an id may stand once."""
    seen: set[Key] = set()
    for table in tables:
        row = read(table)
        if row is None:
            continue
        id = id_of(row)
        if id in seen:
            table.mistake(id_key, f"{id} is there twice")
        seen.add(id)
        rows[id] = row
