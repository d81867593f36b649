"""The signposts point at files that exist: `Next: relay.py.` in a module's first lines, and paths
in the README and the docs."""

import ast
import re
from pathlib import Path

import pytest

import cqrs_demo

PACKAGE = Path(cqrs_demo.__file__).parent
ROOT = PACKAGE.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FILE = r"[\w./-]+\.(?:py|sql|md|ipynb|toml|yml|svg|txt)"

FILES = {
    path.relative_to(ROOT).as_posix()
    for folder in ("cqrs_demo", "dashboard", "docs", "notebooks", "sql", "tests")
    for path in (ROOT / folder).rglob("*")
} | {path.name for path in ROOT.iterdir()}


def stands(name: str) -> bool:
    """Whether a file has this name, or this as the end of its path."""
    return any(f"/{path}".endswith(f"/{name.rstrip('/')}") for path in FILES)


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_what_a_module_points_at_exists(module: Path) -> None:
    said = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    onward = " ".join(re.findall(r"(?:Next|Sibling):\s.*", said, re.DOTALL))
    assert [name for name in re.findall(FILE, onward) if not stands(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_a_page_points_at_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    linked: list[str] = re.findall(r"\]\(([^)#:]+)\)", text)
    quoted = re.findall(rf"`({FILE})`", text)
    assert [name for name in quoted if not stands(name)] == []
    assert [name for name in linked if not (page.parent / name).exists()] == []


def test_the_test_itself_misses_a_file_that_is_not_there() -> None:
    assert stands("outbox/relay.py")
    assert not stands("outbox/no_such_file.py")
