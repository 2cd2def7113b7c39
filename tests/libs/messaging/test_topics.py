"""Topics are declared once, created by a command, and never changed by it."""

from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import NewTopic

from libs.contracts import PARTITIONS
from libs.kit.settings import Settings
from libs.messaging.broker import Broker
from libs.messaging.topics import DECLARED, TopicsMissingError, create_topics, differences, need_topics


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[Broker]:
    """Of a service that must not create topics."""
    made = Broker(settings.model_copy(update={"kafka_create_topics": False}))
    yield made
    await made.close()


async def test_every_declared_topic_is_created_as_declared_and_once(broker: Broker) -> None:
    assert sorted(await create_topics(broker, DECLARED)) == sorted(map(broker.topic, DECLARED))
    assert await create_topics(broker, DECLARED) == []
    assert await differences(broker, DECLARED) == []


async def test_a_service_that_may_not_create_topics_says_which_is_missing_and_what_to_run(broker: Broker) -> None:
    with pytest.raises(TopicsMissingError, match=r"no topic .*orders\.order: run `python -m libs.messaging.topics`"):
        await need_topics(broker, ["orders.order"])
    assert await differences(broker, ["orders.order"]) == [f"{broker.topic('orders.order')} does not exist"]
    await create_topics(broker, ["orders.order"])
    await need_topics(broker, ["orders.order"])


async def test_what_was_created_is_known_to_whichever_broker_is_asked_next(broker: Broker) -> None:
    for name in DECLARED:
        await create_topics(broker, [name])
        for _ in range(6):
            await need_topics(broker, [name])


async def test_what_differs_is_told_and_left_as_it_is(broker: Broker) -> None:
    topic = broker.topic("orders.order")
    other = [NewTopic(topic, 3, broker.settings.kafka_replication, topic_configs={"cleanup.policy": "delete"})]
    await broker.ask(lambda admin: admin.create_topics(other))
    assert await create_topics(broker, ["orders.order"]) == []
    told = [f"{topic} has 3 partitions, not {PARTITIONS}", f"{topic} has cleanup.policy=delete, not compact"]
    assert [one for one in await differences(broker, ["orders.order"]) if "min.insync" not in one] == told
