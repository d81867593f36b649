"""What people install: the wheel's content, the declared dependencies and the pinned versions."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    with ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_carries_every_sql_file_unchanged(wheel: ZipFile) -> None:
    # Given the schemas of the checkout
    files = {
        f"cqrs_demo/{file.relative_to(ROOT).as_posix()}": file.read_bytes()
        for file in (ROOT / "sql").rglob("*.sql")
    }

    # When the wheel is opened
    carried = {name: wheel.read(name) for name in wheel.namelist() if name.endswith(".sql")}

    # Then it holds the same files, inside the package
    assert files
    assert carried == files


def test_the_wheel_carries_every_schema_and_golden_event_of_the_contract(wheel: ZipFile) -> None:
    # A consumer without the schema of a message could not read it
    contract = ROOT / "cqrs_demo/contract"
    files = [*contract.glob("schemas/*/*.avsc"), *contract.glob("golden/*/*.json")]
    assert files
    assert {file.relative_to(ROOT).as_posix() for file in files} <= set(wheel.namelist())


def test_the_wheel_is_the_package_alone(wheel: ZipFile) -> None:
    # Given every name in the wheel
    names = wheel.namelist()

    # Then there is the package with all of its modules, and neither tests nor anything else beside
    # it
    assert {name.split("/")[0] for name in names} == {
        "cqrs_demo",
        f"cqrs_demo-{PROJECT['version']}.dist-info",
    }
    modules = {file.relative_to(ROOT).as_posix() for file in (ROOT / "cqrs_demo").rglob("*.py")}
    pages = {
        f"cqrs_demo/{file.relative_to(ROOT).as_posix()}"
        for file in (ROOT / "dashboard").rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == modules | pages

    # And the dashboard's looks
    assert {
        "cqrs_demo/dashboard/style.css",
        "cqrs_demo/dashboard/icon.png",
        "cqrs_demo/dashboard/.streamlit/config.toml",
    } <= set(names)


def test_the_wheel_installs_the_command(wheel: ZipFile) -> None:
    # When the wheel's entry points are read
    entry_points = wheel.read(f"cqrs_demo-{PROJECT['version']}.dist-info/entry_points.txt").decode()

    # Then the command is the CLI's main function, which exists
    assert entry_points.split() == [
        "[console_scripts]",
        "cqrs-demo",
        "=",
        "cqrs_demo.tooling.cli:main",
    ]
    from cqrs_demo.tooling.cli import main

    assert callable(main)


def test_constraints_are_names_and_versions_only() -> None:
    # Given the lines of constraints.txt, then none holds a host, a path, a marker or an option
    assert [
        line
        for line in CONSTRAINTS
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.]*", line)
    ] == []

    # And every package is pinned once
    names = [line.split("==")[0] for line in CONSTRAINTS]
    assert names == sorted(set(names))


def test_constraints_pin_every_package_that_gets_installed_to_a_version_that_fits() -> None:
    # Given the pinned versions and all requirements, those of pyproject.toml and those that they
    # bring along
    pinned = {
        name: Version(version) for name, version in (line.split("==") for line in CONSTRAINTS)
    }
    wanted = _with_all_that_they_need(
        [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    )

    # Then each has a pin, and no pin is outside of what is asked for
    assert [str(wish) for wish in wanted if canonicalize_name(wish.name) not in pinned] == []
    assert [
        str(wish)
        for wish in wanted
        if not wish.specifier.contains(pinned[canonicalize_name(wish.name)], prereleases=True)
    ] == []


@pytest.mark.parametrize(
    ("folder", "extras"), [("cqrs_demo", []), ("dashboard", []), ("tests", ["test"])]
)
def test_what_is_imported_is_declared(folder: str, extras: list[str]) -> None:
    # Given the distributions that pyproject.toml names, also as an extra of another
    # ("psycopg[pool]" is psycopg-pool)
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    declared |= {
        canonicalize_name(wish.name)
        for line in lines
        for wish in _brought_by_extras(Requirement(line))
    }

    # When every import in the folder is looked up
    providers = packages_distributions()
    files = [
        *(ROOT / folder).rglob("*"),
        *(ROOT / "dashboard").glob("*"),
    ]  # tests look into the dashboard's modules
    own = {
        "cqrs_demo",
        "tests",
        *({file.stem for file in files} - providers.keys()),
        *sys.stdlib_module_names,
    }
    used = {name: providers.get(name, [name]) for name in _imports(ROOT / folder) - own}

    # Then one of those distributions provides it; nothing is used because something else happened
    # to install it
    assert {
        name
        for name, found in used.items()
        if not declared & {canonicalize_name(one) for one in found}
    } == set()


def _imports(folder: Path) -> set[str]:
    """First parts of the modules that the files of `folder` import, at any level of the code."""
    names = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    return names


def _with_all_that_they_need(lines: list[str]) -> list[Requirement]:
    """These requirements and, from the installed packages' metadata, all that follow from them on
    this system."""
    waiting, found = [Requirement(line) for line in lines], {}
    while waiting:
        wish = waiting.pop()
        if str(wish) not in found:
            found[str(wish)] = wish
            waiting += _needs(wish, ["", *wish.extras])
    return list(found.values())


def _brought_by_extras(wish: Requirement) -> list[Requirement]:
    always = {str(need) for need in _needs(wish, [""])}
    return [need for need in _needs(wish, [*wish.extras]) if str(need) not in always]


def _needs(wish: Requirement, extras: list[str]) -> list[Requirement]:
    needs = [Requirement(line) for line in distribution(wish.name).requires or []]
    return [
        need
        for need in needs
        if any(need.marker is None or need.marker.evaluate({"extra": extra}) for extra in extras)
    ]
