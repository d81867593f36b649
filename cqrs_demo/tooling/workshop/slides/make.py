"""Makes a chapter's slides: one HTML file that needs no network.

nbconvert cuts the notebook into slides, as for reveal.js. But reveal.js itself would be fetched
from a network, which a workshop room may not have. So page/index.html.j2 shows the slides with a
few lines of its own (show.js), and fetches nothing.
"""

import copy
import re
from pathlib import Path

import nbformat
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode

HERE = Path(__file__).parent
SHOWN = {"incident", "predict", "fails", "read", "when-not", "quiz", "slide"}
"""A cell with one of these tags is a slide. `slide` is for whatever else belongs on one."""

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]+\)")


def make_slides(notebook: Path) -> str:
    """A page of HTML, of a notebook in notebooks/solutions."""
    exporter = SlidesExporter(  # type: ignore[no-untyped-call]
        extra_template_basedirs=[str(HERE)], template_name="page", embed_images=True
    )
    told = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    chapter = slides_of(told)
    page = {
        "metadata": {"name": title_of(chapter), "path": str(notebook.parents[1])},
        "show": (HERE / "show.js").read_text(encoding="utf-8"),
    }
    body, _ = exporter.from_notebook_node(chapter, page)
    return str(body)


def slides_of(notebook: NotebookNode) -> NotebookNode:
    """The tagged cells, each a slide. A link to another file of the workshop becomes its words: the
    slides are one file."""
    chapter = copy.deepcopy(notebook)
    chapter.cells = [
        cell for cell in chapter.cells if SHOWN.intersection(cell.metadata.get("tags", []))
    ]
    for cell in chapter.cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
        if cell.cell_type == "markdown":
            # nbconvert takes into the page only what stands below the folder that it is given
            cell.source = LINK.sub(r"\1", cell.source.replace("](../", "]("))
    return chapter


def title_of(chapter: NotebookNode) -> str:
    return str(chapter.cells[0].source).splitlines()[0].strip("# ")
