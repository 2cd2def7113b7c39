"""The key that addresses of uploads are signed with: one, of all processes, which may read it and nothing more."""

from alembic import op

revision = "0010"
down_revision = "0009"

KEY = """
CREATE TABLE upload_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key bytea NOT NULL CHECK (octet_length(key) = 32)
)
"""
# 256 bits of three random UUIDs, each of 122 random bits: PostgreSQL has no plainer source without an extension.
NEW = "sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"


def upgrade() -> None:
    op.execute(KEY)
    op.execute(f"INSERT INTO upload_key (key) SELECT {NEW}")
    op.execute("GRANT SELECT ON upload_key TO capacity")
