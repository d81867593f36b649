"""Makes a chapter's slides: one HTML file that needs no network.

nbconvert, which comes with JupyterLab, cuts the notebook into slides, as for reveal.js. But
reveal.js itself would be fetched from a network, which a workshop room may not have. So
page/index.html.j2 shows the slides with a few lines of its own (page/show.js), and fetches nothing.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SHOWN = {"incident", "predict", "fails", "read", "when-not", "quiz", "slide"}
"""A cell with one of these tags is a slide. `slide` is for whatever else belongs on one."""

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]+\)")
TO_SLIDES = [
    "--to=slides",
    "--template=page",
    f"--TemplateExporter.extra_template_basedirs={HERE}",
    "--embed-images",
    "--stdin",
    "--stdout",
    "--log-level=ERROR",
]


def make_slides(notebook: Path) -> str:
    """A page of HTML, of a notebook in notebooks/solutions. Raises CalledProcessError."""
    chapter = slides_of(json.loads(notebook.read_text(encoding="utf-8")))
    made = subprocess.run(  # noqa: S603  # our own command line
        [sys.executable, "-m", "nbconvert", *TO_SLIDES],
        input=json.dumps(chapter),
        cwd=notebook.parents[1],  # it takes into the page only pictures that stand below this
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    return made.stdout


def slides_of(notebook: dict[str, Any]) -> dict[str, Any]:
    """The tagged cells, each a slide. A link to another file of the workshop becomes its words: the
    slides are one file."""
    cells = [_slide(cell) for cell in notebook["cells"] if SHOWN.intersection(_tags(cell))]
    title = "".join(cells[0]["source"]).splitlines()[0].strip("# ")
    return {**notebook, "cells": cells, "metadata": {**notebook["metadata"], "title": title}}


def _slide(cell: dict[str, Any]) -> dict[str, Any]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        source = LINK.sub(r"\1", source.replace("](../", "]("))
    slide = {**cell["metadata"], "slideshow": {"slide_type": "slide"}}
    return {**cell, "source": source, "metadata": slide}


def _tags(cell: dict[str, Any]) -> list[str]:
    return list(cell["metadata"].get("tags", []))
