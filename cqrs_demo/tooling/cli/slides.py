"""`cqrs-demo slides`: a chapter's slides for whoever leads the workshop."""

import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from cqrs_demo.tooling.cli.lab import NoLab, notebooks_folder
from cqrs_demo.tooling.cli.show import say


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="On this machine")(slides)


def slides(
    chapters: Annotated[
        list[str] | None,
        typer.Argument(help="Their numbers, such as 03; all of them unless told."),
    ] = None,
    to: Annotated[Path, typer.Option(help="The folder to write to; made if need be.")] = Path(
        "slides"
    ),
    show: Annotated[bool, typer.Option("--open", help="Open the first one in a browser.")] = False,
) -> None:
    """Make slides of the workshop's chapters: the incident, the predictions, what fails, the code,
    when not to use it, and the quiz. One HTML file each, which needs no network."""
    folder = notebooks_folder() / "solutions"
    if find_spec("nbconvert") is None:
        raise NoLab(
            "nbconvert is not installed; it comes with JupyterLab. In the checkout: python -m pip "
            'install -c constraints.txt -e ".[lab]"'
        )
    from cqrs_demo.tooling.workshop.slides.make import make_slides

    made = []
    to.mkdir(parents=True, exist_ok=True)
    for notebook in _chosen(folder, chapters):
        page = to / f"{notebook.stem}.slides.html"
        page.write_text(make_slides(notebook), encoding="utf-8")
        say(f"  {page}")
        made.append(page)
    if show:
        webbrowser.open(made[0].resolve().as_uri())


def _chosen(folder: Path, numbers: list[str] | None) -> list[Path]:
    """Raises BadParameter for a chapter that there is not."""
    known = {path.name[:2]: path for path in sorted(folder.glob("[0-9]*.ipynb"))}
    wrong = [number for number in numbers or [] if number not in known]
    if wrong:
        raise typer.BadParameter(f"there is no chapter {wrong[0]!r}; there are {', '.join(known)}")
    return [known[number] for number in numbers or known]
