"""The floor under `accept`: the same rows written by bare psycopg, one transaction per command,
over eight connections.

No HTTP, no validation, no merging of commands. A process of its own. Reads the DSN from standard
input, prints orders per second.
"""

import asyncio
import subprocess
import sys
import time
from itertools import count

import orjson
from psycopg import AsyncConnection

from cqrs_demo.order_service.commands import PLACE_ORDERS
from cqrs_demo.tooling.bench import loop
from cqrs_demo.tooling.bench.load import ORDER, LoadFailed

CONNECTIONS = 8


def written_per_second(dsn: str, seconds: float) -> float:
    """Orders per second. Raises LoadFailed."""
    command = [sys.executable, "-P", "-m", "cqrs_demo.tooling.bench.floor", str(seconds)]
    done = subprocess.run(  # noqa: S603  # our own program
        command, input=dsn.encode(), capture_output=True, timeout=seconds + 60, check=False
    )
    if done.returncode != 0:
        raise LoadFailed(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    return float(done.stdout)


async def _write(dsn: str, seconds: float) -> float:
    connections = [await AsyncConnection.connect(dsn, autocommit=True) for _ in range(CONNECTIONS)]
    users, began = count(1), time.perf_counter()

    async def write(connection: AsyncConnection) -> int:
        written = 0
        while time.perf_counter() - began < seconds:
            command = orjson.dumps(
                [{"position": 0, "user_id": next(users) % 1000 + 1, **ORDER}]
            ).decode()
            # In autocommit mode a statement is a transaction; this one writes order, event and
            # outbox row.
            await connection.execute(PLACE_ORDERS, {"commands": command}, prepare=True)
            written += 1
        return written

    written = sum(await asyncio.gather(*map(write, connections)))
    elapsed = time.perf_counter() - began
    for connection in connections:
        await connection.close()
    return written / elapsed


if __name__ == "__main__":
    print(loop.run(_write(sys.stdin.read(), float(sys.argv[1]))))
