"""Dockerfile and docker-compose.yml, checked against what they start: no image can be pulled where
the tests run."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cqrs_demo.settings import DEFAULT_PORTS, Settings, read_settings
from cqrs_demo.tooling.cli import app
from cqrs_demo.tooling.workshop.which_system import running_system

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LAB_DOCKERFILE = (ROOT / "Dockerfile.lab").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "cqrs-demo"}
DATABASES = {
    "user-service": "CQRS_USER_DB",
    "order-service": "CQRS_ORDER_DB",
    "invoice-service": "CQRS_INVOICE_DB",
}
VARIABLE = re.compile(r"\$\{(\w+):-([^}]+)\}")


def with_defaults(text: str) -> str:
    """What compose makes of a value when neither the environment nor an .env file says
    otherwise."""
    return VARIABLE.sub(r"\2", text)


def test_compose_accepts_the_file() -> None:
    # Given either generation of docker compose, which both carry the schema of the file
    if shutil.which("docker-compose"):
        compose = ["docker-compose"]
    elif (
        shutil.which("docker")
        and subprocess.run(
            ["docker", "compose", "version"], capture_output=True, check=False
        ).returncode
        == 0
    ):
        compose = ["docker", "compose"]
    elif os.environ.get("CI") == "true":
        pytest.fail("CI needs docker-compose; .ci/run installs it")
    else:
        pytest.skip("neither docker-compose nor the docker compose plugin is installed")

    # When it reads the file as it stands in the repository
    command = [*compose, "-f", str(ROOT / "docker-compose.yml"), "config"]
    read = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    # Then it has nothing to object to, and finds every service
    assert read.returncode == 0, read.stderr
    assert yaml.safe_load(read.stdout)["services"].keys() == SERVICES.keys()


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_the_cli(name: str) -> None:
    # Given the command of a container
    program, *arguments = OURS[name]["command"]
    assert program == "cqrs-demo"

    # When the CLI parses it, without running it, then no word of it is unknown and none is missing
    cli = typer.main.get_command(app)
    with cli.make_context(program, list(arguments)) as context:
        word, command, rest = cli.resolve_command(context, list(arguments))  # type: ignore[attr-defined]  # a group, with commands
        command.make_context(word, rest, parent=context)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_with_a_valid_value(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the environment of a container, with the defaults for development
    environment = OURS[name]["environment"]
    known = {f"CQRS_{field.upper()}" for field in Settings.model_fields}
    assert environment.keys() <= known | {
        "CQRS_INVOICE_SERVICE_URL"
    }  # no service asks invoice-service; the dashboard does
    for variable in [variable for variable in os.environ if variable.startswith("CQRS_")]:
        monkeypatch.delenv(variable)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, with_defaults(value))

    # When the settings are read as the command in it reads them, then they are accepted
    settings = read_settings()

    # And a service listens where Docker can reach it, on the port that is published
    if name in DEFAULT_PORTS:
        assert settings.host == "0.0.0.0"
        assert settings.port in (None, DEFAULT_PORTS[name])
        assert [port.rsplit(":", 1)[1] for port in SERVICES[name]["ports"]] == [
            str(DEFAULT_PORTS[name])
        ]


@pytest.mark.parametrize("name", DATABASES)
def test_a_service_is_given_its_own_database_and_no_other(name: str) -> None:
    # Given the DSNs in the environment of a service
    given = {
        variable: value
        for variable, value in OURS[name]["environment"].items()
        if variable.endswith("_DB")
    }

    # Then there is one, its own, as its own role
    own = name.replace("-", "_")
    assert given.keys() == {DATABASES[name]}
    assert re.fullmatch(
        rf"postgresql://{own}:\$\{{\w+:-[^}}]+\}}@postgres:5432/{own}", given[DATABASES[name]]
    )


def test_migrate_makes_the_databases_that_the_services_use() -> None:
    # Given the DSNs of migrate and those of the services, then they are the same, passwords
    # included
    migrate = OURS["migrate"]["environment"]
    services = {
        variable: OURS[name]["environment"][variable] for name, variable in DATABASES.items()
    }
    assert {variable: migrate[variable] for variable in DATABASES.values()} == services

    # And the superuser's is the server's, and migrate's alone
    assert (
        f":{SERVICES['postgres']['environment']['POSTGRES_PASSWORD']}@postgres:5432/"
        in migrate["CQRS_ADMIN_DB"]
    )
    assert [
        name for name, service in OURS.items() if "CQRS_ADMIN_DB" in service["environment"]
    ] == ["migrate"]


def test_notebooks_in_a_container_find_the_services_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given the environment of JupyterLab's container
    for variable, value in SERVICES["jupyterlab"]["environment"].items():
        monkeypatch.setenv(variable, with_defaults(value))

    # When a notebook looks for the system
    system = running_system()

    # Then it has the places of all three, and their databases
    assert system is not None
    assert {name: system.url(name) for name in DATABASES} == {
        "user-service": "http://user-service:8085/system-api",
        "order-service": "http://order-service:8086/order-service",
        "invoice-service": "http://invoice-service:8087/invoice-service",
    }
    assert system.databases == {
        name.replace("-", "_"): with_defaults(SERVICES[name]["environment"][variable])
        for name, variable in DATABASES.items()
    }
    assert system.broker is not None
    assert system.broker.kind == "rabbitmq"


def test_passwords_and_tokens_come_from_variables_alone() -> None:
    # Given every value that is a secret, or a URL with one in it
    values = [
        (name, value)
        for service in SERVICES.values()
        for name, value in service["environment"].items()
    ]
    secrets = [value for name, value in values if re.search("PASS|TOKEN", name)]
    secrets += [found[1] for _, value in values if (found := re.search(r"://[^:/]+:(.*)@", value))]

    # Then each of them is a variable and nothing but a variable
    assert len(secrets) >= 10
    assert [secret for secret in secrets if not VARIABLE.fullmatch(secret)] == []


def test_the_example_env_file_lists_every_variable_with_its_default() -> None:
    # Given the lines of .env.example and the variables of the file, each with a default
    lines = [
        line
        for line in (ROOT / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    used = VARIABLE.findall(TEXT)

    # Then they agree
    assert TEXT.count("${") == len(used)
    assert sorted(lines) == sorted({f"{name}={default}" for name, default in used})


def test_ports_are_published_on_this_machine_alone() -> None:
    # Given every published port, then it is bound to the loopback address
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [
        port for port in ports if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", with_defaults(port))
    ] == []


def test_foreign_images_are_pinned_to_a_minor_version() -> None:
    # Given the images that are not built here
    images = [
        service["image"]
        for service in SERVICES.values()
        if not service["image"].startswith("cqrs-demo")
    ]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE + LAB_DOCKERFILE, re.MULTILINE)

    # Then each names a major and a minor version
    assert [
        image for image in images if not re.fullmatch(r"[a-z]+:\d+\.\d+(-[a-z]+)?", image)
    ] == []
    assert [image.split(":")[0] for image in images] == ["postgres", "rabbitmq", "python", "python"]


def test_one_service_builds_the_image_and_the_others_never_look_for_it_elsewhere() -> None:
    # Given our services, then one builds the image, and the others do not ask a registry for a
    # stranger's of that name
    assert [name for name, service in OURS.items() if "build" in service] == ["migrate"]
    assert {service["pull_policy"] for name, service in OURS.items() if name != "migrate"} == {
        "never"
    }


@pytest.mark.parametrize("name", DATABASES)
def test_a_service_starts_after_what_it_needs(name: str) -> None:
    # Given the conditions of a service, then it waits for a finished migration and a healthy broker
    conditions = {
        other: condition["condition"] for other, condition in SERVICES[name]["depends_on"].items()
    }
    assert conditions == {
        "migrate": "service_completed_successfully",
        "rabbitmq": "service_healthy",
    }

    # And migrations wait for the database; what others wait for says when it is healthy
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert all("healthcheck" in SERVICES[awaited] for awaited in ("postgres", "rabbitmq", name))


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[int, list[tuple[str, str | None]]]]:
    """A server that gives every request the status of the test's parameter: its port, and the path
    and the credentials of each."""
    asked: list[tuple[str, str | None]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(request.param)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answering", "healthy"), [(200, True), (503, False)], indirect=["answering"]
)
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("user-service", "/system-api/healthcheck"),
        ("order-service", "/order-service/healthcheck"),
        ("invoice-service", "/invoice-service/healthcheck"),
    ],
)
def test_a_container_is_healthy_when_its_service_says_so(
    answering: tuple[int, list[tuple[str, str | None]]], healthy: bool, name: str, path: str
) -> None:
    # Given the health check of a container, pointed at a server with a known answer
    port, asked = answering
    kind, program, *arguments = SERVICES[name]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    assert str(DEFAULT_PORTS[name]) in arguments

    # When it runs
    command = [
        sys.executable,
        *(str(port) if word == str(DEFAULT_PORTS[name]) else word for word in arguments),
    ]
    status = subprocess.run(
        command, env={**os.environ, "CQRS_API_TOKEN": "a-token-of-the-test"}, check=False
    ).returncode

    # Then it has asked the service's health route with the service's token, and passes on the
    # answer
    assert asked == [(path, "Bearer a-token-of-the-test")]
    assert (status == 0) == healthy


def test_the_image_installs_with_the_commands_that_people_type() -> None:
    # Given the install commands of the image
    run = re.findall(r"^RUN (.+)", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)
    installs = [
        command.strip() for line in run for command in line.split("&&") if "venv" in command
    ]
    assert len(installs) == 2

    # Then Makefile and README have the same ones
    makefile = (
        (ROOT / "Makefile")
        .read_text()
        .replace("$(PYTHON)", "python3")
        .replace("$(BIN)", ".venv/bin")
    )
    readme = (ROOT / "README.md").read_text()
    assert [command for command in installs if f"\t{command}\n" not in makefile] == []
    assert [command for command in installs if command not in readme] == []


def test_the_image_holds_what_it_needs_and_runs_as_an_ordinary_user() -> None:
    # Given what the Dockerfile copies, then .dockerignore lets it through and nothing else
    copied = {
        path.split("/")[0]
        for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE)
        for path in line.split()
    }
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == copied
    assert "*" in ignore
    assert all((ROOT / path).exists() for path in copied)

    # And the user it ends with is one it has made, not root
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1:] == re.findall(
        r"useradd .*?(\S+)$", DOCKERFILE, re.MULTILINE
    )
