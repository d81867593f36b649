"""A command as a person has to type it: with the data folder, unless that is the default one."""

from pathlib import Path
from shlex import quote


def typed(command: str, folder: Path) -> str:
    """`command` is what follows the program's name, such as "demo-data". The default folder is
    .cqrs-demo where `up` was called; the processes that `up` starts work in the folder itself."""
    is_default = folder.name == ".cqrs-demo" and Path.cwd() in (folder, folder.parent)
    return f"cqrs-demo {command}" + ("" if is_default else f" --data-dir {quote(str(folder))}")
