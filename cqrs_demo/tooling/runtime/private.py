"""Files and folders for their owner alone, and no link followed that somebody else may have
planted.

`private` and `unlinked` are openers, as in open(path, "ab", opener=private): they look at what was
opened before it is used. All files in a data folder are opened so. server_user.py says who else may
pass through the folder when we are root.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
"""For the supervisor and all that it starts: what they make is for their user's eyes."""

# Not through a link; and a pipe in the file's place must not hold us up.
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class NotPrivate(OSError):
    """Something else stands where a file of ours should be."""

    def __init__(self, path: str) -> None:
        what = "is not a file of ours but a link, or somebody else's"
        super().__init__(f"{path} {what}. Look at it, remove it, and try again")


def private(path: str, flags: int) -> int:
    """Opens a plain file of our own, and makes it if `flags` say so. Raises NotPrivate, OSError."""
    return _opened(path, flags, ours=True)


def unlinked(path: str, flags: int) -> int:
    """Opens a plain file, whoever owns it. Raises NotPrivate, OSError."""
    return _opened(path, flags, ours=False)


def _opened(path: str, flags: int, *, ours: bool) -> int:
    with suppress(
        FileNotFoundError
    ):  # O_NOFOLLOW refuses, too, but not in these words, nor on Windows
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise NotPrivate(path)
    descriptor = os.open(path, (flags & ~os.O_TRUNC) | _CAREFULLY, 0o600)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or (ours and not _is_ours(found)):
            raise NotPrivate(path)
        if flags & os.O_TRUNC:  # only now: it might have been the target of a hard link
            os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def make_private(path: Path) -> None:
    """Take all rights from group and others, here and below: older versions left some. Links are
    left alone, and so is what belongs to somebody else (PostgreSQL's data, which it keeps closed
    itself). Raises OSError."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or not _is_ours(found):
        return
    is_folder = stat.S_ISDIR(found.st_mode)
    mode = stat.S_IMODE(found.st_mode)
    if mode & UMASK and (is_folder or found.st_nlink == 1):  # a hard link may lead elsewhere
        path.chmod(mode & ~UMASK)
    if is_folder:  # from above: once it is closed, nobody exchanges what is in it
        for inner in path.iterdir():
            make_private(inner)


def is_somebody_elses(path: Path) -> bool:
    return not _is_ours(path.stat())


def _is_ours(found: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
