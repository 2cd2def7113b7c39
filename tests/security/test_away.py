"""A server that is merely away is no reason to end: the service starts, and waits for it."""

from libs.kit.testing import eventually
from tests.security.conftest import Start


async def test_a_service_starts_while_all_its_servers_are_away(start: Start) -> None:
    nobody = {
        "FILIERA_POSTGRES": "postgresql://localhost:1/postgres?sslmode=require",
        "FILIERA_KAFKA": "localhost:1",
        "FILIERA_KAFKA_PROTOCOL": "SASL_SSL",
        "FILIERA_KAFKA_PASSWORD": "sesame",
        "FILIERA_REDIS": "rediss://localhost:1/0",
    }
    service = start(nobody)
    assert await eventually(service.is_live, 30)
    assert service.process.poll() is None
