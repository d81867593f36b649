"""The notebooks with the solutions, on RabbitMQ and in the opposite order: so each cell of each
lesson is run on both brokers."""

from tests.fixtures.brokers import need_rabbitmq
from tests.notebooks.nbval_run import SOLUTIONS, assert_shows_what_is_stored


def test_every_solution_shows_what_is_stored_in_it_also_on_rabbitmq_and_in_another_order() -> None:
    need_rabbitmq()
    assert_shows_what_is_stored(sorted(SOLUTIONS.glob("*.ipynb"), reverse=True), "rabbitmq")
