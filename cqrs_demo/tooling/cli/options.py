"""Options that many commands share, so that they are named and explained in one way."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="The system's data folder (default: CQRS_DATA_DIR, else .cqrs-demo here).",
        show_default=False,
    ),
]

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
