"""Calls to RabbitMQ that are bounded in time, and whose errors are the port's. Next:
rabbitmq.py."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.channel import Channel as Wire

from cqrs_demo.messaging.broker import BrokerUnavailable

ANSWER = 10.0  # seconds; also for the confirms of one window
CLOSE = 2.0


class SilentConnection(BrokerUnavailable):
    """The connection may stand, but nobody speaks on it."""


@asynccontextmanager
async def bounded(seconds: float = ANSWER) -> AsyncIterator[None]:
    """What fails in here, or takes too long, comes out as BrokerUnavailable."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise SilentConnection("RabbitMQ does not answer") from error
    except CONNECTION_EXCEPTIONS as error:
        raise BrokerUnavailable(f"RabbitMQ: {said(error)}") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Nobody cancelled us: aiormq cancels whoever waits on a connection it gives up.
        raise BrokerUnavailable("RabbitMQ: the connection is lost") from error


async def quietly(closing: Awaitable[object]) -> None:
    """Closing what is broken already may fail or hang, and does not matter."""
    with suppress(BrokerUnavailable):
        async with bounded(CLOSE):
            await closing


async def wire_of(channel: AbstractChannel) -> Wire:
    """The channel of aiormq, one layer below aio-pika's."""
    wire = await channel.get_underlay_channel()
    assert isinstance(wire, Wire)
    return wire


def said(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
