"""What a notebook shows of the pattern is cut out of the source that runs."""

import pytest

from cqrs_demo.client.errors import Refused
from cqrs_demo.tooling.workshop.code import PARTS, code


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_found_in_the_source_and_is_short_enough_to_be_read_aloud(name: str) -> None:
    # When a part is shown
    path, *lines = repr(code(name)).splitlines()

    # Then it says where it comes from, and it is some ten lines of that file
    assert path == f"# cqrs_demo/{PARTS[name].module.replace('.', '/')}.py"
    assert 5 <= len(lines) <= 18


def test_a_part_that_there_is_not_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(Refused, match=r"there is no part .inbix. to show; there are .*inbox"):
        code("inbix")
