"""HTML page of a report: one file, which contains its scripts and needs no network."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import time
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from arena.errors import ArenaError
from arena_report import listings, tables
from arena_report.formatting import UNKNOWN, plural
from arena_report.run_records import JsonObject

__all__ = ["page", "templates"]

#: Okabe & Ito's palette, whose colours color-blind readers can distinguish, without its yellow, too faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#808080")

#: Dash patterns that distinguish lines of one colour: Plotly's name and SVG's.
DASHES = (("solid", ""), ("dash", "5 3"), ("dot", "1.5 2.5"), ("dashdot", "5 2 1.5 2"))

#: The largest number of environments that have buttons; more are chosen from a list.
MOST_BUTTONS = 6

#: The largest number of algorithms that a figure draws at first; of more, it draws the best few.
MOST_SHOWN, FIRST_SHOWN = 14, 8

#: The largest number of algorithms that a figure has, for each environment, and that a table has.
MOST_DRAWN, MOST_LISTED = 200, 500

#: The largest number of shortened curves that a sentence names.
MOST_CUT = 4

#: The largest number of rows that a table of returns has without scrolling.
MOST_ROWS = 25

#: Control characters of terminals, and marks that change the direction of writing.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def page(document: JsonObject, folder: Path) -> str:
    """The page as text.

    Args:
        document: result of `arena_report.results.comparison`.
        folder: folder of the page; links to runs are relative to it.

    Raises:
        ArenaError: plotly is not installed.
    """
    scripts = _plotly(), _resource("page.js")
    styles = _styles(document)
    listed = _listed(document)
    figures = _figures(document, styles)
    values = {
        "document": document,
        "title": _title(document),
        "policy": _policy(*scripts),
        "style": Markup(_resource("page.css")),
        "styles": styles,
        "facts": _facts(document),
        "notices": [*document["warnings"], *_thinned(document, listed, figures["algorithms"])],
        "drawn": [label for label, one in zip(styles, figures["algorithms"], strict=True) if one],
        "places": [_place(document, place) for place in document["environments"]],
        "aggregates": tables.aggregates(listed),
        "order": _order(document),
        "improvement": tables.improvement(document),
        "matrix": tables.matrix(listed),
        "differing": listings.differing_options(listed),
        "options": listings.all_options(listed),
        "versions": listings.versions(document),
        "runs": listings.runs(document, folder),
        "data": figures,
        "scripts": [Markup(script) for script in scripts],
        "most_buttons": MOST_BUTTONS,
        "most_shown": MOST_SHOWN,
        "most_rows": MOST_ROWS,
        "most_paired": tables.MOST_PAIRED,
    }
    return templates().get_template("page.html").render(values)


def _listed(document: JsonObject) -> JsonObject:
    """The document with the best algorithms only, if there are more than a table shows."""
    if len(document["algorithms"]) <= MOST_LISTED:
        return document
    best = document["algorithms"][:MOST_LISTED]
    labels = {one["label"] for one in best}
    parts = {key: [row for row in document[key] if row["label"] in labels] for key in ("groups", "aggregate")}
    return {**document, "algorithms": best, **parts}


def _thinned(document: JsonObject, listed: JsonObject, drawn: list[JsonObject | None]) -> list[str]:
    """A notice of what the page leaves out, if there are too many algorithms for it."""
    parts = [] if listed is document else [f"tables have the best {MOST_LISTED:,}"]
    if None in drawn:
        parts.append(f"figures the best {MOST_DRAWN:,} of each environment")
    if not parts:
        return []
    n = len(document["algorithms"])
    return [
        f"Of {n:,} algorithms, {' and '.join(parts)}. --csv and --json write all; every run is listed below."
    ]


@functools.cache
def templates() -> Environment:
    """The page's templates, which escape every text of a run and refuse names that are not defined."""
    environment = Environment(
        loader=PackageLoader("arena_report"),
        extensions=["jinja2.ext.do"],
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(breakable=_breakable, plural=plural)
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment


def _printable(value: Any) -> Any:
    """A value as the page shows it: texts without control characters, and a dash for None."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _CONTROLS.sub("", value)
    return UNKNOWN if value is None else value


def _breakable(label: str) -> Markup:
    """A label that may break behind an equals sign."""
    return escape(_printable(label)).replace("=", Markup("=<wbr>"))


def _resource(name: str) -> str:
    return resources.files("arena_report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ArenaError("the page's figures need plotly", "pip install plotly, or use --json") from error
    return str(get_plotlyjs()).replace("</script", "<\\/script")


def _policy(*scripts: str) -> str:
    """Content security policy: the browser runs these scripts and loads nothing else, whatever a run's names hold."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    hashes = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"


def _styles(document: JsonObject) -> dict[str, JsonObject]:
    """Number, colour and dash pattern of each algorithm."""
    styles = {}
    for i, one in enumerate(document["algorithms"]):
        dash, stroke = DASHES[i // len(COLOURS) % len(DASHES)]
        styles[one["label"]] = {"key": i, "colour": COLOURS[i % len(COLOURS)], "dash": dash, "stroke": stroke}
    return styles


def _title(document: JsonObject) -> str:
    algorithms, places = document["algorithms"], document["environments"]
    what = algorithms[0]["label"] if len(algorithms) == 1 else plural(len(algorithms), "algorithm")
    where = places[0]["label"] if len(places) == 1 else plural(len(places), "environment")
    return f"{what} {'on' if len(places) == 1 else 'in'} {where}"


def _facts(document: JsonObject) -> list[str]:
    seeds = sorted({len(row["seeds"]) for row in document["groups"]})
    each = plural(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]:,} to {seeds[-1]:,} seeds"
    agents = len({one["agent"] for one in document["algorithms"]})
    facts = [
        plural(len(document["runs"]), "run"),
        plural(agents, "agent"),
        plural(len(document["environments"]), "environment"),
        each if len(document["groups"]) == 1 else f"{each} each",
    ]
    if document["trained"]:
        first, last = (_day(seconds) for seconds in document["trained"])
        facts.append(f"trained {first}" if first == last else f"trained {first} to {last}")
    ours = document["versions"].get("arena-rl", {})
    return facts + [f"arena-rl {version}" for version in ours] if len(ours) == 1 else facts


def _day(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        return "at an unknown date"


def _place(document: JsonObject, place: JsonObject) -> JsonObject:
    """What the page shows for one environment."""
    encoders = [row for row in document["encoders"] if row["env"] == place["label"]]
    return {
        "label": place["label"],
        "cut": _cut(document, place),
        "returns": tables.returns(document, place)[:MOST_LISTED],
        "encoders": tables.encoders(encoders)[:MOST_LISTED],
        "spans": _spans(encoders),
    }


def _cut(document: JsonObject, place: JsonObject) -> list[str]:
    """The curves that end before the curves of some of their seeds."""
    rows = [row for row in document["curves"] if row["env"] == place["label"] and row["steps"]]
    short = [row for row in _one_axis(rows) if row["steps"][-1] < row["longest"]]
    named = [f"{row['label']} to {plural(row['steps'][-1], row['unit'])}" for row in short[:MOST_CUT]]
    return [*named, f"{len(short) - MOST_CUT} more"] if len(short) > MOST_CUT else named


def _spans(rows: list[JsonObject]) -> list[str]:
    """The steps over which areas are computed, for each agent where agents differ."""
    spans = {row["agent"]: row["span"] for row in rows if row["span"]}
    several = len({*map(tuple, spans.values())}) > 1
    texts = [f"{low:,} to {high:,}{f' ({agent})' * several}" for agent, (low, high) in spans.items()]
    return texts if several else texts[:1]


def _order(document: JsonObject) -> str:
    """Meaning of the order of the algorithms, unless it is the order within a single environment."""
    if len(document["environments"]) < 2 or len(document["algorithms"]) < 2:
        return ""
    if not document["aggregate"]:
        return (
            "Algorithms that ran in more environments come first. No algorithm ran in all of them, so the order is"
            " not a ranking."
        )
    within = len(document["aggregate"][0]["environments"])
    by = f"Algorithms are sorted by the IQM of their normalized scores over {within:,} environments."
    rest = len(document["algorithms"]) - len(document["aggregate"])
    follow = "follows" if rest == 1 else "follow"
    behind = f" {plural(rest, 'algorithm')} that did not run in all of them {follow}, unranked."
    return by + behind if rest else by


def _figures(document: JsonObject, styles: dict[str, JsonObject]) -> dict[str, Any]:
    """Data of the figures."""
    places = {place["label"]: i for i, place in enumerate(document["environments"])}
    curves: list[list[JsonObject]] = [[] for _ in places]
    for row in document["curves"]:
        if row["steps"]:
            kept = {
                "key": styles[row["label"]]["key"],
                "unit": row["unit"],
                "x": row["steps"],
                "y": row["iqm"],
            }
            curves[places[row["env"]]].append({**kept, "low": row["low"], "high": row["high"]})
    curves = [_one_axis(rows) for rows in curves]
    profiles = [
        {"key": styles[row["label"]]["key"], "y": row["fraction"], "low": row["low"], "high": row["high"]}
        for row in document["profiles"]["curves"]
    ]
    figures = [profiles, *curves]
    drawn = {row["key"] for rows in figures for row in rows[:MOST_DRAWN]}
    everything = all(len(rows) <= MOST_DRAWN for rows in figures)
    curves, profiles = [rows[:MOST_DRAWN] for rows in curves], profiles[:MOST_DRAWN]
    return {
        "algorithms": [
            {"label": label, "colour": style["colour"], "dash": style["dash"]}
            if everything or style["key"] in drawn
            else None
            for label, style in styles.items()
        ],
        "shown": {"curves": [_first(rows) for rows in curves], "profiles": _first(profiles)},
        "most": MOST_SHOWN,
        "environments": [{"label": p["label"], "optimum": p["optimum"]} for p in document["environments"]],
        "curves": curves,
        "taus": document["profiles"]["taus"],
        "profiles": profiles,
    }


def _one_axis(rows: list[JsonObject]) -> list[JsonObject]:
    """The curves that share an axis: planners count sweeps, and are drawn only where no agent counts steps."""
    units = {row["unit"] for row in rows}
    chosen = "step" if "step" in units or not rows else rows[0]["unit"]
    return [row for row in rows if row["unit"] == chosen]


def _first(rows: list[JsonObject]) -> list[int]:
    """The algorithms that a figure draws at first."""
    return [row["key"] for row in rows][: None if len(rows) <= MOST_SHOWN else FIRST_SHOWN]
