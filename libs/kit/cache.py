"""Valkey, which may be gone at any time: nothing is decided by it, and its absence only makes things slower."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from libs.kit.refusal import RefusedError, refused_tls, speaks_tls, trusting

log = logging.getLogger(__name__)

_DEADLINE = 0.5
_QUICK = 0.2
"""Seconds for a script: somebody waits for its answer."""
_TRUST = "ssl_ca_certs in FILIERA_REDIS"
AWAY = (RedisError, OSError, TimeoutError)


class Cache:
    """Signals shared by the processes of a service."""

    def __init__(self, url: str, password: SecretStr | None = None) -> None:
        self._redis = _client(url, password, socket_timeout=_DEADLINE, socket_connect_timeout=_DEADLINE)
        self._scripts: dict[str, AsyncScript] = {}

    async def publish(self, channel: str, message: str) -> None:
        """Tell whoever listens. Not kept: a listener must also look for itself from time to time."""
        try:
            async with asyncio.timeout(_DEADLINE):
                await self._redis.publish(channel, message)
        except AWAY as error:
            log.warning("signal not sent", extra={"channel": channel, "reason": type(error).__name__})

    async def run(self, script: str, key: str, *given: float | str | bytes) -> list[Any]:
        """The list that a Lua script answers for one key: whole numbers, and text as bytes. Raises one of AWAY."""
        if script not in self._scripts:
            self._scripts[script] = self._redis.register_script(script)
        async with asyncio.timeout(_QUICK):
            answer: list[Any] = await self._scripts[script]([key], list(given))
            if (task := asyncio.current_task()) and task.cancelling():  # redis-py's wait_for may lose it
                raise asyncio.CancelledError
        return answer

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator["Listener"]:
        """Listen to a channel while the block runs, from now on if Valkey is there, else from when it is."""
        listener = Listener(self._redis.pubsub(), channel)
        try:
            await listener.subscribe()
        except AWAY as error:
            log.warning("not listening yet", extra={"channel": channel, "reason": type(error).__name__})
        try:
            yield listener
        finally:
            await listener.close()

    async def close(self) -> None:
        """Close the connections."""
        await _quietly(self._redis.aclose())


class Listener:
    """A subscription to one channel."""

    def __init__(self, pubsub: PubSub, channel: str) -> None:
        self._pubsub = pubsub
        self._channel = channel

    async def subscribe(self) -> None:
        """Begin to listen, if that is not so yet. Raises one of AWAY."""
        if not self._pubsub.subscribed:
            async with asyncio.timeout(_DEADLINE):
                await self._pubsub.subscribe(self._channel)

    async def wait(self, seconds: float) -> str | None:
        """The next message, or None after so many seconds, also when Valkey is away."""
        until = asyncio.get_running_loop().time() + seconds
        try:
            await self.subscribe()
            async with asyncio.timeout_at(until):
                while True:
                    message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=seconds)
                    if message is not None:
                        return str(message["data"].decode())
        except AWAY:
            await asyncio.sleep(until - asyncio.get_running_loop().time())
            return None

    async def close(self) -> None:
        """Listen no more."""
        await _quietly(self._pubsub.aclose())  # type: ignore[no-untyped-call]  # redis-py leaves it untyped


async def check(url: str, password: SecretStr | None, seconds: float) -> None:
    """Raise RefusedError if Valkey answers and will not have us. Raises one of AWAY if it does not answer."""
    try:
        client = _client(url, password, socket_timeout=seconds, retry=Retry(NoBackoff(), 0))
    except ValueError:
        raise RefusedError("FILIERA_REDIS is no address: write redis://, rediss:// or unix://.") from None
    at = client.connection_pool.connection_kwargs
    host, port = at.get("host", "localhost"), int(at.get("port", 6379))
    if authorities := at.get("ssl_ca_certs"):
        trusting(authorities, _TRUST)
    server = f"Valkey at {at.get('path') or f'{host}:{port}'}"
    try:
        await client.ping()
    except AuthenticationError:
        raise RefusedError(f"{server} refuses the user or the password: set FILIERA_REDIS_PASSWORD.") from None
    except (RedisConnectionError, RedisTimeoutError) as error:  # the latter, where TLS is not answered
        raise await _refusal(error, url, (host, port)) or error from None
    finally:
        await _quietly(client.aclose())


async def _refusal(error: Exception, url: str, address: tuple[str, int]) -> RefusedError | None:
    server = f"Valkey at {address[0]}:{address[1]}"
    if refused := refused_tls(error, server, _TRUST):
        return refused
    if url.startswith("redis:") and await speaks_tls(*address):
        return RefusedError(f"{server} wants TLS: write rediss:// in FILIERA_REDIS.")
    if url.startswith("rediss:") and await _speaks_plainly(*address):
        return RefusedError(f"{server} does not speak TLS: write redis:// in FILIERA_REDIS.")
    return None


async def _speaks_plainly(host: str, port: int) -> bool:
    plain = Redis(host=host, port=port, socket_timeout=_DEADLINE, retry=Retry(NoBackoff(), 0))
    try:
        await plain.ping()
    except (AuthenticationError, ResponseError):  # it wants a password: that is an answer
        return True
    except AWAY:
        return False
    finally:
        await _quietly(plain.aclose())
    return True


def _client(url: str, password: SecretStr | None, **options: Any) -> Redis:
    if password:
        options["password"] = password.get_secret_value()
    return Redis.from_url(url, **options)


async def _quietly(closing: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(_DEADLINE):
            await closing
    except AWAY as error:
        log.debug("closed badly", extra={"reason": type(error).__name__})
