"""Lines of a feed, as the command reads them."""

from cqrs_demo.client.feed import lines_of


def test_a_line_ends_at_a_newline_and_at_nothing_else() -> None:
    # Given texts with characters at which Python's own splitting of lines breaks, in chunks that
    # end anywhere
    lines = ['{"text": "one\u2028two\x85three"}', "", '{"text": "ü"}']
    feed = "".join(line + "\n" for line in lines).encode()

    # When they are read, then they are the same lines again
    for size in (1, 3, 1000):
        assert (
            list(lines_of(feed[start : start + size] for start in range(0, len(feed), size)))
            == lines
        )
