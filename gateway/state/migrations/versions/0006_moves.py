"""The journal of moves between stores."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "moves",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("origin_mount", sa.String(64), nullable=False),
        sa.Column("origin_store", sa.Text, nullable=False),
        sa.Column("origin_path", sa.Text, nullable=False),
        sa.Column("goal_mount", sa.String(64), nullable=False),
        sa.Column("goal_store", sa.Text, nullable=False),
        sa.Column("goal_path", sa.Text, nullable=False),
        sa.Column("user", sa.String(255)),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_moves_expires", "moves", ["expires"])
    op.create_table(
        "move_steps",
        sa.Column("move_id", sa.String(32), sa.ForeignKey("moves.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("path", sa.String(1024), primary_key=True),
        sa.Column("sha256", sa.String(64)),
        sa.Column("etag", sa.Text),
        sa.Column("modified", sa.DateTime(timezone=True)),
        sa.Column("copy_etag", sa.Text),
    )
