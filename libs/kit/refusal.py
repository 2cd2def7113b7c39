"""Servers that answer but will not have us as the settings stand: told in one sentence, and no use trying again.

A server that is merely away is another matter: whoever needs it waits for it.
"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress

_DEADLINE = 2.0
_EXPIRED, _NOT_YET = 10, 9
_OTHER_NAME = (62, 64)
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, _CERT_NOT_YET_VALID, _HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH."""


class RefusedError(Exception):
    """The message names the server and the setting to mend; it holds no secret."""


def trusting(file: str | None, setting: str) -> ssl.SSLContext:
    """TLS that believes the certificates of this file (None: the system's) and checks names; that setting names it."""
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise RefusedError(f"{setting} names {file}, which cannot be used ({error.strerror or error}).") from None


def refused_tls(error: BaseException, server: str, ca: str) -> RefusedError | None:
    """What an error says about TLS, if it does; `ca` says which setting names the trusted certificates."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RefusedError(f"{server} {_certificate(cause, ca)}")
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return _handshake(cause.reason, server)
    return None


def _certificate(error: ssl.SSLCertVerificationError, ca: str) -> str:
    if error.verify_code == _EXPIRED:
        return "shows a certificate that has expired: renew it."
    if error.verify_code == _NOT_YET:
        return "shows a certificate that is not valid yet: look at the clocks."
    if error.verify_code in _OTHER_NAME:
        return f"shows a certificate for another name ({error.verify_message.rstrip('.')}): use a name that it holds."
    return f"shows a certificate that is not trusted ({error.verify_message}): name its CA's file by {ca}."


def _handshake(reason: str, server: str) -> RefusedError | None:
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return RefusedError(f"{server} wants a certificate of ours, one that it trusts.")
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return RefusedError(f"{server} does not speak TLS, and the settings ask for it.")
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


async def speaks_tls(host: str, port: int) -> bool:
    """Whether a TLS handshake is answered there: a server that dropped a plain connection may have wanted one."""
    look = ssl.create_default_context()
    look.check_hostname, look.verify_mode = False, ssl.CERT_NONE  # nothing is sent or believed: it is a question only
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_DEADLINE):
            _, writer = await asyncio.open_connection(host, port, ssl=look)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return True
    return False
