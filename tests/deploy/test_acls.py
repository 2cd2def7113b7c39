"""The manifests' principals on a real Apache Kafka: each service can do its work, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import SecretStr

from libs.contracts import topics
from libs.kit.ids import new_id
from libs.kit.settings import Settings
from libs.kit.testing import eventually
from libs.messaging.broker import REQUEST, Broker, within
from libs.messaging.topics import DECLARED, create_topics, differences, need_topics
from libs.stack import probe
from libs.stack.apache import LOCK, node
from libs.stack.child import free_ports
from tests.deploy.manifests import SERVICES, of_kind, subscribed
from tests.security.servers import fetched, home_in, run

pytestmark = pytest.mark.xdist_group("acls")

ALONE = {"kafka_replication": 1, "kafka_min_insync": 1}
PASSWORD = SecretStr("sesame-street")
TOPIC, GROUP = 2, 3
PATTERNS = {"literal": 3, "prefix": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "DescribeConfigs": 10}
ALLOW = 3
"""Kafka's protocol, CreateAcls: resource types, pattern types, operations, permission types."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where users are let in by a broker that has the manifests' topics, users and ACLs."""
    fetched(LOCK)
    folder = tmp_path_factory.mktemp("kafka")
    users, admin, controllers = free_ports(3)
    names = of_kind("small", "KafkaUser")
    scram = [f"SCRAM-SHA-512=[name={name},password={PASSWORD.get_secret_value()}]" for name in names]
    child = node(
        home := home_in(folder),
        "kafka",
        folder / "log",
        lambda: properties(users, admin, controllers),
        options=[part for user in scram for part in ("--add-scram", user)],
        is_ready=lambda _: probe.kafka(("127.0.0.1", admin), seconds=0.5),
    )
    run(child, home)
    try:
        asyncio.run(declare(admin, users))
        yield users
    finally:
        child.kill()


def properties(users: int, admin: int, controllers: int) -> dict[str, object]:
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controllers}",
        "listeners": f"USERS://127.0.0.1:{users},ADMIN://127.0.0.1:{admin},CONTROLLERS://127.0.0.1:{controllers}",
        "listener.security.protocol.map": "USERS:SASL_PLAINTEXT,ADMIN:PLAINTEXT,CONTROLLERS:PLAINTEXT",
        "inter.broker.listener.name": "ADMIN",
        "controller.listener.names": "CONTROLLERS",
        "listener.name.users.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.users.scram-sha-512.sasl.jaas.config": scram,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
    }


async def declare(admin: int, users: int) -> None:
    """Do what Strimzi does with KafkaTopics and KafkaUsers, and wait until it counts."""
    broker = Broker(Settings(service="administrator", kafka=f"127.0.0.1:{admin}", **ALONE))
    last = let_in("topics", users)
    try:
        await eventually(lambda: as_declared(broker, create=True), seconds=60)
        for name, user in of_kind("small", "KafkaUser").items():
            for acl in user["spec"]["authorization"]["acls"]:
                for operation in acl["operations"]:
                    await grant(broker, name, acl["resource"], OPERATIONS[operation])
        assert name == "topics"  # the broker learns of grants in their order
        await eventually(lambda: as_declared(last), seconds=60)
    finally:
        await broker.close()
        await last.close()


def let_in(user: str, port: int) -> Broker:
    """Kafka as that user has it."""
    secured = {"kafka_protocol": "SASL_PLAINTEXT", "kafka_password": PASSWORD}
    not_as_in_the_run = {"kafka_create_topics": False, "kafka_session_timeout_ms": 6000} | ALONE
    return Broker(Settings(service=user, kafka=f"127.0.0.1:{port}", **secured, **not_as_in_the_run))


async def as_declared(broker: Broker, *, create: bool = False) -> bool:
    """Whether all topics can be seen; a broker that has just started may not know itself yet."""
    try:
        if create:
            await create_topics(broker, DECLARED)
        return not await differences(broker, DECLARED)
    except KafkaError:
        return False


async def grant(broker: Broker, user: str, resource: dict[str, str], operation: int) -> None:
    kind = {"topic": TOPIC, "group": GROUP}[resource["type"]]
    pattern = PATTERNS[resource.get("patternType", "literal")]
    request = CreateAclsRequest(kind, resource["name"], pattern, f"User:{user}", "*", operation, ALLOW)
    answer = await broker.ask(lambda admin: admin._send_request(request))
    assert [code for code, *_ in answer.creation_responses] == [0]


@pytest.fixture
async def broker(port: int) -> AsyncIterator[Callable[[str], Broker]]:
    """Kafka as a service is let in."""
    async with AsyncExitStack() as stack:

        def connect(user: str) -> Broker:
            made = let_in(user, port)
            stack.push_async_callback(made.close)
            return made

        yield connect


async def write(broker: Broker, topic: str) -> None:
    async with broker.producer() as producer:
        await within(REQUEST, producer.send_and_wait(topic, b"{}", key=str(new_id()).encode()))


async def read(broker: Broker, names: list[str], group: str | None) -> None:
    """Join, read, commit."""
    async with broker.consumer(names, group) as client:
        while not client.assignment() or not all(client.highwater(part) is not None for part in client.assignment()):
            await within(REQUEST, client.getmany(timeout_ms=200))
        if group:
            await within(REQUEST, client.commit(dict.fromkeys(client.assignment(), 0)))


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_can_do_its_work(service: str, broker: Callable[[str], Broker]) -> None:
    own = broker(service)
    reads = sorted(subscribed(service))
    await need_topics(own, [*topics(service), *reads])
    for topic in topics(service):
        await write(own, topic)
    if reads:
        await read(own, reads, f"{service}.{await own.cluster_id()}")


@pytest.mark.parametrize("service", SERVICES)
async def test_it_does_not_see_that_there_are_others(service: str, broker: Callable[[str], Broker]) -> None:
    seen = await broker(service).ask(lambda admin: admin.describe_topics())
    assert {topic["topic"] for topic in seen} == {*topics(service), *subscribed(service)}


@pytest.mark.parametrize("service", SERVICES)
async def test_it_writes_nothing_that_it_only_reads(service: str, broker: Callable[[str], Broker]) -> None:
    for topic in subscribed(service) - set(topics(service)):
        with pytest.raises(TopicAuthorizationFailedError):
            await write(broker(service), topic)


@pytest.mark.parametrize("service", SERVICES)
async def test_it_reads_nothing_that_it_only_writes(service: str, broker: Callable[[str], Broker]) -> None:
    for topic in set(topics(service)) - subscribed(service):
        with pytest.raises(TopicAuthorizationFailedError):
            await read(broker(service), [topic], None)


@pytest.mark.parametrize("service", [name for name in SERVICES if subscribed(name)])
async def test_it_joins_no_group_of_another(service: str, broker: Callable[[str], Broker]) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await read(broker(service), sorted(subscribed(service)), f"not-{service}.")


async def test_the_job_sees_every_topic_as_declared(broker: Callable[[str], Broker]) -> None:
    assert await differences(broker("topics"), DECLARED) == []
