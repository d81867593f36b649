"""The dashboard alone, in the foreground: for `make dashboard` and containers. `cqrs-demo up`
starts one by itself."""

import os
from typing import Annotated

import typer

from cqrs_demo.tooling.cli.options import DataDir


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="On this machine")(dashboard)


def dashboard(
    data_dir: DataDir = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on. Whoever reaches it may place orders and break things."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
) -> None:
    """Show a running system in the browser.

    The one that CQRS_USER_SERVICE_URL, CQRS_ORDER_SERVICE_URL, CQRS_INVOICE_SERVICE_URL, the three
    databases' DSNs and CQRS_BROKER_URL name; without them the one in the data folder.
    """
    from streamlit.web.cli import main as streamlit

    from cqrs_demo.tooling.runtime.system import SystemProblem, data_folder
    from cqrs_demo.tooling.runtime.up import dashboard_file, streamlit_arguments

    file = dashboard_file()
    if file is None:
        raise SystemProblem(
            "this installation carries no dashboard: there is no dashboard/serve.py"
        )
    os.environ["CQRS_DATA_DIR"] = str(data_folder(data_dir).path)
    streamlit(streamlit_arguments(file, host, port), prog_name="streamlit")
