"""Pieces of HTML, in which all names from runs are escaped."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

__all__ = [
    "COLOURS",
    "DASHES",
    "decimals",
    "escaped",
    "json_block",
    "named",
    "plural",
    "swatch",
    "table",
    "tag",
]

#: Okabe & Ito's palette, which the colour-blind can tell apart, without its yellow, which paper swallows.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#808080")

#: Dash patterns that distinguish lines of one colour: Plotly's name and SVG's.
DASHES = (("solid", ""), ("dash", "5 3"), ("dot", "1.5 2.5"), ("dashdot", "5 2 1.5 2"))

#: What steers a terminal, and the marks that turn the direction of writing.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

UNKNOWN = "–"


def escaped(text: object) -> str:
    """A text that HTML shows as it is, in an element and in a quoted attribute."""
    return html.escape(_CONTROLS.sub("", str(text)))


def tag(name: str, *inner: str, **attributes: str | None) -> str:
    """An element; its content is HTML already, its attributes are texts. ``class_`` is ``class``."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{given}>{''.join(inner)}</{name}>"


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], class_: str = "") -> str:
    """A table in a box of its own, which scrolls where the page is narrow.

    Args:
        columns: each one's heading and class, such as ``n`` for numbers; headings are HTML.
        rows: the cells, as HTML: the first names the row. A cell that begins with ``<td`` is one already.
        class_: of the box.
    """
    head = "".join(tag("th", title, scope="col", class_=kind or None) for title, kind in columns)
    body = []
    for row in rows:
        cells = [
            cell
            if cell.startswith("<td")
            else tag("td" if i else "th", cell, class_=kind or None, **({} if i else {"scope": "row"}))
            for i, (cell, (_, kind)) in enumerate(zip(row, columns, strict=True))
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    inner = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return tag("div", inner, class_=f"scroll {class_}".strip(), tabindex="0")


def swatch(index: int) -> str:
    """The line that an algorithm has in the figures."""
    colour, (_, dash) = COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)]
    line = tag("line", x1="1", x2="19", y1="5", y2="5", stroke=colour, stroke_dasharray=dash or None)
    return tag("svg", line, class_="swatch", viewBox="0 0 20 10", aria_hidden="true")


def named(label: str, index: Mapping[str, int], before: str = "") -> str:
    """An algorithm's line and label, where the label may run in any direction of writing.

    It may break behind an equals sign. What does not fit is cut by the style sheet, and the title has all of it.
    """
    inner = before + swatch(index[label]) + tag("bdi", escaped(label).replace("=", "=<wbr>"))
    return tag("span", inner, class_="named", title=label)


def decimals(
    values: Iterable[float | None], also: Iterable[float | None] = ()
) -> Callable[[float | None], str]:
    """How to write the numbers of a column: all with as many digits behind the point, so that they align.

    The number at the lower quartile of sizes has three significant digits; whole numbers have no point.

    Args:
        values: the numbers, which decide how many digits there are.
        also: others that are written so; they decide only whether all are whole.

    Example:
        >>> write = decimals([0.728, 0.7, -12.5])
        >>> [write(x) for x in (0.728, 0.7, -12.5, None)]
        ['0.728', '0.700', '−12.500', '–']
    """
    known = [abs(value) for value in values if value is not None]
    sizes = sorted(size for size in known if size > 1e-9)
    typical = sizes[len(sizes) // 4] if sizes else 1.0
    if sizes and (sizes[-1] >= 1e7 or sizes[-1] < 1e-3):
        return lambda value: UNKNOWN if value is None else _minus(f"{value:.3g}")
    digits = min(max(2 - math.floor(math.log10(typical)), 1), 4)
    if all(abs(value - round(value)) < 1e-9 for value in [*known, *also] if value is not None):
        digits = 0
    return lambda value: UNKNOWN if value is None else _minus(f"{value:,.{digits}f}")


def json_block(value: Any) -> str:
    """JSON that a ``<script>`` may hold: no text in it can end the element or begin a comment."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def plural(n: int, noun: str) -> str:
    """``1 seed``, ``1,000 seeds``."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _minus(text: str) -> str:
    """With a real minus sign, and none before nothing."""
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")
