"""Alembic's entry: runs the migrations on the connection that `pipeline.store.migrating` hands over."""

from __future__ import annotations

from alembic import context

from pipeline.store.schema import Base

connection = context.config.attributes["connection"]
if connection is None:
    raise RuntimeError("migrations run through pipeline.store.migrating.upgrade")
context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=False)
context.run_migrations()
