"""Reads the compat data from disk: the folder that is shipped, and the operator's own folders laid over it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from fleetkeeper import documents
from fleetkeeper.core import addon_rows, compat_rows, compat_rows_apis
from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.compat import AddonRow, ApiRow, BehaviourRow, Compat, MinorRow, SkewRow, ThirdPartyApiRow
from fleetkeeper.core.versions import Minor
from fleetkeeper.data import data_path
from fleetkeeper.documents import Table
from fleetkeeper.errors import ConfigError, Mistake

Row = TypeVar("Row")
Key = TypeVar("Key")

_KUBERNETES = "kubernetes.toml"
_APIS = "apis.toml"
_BEHAVIOURS = "behaviours.toml"
_FILES = (_KUBERNETES, _APIS, _BEHAVIOURS)
_ADDONS = "addons"


def read_compat(overlays: Sequence[Path] = ()) -> Compat:
    """The shipped data with the overlays on top, each over those before it: a row replaces the row of the same id.

    Raises one ConfigError with every mistake of every file.
    """
    return read_folders((data_path("compat"), *overlays))


def read_folders(folders: Sequence[Path]) -> Compat:
    """Folders that hold some of the known files and addons/<id>.toml, the later over the earlier."""
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
        self._apis: dict[str, ApiRow] = {}
        self._third_party: dict[str, ThirdPartyApiRow] = {}  # by group, version and each kind
        self._behaviours: dict[str, BehaviourRow] = {}
        self._details: dict[str, Table] = {}  # addon id → the document that its row is from
        self._documents: list[Table] = []
        self._mistakes: list[Mistake] = []

    def add(self, folder: Path) -> None:
        if not folder.is_dir():
            self._mistakes.append(Mistake(str(folder), 0, "", "is not a folder of compat data"))
            return
        for path in sorted(folder.glob("*.toml")):
            if path.name not in _FILES:
                known = f"known: {', '.join(_FILES)}, {_ADDONS}/<id>.toml"
                self._mistakes.append(Mistake(str(path), 0, "", "is no file of compat data", known))
        self._add_rows(folder)
        for path in sorted((folder / _ADDONS).glob("*.toml")):
            for root in self._read(path):
                self._add_addon(path, root)

    def _add_rows(self, folder: Path) -> None:
        for root in self._read(folder / _KUBERNETES):
            _lay_over(self._minors, root.tables("minor"), "minor", compat_rows.minor_row, _minor_of)
            _lay_over(self._skew, root.tables("skew"), "id", compat_rows.skew_row, _id_of)
        for root in self._read(folder / _APIS):
            _lay_over(self._apis, root.tables("api"), "kind", compat_rows_apis.api_row, _names_of)
            _lay_over(
                self._third_party, root.tables("third_party"), "kinds", compat_rows_apis.third_party_row, _kinds_of
            )
        for root in self._read(folder / _BEHAVIOURS):
            _lay_over(self._behaviours, root.tables("behaviour"), "id", compat_rows_apis.behaviour_row, _id_of)

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
        return Compat(
            minor_rows=tuple(self._minors.values()),
            skew=tuple(self._skew.values()),
            addons=tuple(self._addons.values()),
            behaviours=tuple(self._behaviours.values()),
            apis=Apis(tuple(self._apis.values()), _with_kinds_left(self._third_party)),
        )


def _lay_over(
    rows: dict[Key, Row],
    tables: Sequence[Table],
    id_key: str,
    read: Callable[[Table], Row | None],
    ids_of: Callable[[Row], Sequence[Key]],
) -> None:
    """Add the rows of one file to those of earlier files; within one file an id may stand once."""
    seen: set[Key] = set()
    for table in tables:
        row = read(table)
        if row is None:
            continue
        ids = ids_of(row)
        for id in ids:
            if id in seen:
                table.mistake(id_key, f"{id} is there twice")
            seen.add(id)
            rows[id] = row


def _minor_of(row: MinorRow) -> tuple[Minor]:
    return (row.minor,)


def _id_of(row: SkewRow | BehaviourRow) -> tuple[str]:
    return (row.id,)


def _names_of(row: ApiRow) -> tuple[str]:
    return (f"{row.api_version} {row.kind}",)


def _kinds_of(row: ThirdPartyApiRow) -> tuple[str, ...]:
    return tuple(f"{row.group}/{row.version} {kind}" for kind in row.kinds)


def _with_kinds_left(rows: Mapping[str, ThirdPartyApiRow]) -> tuple[ThirdPartyApiRow, ...]:
    """Each row with those of its kinds that no later row took over."""
    left: defaultdict[ThirdPartyApiRow, list[str]] = defaultdict(list)
    for id, row in rows.items():
        left[row].append(id.rpartition(" ")[2])
    return tuple(replace(row, kinds=tuple(kinds)) for row, kinds in left.items())
