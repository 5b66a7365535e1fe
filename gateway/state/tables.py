"""The tables of the state store; ``migrations`` makes them, and a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _stamp() -> list[Column[object]]:
    return [
        Column("created_by", String(255)),
        Column("created", DateTime(timezone=True), nullable=False),
        Column("updated_by", String(255)),
        Column("updated", DateTime(timezone=True)),
    ]


apps = Table(
    "apps",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("type", String(32), nullable=False),
    *_stamp(),
)

versions = Table(
    "app_versions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("app_id", Uuid, ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("active", Boolean, nullable=False),
    *_stamp(),
    UniqueConstraint("app_id", "name"),
)

components = Table(
    "app_components",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version_id", Uuid, ForeignKey("app_versions.id", ondelete="CASCADE"), nullable=False),
    Column("type", String(32), nullable=False),
    Column("slot", String(255), nullable=False),
    Column("properties", Text),
    *_stamp(),
    UniqueConstraint("version_id", "slot"),
)

retry_tokens = Table(
    "retry_tokens",
    metadata,
    Column("owner", String(300), primary_key=True),
    Column("operation", String(200), primary_key=True),
    Column("token", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("claim_id", String(32), nullable=False),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", LargeBinary),
    Column("made", Text),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index(None, "expires"),
)

signatures = Table(
    "signatures",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index(None, "expires"),
)

vouchers = Table(
    "vouchers",
    metadata,
    Column("owner", String(300), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index(None, "expires"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("received", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
)

sign_in_secrets = Table(
    "sign_in_secrets",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
)

signed_out = Table(
    "signed_out",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index(None, "expires"),
)

locks = Table(
    "locks",
    metadata,
    Column("name", String(1200), primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
)

moves = Table(
    "moves",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("stage", String(16), nullable=False),
    Column("origin_mount", String(64), nullable=False),
    Column("origin_store", Text, nullable=False),
    Column("origin_path", Text, nullable=False),
    Column("goal_mount", String(64), nullable=False),
    Column("goal_store", Text, nullable=False),
    Column("goal_path", Text, nullable=False),
    Column("user", String(255)),
    Column("holder", String(32), nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index(None, "expires"),
)

move_steps = Table(
    "move_steps",
    metadata,
    Column("move_id", String(32), ForeignKey("moves.id", ondelete="CASCADE"), primary_key=True),
    Column("path", String(1024), primary_key=True),
    Column("sha256", String(64)),
    Column("etag", Text),
    Column("modified", DateTime(timezone=True)),
    Column("copy_etag", Text),
)
"""A directory has no digest."""
