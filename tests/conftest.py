"""Servers for the whole run, a migrated database per worker, and the services' real applications."""

import importlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import httpx
import pytest
from hypothesis import settings as examples

from libs.kit.db import Database
from libs.kit.ids import new_id
from libs.kit.migrate import migrate
from libs.kit.settings import Settings
from libs.kit.testing import make_issuer
from libs.stack.brokers import APACHE_3, EMBEDDED
from libs.stack.servers import Servers
from tests import containers
from tests.outages import LostBrokers

GIVEN = ("FILIERA_POSTGRES", "FILIERA_KAFKA", "FILIERA_REDIS")
PREFIX = "FILIERA_TEST_RUN"
KAFKA = "FILIERA_TEST_KAFKA"
"""What `./filiera test --kafka` said; tests that start servers of their own take the same."""

# How long an example takes says how busy the machine is, and nothing of the code.
examples.register_profile("filiera", deadline=None)
examples.load_profile("filiera")

Databases = Callable[..., Awaitable[Database]]
Clients = Callable[..., Awaitable[httpx.AsyncClient]]


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "kill each of the run's brokers in turn while the tests go on; for `--kafka apache:3`"
    parser.addoption("--lose-brokers", action="store_true", help=what)


def pytest_configure(config: pytest.Config) -> None:
    """Start what is not given, once; xdist's workers inherit the environment."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="filiera-test-", ignore_cleanup_errors=True)))
    os.environ[PREFIX] = f"t{os.getpid()}"
    make_issuer(folder)
    if KAFKA in os.environ:
        os.environ.pop("FILIERA_KAFKA", None)
    if config.option.lose_brokers and os.environ.get(KAFKA) != APACHE_3:
        raise pytest.UsageError("--lose-brokers needs brokers that stand in for each other: say --kafka apache:3 too")
    config.stash[_SERVERS] = _start_missing(config, folder, stack)
    os.environ["FILIERA_KAFKA_CREATE_TOPICS"] = "true"  # each file has topics of its own
    os.environ["FILIERA_POINTS_ANONYMOUS"] = "1000000000"  # all tests come from one address


_SERVERS: pytest.StashKey[dict[str, str]] = pytest.StashKey()


def _start_missing(config: pytest.Config, folder: Path, stack: ExitStack) -> dict[str, str]:
    """Start what is not given and name it in the environment; what each is, for people."""
    missing = [name for name in GIVEN if name not in os.environ]
    known = dict.fromkeys(GIVEN, "given")
    if not missing:
        return known
    servers: Servers | containers.Servers
    if KAFKA not in os.environ and containers.available():
        servers = stack.enter_context(containers.Servers(*missing))
        known |= {name: f"testcontainers {containers.IMAGES[name]}" for name in missing}
    else:
        kafka = os.environ.get("FILIERA_KAFKA") or os.environ.get(KAFKA, EMBEDDED)
        servers = stack.enter_context(Servers(folder / "home", durable=False, kafka=kafka))
        if config.option.lose_brokers:
            config.pluginmanager.register(LostBrokers(servers.brokers))
        known |= dict.fromkeys(missing, "embedded") | {"FILIERA_KAFKA": servers.brokers.label}
    # A setting such as FILIERA_KAFKA_REPLICATION goes with its server.
    started = {name: value for name, value in servers.environment().items() if name.startswith(tuple(missing))}
    os.environ.update(started)
    return known


def own_kafka() -> str:
    """The kind of Kafka for a test that wants one of its own: that of the run, where the stack has it."""
    return os.environ.get(KAFKA, EMBEDDED)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which servers the tests run on."""
    return [f"{name}: {what}" for name, what in config.stash.get(_SERVERS, {}).items()]


@pytest.fixture
async def database(worker: str) -> AsyncIterator[Databases]:
    """The database of a service, migrated once for this worker; tests share it and bring their own parties. Those that
    fill it, or look at all of it, name one of `their_own`: it is as slow as what others have left in it."""
    async with AsyncExitStack() as stack:

        async def connect(service: str, their_own: str = "") -> Database:
            name = await _migrated(service, worker, their_own)
            made = Database(Settings(service=service, database=name).url)
            stack.push_async_callback(made.close)
            return made

        yield connect


@pytest.fixture
async def kit_database() -> AsyncIterator[Database]:
    """A fresh database of a service named probe, with the kit's tables alone."""
    name = f"probe_{new_id().hex}"
    await migrate("probe", database=name, scripts=Path(__file__).parent / "libs")
    made = Database(Settings(service="probe", database=name).url)
    yield made
    await made.close()


@pytest.fixture
async def client(worker: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clients]:
    """A service's real application, started with its relay, consumer and jobs, behind an HTTP client."""
    async with AsyncExitStack() as stack:

        async def start(service: str, their_own: str = "") -> httpx.AsyncClient:
            monkeypatch.setenv("FILIERA_DATABASE", await _migrated(service, worker, their_own))
            monkeypatch.setenv("FILIERA_TOPIC_PREFIX", topic_prefix)
            api = importlib.import_module(f"services.{service}.app").api
            await stack.enter_async_context(api.router.lifespan_context(api))
            transport = httpx.ASGITransport(api, raise_app_exceptions=False)
            base = f"http://{service}.test"
            return await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=base, timeout=30))

        yield start


@pytest.fixture(scope="session")
def worker(testrun_uid: str, worker_id: str) -> str:
    """A name that no other worker and no other run has."""
    return f"{os.environ[PREFIX]}_{worker_id}"


@pytest.fixture
def topic_prefix(worker: str, request: pytest.FixtureRequest) -> str:
    """Topics of one file's tests alone: those of others tell of orders that nobody here has placed."""
    return f"{worker}.{request.path.parent.name}.{request.path.stem}."


_MIGRATED: set[str] = set()


async def _migrated(service: str, worker: str, their_own: str) -> str:
    """The database's name."""
    name = f"{service}_{worker}{their_own and '_'}{their_own}"
    if name not in _MIGRATED:
        await migrate(service, database=name)
        _MIGRATED.add(name)
    return name
