"""A filled etcd as one file: to fill a large cluster takes minutes, to start on what was filled takes seconds."""

import tarfile
import tempfile
from pathlib import Path

_MEMBER = "etcd"
_FASTEST = 1  # etcd's files are mostly room for more, which the fastest level already packs to nearly nothing


def pack(data: Path, archive: Path) -> None:
    """Write etcd's data folder, which no etcd may be using, into a file; whoever looks finds all of it or nothing."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".packing-", dir=archive.parent) as folder:
        beside = Path(folder) / archive.name
        with tarfile.open(beside, "w:gz", compresslevel=_FASTEST) as packed:
            packed.add(data, _MEMBER)
        beside.replace(archive)


def unpack(archive: Path, folder: Path) -> None:
    """Put the packed data folder into a folder, as `etcd`: a copy, so that the file stays as it was filled."""
    with tarfile.open(archive, "r:gz") as packed:
        packed.extractall(folder, filter="data")
