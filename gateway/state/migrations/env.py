"""Runs the migrations on the connection that the state store has opened."""

from alembic import context

from gateway.state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
