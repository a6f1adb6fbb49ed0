"""Run by Alembic with a connection that `jobs.store.migrate` has begun a transaction on."""
# ruff: noqa: INP001  (Alembic loads its scripts by path)

from alembic import context

from jobs.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The caller commits, all scripts at once.
    transactional_ddl=False,
)
context.run_migrations()
