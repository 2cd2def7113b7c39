"""The read models: one table per aggregate of the other services, its columns and what they hold."""

from libs.read_models.declaration import ReadModel, by_topic
from services.gateway import views

_PUBLIC = {"party_id": "uuid"}
_OWN = _PUBLIC | {"state": "text"}
"""Seen by its party alone, but for pools: by whoever sees the resource. Forced row-level security."""
_PRIVATE = {"state": "text", "audience": "uuid[]"}
"""Seen by its audience alone: forced row-level security."""
_AUDIENCE = {"audience": views.audience}

OF_TOPIC = by_topic(
    ReadModel("catalog.party", "party", {"kind": "text", "name": "text"}),
    ReadModel("catalog.site", "site", _PUBLIC | {"name": "text"}),
    ReadModel("catalog.product", "product", _PUBLIC | {"offered": "boolean"}, {"offered": views.offered}),
    ReadModel(
        "capacity.resource",
        "resource",
        _PUBLIC | {"site_id": "uuid", "processes": "text[]", "audience": "uuid[]"},
        {"audience": views.invited},
    ),
    ReadModel("capacity.bucket", "bucket", _PUBLIC | {"resource_id": "uuid", "day": "date"}),
    ReadModel("capacity.hold", "hold", _PRIVATE, _AUDIENCE),
    ReadModel("capacity.booking", "booking", _PRIVATE, _AUDIENCE),
    ReadModel("capacity.waitlist", "waitlist", _OWN),
    ReadModel("capacity.pool", "pool", _OWN | {"resource_id": "uuid"}),
    ReadModel("capacity.share", "share", _OWN | {"pool_id": "uuid"}),
    ReadModel("orders.order", "orders", _PRIVATE, _AUDIENCE),
)
