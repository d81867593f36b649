"""Which folder may import which: the tree is the diagram, and this test holds its arrows.

services → http, outbox, inbox → messaging → contract. Nothing in the pattern imports http or
tooling, and no service imports another. The client knows the services by their APIs alone.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cqrs_demo

ROOT = Path(cqrs_demo.__file__).parent

GROUND = {"backoff", "database", "errors", "exact_json", "input", "logs", "pace", "settings"}
"""Single modules that anybody but the contract may use. They use each other and the contract."""

MAY_IMPORT = {
    "contract": set(),
    "messaging": {"contract"} | GROUND,
    "outbox": {"contract", "messaging"} | GROUND,
    "inbox": {"contract", "messaging"} | GROUND,
    "client": GROUND,
    "naive": set(),  # it stands alone
    "http": {"contract", "messaging", "outbox", "inbox"} | GROUND,
}
SERVICES = {"user_service", "order_service", "payment_service", "invoice_service"}
MAY_IMPORT |= dict.fromkeys(SERVICES, {"contract", "messaging", "outbox", "inbox", "http"} | GROUND)
MAY_IMPORT |= dict.fromkeys(GROUND, {"contract"} | GROUND)

MODULES = sorted(ROOT.rglob("*.py"))


def folder_of(module: Path) -> str:
    """The first name below the package: a folder, or a module that stands by itself."""
    return module.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(module: Path) -> Iterator[str]:
    """The folders of this package that the module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("cqrs_demo."):
                yield name.split(".")[1]


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_a_folder_imports_only_what_stands_below_it(folder: str) -> None:
    wrong = {
        f"{module.relative_to(ROOT)} imports {other}"
        for module in MODULES
        if folder_of(module) == folder
        for other in imported(module)
        if other not in MAY_IMPORT[folder] | {folder}
    }
    assert not wrong, (
        f"{sorted(wrong)}: {folder} may import {', '.join(sorted(MAY_IMPORT[folder])) or 'nothing'}"
        " of the package. Hand in what it needs, or move it"
    )


def test_in_a_service_only_its_routes_and_its_wiring_know_http() -> None:
    wrong = {
        str(module.relative_to(ROOT))
        for module in MODULES
        if folder_of(module) in SERVICES and "http" in imported(module)
        if module.name != "server.py" and not module.name.endswith("routes.py")
    }
    assert not wrong, (
        f"{sorted(wrong)}: commands and queries speak of what they do (input.py, errors.py), and "
        "routes turn that into HTTP"
    )


def test_nothing_imports_the_naive_shop() -> None:
    importers = {
        str(module.relative_to(ROOT))
        for module in MODULES
        if folder_of(module) != "naive" and "naive" in imported(module)
    }
    assert not importers, f"{sorted(importers)}: it runs as a program of its own, to compare with"


STARTED = """
import sys
from cqrs_demo.settings import Settings
from cqrs_demo.tooling.cli.serving import service_for

database = "postgresql://role:secret@127.0.0.1:1/none"
service_for("invoice-service", Settings(invoice_db=database, broker_url=database, workshop=True))
print(*sorted({"pandas", "sqlalchemy", "pyarrow", "aio_pika", "streamlit"} & set(sys.modules)))
"""


def test_a_service_starts_without_what_only_others_need() -> None:
    # Given a service with the workshop's controls; each of these would double the time it needs
    # until it is ready
    command = [sys.executable, "-c", STARTED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""


def test_every_folder_has_its_place_in_the_diagram() -> None:
    known = {*MAY_IMPORT, "tooling", "__init__", "__main__"}
    assert {folder_of(module) for module in MODULES} <= known


def test_the_test_itself_finds_an_arrow_that_points_the_wrong_way(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "def late():\n    from cqrs_demo.http import json\n    import cqrs_demo.tooling\n"
    )
    assert list(imported(module)) == ["http", "tooling"]
