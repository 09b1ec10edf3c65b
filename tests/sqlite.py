"""A SQLite database with this release's tables: they are made once in a process, which takes hundreds of times as long
as to copy them.
"""

import tempfile
from functools import cache
from pathlib import Path

from fleetkeeper.config import StoreSettings


def migrated(file: Path) -> StoreSettings:
    """Of a new file."""
    file.write_bytes(_empty())
    return StoreSettings(f"sqlite:///{file}")


@cache
def _empty() -> bytes:
    from fleetkeeper.adapters.store import schema  # noqa: PLC0415  # alembic: engines that are measured do without

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "fleet.db")
        schema.upgrade(StoreSettings(f"sqlite:///{file}"))
        return file.read_bytes()
