"""replay: events per second through `cqrs-demo replay`, and how much memory that takes at the
most."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import psutil

from cqrs_demo.tooling.bench import prepared
from cqrs_demo.tooling.bench.figures import Figure, Say, Scale, verdict
from cqrs_demo.tooling.bench.load import LoadFailed
from cqrs_demo.tooling.bench.rig import Rig

_EVERY = 0.2  # seconds between looks at the memory
_EARLY = 0.3  # of the looks are early ones: what is used by then should be enough until the end


def measure(rig: Rig, scale: Scale, say: Say) -> Iterator[Figure]:
    say(f"replay: a log of {scale.replayed_events:,} events")
    prepared.orders_in_log(rig, scale.replayed_events)
    say("replay: rebuilding the read model")
    # Forced: other measurements have put lines into the read model that no log tells of.
    replay = ["cqrs_demo", "replay", "--json", "--force", "--data-dir", str(rig.folder.path)]
    command = [sys.executable, "-P", "-m", *replay]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603  # our own program
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=complaints
        )
        try:
            sizes = _watch(process)
        finally:
            process.terminate()
            process.wait()
        for file in (output, complaints):
            file.seek(0)
        if process.returncode != 0:
            raise LoadFailed(
                f"cqrs-demo replay failed: {complaints.read().decode(errors='replace')[-500:]}"
            )
        said = json.load(output)
    rate = said["events"] / said["seconds"]
    early = max(sizes[: max(int(_EARLY * len(sizes)), 1)])
    notes: dict[str, float | str] = {
        "events": said["events"],
        "peak MB": round(max(sizes)),
        "MB early on": round(early),
    }
    yield Figure(
        "replay",
        "cqrs-demo replay",
        "events/s",
        [rate],
        notes=notes,
        **verdict(rate >= 30_000, "≥ 30,000/s, flat memory"),
    )


def _watch(process: subprocess.Popen[bytes]) -> list[float]:
    """Its memory in MB, from look to look, until it ends."""
    sizes = [0.0]
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            sizes.append(watched.memory_info().rss / 1e6)
        except psutil.NoSuchProcess:
            break
        time.sleep(_EVERY)
    process.wait()
    return sizes
