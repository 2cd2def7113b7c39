"""How to reach the cluster that the settings name, and whether it will have us."""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.admin import SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

from libs.kit.refusal import RefusedError, refused_tls, speaks_tls, trusting
from libs.kit.settings import Settings

_QUESTION_MS = 2000
_CLOSING = 1.0


def arguments(settings: Settings) -> dict[str, Any]:
    """What every client of aiokafka is given so that it can connect. Raises RefusedError for a file of no use."""
    protocol, password = settings.kafka_protocol, settings.kafka_password
    given: dict[str, Any] = {"client_id": settings.service, "security_protocol": protocol}
    if protocol.endswith("SSL"):
        given["ssl_context"] = _trust(settings)
    if protocol.startswith("SASL"):
        if password is None:
            raise RefusedError(f"FILIERA_KAFKA_PROTOCOL is {protocol}: set FILIERA_KAFKA_PASSWORD.")
        user = settings.kafka_user or settings.service
        secret = {"sasl_plain_username": user, "sasl_plain_password": password.get_secret_value()}
        given |= {"sasl_mechanism": settings.kafka_mechanism} | secret
    return given


def servers(settings: Settings) -> list[str]:
    """The brokers to ask first, each as host:port."""
    return settings.kafka.split(",")


def _trust(settings: Settings) -> ssl.SSLContext:
    context = trusting(settings.kafka_ca, "FILIERA_KAFKA_CA")
    if settings.kafka_cert:
        try:
            context.load_cert_chain(settings.kafka_cert, settings.kafka_key)
        except OSError as error:
            files = "FILIERA_KAFKA_CERT and FILIERA_KAFKA_KEY"
            raise RefusedError(f"{files} name files that cannot be used ({error.strerror or error}).") from None
    return context


async def check(settings: Settings, seconds: float) -> None:
    """Raise RefusedError if the first broker that answers will not have us; KafkaError or OSError if none answers."""
    given = arguments(settings) | {"request_timeout_ms": int(seconds * 1000)}
    away: Exception = KafkaConnectionError("no servers")
    for host, port in _addresses(settings):
        try:
            return await _ask(host, port, given)
        except (OSError, KafkaError, TimeoutError) as error:
            if refused := await _refusal(error, settings, host, port):
                raise refused from None
            away = error
    raise away


def _addresses(settings: Settings) -> list[tuple[str, int]]:
    try:
        return [(host, port) for host, port, _ in collect_hosts(servers(settings))]
    except ValueError:
        raise RefusedError("FILIERA_KAFKA is no list of brokers: write host:port, or host:port,host:port.") from None


async def _closed(connection: AIOKafkaConnection) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSING):  # the other end may be slow to say goodbye by TLS
            await connection.close()


async def _ask(host: str, port: int, given: dict[str, Any]) -> None:
    connection = await create_conn(host, port, **given)
    try:
        await connection.send(MetadataRequest([]))
    finally:
        await _closed(connection)


async def _refusal(error: Exception, settings: Settings, host: str, port: int) -> RefusedError | None:
    server, protocol = f"Kafka at {host}:{port}", f"FILIERA_KAFKA_PROTOCOL is {settings.kafka_protocol}"
    user = settings.kafka_user or settings.service
    match error:
        case SaslAuthenticationFailed():
            return RefusedError(f"{server} refuses the password of user {user}: set FILIERA_KAFKA_PASSWORD.")
        case UnsupportedSaslMechanismError():
            return RefusedError(f"{server} does not take {settings.kafka_mechanism}: set FILIERA_KAFKA_MECHANISM.")
        case IllegalSaslStateError():
            return RefusedError(f"{server} asks for no user, and {protocol}.")
    if refused := refused_tls(error, server, "FILIERA_KAFKA_CA"):
        return refused
    # A broker drops without a word whoever does not speak as it does; so does a proxy whose broker is away. Ask it.
    if isinstance(error, KafkaConnectionError | ssl.SSLError | ConnectionResetError):
        return await _other_tongue(settings.kafka_protocol, server, host, port)
    return None


async def _other_tongue(protocol: str, server: str, host: str, port: int) -> RefusedError | None:
    """What the broker does answer to, where it dropped us."""
    told = f"and FILIERA_KAFKA_PROTOCOL is {protocol}."
    if protocol.endswith("SSL"):
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE  # only to ask: nothing secret is sent
        wants_user = await _asks_for_a_user(host, port, {"security_protocol": "SSL", "ssl_context": trust})
        if wants_user is None and await _asks_for_a_user(host, port, {}) is not None:
            return RefusedError(f"{server} does not speak TLS, {told}")
    elif await speaks_tls(host, port):
        return RefusedError(f"{server} wants TLS, {told}")
    else:
        wants_user = await _asks_for_a_user(host, port, {})
    asks = wants_user and not protocol.startswith("SASL")
    return RefusedError(f"{server} wants a user and a password, {told}") if asks else None


async def _asks_for_a_user(host: str, port: int, given: dict[str, Any]) -> bool | None:
    """Whether a broker that is spoken to so wants SASL; None: it does not answer at all."""
    try:
        connection = await create_conn(host, port, request_timeout_ms=_QUESTION_MS, **given)
    except (OSError, KafkaError, TimeoutError):
        return None
    try:
        answer = await connection.send(SaslHandShakeRequest("PLAIN"))
    except (OSError, KafkaError, TimeoutError):
        return False
    finally:
        await _closed(connection)
    return answer.error_code in {0, UnsupportedSaslMechanismError.errno}
