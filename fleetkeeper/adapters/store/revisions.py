"""Is the database at this release's schema: asked at each start and slot, so it must not cost what migrating costs.

alembic takes 9 MiB of memory and is needed to migrate alone, so the chain is read from the files of the migrations.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa

from fleetkeeper import __version__, data
from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.tables import schema_log
from fleetkeeper.errors import SchemaError

_NAMED = re.compile(r'^(revision|down_revision) = (?:"([^"]+)"|None)$', re.MULTILINE)


def check_schema(database: Database) -> None:
    """Raise a SchemaError when the database is empty, behind or ahead of this release."""
    if database.file and not database.file.exists():
        raise SchemaError(f"there is no database at {database.file} yet: run `fleetkeeper db upgrade`")
    found = database.read("read the schema's revision", applied_to)
    wrong = judge(found, chain())
    if wrong:
        raise SchemaError(f"{database.shown}: {wrong}")


def judge(applied: Sequence[tuple[str, str]], known: Sequence[str]) -> str:
    """What is wrong with a database, "" when nothing is.

    applied: (revision, by which release), oldest first; known: this release's chain, oldest first.
    """
    if not applied:
        return "it has no tables yet: run `fleetkeeper db upgrade`"
    done = {revision for revision, _ in applied}
    beyond = [(revision, by) for revision, by in applied if revision not in known and not revision.startswith("pre_")]
    if beyond:
        revision, by = beyond[-1]
        return (
            f"the database is at {revision}, which is ahead of this fleetkeeper {__version__}: "
            f"run a newer fleetkeeper (it was upgraded by {by})"
        )
    missing = [revision for revision in known if revision.startswith("pre_") and revision not in done]
    if missing:
        return (
            f"the database is at {applied[-1][0]}, this fleetkeeper needs {missing[-1]}: run `fleetkeeper db upgrade`"
        )
    return ""


def chain() -> tuple[str, ...]:
    """This release's migrations, oldest first."""
    texts = (file.read_text("utf-8") for file in data.data_path("alembic").glob("versions/*.py"))
    named = (dict(_NAMED.findall(text)) for text in texts)
    after = {names["down_revision"]: names["revision"] for names in named}
    found: list[str] = []
    while following := after.get(found[-1] if found else ""):
        found.append(following)
    return tuple(found)


def applied_to(connection: sa.Connection) -> list[tuple[str, str]]:
    if not sa.inspect(connection).has_table(schema_log.name):
        return []
    rows = connection.execute(
        sa.select(schema_log.c.revision, schema_log.c.applied_by).order_by(schema_log.c.applied_at)
    )
    return [(revision, by) for revision, by in rows]
