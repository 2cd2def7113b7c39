"""`python -m libs.messaging.topics [--check]`: create the platform's topics, or only say what differs.

What topics there are is declared by the contracts; how many brokers have each record, by the settings. A topic that
exists is never changed: what differs is told, and mended by whoever runs the cluster.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from itertools import chain

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from libs.contracts import PARTITIONS, REGISTRY, TOPIC_CONFIG, topics
from libs.kit.refusal import RefusedError
from libs.kit.settings import Settings, read
from libs.messaging import connection
from libs.messaging.broker import REQUEST, Broker, within

_DEADLINE = 5.0
_PATIENCE = 15.0
_SILENT = 1.0
"""Seconds after which a broker that says nothing is taken for away."""
DECLARED = sorted({event.topic for event in REGISTRY.values()})


class TopicsMissingError(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """Nobody has created a topic that is needed."""


async def need_topics(broker: Broker, names: Iterable[str]) -> None:
    """See that these topics exist; on a broker that forgets them, create them. Raises TopicsMissingError."""
    if broker.settings.kafka_create_topics:
        await create_topics(broker, names)
    elif missing := {broker.topic(name) for name in names} - (await _replicas(broker)).keys():
        raise TopicsMissingError(f"there is no topic {min(missing)}: run `python -m libs.messaging.topics`")


async def create_topics(broker: Broker, names: Iterable[str]) -> list[str]:
    """Create those of these topics that do not exist; which were new. Raises KafkaError, or TimeoutError."""
    copies, config = broker.settings.kafka_replication, _config(broker.settings)
    new = [NewTopic(broker.topic(name), PARTITIONS, copies, topic_configs=config) for name in names]
    answer = await broker.ask(lambda admin: admin.create_topics(new), REQUEST)
    for topic, code, *_ in answer.topic_errors:
        if code not in {0, TopicAlreadyExistsError.errno}:
            raise for_code(code)(f"cannot create topic {topic}")
    await _until_known(broker, {topic.name for topic in new})
    return [topic for topic, code, *_ in answer.topic_errors if not code]


async def _until_known(broker: Broker, names: Set[str]) -> None:
    """Wait for each broker to know what the controller has created: in KRaft they learn of it moments later."""
    async with asyncio.timeout(_DEADLINE):
        while names - await broker.ask(_known_to_all):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


async def _known_to_all(admin: AIOKafkaAdminClient) -> set[str]:
    """The topics that every broker knows. One that is away does not count: it learns of them before it serves."""
    known = list[set[str]]()
    for node in [each.nodeId for each in admin._client.cluster.brokers()]:  # noqa: SLF001 - its public ways ask any one broker
        with suppress(KafkaError, TimeoutError):
            answer = await within(_SILENT, admin._send_request(MetadataRequest(None), node))  # noqa: SLF001
            known.append({topic["topic"] for topic in answer.to_object()["topics"]})
    if not known:
        raise KafkaConnectionError("no broker answered")
    return set.intersection(*known)


async def reached(settings: Settings, seconds: float) -> str:
    """ "ok" if the cluster answers and has the topics that the service writes to, else why not."""
    broker = Broker(settings)
    try:
        async with asyncio.timeout(seconds):
            await broker.cluster_id()
            await need_topics(broker, topics(settings.service))
    except TopicsMissingError as error:
        return str(error)
    except (KafkaError, OSError, TimeoutError) as error:
        return f"no answer from Kafka ({type(error).__name__})"
    finally:
        await broker.close()
    return "ok"


async def differences(broker: Broker, names: Sequence[str]) -> list[str]:
    """What of these topics is not as it is declared, a sentence each."""
    replicas = await _replicas(broker)
    known = [broker.topic(name) for name in names if broker.topic(name) in replicas]
    missing = [f"{broker.topic(name)} does not exist" for name in names if broker.topic(name) not in replicas]
    configs = await _configs(broker, known)
    told = (_told(broker.settings, topic, replicas[topic], configs[topic]) for topic in known)
    return [*missing, *chain.from_iterable(told)]


def _told(settings: Settings, topic: str, replicas: Sequence[int], config: Mapping[str, str]) -> Iterator[str]:
    if len(replicas) != PARTITIONS:
        yield f"{topic} has {len(replicas)} partitions, not {PARTITIONS}"
    if set(replicas) != {settings.kafka_replication}:
        yield f"{topic} is on {min(replicas)} brokers, not {settings.kafka_replication}"
    for name, value in _config(settings).items():
        if config.get(name) != value:
            yield f"{topic} has {name}={config.get(name)}, not {value}"


def _config(settings: Settings) -> dict[str, str]:
    return TOPIC_CONFIG | {"min.insync.replicas": str(settings.kafka_min_insync)}


async def _replicas(broker: Broker) -> dict[str, list[int]]:
    """For each partition of each topic of the cluster, how many brokers are to have it."""
    described = await broker.ask(lambda admin: admin.describe_topics())
    return {topic["topic"]: [len(part["replicas"]) for part in topic["partitions"]] for topic in described}


async def _configs(broker: Broker, names: Sequence[str]) -> dict[str, dict[str, str]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in names]
    answers = await broker.ask(lambda admin: admin.describe_configs(asked)) if asked else []
    found = (resource for answer in answers for resource in answer.resources)
    return {topic: {name: value for name, value, *_ in config} for _, _, _, topic, config in found}


async def _run(settings: Settings, *, check: bool) -> int:
    await connection.check(settings, _DEADLINE)
    broker = Broker(settings)
    try:
        wrong = await (differences(broker, DECLARED) if check else _created(broker))
    finally:
        await broker.close()
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if not wrong:
        print(f"{len(DECLARED)} topics are as declared")
    return 1 if wrong else 0


async def _created(broker: Broker) -> list[str]:
    """Create what is missing; what differs in the end. Brokers that have only just started may refuse, or not know yet
    what another has created: they are asked again for a while."""
    until = time.monotonic() + _PATIENCE
    while True:
        late = time.monotonic() > until
        try:
            for topic in await create_topics(broker, DECLARED):
                print(f"created {topic}")
            wrong = await differences(broker, DECLARED)
            if late or not wrong:
                return wrong
        except (KafkaError, TimeoutError):
            if late:
                raise
        await asyncio.sleep(0.5)


def main() -> int:
    """Run from the command line; 0 if every topic is as declared."""
    parser = argparse.ArgumentParser(prog="python -m libs.messaging.topics", description=__doc__)
    parser.add_argument("--check", action="store_true", help="create nothing")
    given, settings = parser.parse_args(), read("topics")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what went wrong is told below, in one sentence
    try:
        return asyncio.run(_run(settings, check=given.check))
    except RefusedError as refused:
        print(refused, file=sys.stderr)
    except (KafkaError, OSError, TimeoutError) as error:
        told = f"Kafka at {settings.kafka} did not do it ({type(error).__name__}): is it up, and may we?"
        print(told, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
