"""What a process is told by its environment: `FILIERA_*`."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url


class Settings(BaseSettings):
    """Settings of one service. Every field is an environment variable with the prefix `FILIERA_`."""

    model_config = SettingsConfigDict(env_prefix="FILIERA_", frozen=True)

    service: str
    postgres: str = "postgresql://postgres@localhost:5432/postgres"
    """The server. A service puts its own user and database in; migrations use it as it stands."""
    postgres_password: SecretStr | None = None
    """Password of the service's own role."""
    database: str | None = None
    """Database, if it is not named as the service."""
    pool_size: int = 10
    kafka: str = "localhost:9092"
    kafka_session_timeout_ms: int = 6000
    """A dead consumer's partitions move after this long; Apache Kafka accepts no less than 6,000."""
    kafka_replication: int = 1
    kafka_min_insync: int = 1
    """Topics are made with these: how many brokers have a record, and how many must before it counts as sent."""
    kafka_create_topics: bool = False
    """Whether services make missing topics: on a broker that forgets. Else `libs.messaging.topics` does, once."""
    redis: str = "redis://localhost:6379/0"
    topic_prefix: str = ""
    """Put before every topic and consumer group, so that several platforms can share a cluster."""
    issuer: str = "filiera-dev"
    audience: str = "filiera"
    jwks: str = ""
    """Where the issuer's public keys are: an http(s) URL or a file's path."""
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
        return self.server.set(username=self.service, password=password, database=self.database or self.service)

    @property
    def server(self) -> URL:
        """Address of the PostgreSQL server as given, for asyncpg."""
        return make_url(self.postgres).set(drivername="postgresql+asyncpg")
