"""What a process is told by its environment, `FILIERA_*`, and by the files of the folder `FILIERA_SECRETS`.

A file is named like the variable, in lower case: `filiera_postgres_password`. The environment wins over the files.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError


class FromEnvironment(BaseSettings):
    """`FILIERA_*`, by the names of the fields."""

    model_config = SettingsConfigDict(env_prefix="FILIERA_", frozen=True, hide_input_in_errors=True)

    def __init__(self, **given: Any) -> None:
        folder = os.environ.get("FILIERA_SECRETS")
        if folder and not Path(folder).is_dir():
            raise SettingsError(f"FILIERA_SECRETS names {folder}, which is no folder: mount the secrets there.")
        super().__init__(_secrets_dir=folder, **given)


class Settings(FromEnvironment):
    """Settings of one service. What may hold a password is not in its repr."""

    service: str
    postgres: str = Field("postgresql://postgres@localhost:5432/postgres", repr=False)
    """The server. A service puts its own user and database in; migrations use it as it stands. TLS as libpq has it:
    `?sslmode=verify-full&sslrootcert=/a/file`."""
    postgres_password: SecretStr | None = None
    """Password of the service's own role."""
    database: str | None = None
    """Database, if it is not named as the service."""
    pool_size: int = 10
    kafka: str = "localhost:9092"
    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_user: str | None = None
    """Who we are to Kafka, if not the service's name."""
    kafka_password: SecretStr | None = None
    kafka_ca: str | None = None
    """File of the certificates that brokers' are checked against; none: those that the system trusts."""
    kafka_cert: str | None = None
    kafka_key: str | None = None
    """Files of a certificate of our own and its key, for brokers that know their clients by them."""
    kafka_session_timeout_ms: int = 6000
    """A dead consumer's partitions move after this long; Apache Kafka accepts no less than 6,000."""
    kafka_replication: int = 1
    kafka_min_insync: int = 1
    """Topics are made with these: how many brokers have a record, and how many must before it counts as sent."""
    kafka_create_topics: bool = False
    """Whether services make missing topics: on a broker that forgets. Else `libs.messaging.topics` does, once."""
    redis: str = Field("redis://localhost:6379/0", repr=False)
    """Valkey, e.g. `rediss://catalog@valkey:6379/0?ssl_ca_certs=/a/file`."""
    redis_password: SecretStr | None = None
    """Password, if it is not in the address."""
    topic_prefix: str = ""
    """Put before every topic and consumer group, so that several platforms can share a cluster."""
    issuer: str = "filiera-dev"
    audience: str = "filiera"
    jwks: str = ""
    """Where the issuer's public keys are: an http(s) URL or a file's path; none: where the issuer, then a URL, says
    (OpenID Connect Discovery 1.0)."""
    jwt_algorithm: str = "Ed25519"
    """The one algorithm accepted (RFC 8725, section 3.1)."""
    services: dict[str, str] = {}
    """Base URL of each service, for the gateway."""
    otlp: str | None = None
    """OTLP/HTTP endpoint for traces; none: not exported."""
    log: str = "json"
    stale_after_seconds: float = 30.0
    """A process whose oldest unsent event is older than this, or whose consumer stands still, is not ready."""

    @property
    def url(self) -> URL:
        """Address of this service's database, as this service's role."""
        password = self.postgres_password.get_secret_value() if self.postgres_password else None
        # Not `set`, which takes a password of None for "as it is": that of the administrator.
        return self.server._replace(username=self.service, password=password, database=self.database or self.service)

    @property
    def server(self) -> URL:
        """Address of the PostgreSQL server as given, for asyncpg."""
        return make_url(self.postgres).set(drivername="postgresql+asyncpg")


class RolePassword(FromEnvironment):
    """What the migrations of several services set: `FILIERA_CATALOG_PASSWORD`, and so on."""

    password: SecretStr | None = None

    @classmethod
    def of(cls, service: str) -> SecretStr | None:
        """The password that this service's role is to have; None: as it is."""
        return cls(_env_prefix=f"FILIERA_{service.upper()}_").password


def read(service: str) -> Settings:
    """The settings of this process. Ends it with one sentence if they cannot be used."""
    with usable():
        settings = Settings(service=service)
        _ = settings.url
    return settings


@contextmanager
def usable() -> Iterator[None]:
    """End the process with one sentence if what the block reads of the environment cannot be used."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise SystemExit(f"FILIERA_{str(first['loc'][0]).upper()} cannot be used: {first['msg']}.") from None
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    except ArgumentError:
        raise SystemExit("FILIERA_POSTGRES is no address: write postgresql://user@host:5432/postgres.") from None
