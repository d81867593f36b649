"""As whom PostgreSQL runs, and what lets it reach its files and keeps others from them.

It refuses to run as root. Root lends it the user `nobody`, whom other programs may be, too, and a
group that nobody else has: only with that group does one get to the cluster, and everything around
the cluster stays root's own. (What `nobody` can still do is to end the server's processes.) Where
we are not root, all of it is ours, and there is nothing to lend.
"""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

UNPRIVILEGED = "nobody"
# No distribution hands these out, and a container knows numbers up to 65,535.
_GROUPS = range(65_533, 65_519, -1)


def identity() -> dict[str, Any]:
    """How to start a server process: not as root, and out of reach of the terminal's Ctrl-C."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    if os.geteuid() != 0:
        return {"start_new_session": True}
    import pwd

    user = pwd.getpwnam(UNPRIVILEGED).pw_uid
    return {"start_new_session": True, "user": user, "group": _group(), "extra_groups": []}


def _group() -> int:
    """A group that no user of this machine is in. It also keeps other processes of `nobody` from
    looking into the server's: Linux asks for the same user and the same group."""
    import grp

    taken = {group.gr_gid for group in grp.getgrall()}
    return next(number for number in _GROUPS if number not in taken)


def _we_are_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def lend(*paths: Path) -> None:
    """Let the server's user own these, where we are root and it is not us."""
    if _we_are_root():
        server = identity()
        for path in paths:
            os.chown(path, server["user"], server["group"], follow_symlinks=False)


def keep(folder: Path) -> None:
    """The folder stays our own, though the server may pass through: nobody else can lay a link into
    it for root to follow. (Older versions lent the folder.) Raises OSError."""
    if _we_are_root():
        os.chown(folder, 0, _group())
    folder.chmod(0o710 if _we_are_root() else 0o700)


def open_ways(*targets: Path) -> list[Path]:
    """Where we are root, the server must be able to pass through the folders above (and no more: x,
    not r): with its group where the folder's group had no rights, else as everybody. Returns those
    that were changed for it. Raises OSError."""
    if not _we_are_root():
        return []
    opened = []
    for folder in (folder for target in targets for folder in target.resolve().parents):
        found = folder.stat()
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o001 or (mode & 0o010 and found.st_gid == _group()):
            continue
        if mode & 0o070 == 0:
            os.chown(folder, -1, _group())
        folder.chmod(mode | (0o010 if mode & 0o070 == 0 else 0o001))
        opened.append(folder)
    return opened
