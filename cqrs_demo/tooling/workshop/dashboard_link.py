"""A link to a page of the dashboard, to be opened beside a notebook. One that runs is used; else
one is started, which ends with the notebook."""

from html import escape
from pathlib import Path

from cqrs_demo.client.errors import Refused
from cqrs_demo.tooling.runtime.system import RunningSystem
from cqrs_demo.tooling.workshop.private_systems import PrivateDashboard

PAGES = {
    "shop": "Shop",
    "invoices": "Invoices",
    "stage": "Stage",
    "stores": "Stores",
    "replay": "Replay",
    "break_it": "Break it",
    "hazards": "Hazards",
    "dead_letters": "Dead letters",
}

COMPOSE = "http://localhost:8501"
"""Where docker-compose.yml publishes it: a notebook in a container cannot ask."""

_started: dict[Path, PrivateDashboard] = {}


class DashboardLink:
    def __init__(self, title: str, url: str) -> None:
        self.title, self.url = title, url

    def __repr__(self) -> str:
        return f"The dashboard's page “{self.title}”: {self.url}"

    def _repr_html_(self) -> str:
        return (
            f'<a href="{escape(self.url)}" target="_blank" rel="noopener">'
            f"Open the dashboard's page “{escape(self.title)}” in a new tab</a>, and put it beside "
            "this notebook. (It may take some seconds to start.)"
        )


def dashboard_link(system: RunningSystem, page: str) -> DashboardLink:
    """Raises Refused for a page that is none."""
    if page not in PAGES:
        raise Refused(f"there is no page {page!r}; there are {', '.join(PAGES)}")
    path = "" if page == "shop" else page
    return DashboardLink(PAGES[page], f"{_url(system)}/{path}")


def _url(system: RunningSystem) -> str:
    if system.dashboard is not None:
        return system.dashboard.url
    if system.folder is None:
        return COMPOSE
    if system.folder not in _started or not _started[system.folder].alive:
        _started[system.folder] = PrivateDashboard(system.folder)
    return _started[system.folder].url
