"""Runs the migrations on the connection that adapters/store/schema.py hands over, inside its transaction."""

from alembic import context
from fleetkeeper.adapters.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    on_version_apply=context.config.attributes["on_version_apply"],
    transactional_ddl=True,  # SQLite has it too, once the driver leaves BEGIN to us
)
with context.begin_transaction():
    context.run_migrations()
