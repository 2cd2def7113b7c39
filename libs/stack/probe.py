"""One question that each server answers to anybody: whether it works, and not only whether somebody listens."""

import socket
import struct
from urllib.parse import parse_qs, urlsplit

Address = str | tuple[str, int]
"""A unix socket's path, or (host, port)."""

_API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)  # version 0, correlation 1, no client id
_SSL_REQUEST = struct.pack(">ii", 8, 80877103)


def answers(url: str, seconds: float = 2.0) -> bool:
    """Whether the server there (postgresql://, unix:// for Valkey, host:port for Kafka) answers in its own protocol."""
    parts = urlsplit(url)
    if parts.scheme.startswith("postgresql"):
        return postgres(f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432", seconds)
    if parts.scheme == "unix":
        return valkey(parts.path, seconds)
    host, _, port = url.rpartition(":")
    return kafka((host, int(port)), seconds)


def postgres(address: Address, seconds: float = 2.0) -> bool:
    """Asks for TLS; "no" is an answer too."""
    return _answer(address, _SSL_REQUEST, seconds)[:1] in (b"S", b"N")


def valkey(address: Address, seconds: float = 2.0) -> bool:
    return _answer(address, b"PING\r\n", seconds).startswith(b"+PONG")


def kafka(address: Address, seconds: float = 2.0) -> bool:
    """Asks which requests it knows: a broker answers once it takes part in its cluster."""
    question = struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS
    return _answer(address, question, seconds)[4:8] == struct.pack(">i", 1)


def _answer(address: Address, question: bytes, seconds: float) -> bytes:
    """The beginning of an answer; nothing if none comes in time."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as client:
        client.settimeout(seconds)
        try:
            client.connect(address)
            client.sendall(question)
            return client.recv(1024)
        except OSError:
            return b""
