"""One `up`, `down` or `reset` at a time in a data folder: a lock the operating system lets go of
when its holder dies."""

import os
import sys
from pathlib import Path

from cqrs_demo.tooling.runtime.private import private


class FolderLock:
    """Held by the supervisor for as long as the system runs. Children do not inherit it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None

    def take(self) -> bool:
        """True when it is ours now, False when another process holds it. Never waits."""
        while True:
            descriptor = private(str(self._file), os.O_RDWR | os.O_CREAT)
            if not _lock(descriptor):
                os.close(descriptor)
                return False
            if self._is_still_the_file(descriptor):
                self._descriptor = descriptor
                return True
            os.close(
                descriptor
                # `reset` deleted the file between our opening and locking it: this lock excludes
                # nobody
            )

    def _is_still_the_file(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._file))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
