"""Whether the contract is sound, and how a version of a schema is released: from then on it never
changes.

Whoever changes an event edits events.py; that is a draft, and runs. `cqrs-demo contract check` says
what readers will think of it, `release` writes its files. Next: gate.py, golden.py.
"""

from hashlib import sha256

from cqrs_demo.contract import golden, schemas
from cqrs_demo.contract.events import KINDS
from cqrs_demo.contract.gate import Problem, incompatible_versions, lost_types, missing_steps
from cqrs_demo.contract.schemas import Schema, all_versions, newest, released

SUMS = "released.sha256"  # as `sha256sum -c` reads it


class NothingToRelease(Exception):
    """events.py says what the newest released versions say."""


class GateIsRed(Exception):
    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problem(s): `cqrs-demo contract check` tells them")
        self.problems = problems


def problems() -> list[Problem]:
    """What is wrong with the contract, the first things first; nothing when it is sound."""
    return (
        [*changed_since_release(), *lost_types()]
        or [*missing_steps(), *incompatible_versions()]
        or [*golden.broken(), *golden.unread()]
    )


def drafts() -> list[Schema]:
    """What events.py says and no released version does."""
    return [newest(type) for type in KINDS if newest(type) not in released(type)]


def changed_since_release() -> list[Problem]:
    sums, files = _sums(), {f"{f.parent.name}/{f.name}": f for f in schemas.FOLDER.glob("*/*.avsc")}
    undo = "it was released: undo that, and change events.py instead"
    return [
        Problem(name.removesuffix(".avsc"), f"its file is {what}; {undo}")
        for name, sum in sums.items()
        for what in ["changed" if name in files else "gone"]
        if name not in files or _sum(files[name].read_bytes()) != sum
    ] + [
        Problem(name.removesuffix(".avsc"), f"nobody released its file: it is not in {SUMS}")
        for name in sorted(files.keys() - sums.keys())
    ]


def release() -> list[Schema]:
    """Write the files of every draft. Returns them. Raises GateIsRed and NothingToRelease."""
    if wrong := problems():
        raise GateIsRed(wrong)
    new = drafts()
    if not new:
        raise NothingToRelease
    for schema in new:
        schema.file.parent.mkdir(parents=True, exist_ok=True)
        schema.file.write_text(schema.text, encoding="utf-8")
    sums = _sums() | {f"{s.name}.avsc": _sum(s.text.encode()) for s in new}
    lines = [f"{sum}  {name}\n" for name, sum in sorted(sums.items())]
    (schemas.FOLDER / SUMS).write_text("".join(lines), encoding="utf-8")
    for cached in (schemas.released, schemas.newest, schemas.all_versions):
        cached.cache_clear()
    for schema in new:
        golden.write(schema)
        for older in all_versions(schema.type)[:-1]:
            golden.read_again(older)
    return new


def _sums() -> dict[str, str]:
    file = schemas.FOLDER / SUMS
    if not file.exists():
        return {}
    pairs = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    return {name: sum for sum, name in pairs}


def _sum(content: bytes) -> str:
    return sha256(content).hexdigest()
