"""Apps, versions, components, retry tokens, uploads, locks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _stamp() -> list[sa.Column[object]]:
    return [
        sa.Column("created_by", sa.String(255)),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(255)),
        sa.Column("updated", sa.DateTime(timezone=True)),
    ]


def upgrade() -> None:
    op.create_table(
        "apps",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String(128), nullable=False, unique=True),
        sa.Column("type", sa.String(32), nullable=False),
        *_stamp(),
    )
    op.create_table(
        "app_versions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("app_id", sa.Uuid, sa.ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        *_stamp(),
        sa.UniqueConstraint("app_id", "name"),
    )
    op.create_table(
        "app_components",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version_id", sa.Uuid, sa.ForeignKey("app_versions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("slot", sa.String(255), nullable=False),
        sa.Column("properties", sa.Text),
        *_stamp(),
        sa.UniqueConstraint("version_id", "slot"),
    )
    op.create_table(
        "retry_tokens",
        sa.Column("owner", sa.String(300), primary_key=True),
        sa.Column("operation", sa.String(200), primary_key=True),
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("claim_id", sa.String(32), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.Text),
        sa.Column("body", sa.LargeBinary),
        sa.Column("made", sa.Text),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_retry_tokens_expires", "retry_tokens", ["expires"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("received", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("owner", "path"),
    )
    op.create_table(
        "locks",
        sa.Column("name", sa.String(1200), primary_key=True),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
    )
