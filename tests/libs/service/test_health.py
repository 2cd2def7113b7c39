"""Health that means it: what `/health/ready` says of a process that cannot do its work."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import URL, text

from libs.kit.auth import Verifier
from libs.kit.cache import Cache
from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.messaging import queue
from libs.messaging.consumer import Consumer
from libs.service import health
from libs.service.runtime import Kit

UNSENT = text("""
    INSERT INTO outbox (id, aggregatetype, aggregateid, version, type, payload, waiting_since)
    VALUES (gen_random_uuid(), 'probe.thing', gen_random_uuid(), 1, 't', '{}', clock_timestamp() - interval '1 hour')
""")


async def ready(
    database: Database, consumer: Consumer | None = None, path: str = "/health/ready", service: str = "probe"
) -> httpx.Response:
    settings, clock = Settings(service=service), SystemClock()
    api = FastAPI()
    api.include_router(health.router)
    api.state.kit = Kit(settings, database, Cache(settings.redis), clock, Verifier(settings, clock))
    api.state.consumer = consumer
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://probe.test") as client:
        return await client.get(path)


async def test_a_process_that_keeps_up_is_ready(kit_database: Database) -> None:
    answer = await ready(kit_database)
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


async def test_an_event_that_waits_too_long_makes_it_unready(kit_database: Database) -> None:
    async with kit_database.write(role="probe_worker") as session:
        await session.execute(UNSENT)
    answer = await ready(kit_database)
    assert answer.status_code == 503
    assert answer.json()["outbox_unsent"] == 1
    assert answer.json()["outbox_oldest_seconds"] > 3500
    assert "older than 30 s" in answer.json()["checks"]["outbox"]


async def test_sending_everything_again_is_not_an_old_backlog(kit_database: Database) -> None:
    async with kit_database.work() as session:
        await session.execute(UNSENT)
        await session.execute(text("UPDATE outbox SET sent_at = clock_timestamp()"))
        await queue.send_all_again(session)
    answer = await ready(kit_database)
    assert (answer.status_code, answer.json()["outbox_unsent"]) == (200, 1)


async def test_without_its_database_it_is_unready_and_says_so(kit_database: Database) -> None:
    away = Database(URL.create("postgresql+asyncpg", "probe", host="127.0.0.1", port=1, database="probe"))
    answer = await ready(away)
    assert answer.status_code == 503
    assert "no answer from PostgreSQL" in answer.json()["checks"]["database"]
    await away.close()


async def test_it_serves_without_a_broker_but_not_without_its_database(kit_database: Database) -> None:
    lonely = Consumer(kit_database, Settings(service="probe"), [], SystemClock())
    assert (await ready(kit_database, lonely, "/health/serving")).status_code == 200
    away = Database(URL.create("postgresql+asyncpg", "probe", host="127.0.0.1", port=1, database="probe"))
    answer = await ready(away, path="/health/serving")
    assert (answer.status_code, "PostgreSQL" in answer.json()["database"]) == (503, True)
    await away.close()


async def test_it_has_started_once_it_has_reached_everything_whatever_comes_then(kit_database: Database) -> None:
    async with kit_database.write(role="probe_worker") as session:
        await session.execute(UNSENT)
    assert (await ready(kit_database, path="/health/started")).status_code == 200
    lonely = Consumer(kit_database, Settings(service="probe"), [], SystemClock())
    answer = await ready(kit_database, lonely, "/health/started")
    assert (answer.status_code, "joined" in answer.json()["consumer"]) == (503, True)


async def test_it_has_not_started_without_the_broker_or_its_topics(
    kit_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILIERA_KAFKA_CREATE_TOPICS", "false")
    monkeypatch.setenv("FILIERA_TOPIC_PREFIX", f"{new_id().hex}.")
    answer = await ready(kit_database, path="/health/started", service="orders")
    assert (answer.status_code, "libs.messaging.topics" in answer.json()["broker"]) == (503, True)
    monkeypatch.setenv("FILIERA_KAFKA", "127.0.0.1:1")
    answer = await ready(kit_database, path="/health/started")
    assert (answer.status_code, "no answer from Kafka" in answer.json()["broker"]) == (503, True)


async def test_a_consumer_that_never_joined_makes_it_unready(kit_database: Database) -> None:
    consumer = Consumer(kit_database, Settings(service="probe"), [], SystemClock())
    answer = await ready(kit_database, consumer)
    assert answer.status_code == 503
    assert "has not joined" in answer.json()["checks"]["consumer"]
