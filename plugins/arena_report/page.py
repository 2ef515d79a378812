"""The HTML page of a report: one file, which contains its scripts and needs no network."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from arena.errors import ArenaError
from arena_report import listings, tables
from arena_report.html import COLOURS, DASHES, escaped, json_block, named, plural, tag
from arena_report.run_records import JsonObject

__all__ = ["page"]

#: Environments beyond this are chosen from a list, not from a row of buttons.
MOST_BUTTONS = 6

#: With more algorithms than this, the figures begin with the best ones only.
MOST_SHOWN, FIRST_SHOWN = 14, 8

#: Curves that a sentence names.
MOST_CUT = 4


def page(document: JsonObject, folder: Path) -> str:
    """The whole page.

    Args:
        document: what `arena_report.results.comparison` returned.
        folder: where the page will be; links to runs are relative to it.

    Raises:
        ArenaError: plotly is not installed.
    """
    index = {one["label"]: i for i, one in enumerate(document["algorithms"])}
    library, script = _plotly(), _resource("page.js")
    values = {
        "title": escaped(_title(document)),
        "policy": _policy(library, script),
        "style": _resource("page.css"),
        "facts": _facts(document),
        "notices": _notices(document),
        "environments": _chooser(document),
        "legend": _legend(index),
        "cut": _cut(document),
        "returns": _returns(document, index),
        "aggregates": _aggregates(document, index),
        "encoders": _encoders(document, index),
        "comparisons": _comparisons(document, index),
        "options": _options(document, index),
        "alloptions": listings.all_options(document, index),
        "versions": listings.versions(document),
        "count": str(len(document["runs"]) + len(document["skipped"])),
        "runs": listings.runs(document, index, folder),
        "data": json_block(_figures(document, index)),
        "library": library,
        "script": script,
    }
    return _filled("page.html", values)


def _filled(name: str, values: Mapping[str, str]) -> str:
    """A template with its places filled, in one pass: what a value holds is never taken for another place."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], _resource(name))


def _resource(name: str) -> str:
    return resources.files("arena_report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ArenaError("the page's figures need plotly", "pip install plotly, or use --json") from error
    return str(get_plotlyjs()).replace("</script", "<\\/script")


def _policy(*scripts: str) -> str:
    """What the browser may run and load: these scripts and nothing else, whatever a run's names hold."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    hashes = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"


def _title(document: JsonObject) -> str:
    algorithms, places = document["algorithms"], document["environments"]
    what = algorithms[0]["label"] if len(algorithms) == 1 else plural(len(algorithms), "algorithm")
    where = places[0]["label"] if len(places) == 1 else plural(len(places), "environment")
    return f"{what} {'on' if len(places) == 1 else 'in'} {where}"


def _facts(document: JsonObject) -> str:
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
    facts += [f"arena-rl {version}" for version in ours] if len(ours) == 1 else []
    return tag("ul", *(tag("li", escaped(fact)) for fact in facts), class_="inline facts")


def _day(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        return "on no day of ours"


def _notices(document: JsonObject) -> str:
    if not document["warnings"]:
        return ""
    items = (tag("li", escaped(text)) for text in document["warnings"])
    return tag("ul", *items, class_="notices", role="note")


def _chooser(document: JsonObject) -> str:
    """Buttons, or a list where there are many; nothing to choose from one."""
    labels = [place["label"] for place in document["environments"]]
    if len(labels) == 1:
        return tag("p", tag("bdi", escaped(labels[0])), class_="only")
    if len(labels) <= MOST_BUTTONS:
        buttons = [
            tag("button", escaped(label), type="button", data_env=str(i), aria_pressed=str(i == 0).lower())
            for i, label in enumerate(labels)
        ]
        return tag("div", *buttons, class_="choose", role="group", aria_label="Environment")
    options = [tag("option", escaped(label), value=str(i)) for i, label in enumerate(labels)]
    return tag("label", "Environment ", tag("select", *options, id="env"), class_="choose")


def _cut(document: JsonObject) -> str:
    """Of each environment, the curves that end before those of some of their seeds do."""
    parts = []
    for i, place in enumerate(document["environments"]):
        rows = [row for row in document["curves"] if row["env"] == place["label"] and row["steps"]]
        short = [row for row in _one_axis(rows) if row["steps"][-1] < row["longest"]]
        said = [f"{row['label']} to {plural(row['steps'][-1], row['unit'])}" for row in short[:MOST_CUT]]
        more = [f"{len(short) - MOST_CUT} more"] if len(short) > MOST_CUT else []
        if short:
            text = f"Drawn only as far as all seeds have evaluations: {', '.join([*said, *more])}."
            parts.append(tag("p", escaped(text), class_="note", data_place=str(i)))
    return "".join(parts)


def _legend(index: dict[str, int]) -> str:
    if len(index) == 1:
        return ""
    keys = [
        tag("button", named(label, index), type="button", class_="key", data_key=str(i))
        for label, i in index.items()
    ]
    every = tag("button", "show all", type="button", class_="every") if len(keys) > MOST_SHOWN else ""
    return tag("div", *keys, every, class_="legend", role="group", aria_label="Algorithms")


def _returns(document: JsonObject, index: dict[str, int]) -> str:
    return "".join(
        tag(
            "div",
            tag("h3", tag("bdi", escaped(place["label"]))),
            tables.returns(document, place, index),
            class_="place",
            data_place=str(i),
        )
        for i, place in enumerate(document["environments"])
    )


def _aggregates(document: JsonObject, index: dict[str, int]) -> str:
    if not document["aggregate"]:
        return ""
    n = len(document["aggregate"][0]["environments"])
    return tag("h3", f"Over {plural(n, 'environment')}, normalised") + tables.aggregates(document, index)


def _encoders(document: JsonObject, index: dict[str, int]) -> str:
    """A section where any agent has one, with a table for each such environment."""
    if not document["encoders"]:
        return ""
    parts = []
    for i, place in enumerate(document["environments"]):
        rows = [row for row in document["encoders"] if row["env"] == place["label"]]
        inner = (
            tables.encoders(rows, index)
            if rows
            else tag("p", "No agent has an encoder here.", class_="empty")
        )
        heading = tag("h3", tag("bdi", escaped(place["label"])))
        parts.append(tag("div", heading, inner, _spans(rows), class_="place", data_place=str(i)))
    return _filled("encoders.html", {"encoders": "".join(parts)})


def _spans(rows: list[JsonObject]) -> str:
    """Over which steps the areas are."""
    spans = {row["agent"]: row["span"] for row in rows if row["span"]}
    several = len({*map(tuple, spans.values())}) > 1
    said = [f"{low:,} to {high:,}{f' ({agent})' * several}" for agent, (low, high) in spans.items()]
    said = said if several else said[:1]
    return tag("p", escaped(f"Areas from step {', '.join(said)}."), class_="note") if said else ""


def _comparisons(document: JsonObject, index: dict[str, int]) -> str:
    if len(document["groups"]) == 1:
        text = (
            "Profiles, probabilities of improvement and a matrix come with a second algorithm or environment."
        )
        return tag("section", tag("h2", "Comparison"), tag("p", text, class_="note"))
    parts = {
        "profiles": _profiles(document, index),
        "improvement": _improvement(document, index),
        "matrix": tables.matrix(document, index),
        "order": _order(document),
    }
    return _filled("comparisons.html", parts)


def _order(document: JsonObject) -> str:
    """What the order of the algorithms means, where it is that of no single environment."""
    if len(document["environments"]) < 2 or len(document["algorithms"]) < 2:
        return ""
    if not document["aggregate"]:
        return (
            "Algorithms that ran in more environments stand first; none of them ran in all, so that their order"
            " is no ranking."
        )
    within = len(document["aggregate"][0]["environments"])
    rest = len(document["algorithms"]) - len(document["aggregate"])
    behind = f" {plural(rest, 'algorithm')} that did not run in all of them follow, unranked." if rest else ""
    by = f"Algorithms stand in the order of their IQM over {within:,} environments, normalised."
    return by + behind.replace("follow,", "follows,") if rest == 1 else by + behind


def _profiles(document: JsonObject, index: dict[str, int]) -> str:
    if not document["profiles"]["curves"]:
        return tag(
            "p", "No algorithm ran in every environment, so there is nothing to put together.", class_="empty"
        )
    plot = tag("div", class_="plot", id="profiles", role="img", aria_label="Performance profiles")
    return _legend(index) + plot


def _improvement(document: JsonObject, index: dict[str, int]) -> str:
    if len(index) == 1:
        return tag("p", "There is one algorithm, and nothing to compare it with.", class_="empty")
    more = len(index) - tables.MOST_PAIRED
    rest = f"The best {tables.MOST_PAIRED} of {len(index):,} algorithms are shown." if more > 0 else ""
    return tables.improvement(document, index) + (tag("p", rest, class_="note") if rest else "")


def _options(document: JsonObject, index: dict[str, int]) -> str:
    if len(document["groups"]) == 1:
        return ""
    differing = listings.differing_options(document, index)
    return differing or tag("p", "No option differs between the algorithms that have it.", class_="note")


def _figures(document: JsonObject, index: dict[str, int]) -> dict[str, Any]:
    """What the figures are drawn from."""
    places = {place["label"]: i for i, place in enumerate(document["environments"])}
    curves: list[list[JsonObject]] = [[] for _ in places]
    for row in document["curves"]:
        if row["steps"]:
            kept = {"key": index[row["label"]], "unit": row["unit"], "x": row["steps"], "y": row["iqm"]}
            curves[places[row["env"]]].append({**kept, "low": row["low"], "high": row["high"]})
    curves = [_one_axis(rows) for rows in curves]
    profiles = [
        {"key": index[row["label"]], "y": row["fraction"], "low": row["low"], "high": row["high"]}
        for row in document["profiles"]["curves"]
    ]
    return {
        "algorithms": [
            {
                "label": label,
                "colour": COLOURS[i % len(COLOURS)],
                "dash": DASHES[i // len(COLOURS) % len(DASHES)][0],
            }
            for label, i in index.items()
        ],
        "shown": {"curves": [_first(rows) for rows in curves], "profiles": _first(profiles)},
        "most": MOST_SHOWN,
        "environments": [{"label": p["label"], "optimum": p["optimum"]} for p in document["environments"]],
        "curves": curves,
        "taus": document["profiles"]["taus"],
        "profiles": profiles,
    }


def _one_axis(rows: list[JsonObject]) -> list[JsonObject]:
    """The curves that share an axis: planners count sweeps, and are drawn where nothing counts steps."""
    units = {row["unit"] for row in rows}
    chosen = "step" if "step" in units or not rows else rows[0]["unit"]
    return [row for row in rows if row["unit"] == chosen]


def _first(rows: list[JsonObject]) -> list[int]:
    """The algorithms that a figure begins with."""
    return [row["key"] for row in rows][: None if len(rows) <= MOST_SHOWN else FIRST_SHOWN]
