"""At the start: a server that is merely away is no reason to end, a setting that cannot be meant is."""

import pytest

from libs.kit.refusal import RefusedError
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.service.start_check import check_servers
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


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("kafka", "localhost:kafka", "FILIERA_KAFKA is no list of brokers: write host:port, or host:port,host:port."),
        ("redis", "localhost:6379", "FILIERA_REDIS is no address: write redis://, rediss:// or unix://."),
        ("postgres", "postgresql://db/x?sslmode=sure", "FILIERA_POSTGRES cannot be used: `sslmode` parameter must be"),
    ],
)
async def test_an_address_that_is_none_is_told(setting: str, value: str, sentence: str) -> None:
    away = {"kafka": "localhost:1", "redis": "redis://localhost:1/0", "postgres": "postgresql://localhost:1/postgres"}
    with pytest.raises(RefusedError) as told:
        await check_servers(Settings(service="catalog", **(away | {setting: value})))
    assert str(told.value).startswith(sentence)
