"""Kafka by SASL and TLS: events go their whole way, and each wrong setting is told at the start in one sentence."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from libs.kit.clock import SystemClock
from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.refusal import RefusedError
from libs.kit.settings import Settings
from libs.messaging.connection import check
from libs.messaging.consumer import Consumer
from libs.messaging.relay import Relay
from tests.libs.messaging import probe
from tests.security.certificates import Authority
from tests.security.conftest import Start
from tests.security.servers import Kafka

PASSWORD = SecretStr(Kafka.PASSWORD)

Secured = Callable[..., Settings]


@pytest.fixture
def secured(kafka: Kafka, authority: Authority) -> Secured:
    """Settings of the probe, good for the listener of users unless told otherwise."""

    def settings(listener: str = "users", *, host: str = "localhost", **others: object) -> Settings:
        given: dict[str, object] = {"kafka_protocol": "SASL_SSL", "kafka_password": PASSWORD}
        given |= {"kafka_ca": str(authority.file), "kafka": kafka.at(listener, host)}
        given |= {"kafka_replication": 1, "kafka_min_insync": 1}  # it is alone, whatever the run is on
        return Settings(service="probe", **(given | others))

    return settings


async def _events_take_their_effect(settings: Settings, database: Database) -> None:
    relay = Relay(database, settings, SystemClock())
    consumer = Consumer(database, settings, probe.SUBSCRIPTIONS, SystemClock())
    at_work = [asyncio.create_task(each.run()) for each in (relay, consumer)]
    try:
        await probe.change(database, await probe.make(database, 3), times=2)
        await probe.everything_had_its_effect_once(database, 30)
    finally:
        for task in at_work:
            await probe.stop(task)


def _own(database: Database) -> dict[str, object]:
    name = database.url.database
    return {
        "database": name,
        "topic_prefix": f"{new_id().hex}.",
        "kafka_create_topics": True,
        "kafka_session_timeout_ms": 6000,
    }


async def test_events_are_told_relayed_and_consumed_by_password_and_tls(
    secured: Secured, kit_database: Database
) -> None:
    await _events_take_their_effect(secured(**_own(kit_database)), kit_database)


async def test_events_are_told_relayed_and_consumed_by_certificates_of_both_sides(
    secured: Secured, authority: Authority, kit_database: Database
) -> None:
    mine = authority.issue("probe")
    files = {"kafka_cert": str(mine.certificate), "kafka_key": str(mine.key)}
    settings = secured("mutual", kafka_protocol="SSL", kafka_password=None, **files, **_own(kit_database))
    await _events_take_their_effect(settings, kit_database)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
async def test_each_mechanism_is_spoken(secured: Secured, mechanism: str) -> None:
    await check(secured("open", kafka_protocol="SASL_PLAINTEXT", kafka_mechanism=mechanism), 5)


async def refusal(settings: Settings) -> str:
    with pytest.raises(RefusedError) as told:
        await check(settings, 5)
    return str(told.value)


async def test_a_wrong_password_is_told(secured: Secured, kafka: Kafka) -> None:
    told = await refusal(secured(kafka_password=SecretStr("guess")))
    where = f"Kafka at {kafka.at('users')}"
    assert told == f"{where} refuses the password of user probe: set FILIERA_KAFKA_PASSWORD."


async def test_a_user_that_there_is_not_is_told(secured: Secured) -> None:
    assert "refuses the password of user mallory" in await refusal(secured(kafka_user="mallory"))


async def test_no_password_is_told(secured: Secured) -> None:
    told = await refusal(secured(kafka_password=None))
    assert told == "FILIERA_KAFKA_PROTOCOL is SASL_SSL: set FILIERA_KAFKA_PASSWORD."


async def test_another_mechanism_is_told(secured: Secured, kafka: Kafka) -> None:
    told = await refusal(secured(kafka_mechanism="PLAIN"))
    assert told == f"Kafka at {kafka.at('users')} does not take PLAIN: set FILIERA_KAFKA_MECHANISM."


async def test_an_untrusted_certificate_is_told(secured: Secured, stranger: Authority) -> None:
    told = await refusal(secured(kafka_ca=str(stranger.file)))
    assert "shows a certificate that is not trusted" in told
    assert told.endswith("name its CA's file by FILIERA_KAFKA_CA.")


async def test_another_name_is_told(secured: Secured) -> None:
    assert "shows a certificate for another name (IP address mismatch" in await refusal(secured(host="127.0.0.1"))


async def test_a_certificate_that_has_expired_is_told(secured: Secured, kafka: Kafka) -> None:
    told = await refusal(secured("expired", kafka_protocol="SSL"))
    assert told == f"Kafka at {kafka.at('expired')} shows a certificate that has expired: renew it."


async def test_a_certificate_of_ours_that_is_wanted_is_told(secured: Secured, kafka: Kafka) -> None:
    told = await refusal(secured("mutual", kafka_protocol="SSL"))
    assert told == f"Kafka at {kafka.at('mutual')} wants a certificate of ours, one that it trusts."


@pytest.mark.parametrize(
    ("listener", "protocol", "wants"),
    [
        ("users", "PLAINTEXT", "wants TLS"),
        ("tls", "SASL_PLAINTEXT", "wants TLS"),
        ("open", "SASL_SSL", "does not speak TLS"),
        ("brokers", "SSL", "does not speak TLS"),
        ("users", "SSL", "wants a user and a password"),
        ("open", "PLAINTEXT", "wants a user and a password"),
        ("tls", "SASL_SSL", "asks for no user"),
        ("brokers", "SASL_PLAINTEXT", "asks for no user"),
    ],
)
async def test_another_protocol_is_told(
    secured: Secured, kafka: Kafka, listener: str, protocol: str, wants: str
) -> None:
    told = await refusal(secured(listener, kafka_protocol=protocol))
    assert told == f"Kafka at {kafka.at(listener)} {wants}, and FILIERA_KAFKA_PROTOCOL is {protocol}."


async def test_files_that_are_not_there_are_told(secured: Secured) -> None:
    told = await refusal(secured(kafka_ca="/nowhere/ca.pem"))
    assert told == "FILIERA_KAFKA_CA names /nowhere/ca.pem, which cannot be used (No such file or directory)."
    told = await refusal(secured(kafka_cert="/nowhere/crt.pem"))
    assert told.startswith("FILIERA_KAFKA_CERT and FILIERA_KAFKA_KEY name files that cannot be used")


async def test_one_that_is_away_is_no_refusal(secured: Secured) -> None:
    with pytest.raises((KafkaError, OSError)):
        await check(secured(kafka="localhost:1"), 5)


async def test_a_broker_that_answers_is_enough(secured: Secured, kafka: Kafka) -> None:
    await check(secured(kafka=f"localhost:1,{kafka.at('users')}"), 5)


async def test_the_process_ends_with_that_sentence_alone(
    kafka: Kafka, authority: Authority, start: Start, catalog: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "filiera_kafka_password").write_text("guess\n")
    wrong = catalog | {
        "FILIERA_KAFKA": kafka.at("users"),
        "FILIERA_KAFKA_PROTOCOL": "SASL_SSL",
        "FILIERA_KAFKA_CA": str(authority.file),
        "FILIERA_SECRETS": str(tmp_path),
    }
    code, said = await start(wrong).ending()
    assert code != 0
    assert said == [
        f"Kafka at {kafka.at('users')} refuses the password of user catalog: set FILIERA_KAFKA_PASSWORD.",
        "Application startup failed. Exiting.",
    ]
