"""The only SQL of capacity.

Lock order, for everybody: holds by id, bookings by id, resources by id, buckets by id. A hold that is looked for by its
expiry is locked before anything else in id order, or only if nobody has it. So nobody waits for each other in a ring.
What counts as now is the database's clock.
"""

from services.capacity.store.claims import Look, bookings, holds, look, overdue, overdue_bookings, queue_up
from services.capacity.store.displacement import claims_on, unsettled
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
from services.capacity.store.rows import now

__all__ = [
    "Days",
    "Look",
    "Sold",
    "bookings",
    "claims_on",
    "holds",
    "keep_sites",
    "ledger_from",
    "locked_resource",
    "look",
    "now",
    "offering",
    "open_ledger",
    "overdue",
    "overdue_bookings",
    "publish",
    "queue_up",
    "resources",
    "rooms",
    "save",
    "save_resource",
    "sites",
    "unsettled",
]
