"""The logs that the read model is made of: which they were, and how far they went when last read.

A URL says where a log is, not whose it is: the port of a service that has died may belong to
another system by now. And a log that was restored from an older backup has lost its end. A model
rebuilt from such logs would replace the right one by a wrong one. So a swap needs the known logs,
with every event of the live model in them, or an operator who forces it. Next: replay.py and
verify.py, which ask this before they swap.
"""

from collections.abc import Sequence
from typing import Any

from cqrs_demo.database import Connection
from cqrs_demo.invoice_service.replay.history import History, Log
from cqrs_demo.invoice_service.replay.shadow import SwapRefused

KNOWN = "select source, log_id, position from demo.known_logs"

REMEMBER = """
insert into demo.known_logs (source, log_id, position) values (%s, %s, %s)
on conflict (source) do update set log_id = excluded.log_id, position = excluded.position
"""

WHAT_TO_DO = (
    "Nothing was changed. See that CQRS_USER_SERVICE_URL and CQRS_ORDER_SERVICE_URL are this "
    "system's. Where the logs are right as they are now, `cqrs-demo replay --force` (over HTTP: "
    "force) rebuilds from them"
)


async def log_faults(session: Connection, history: History) -> list[str]:
    """Why these are not the known logs, a sentence each. To be asked when they are read to their
    ends."""
    rows = await (await session.execute(KNOWN)).fetchall()
    known = {row["source"]: row for row in rows}
    faults = [_fault(log, known.get(log.source)) for log in history.logs]
    return [fault for fault in faults if fault is not None]


def _fault(log: Log, known: dict[str, Any] | None) -> str | None:
    if log.told_source not in ("", log.source):
        return f"the log at {log.url} is that of {log.told_source}, not of {log.source}"
    if known is None:
        return None
    if log.id != known["log_id"]:
        return (
            f"the log at {log.url} is another than {log.source} had before: its id is "
            f"{log.id}, the known one {known['log_id']}"
        )
    if log.position < known["position"]:
        return (
            f"the log of {log.source} is shorter than before: it ends at {log.position:,}, and "
            f"had gone on to {known['position']:,}"
        )
    return None


def refusal(faults: Sequence[str], in_no_log: int) -> str | None:
    """Why a swap is refused and what to do, or None. `in_no_log`: events that it would drop."""
    reasons = list(faults)
    if in_no_log:
        reasons.append(f"{in_no_log:,} of the events that the read model is made of are in no log")
    return f"refused: {'; '.join(reasons)}. {WHAT_TO_DO}" if reasons else None


async def accept(session: Connection, history: History, in_no_log: int, *, force: bool) -> None:
    """Remember the logs as they are now. Raises SwapRefused when they are not the known ones, or
    lack `in_no_log` events of the live model; not with `force`. Runs in the transaction of the
    swap."""
    why_not = refusal(await log_faults(session, history), in_no_log)
    if why_not is not None and not force:
        raise SwapRefused(why_not)
    await remember(session, history)


async def remember(session: Connection, history: History) -> None:
    for log in history.logs:
        await session.execute(REMEMBER, [log.source, log.id, log.position])
