"""Which broker notebook 05 plays with."""

import pytest

from cqrs_demo.tooling.workshop import playground


@pytest.mark.parametrize(
    ("wanted", "installed", "kind"),
    [
        (None, True, "rabbitmq"),
        (None, False, "pgmq"),
        ("pgmq", True, "pgmq"),
        ("rabbitmq", True, "rabbitmq"),
        ("rabbitmq", False, "pgmq"),
    ],
)
def test_the_broker_is_the_one_wanted_where_it_is_installed(
    wanted: str | None, installed: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given what is wanted, and what is installed
    monkeypatch.delenv("CQRS_LAB_BROKER", raising=False)
    if wanted is not None:
        monkeypatch.setenv("CQRS_LAB_BROKER", wanted)
    monkeypatch.setattr(playground, "rabbitmq_server", lambda: "rabbitmq-server" * installed)

    # Then this one is taken
    assert playground.wanted_kind() == kind
