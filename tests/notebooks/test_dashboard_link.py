"""A link from a notebook to the dashboard of its system."""

from pathlib import Path

import pytest

from cqrs_demo.client.errors import Refused
from cqrs_demo.tooling.runtime.system import NOTHING, DashboardStatus
from cqrs_demo.tooling.workshop.dashboard_link import dashboard_link

RUNNING = NOTHING.model_copy(update={"dashboard": DashboardStatus(url="http://127.0.0.1:8501")})


def test_a_dashboard_that_runs_is_linked_at_the_page_that_was_asked_for() -> None:
    link = dashboard_link(RUNNING, "stage")
    assert repr(link).endswith("“Stage”: http://127.0.0.1:8501/stage")
    assert 'href="http://127.0.0.1:8501/stage"' in link._repr_html_()


def test_the_first_page_has_no_name_in_its_address() -> None:
    assert dashboard_link(RUNNING, "shop").url == "http://127.0.0.1:8501/"


def test_in_a_container_the_link_leads_to_where_compose_publishes_it() -> None:
    assert dashboard_link(NOTHING, "replay").url == "http://localhost:8501/replay"


def test_every_page_that_can_be_linked_exists() -> None:
    views = Path(__file__).parents[2] / "dashboard" / "views"
    with pytest.raises(Refused, match="there is no page 'hood'") as refusal:
        dashboard_link(RUNNING, "hood")
    named = str(refusal.value).partition("there are ")[2].split(", ")
    assert set(named) <= {path.stem for path in views.glob("*.py")}
