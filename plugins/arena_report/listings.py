"""Rows of the page's listings: hyperparameters, versions and runs."""

from __future__ import annotations

import os
import urllib.parse
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arena.results.text import format_count, format_duration
from arena_report.formatting import UNKNOWN, decimals, plural
from arena_report.groups import ENCODERS, option_text
from arena_report.run_records import JsonObject, canonical

__all__ = ["all_options", "differing_options", "runs", "versions"]

#: Settings of a group that are no hyperparameters of its agent, but affect the result too.
SETTINGS = ("envs", "episodes", "device", "threads")


def differing_options(document: JsonObject) -> JsonObject:
    """The options that differ between algorithms, and a row for each setting of options."""
    settings = _settings(document)
    keys = dict.fromkeys(key for options, _ in settings for key in options)
    differing = [key for key in keys if len({canonical(o[key]) for o, _ in settings if key in o}) > 1]
    every = len(document["environments"])
    rows = []
    for options, groups in settings:
        places = [row["env"] for row in groups]
        rows.append(
            {
                "label": groups[0]["label"],
                "where": "all" if len(places) == every > 1 else ", ".join(places),
                "texts": [option_text(options[key]) if key in options else UNKNOWN for key in differing],
            }
        )
    return {"names": differing, "rows": rows if differing else []}


def all_options(document: JsonObject) -> list[JsonObject]:
    """Every option of every algorithm and of every environment."""
    blocks = [
        {
            "algorithm": groups[0]["label"],
            "where": ", ".join(row["env"] for row in groups),
            "options": options,
        }
        for options, groups in _settings(document)
    ]
    for place in document["environments"]:
        options = {**place["options"], "wrappers": place["wrappers"], "horizon": place["horizon"]}
        blocks.append({"environment": place["label"], "where": "environment", "options": options})
    for block in blocks:
        block["options"] = [(key, canonical(value)) for key, value in sorted(block["options"].items())]
    return blocks


def versions(document: JsonObject) -> list[tuple[str, str]]:
    """Versions of Python and of the distributions, with the number of runs where they differ."""
    return [
        (
            name,
            ", ".join(
                f"{version} ({plural(n, 'run')})" if len(found) > 1 else version
                for version, n in found.items()
            ),
        )
        for name, found in document["versions"].items()
    ]


def runs(document: JsonObject, folder: Path) -> list[JsonObject]:
    """Every run with a link from the page's folder; the runs that no number of the page counts come first."""
    rows = []
    for row in document["skipped"]:
        rows.append({**row, **_link(row["path"], folder)})
    by_place: dict[str, list[float | None]] = defaultdict(list)
    for run in document["runs"]:
        by_place[run["env"]].append(run["mean"])
    writes = {place: decimals(means) for place, means in by_place.items()}
    for run in document["runs"]:
        done = run["status"] == "finished"
        trained = (
            f"{run['steps']:,}" if done else f"{format_count(run['steps'])} of {format_count(run['total'])}"
        )
        rows.append(
            {
                **{key: run[key] for key in ("label", "env", "seed", "status")},
                "steps": trained,
                "mean": writes[run["env"]](run["mean"]),
                "time": UNKNOWN if run["seconds"] is None else format_duration(max(run["seconds"], 0.0)),
                **_link(run["path"], folder),
            }
        )
    return rows


def _link(path: str, folder: Path) -> dict[str, str]:
    """Name of a run's folder, and its URL relative to the page's folder."""
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:  # another drive
        url = Path(path).absolute().as_uri()
    else:
        # Quoted whole, with a dot before: no name can be a scheme.
        url = "./" + urllib.parse.quote(os.fsencode(Path(relative).as_posix())) + "/"
    return {
        "folder": os.path.basename(os.path.normpath(path)).encode("utf-8", "replace").decode(),
        "url": url,
    }


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
