"""Which answers that are kept in Valkey may be given, and until when at the latest: libs.graphql_cache."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("CREATE TABLE answers (epoch text, until timestamptz NOT NULL)")
    op.execute("INSERT INTO answers VALUES (NULL, 'epoch')")
    op.execute("GRANT SELECT, UPDATE ON answers TO gateway, gateway_worker")
