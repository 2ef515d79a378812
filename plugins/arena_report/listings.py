"""The listings of the page: hyperparameters, versions and runs."""

from __future__ import annotations

import os
import urllib.parse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.results.text import format_count, format_duration
from arena_report.groups import ENCODERS, shown
from arena_report.html import UNKNOWN, decimals, escaped, named, plural, table, tag
from arena_report.run_records import JsonObject, canonical

__all__ = ["all_options", "differing_options", "runs", "versions"]

#: What of a group is no hyperparameter of its agent, but decides the result too.
SETTINGS = ("envs", "episodes", "device", "threads")


def differing_options(document: JsonObject, index: Mapping[str, int]) -> str:
    """A row for each setting of options, with the options that are not the same in all; empty if there are none."""
    settings = _settings(document)
    keys = dict.fromkeys(key for options, _ in settings for key in options)
    differing = [key for key in keys if len({canonical(o[key]) for o, _ in settings if key in o}) > 1]
    if not differing:
        return ""
    columns = [
        ("Algorithm", "name"),
        ("Environments", "wide"),
        *((tag("code", escaped(key)), "n") for key in differing),
    ]
    every = len(document["environments"])
    rows = []
    for options, groups in settings:
        places = [row["env"] for row in groups]
        where = "all" if len(places) == every > 1 else ", ".join(places)
        values = [escaped(shown(options[key])) if key in options else UNKNOWN for key in differing]
        rows.append([named(groups[0]["label"], index), tag("bdi", escaped(where)), *values])
    return table(columns, rows, "tall fit")


def all_options(document: JsonObject, index: Mapping[str, int]) -> str:
    """Every option of every algorithm and of every environment."""
    blocks = [
        _options(named(groups[0]["label"], index), ", ".join(row["env"] for row in groups), options)
        for options, groups in _settings(document)
    ]
    for place in document["environments"]:
        options = {**place["options"], "wrappers": place["wrappers"], "horizon": place["horizon"]}
        blocks.append(_options(tag("bdi", escaped(place["label"])), "environment", options))
    return "".join(blocks)


def versions(document: JsonObject) -> str:
    """Of Python and of the distributions; with the number of runs where they are not the same in all."""
    parts = []
    for name, found in document["versions"].items():
        several = len(found) > 1
        texts = [f"{version} ({plural(n, 'run')})" if several else version for version, n in found.items()]
        parts.append(tag("li", tag("b", escaped(name)), " ", escaped(", ".join(texts))))
    return tag("ul", *parts, class_="inline") if parts else tag("p", "No run says.", class_="note")


def runs(document: JsonObject, index: Mapping[str, int], folder: Path) -> str:
    """Every run with a link to its folder, and first those that are in no number of the page.

    Args:
        document: the comparison.
        index: each algorithm's number.
        folder: where the page will be: links lead from there.
    """
    columns = [
        ("Algorithm", "name"),
        ("Environment", "wide"),
        ("Seed", "n"),
        ("Steps", "n"),
        ("Return", "n"),
        ("Time", "n"),
        ("Status", ""),
        ("Folder", "wide"),
    ]
    rows = [_skipped(row, folder) for row in document["skipped"]]
    by_place: dict[str, list[float | None]] = defaultdict(list)
    for run in document["runs"]:
        by_place[run["env"]].append(run["mean"])
    writes = {place: decimals(means) for place, means in by_place.items()}
    for run in document["runs"]:
        done = run["status"] == "finished"
        steps = (
            f"{run['steps']:,}" if done else f"{format_count(run['steps'])} of {format_count(run['total'])}"
        )
        rows.append(
            [
                named(run["label"], index),
                tag("bdi", escaped(run["env"])),
                str(run["seed"]),
                steps,
                writes[run["env"]](run["mean"]),
                UNKNOWN if run["seconds"] is None else format_duration(max(run["seconds"], 0.0)),
                tag("span", run["status"], class_="status" if done else "status wrong"),
                _link(run["path"], folder),
            ]
        )
    return table(columns, rows, "tall")


def _skipped(row: JsonObject, folder: Path) -> list[str]:
    named = [tag("bdi", escaped(row[key] or UNKNOWN)) for key in ("agent", "env")]
    seed = UNKNOWN if row["seed"] is None else str(row["seed"])
    reason = tag("span", escaped(row["reason"]), class_="reason")
    status = tag("span", escaped(row["status"]), class_="status wrong")
    return [*named, seed, "", "", "", status, _link(row["path"], folder) + " " + reason]


def _link(path: str, folder: Path) -> str:
    """A link from the page's folder to a run's."""
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:  # another drive
        target = Path(path).absolute().as_uri()
    else:
        # Quoted whole, with a dot before: no name can be a scheme.
        target = "./" + urllib.parse.quote(os.fsencode(Path(relative).as_posix())) + "/"
    name = os.path.basename(os.path.normpath(path)).encode("utf-8", "replace").decode()
    return tag("a", escaped(name), href=target)


def _settings(document: JsonObject) -> list[tuple[dict[str, Any], list[JsonObject]]]:
    """Each algorithm's options, with the groups that have exactly those: presets differ by environment."""
    found: dict[tuple[str, str], tuple[dict[str, Any], list[JsonObject]]] = {}
    for row in document["groups"]:
        start = row["start"] and f"{row['start']['run']}@{row['start']['step']}"
        settings = {**{key: row[key] for key in SETTINGS}, "start": start}
        for kind in ENCODERS:
            settings |= _encoder(kind, row[kind])
        options = {**row["options"], **{_beside(key, row["options"]): settings[key] for key in settings}}
        found.setdefault((row["label"], canonical(options)), (options, []))[1].append(row)
    return list(found.values())


def _encoder(kind: str, encoder: JsonObject | None) -> dict[str, Any]:
    """An encoder's options, and how it is used; None for none, so that a table says so."""
    if encoder is None:
        return {kind: None}
    several = [f"{fit['run']}@{fit['step']}" for fit in encoder["fits"]]
    used = {"mode": encoder["mode"], "fit": several[0] if len(several) == 1 else several or None}
    used |= {} if encoder["loss_weight"] is None else {"loss_weight": encoder["loss_weight"]}
    options = {f"{kind}.{key}": value for key, value in {**encoder["options"], **used}.items()}
    return {kind: encoder["name"], **options}


def _beside(key: str, options: Mapping[str, Any]) -> str:
    """A setting's name where an option may have the same."""
    return f"run.{key}" if key in options else key


def _options(name: str, where: str, options: Mapping[str, Any]) -> str:
    pairs: Sequence[str] = [
        tag("li", tag("code", f"{escaped(key)} = {escaped(canonical(value))}"))
        for key, value in sorted(options.items())
    ]
    head = tag("h3", name, " ", tag("small", escaped(where)))
    return head + tag("ul", *pairs, class_="options")
