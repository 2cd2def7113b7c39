"""The only SQL of capacity.

Lock order, for everybody: pools by id, shares by id, entries of the waitlist in the order of the line, holds by id,
bookings by id, resources by id, buckets by id. A hold that is looked for by its expiry is locked before any other hold
in id order, or only if nobody has it. Who keeps the rows of search has the turn (`search_progress`) before these rows,
by id, and locks nothing else. So nobody waits for each other in a ring.
What counts as now is the database's clock.
"""

from services.capacity.store.audit import books
from services.capacity.store.availability import (
    availabilities,
    keep_availabilities,
    kept_availabilities,
    kept_until,
    kept_up_to,
    taken,
    turn_to_keep,
    worn_availabilities,
)
from services.capacity.store.claims import (
    TURN,
    Look,
    bookings,
    holds,
    look,
    look_and_lock,
    overdue,
    overdue_bookings,
    queue_up,
)
from services.capacity.store.displacement import claims_on, unsettled
from services.capacity.store.ledger import ledger_from, open_ledger, saving, touched
from services.capacity.store.offered import (
    Days,
    Sold,
    keep_sites,
    locked_resources,
    offering,
    publish,
    resources,
    rooms,
    save_resources,
    short_of_days,
    sites,
)
from services.capacity.store.pools import ended_pools, locked_pool, pledged, pool, save_pools, share_of, shares_of
from services.capacity.store.qualifications import keep_qualifications, lacking, valid
from services.capacity.store.rows import now
from services.capacity.store.search import find_in_rows, free_in_rows
from services.capacity.store.uploads import upload_key
from services.capacity.store.waitlist import (
    ahead,
    answered,
    entries,
    entries_of,
    entry,
    is_sold,
    line,
    my_turn,
    passed,
    put_news,
    put_news_of,
    put_news_of_windows,
    save_entries,
    take_news,
)

__all__ = [
    "TURN",
    "Days",
    "Look",
    "Sold",
    "ahead",
    "answered",
    "availabilities",
    "bookings",
    "books",
    "claims_on",
    "ended_pools",
    "entries",
    "entries_of",
    "entry",
    "find_in_rows",
    "free_in_rows",
    "holds",
    "is_sold",
    "keep_availabilities",
    "keep_qualifications",
    "keep_sites",
    "kept_availabilities",
    "kept_until",
    "kept_up_to",
    "lacking",
    "ledger_from",
    "line",
    "locked_pool",
    "locked_resources",
    "look",
    "look_and_lock",
    "my_turn",
    "now",
    "offering",
    "open_ledger",
    "overdue",
    "overdue_bookings",
    "passed",
    "pledged",
    "pool",
    "publish",
    "put_news",
    "put_news_of",
    "put_news_of_windows",
    "queue_up",
    "resources",
    "rooms",
    "save_entries",
    "save_pools",
    "save_resources",
    "saving",
    "share_of",
    "shares_of",
    "short_of_days",
    "sites",
    "take_news",
    "taken",
    "touched",
    "turn_to_keep",
    "unsettled",
    "upload_key",
    "valid",
    "worn_availabilities",
]
