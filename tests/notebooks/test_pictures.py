"""Pictures that notebooks draw: of the system, and of numbers."""

import re
from itertools import product

import pandas as pd

from cqrs_demo.tooling.workshop.map import TABLES_ON_THE_MAP, draw_map
from cqrs_demo.tooling.workshop.plot import bars, lines

Box = tuple[float, float, float, float]


def numbers(found: tuple[str, ...]) -> Box:
    a, b, c, d = map(float, found)
    return a, b, c, d


def apart(one: Box, other: Box) -> bool:
    """Boxes as left, top, right, bottom."""
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_no_label_of_the_map_lies_on_a_box_or_on_an_arrow() -> None:
    # Given the map
    svg = draw_map(
        dict.fromkeys(TABLES_ON_THE_MAP, 1), {"user": 0, "account": 0, "order": 1}
    )._repr_svg_()

    # When its boxes, arrows and labels are looked at
    rects = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', svg)
    boxes = [(x, y, x + width, y + height) for x, y, width, height in map(numbers, rects)]
    drawn = re.findall(r'<line x1="(\d+)" y1="(\d+)" x2="(\d+)" y2="(\d+)"', svg)
    dots = [
        (x1 + (x2 - x1) * part / 20, y1 + (y2 - y1) * part / 20)
        for (x1, y1, x2, y2), part in product(map(numbers, drawn), range(21))
    ]
    labels = [
        (float(x) - 3.4 * len(text), float(y) - 10, float(x) + 3.4 * len(text), float(y) + 3)
        for x, y, text in re.findall(
            r'<text x="(\d+)" y="(\d+)" fill="#666" text-anchor="middle" font-size="12">(.*?)<', svg
        )
    ]

    # Then they lie apart
    assert (len(boxes), len(drawn), len(labels)) == (4, 3, 5)
    assert all(apart(label, box) for label, box in product(labels, boxes))
    assert all(apart(label, (x, y, x, y)) for label, (x, y) in product(labels, dots))


def test_a_plot_of_lines_is_a_picture_and_a_line_of_text() -> None:
    # Given what was seen at three moments
    seen = pd.DataFrame({"moment": ["a & b", "b", "c"], "waiting": [0, 12, 3]}).set_index("moment")

    # When it is plotted
    plot = lines(seen, "The lag")

    # Then it can be seen anywhere, and read where nothing can be drawn
    assert plot._repr_svg_().startswith("<svg")
    assert "a &amp; b" in plot._repr_svg_()
    assert plot._repr_svg_().count("<circle") == 3
    assert repr(plot) == "[plot] The lag: waiting 0 12 3"


def test_a_plot_of_bars_says_each_number() -> None:
    plot = bars("Rows", {"join": 26000, "read model": 1})
    assert "26,000" in plot._repr_svg_()
    assert repr(plot) == "[plot] Rows: join 26000; read model 1"


def test_nothing_can_be_plotted_too() -> None:
    assert ">0<" in bars("Rows", {"join": 0})._repr_svg_()
