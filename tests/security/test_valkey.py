"""Valkey by TLS and password: signals go through, and each wrong setting is told at the start in one sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.exceptions import RedisError

from libs.kit.cache import Cache, check
from libs.kit.refusal import RefusedError
from tests.security.certificates import Authority
from tests.security.conftest import Start
from tests.security.servers import Valkey

PASSWORD = SecretStr(Valkey.PASSWORD)


def secured(valkey: Valkey, authority: Authority, *, host: str = "localhost") -> str:
    return f"rediss://catalog@{host}:{valkey.tls}/0?ssl_ca_certs={authority.file}"


@pytest.fixture(scope="module")
def expired(folder: Path, authority: Authority) -> Iterator[Valkey]:
    certificate = authority.issue("valkey-expired", host="localhost", expired=True)
    server = Valkey(folder / "valkey-expired", certificate, authority)
    yield server
    server.child.kill()


async def test_a_signal_goes_through(valkey: Valkey, authority: Authority) -> None:
    cache = Cache(secured(valkey, authority), PASSWORD)
    try:
        async with cache.listen("changes") as listener:
            await cache.publish("changes", "news")
            assert await listener.wait(5) == "news"
    finally:
        await cache.close()


async def test_the_password_may_be_in_the_address(valkey: Valkey, authority: Authority) -> None:
    await check(secured(valkey, authority).replace("catalog@", f"catalog:{Valkey.PASSWORD}@"), None, 5)


async def refusal(url: str, password: SecretStr | None = PASSWORD) -> str:
    with pytest.raises(RefusedError) as told:
        await check(url, password, 5)
    return str(told.value)


async def test_a_wrong_password_is_told(valkey: Valkey, authority: Authority) -> None:
    for wrong in (SecretStr("guess"), None):
        told = await refusal(secured(valkey, authority), wrong)
        where = f"Valkey at localhost:{valkey.tls}"
        assert told == f"{where} refuses the user or the password: set FILIERA_REDIS_PASSWORD."


async def test_an_untrusted_certificate_is_told(valkey: Valkey, stranger: Authority) -> None:
    told = await refusal(secured(valkey, stranger))
    assert "shows a certificate that is not trusted" in told
    assert told.endswith("name its CA's file by ssl_ca_certs in FILIERA_REDIS.")


async def test_another_name_is_told(valkey: Valkey, authority: Authority) -> None:
    told = await refusal(secured(valkey, authority, host="127.0.0.1"))
    assert "shows a certificate for another name (IP address mismatch" in told


async def test_a_certificate_that_has_expired_is_told(expired: Valkey, authority: Authority) -> None:
    told = await refusal(secured(expired, authority))
    assert told == f"Valkey at localhost:{expired.tls} shows a certificate that has expired: renew it."


async def test_a_client_without_tls_is_told(valkey: Valkey) -> None:
    told = await refusal(f"redis://catalog@localhost:{valkey.tls}/0")
    assert told == f"Valkey at localhost:{valkey.tls} wants TLS: write rediss:// in FILIERA_REDIS."


async def test_a_server_without_tls_is_told(valkey: Valkey) -> None:
    told = await refusal(f"rediss://catalog@localhost:{valkey.plain}/0")
    assert told == f"Valkey at localhost:{valkey.plain} does not speak TLS: write redis:// in FILIERA_REDIS."


async def test_a_file_that_is_not_there_is_told(valkey: Valkey) -> None:
    told = await refusal(f"rediss://catalog@localhost:{valkey.tls}/0?ssl_ca_certs=/nowhere/ca.pem")
    named = "ssl_ca_certs in FILIERA_REDIS names /nowhere/ca.pem"
    assert told == f"{named}, which cannot be used (No such file or directory)."


async def test_one_that_is_away_is_no_refusal() -> None:
    with pytest.raises(RedisError):
        await check("rediss://catalog@localhost:1/0", PASSWORD, 5)


async def test_the_process_ends_with_that_sentence_alone(
    valkey: Valkey, authority: Authority, start: Start, catalog: dict[str, str]
) -> None:
    wrong = catalog | {"FILIERA_REDIS": secured(valkey, authority), "FILIERA_REDIS_PASSWORD": "guess"}
    code, said = await start(wrong).ending()
    assert code != 0
    assert said == [
        f"Valkey at localhost:{valkey.tls} refuses the user or the password: set FILIERA_REDIS_PASSWORD.",
        "Application startup failed. Exiting.",
    ]
