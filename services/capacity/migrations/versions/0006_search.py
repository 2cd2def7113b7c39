"""Where sites are, what workshops are qualified for; and what search looks at: what is free of a resource, as a row."""

from alembic import op

from libs.service.schema import protect

revision = "0006"
down_revision = "0005"

# Of sites that are known already the catalog tells again, when its events are republished.
SITE = """
ALTER TABLE site
    ADD latitude  double precision CHECK (latitude BETWEEN -90 AND 90),
    ADD longitude double precision CHECK (longitude BETWEEN -180 AND 180)
"""
HEAR_OF_SITES_AGAIN = "DELETE FROM consumed WHERE topic = 'catalog.site'"
# An update leaves what is indexed as it was: room in the page keeps it off the indexes (HOT). The array stays in the
# row and is not compressed, so that search reads one number of it for the price of one number.
AVAILABILITY = """
CREATE TABLE availability (
    id          uuid PRIMARY KEY,
    party_id    uuid NOT NULL,
    site_id     uuid NOT NULL,
    name        text NOT NULL,
    processes   text[] NOT NULL,
    unit        text NOT NULL,
    time_zone   text NOT NULL,
    latitude    double precision,
    longitude   double precision,
    currency    text NOT NULL,
    price       int NOT NULL,
    setup       int NOT NULL,
    least       int NOT NULL,
    minimum     int NOT NULL,
    lot         int NOT NULL,
    notice_days int NOT NULL,
    window_days int,
    visibility  text NOT NULL,
    invited     uuid[] NOT NULL,
    places      text[] NOT NULL,
    first_day   date NOT NULL,
    most        int NOT NULL,
    cumulative  int[] STORAGE PLAIN NOT NULL CHECK (array_ndims(cumulative) = 1),
    FOREIGN KEY (party_id, id) REFERENCES resource (party_id, id)
) WITH (fillfactor = 75)
"""
QUALIFICATION = """
CREATE TABLE qualification (
    id          uuid PRIMARY KEY,
    party_id    uuid NOT NULL,
    version     int NOT NULL CHECK (version > 0),
    scheme      text NOT NULL,
    valid_from  date NOT NULL,
    valid_until date NOT NULL CHECK (valid_until >= valid_from),
    state       text NOT NULL CHECK (state IN ('shown', 'withdrawn'))
)
"""
PROGRESS = """
CREATE TABLE search_progress (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    after bigint NOT NULL DEFAULT 0,
    as_of timestamptz NOT NULL DEFAULT 'epoch'
)
"""
INDEXES = (
    "CREATE INDEX availability_places ON availability USING gin (places)",
    "CREATE INDEX availability_first_day ON availability (first_day)",
    "CREATE INDEX qualification_scheme ON qualification (scheme)",
)


def upgrade() -> None:
    for statement in (SITE, HEAR_OF_SITES_AGAIN, AVAILABILITY, QUALIFICATION, PROGRESS, *INDEXES):
        op.execute(statement)
    op.execute("INSERT INTO search_progress DEFAULT VALUES")
    for table in ("availability", "qualification"):
        protect(table, "capacity", also="true")
    op.execute("GRANT SELECT ON search_progress TO capacity")
    op.execute("GRANT SELECT, UPDATE ON search_progress TO capacity_worker")
