"""A function is ended before one of its lines, and nothing of it has an effect any more."""

from contextlib import suppress

import pytest

from cqrs_demo.tooling.workshop.kill_at_line import Endless, Kill


class Connection:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def write(self, number: int) -> int:
        if self.closed:
            raise ConnectionError("closed")
        return number


def test_a_function_is_killed_before_the_line_that_was_asked_for() -> None:
    # Given a function of three lines
    done: list[int] = []

    def three_lines() -> None:
        done.append(1)
        done.append(2)
        done.append(3)

    # When it is killed before the second
    connection = Connection()
    kill = Kill(2, 100)
    kill.connections = [connection]
    kill.during(three_lines)

    # Then the first was run, and the connections are cut
    assert done == [1]
    assert kill.before == "done.append(2)"
    assert connection.closed


def test_a_function_that_ends_before_that_line_is_not_killed() -> None:
    kill = Kill(5, 100)
    kill.during(lambda: None)
    assert kill.before is None


def test_a_function_that_catches_everything_has_no_connection_left_to_do_harm_with() -> None:
    # Given a function that goes on whatever happens
    connection = Connection()
    done: list[int] = []

    def stubborn() -> None:
        for number in range(3):
            with suppress(BaseException):
                done.append(connection.write(number))

    # When it is killed before its first write
    kill = Kill(3, 100)
    kill.connections = [connection]
    kill.during(stubborn)

    # Then nothing was written
    assert kill.before == "done.append(connection.write(number))"
    assert done == []


def test_a_function_without_an_end_is_told_so() -> None:
    def endless() -> None:
        while True:
            pass

    with pytest.raises(Endless, match="it has run 100 lines"):
        Kill(None, 100).during(endless)


def test_what_goes_wrong_in_a_function_is_its_own() -> None:
    def divides() -> None:
        print(1 // 0)

    with pytest.raises(ZeroDivisionError):
        Kill(None, 100).during(divides)
