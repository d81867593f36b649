"""What the command line says about itself, and how it fails."""

import click
import pytest
import typer.main
from typer.testing import CliRunner

from cqrs_demo.client.place import PREFIXES
from cqrs_demo.tooling.cli import app, main
from cqrs_demo.tooling.cli.show import first_steps
from cqrs_demo.tooling.runtime.system import RunningSystem, ServiceStatus


def commands() -> list[list[str]]:
    """Every command there is, with those that have commands of their own."""

    def below(command: click.Command, path: list[str]) -> list[list[str]]:
        inner = getattr(command, "commands", {})
        return (
            [path]
            if not inner
            else [
                path,
                *(found for name, child in inner.items() for found in below(child, [*path, name])),
            ]
        )

    return below(typer.main.get_command(app), [])


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    said = CliRunner().invoke(app, [*command, "--help"])
    assert said.exit_code == 0
    description = said.output.split("Usage:")[1].splitlines()[1:]
    assert any(line.strip() for line in description[:3]), said.output


def test_the_version_is_said() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert said.exit_code == 0
    assert said.output.startswith("cqrs-demo 0.")


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["status"], 3, "cqrs-demo up"),
        (["demo-data"], 3, "cqrs-demo up"),
        (["migrate"], 2, "CQRS_ADMIN_DB"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_cannot_do_its_work_says_why_in_a_line_and_in_its_exit_code(
    arguments: list[str],
    code: int,
    word: str,
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Given nothing: no settings, no system
    monkeypatch.setenv("CQRS_DATA_DIR", f"{tmp_path}/nothing")
    monkeypatch.setattr("sys.argv", ["cqrs-demo", *arguments])
    # When the command is given
    with pytest.raises(SystemExit) as ended:
        main()
    # Then it fails in its own way, in one line that says what to do
    said = capsys.readouterr().err
    assert ended.value.code == code
    assert word in said
    assert len(said.splitlines()) == 1


def test_the_first_steps_carry_the_urls_of_the_system_they_are_for() -> None:
    # Given a system on unusual ports
    ports = {"user-service": 4001, "order-service": 4002, "invoice-service": 4003}
    services = {
        name: ServiceStatus(url=f"http://127.0.0.1:{port}", pid=1, ready=True)
        for name, port in ports.items()
    }
    steps = first_steps(RunningSystem(services=services, databases={}, broker=None, dashboard=None))
    # Then each step goes where its service is
    order = ["user-service", "user-service", "order-service", "invoice-service"]
    for step, service in zip(steps, order, strict=True):
        assert f"http://127.0.0.1:{ports[service]}{PREFIXES[service]}/" in step
