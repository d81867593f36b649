"""What every broker behind the port must do when its server is stopped, frozen and started again.
Each test has the server to itself."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from cqrs_demo.messaging.broker import INVOICE_SERVICE, BrokerError, BrokerUnavailable
from cqrs_demo.messaging.connect import broker_for
from tests.contract.conftest import OwnServer
from tests.contract.test_broker import consume, messages, numbers, only, receive_until_lost, retry

pytestmark = pytest.mark.anyio


async def test_published_messages_survive_a_restart_of_the_broker(own_server: OwnServer) -> None:
    # Given messages that were published, and a consumer at the ready
    broker = broker_for(own_server.url())
    await broker.declare(INVOICE_SERVICE)
    await broker.publish(messages("order.created", range(100)))
    subscription = await broker.subscribe(only("order"), 1)
    # When the broker stops
    own_server.stop()
    # Then every call says so soon
    with anyio.fail_after(10):
        for call in (
            lambda: receive_until_lost(subscription),
            broker.ping,
            lambda: broker.publish(messages("order.created", [1])),
        ):
            with pytest.raises(BrokerUnavailable):
                await call()
    await subscription.close()
    # And when it is back, all is there
    own_server.start()
    await retry(broker.ping)
    assert sorted(numbers(await consume(broker, 100))) == list(range(100))
    await broker.close()


async def test_a_frozen_broker_makes_no_call_hang(own_server: OwnServer) -> None:
    # Given connections that work, and one not yet made
    broker, other, new = (broker_for(own_server.url()) for _ in range(3))
    await broker.declare(INVOICE_SERVICE)
    await broker.publish(messages("order.created", [1]))
    subscription = await other.subscribe(only("order"), 1)
    # When the broker freezes: connections stand, and nothing answers
    own_server.pause()
    try:
        # Then publishing, asking and connecting all end in an error
        with anyio.fail_after(25):
            async with anyio.create_task_group() as together:
                together.start_soon(fails, lambda: broker.publish(messages("order.created", [2])))
                together.start_soon(fails, lambda: other.depths(INVOICE_SERVICE))
                together.start_soon(fails, new.ping)
            # And closing ends too
            for each in (subscription, other, new):
                await each.close()
    finally:
        own_server.resume()
    # And when it thaws, the next call works (what failed may have arrived or not: nobody can know)
    await retry(lambda: broker.publish(messages("order.created", [3])))
    arrived: list[int] = []
    while 3 not in arrived:
        arrived += numbers(await consume(broker, 1))
    assert [number for number in arrived if number != 2] == [1, 3]
    await broker.close()


async def fails(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(BrokerError):
        await call()
