"""The map of the system as SVG, with numbers in it: drawn the same by JupyterLab, nbconvert and
code hosts."""

from collections.abc import Iterable, Mapping
from html import escape

TABLES_ON_THE_MAP = (
    ("user_service", "users"),
    ("user_service", "accounts"),
    ("user_service", "events"),
    ("user_service", "outbox"),
    ("order_service", "orders"),
    ("order_service", "events"),
    ("order_service", "outbox"),
    ("invoice_service", "processed_events"),
    ("invoice_service", "invoice_account"),
    ("invoice_service", "invoices"),
    ("invoice_service", "invoice_lines"),
)
_WRITE, _BROKER, _READ = "#2a78b5", "#b5642a", "#2f8f4e"


class Picture:
    """SVG for a notebook. Its text form is what it says, for who cannot see it."""

    def __init__(self, svg: str, text: str) -> None:
        self._svg, self._text = svg, text

    def _repr_svg_(self) -> str:
        return self._svg

    def __repr__(self) -> str:
        return self._text


def draw_map(counts: Mapping[tuple[str, str], int], depths: Mapping[str, int]) -> Picture:
    """`counts` are rows by database and table, `depths` messages by queue."""
    services = {"user_service": (20, 40), "order_service": (20, 210), "invoice_service": (580, 85)}
    parts = []
    for service, (x, y) in services.items():
        rows = [
            (table, count) for (database, table), count in counts.items() if database == service
        ]
        colour = _READ if service == "invoice_service" else _WRITE
        parts.append(_box(x, y, service.replace("_", "-"), rows, colour))
    parts.append(
        _box(
            300,
            110,
            "broker",
            [(f"queue {name}", depth) for name, depth in depths.items()],
            _BROKER,
        )
    )
    parts += [
        _arrow((220, 105), (296, 160), "relay", at=(266, 116)),
        _arrow((220, 265), (296, 195), "relay", at=(268, 252)),
        _arrow((500, 165), (576, 165), "consumer", at=(537, 156)),
    ]
    parts += [_caption(120, 24, "commands: POST"), _caption(680, 68, "queries: GET")]
    return Picture(_svg(parts), _text(services, counts, depths))


def _text(
    services: Iterable[str], counts: Mapping[tuple[str, str], int], depths: Mapping[str, int]
) -> str:
    lines = {
        service: [
            f"{table} {count}" for (database, table), count in counts.items() if database == service
        ]
        for service in services
    }
    lines["broker"] = [f"queue {name} {depth}" for name, depth in depths.items()]
    return "\n".join(
        f"{name.replace('_', '-'):16}{' · '.join(line)}" for name, line in lines.items()
    )


_TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#666"/></marker>'
)


def _svg(parts: list[str]) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 350" width="800" '
        'font-family="sans-serif" font-size="13">'
        f'<defs>{_TIP}</defs><rect width="800" height="350" rx="8" '
        f'fill="#fff"/>{"".join(parts)}</svg>'
    )


def _box(x: int, y: int, title: str, rows: list[tuple[str, int]], colour: str) -> str:
    height = 34 + 22 * len(rows)
    lines = [
        f'<rect x="{x}" y="{y}" width="200" height="{height}" rx="8" fill="#fafafa" '
        f'stroke="{colour}" stroke-width="1.5"/>'
        f'<text x="{x + 12}" y="{y + 21}" font-weight="bold" fill="{colour}">{escape(title)}</text>'
    ]
    for number, (name, count) in enumerate(rows):
        at = y + 44 + 22 * number
        lines.append(
            f'<text x="{x + 12}" y="{at}" fill="#333">{escape(name)}</text>'
            f'<text x="{x + 188}" y="{at}" fill="#111" text-anchor="end" '
            f'font-weight="{"bold" if count else "normal"}">{count}</text>'
        )
    return "".join(lines)


def _arrow(start: tuple[int, int], end: tuple[int, int], label: str, at: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = start, end
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#666" stroke-width="1.5" '
        f'marker-end="url(#tip)"/>{_caption(*at, label)}'
    )


def _caption(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" fill="#666" text-anchor="middle" font-size="12">{text}</text>'
