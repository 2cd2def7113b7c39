"""The only SQL of capacity.

Lock order, for everybody: holds by id, bookings by id, resources by id, buckets by id. A hold that is looked for by its
expiry is locked before anything else in id order, or only if nobody has it. So nobody waits for each other in a ring.
What counts as now is the database's clock.
"""

from services.capacity.store.availability import (
    availabilities,
    keep_availabilities,
    kept_availabilities,
    kept_until,
    kept_up_to,
    turn_to_keep,
    worn_availabilities,
)
from services.capacity.store.claims import Look, bookings, holds, look, overdue, queue_up
from services.capacity.store.ledger import ledger_from, open_ledger, save
from services.capacity.store.offered import (
    Days,
    Sold,
    keep_sites,
    locked_resource,
    offering,
    publish,
    resources,
    rooms,
    save_resource,
    sites,
)
from services.capacity.store.qualifications import keep_qualifications, valid
from services.capacity.store.rows import now
from services.capacity.store.search import find_in_rows

__all__ = [
    "Days",
    "Look",
    "Sold",
    "availabilities",
    "bookings",
    "find_in_rows",
    "holds",
    "keep_availabilities",
    "keep_qualifications",
    "keep_sites",
    "kept_availabilities",
    "kept_until",
    "kept_up_to",
    "ledger_from",
    "locked_resource",
    "look",
    "now",
    "offering",
    "open_ledger",
    "overdue",
    "publish",
    "queue_up",
    "resources",
    "rooms",
    "save",
    "save_resource",
    "sites",
    "turn_to_keep",
    "valid",
    "worn_availabilities",
]
