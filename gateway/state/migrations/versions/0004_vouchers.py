"""Which notebooks a user has vouched for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "vouchers",
        sa.Column("owner", sa.String(300), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_vouchers_expires", "vouchers", ["expires"])
