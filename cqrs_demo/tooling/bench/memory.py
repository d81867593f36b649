"""memory: what each process holds, at rest and while orders flow."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from cqrs_demo.tooling.bench.figures import Figure
from cqrs_demo.tooling.bench.rig import Rig

_EVERY = 0.5  # seconds


class Memory:
    """Looks at the rig's processes now (at rest) and, inside under_load(), again and again."""

    def __init__(self, rig: Rig) -> None:
        self._broker, self._processes = rig.broker, rig.processes
        self._at_rest = self._look()
        self._peak = dict(self._at_rest)

    @contextmanager
    def under_load(self) -> Iterator[None]:
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,))
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def figures(self) -> Iterator[Figure]:
        for name, peak in self._peak.items():
            notes: dict[str, float | str] = {"at rest MB": round(self._at_rest.get(name, 0))}
            yield Figure("memory", f"{name}, under load", "MB", [peak], self._broker, notes)

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(_EVERY):
            for name, size in self._look().items():
                self._peak[name] = max(size, self._peak.get(name, 0))

    def _look(self) -> dict[str, float]:
        """Megabytes. What several processes share (PostgreSQL's buffers) counts once, where the
        system can tell."""
        return {
            name: sum(map(_size, family)) / 1e6
            for name, family in self._processes().items()
            if family
        }


def _size(process: psutil.Process) -> float:
    try:
        full = process.memory_full_info()
        return float(getattr(full, "pss", full.rss))
    except psutil.Error:  # it ended, or is somebody else's
        return 0.0
