"""Groups of runs that differ only in their seed, labeled with the options in which groups differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena.config.formatting import format_value
from arena.plugins.discovery import get_plugins
from arena_report.run_records import JsonObject, RunRecord, Skipped, canonical

__all__ = ["Environment", "Group", "group", "option_text", "start_text", "unit"]

#: The largest number of characters of an option's value in a label.
LONGEST = 40

#: Name of the fact that identifies the snapshot from which a run started.
START = "start"

#: Attributes of `RunRecord` that hold an encoder.
ENCODERS = ("encoder", "novelty")

#: Value in place of a fit's digest where every seed has its own fit.
REPLICATED = "one a seed"

#: Separator between an agent and its encoder in a label.
DOT = " · "


@dataclass(frozen=True, eq=False)
class Environment:
    """An environment within which scores are compared.

    Attributes:
        label: the id, and the options that distinguish it from others of the same id.
        id: the environment's id.
        options: its options.
        wrappers: the wrappers around it.
        horizon: the longest evaluation episode, in steps.
    """

    label: str
    id: str
    options: JsonObject
    wrappers: tuple[str, ...]
    horizon: Any


@dataclass(frozen=True, eq=False)
class Group:
    """The runs of one algorithm in one environment, one per seed, sorted by seed.

    Attributes:
        algorithm: label: the agent and its encoders, with the options that distinguish them from others.
        agent: the agent's name.
        environment: the environment in which they ran.
        runs: one per seed.
    """

    algorithm: str
    agent: str
    environment: Environment
    runs: tuple[RunRecord, ...]


def group(records: Sequence[RunRecord]) -> tuple[list[Group], list[Skipped]]:
    """Groups runs by algorithm and environment.

    An option is part of an algorithm's label where its values differ between runs of the agent, or of the encoder, in
    one environment. Options that differ only from environment to environment are presets, and do not make a second
    algorithm.

    Returns:
        The groups, by environment and algorithm; and the duplicates, of which another run with the same seed counts:
        the one that trained further, finished or not, and of two that trained equally far, the later one.
    """
    environments = _environments(records)
    labels = _algorithms(records)
    gathered: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for record in records:
        key = labels[id(record)], environments[_place(record)].label
        gathered[key].append(record)
    groups, duplicates = [], []
    for (label, _), runs in sorted(gathered.items(), key=lambda item: (item[0][1], item[0][0])):
        kept, others = _best_per_seed(runs)
        duplicates += others
        place = environments[_place(runs[0])]
        groups.append(Group(algorithm=label, agent=runs[0].agent, environment=place, runs=tuple(kept)))
    return groups, duplicates


def option_text(value: Any) -> str:
    """An option's value as short text on one line."""
    return format_value(value, longest=LONGEST)


def start_text(start: JsonObject) -> str:
    """The snapshot from which a run started, as short text: of a long path it keeps the end, which says the most."""
    text = " ".join(f"{start['run']}@{start['step']}".split())
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"


def unit(agent: str) -> str:
    """Unit of an agent's training: step, or a planner's sweep; step if its plugin is not installed."""
    spec = get_plugins().agents.get(agent)
    return "step" if spec is None else spec.unit


def _place(record: RunRecord) -> str:
    """Key that runs in the same environment share; another horizon makes another environment."""
    horizon = record.settings["horizon"]
    return canonical([record.env, record.env_options, record.wrappers, horizon])


def _environments(records: Iterable[RunRecord]) -> dict[str, Environment]:
    first = {_place(record): record for record in records}
    same_id: dict[str, list[str]] = defaultdict(list)
    for place, record in first.items():
        same_id[record.env].append(place)
    found = {}
    for name, places in same_id.items():
        facts = [_environment_facts(first[place]) for place in places]
        for place, label in zip(places, _labels(name, facts, _differing(facts), {}), strict=True):
            record = first[place]
            found[place] = Environment(
                label, name, record.env_options, record.wrappers, record.settings["horizon"]
            )
    return found


def _environment_facts(record: RunRecord) -> JsonObject:
    extra = {"wrappers": " + ".join(record.wrappers) or None, "horizon": record.settings["horizon"]}
    return {**record.env_options, **extra}


def _algorithms(records: Sequence[RunRecord]) -> dict[int, str]:
    """The label of each run's algorithm, by the run's `id()`: the agent's, followed by its encoders' after dots."""
    by_agent: dict[str, list[RunRecord]] = defaultdict(list)
    for record in records:
        by_agent[record.agent].append(record)
    encoders = [_encoders(records, kind) for kind in ENCODERS]
    labels: dict[int, str] = {}
    for agent, runs in by_agent.items():
        facts = [_algorithm_facts(run) for run in runs]
        starts = [run.settings["start"] for run in runs if run.settings["start"] is not None]
        texts = {canonical(start["digest"]): start_text(start) for start in reversed(starts)}
        names = _labels(agent, facts, _differing_within(runs, facts), {START: texts})
        for run, name in zip(runs, names, strict=True):
            labels[id(run)] = DOT.join([name, *(found[id(run)] for found in encoders if id(run) in found)])
    return labels


def _encoders(records: Sequence[RunRecord], kind: str) -> dict[int, str]:
    """The label of each run's encoder of a kind, by the run's `id()`; runs without one have none."""
    found = {id(run): getattr(run, kind) for run in records if getattr(run, kind)}
    fits = _fits(records, kind)
    by_encoder: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for run in records:
        if id(run) in found:
            by_encoder[run.agent, found[id(run)]["name"]].append(run)
    labels: dict[int, str] = {}
    for (_, name), runs in by_encoder.items():
        disputed = _differing_within(runs, [found[id(run)]["options"] for run in runs])
        alike: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
        for run in runs:
            alike[found[id(run)]["mode"], canonical(found[id(run)]["options"])].append(run)
        for (mode, _), same in alike.items():
            used = [{"loss_weight": found[id(run)]["loss_weight"], "fit": fits[id(run)]} for run in same]
            facts = [{**found[id(run)]["options"], **use} for run, use in zip(same, used, strict=True)]
            keys = [*(key for key in disputed if key not in used[0]), *_differing_within(same, used)]
            starts = [(fits[id(run)], found[id(run)]["start"]) for run in reversed(same)]
            texts = {canonical(fit): _fit_text(fit, start) for fit, start in starts}
            label = name if mode == "frozen" else f"{name} ({mode})"
            labels.update(zip(map(id, same), _labels(label, facts, keys, {"fit": texts}), strict=True))
    return labels


def _fits(records: Sequence[RunRecord], kind: str) -> dict[int, str | None]:
    """Identity of the fit of each run's encoder, by the run's `id()`: runs in which it is equal may be one group.

    The digest of the fit, or None for an encoder without one. But where runs are otherwise equal, and each has its own
    seed and its own fit, the fits are replications as the seeds are: `REPLICATED`.
    """
    alike: dict[str, list[RunRecord]] = defaultdict(list)
    for run in records:
        if getattr(run, kind):
            encoders = [_without_fit(getattr(run, other)) for other in ENCODERS]
            alike[canonical([_place(run), run.agent, _algorithm_facts(run), encoders])].append(run)
    found: dict[int, str | None] = {}
    for runs in alike.values():
        starts = [getattr(run, kind)["start"] for run in runs]
        digests = [start and start["digest"] for start in starts]
        pairs = {*zip(digests, (run.seed for run in runs), strict=True)}
        fits = {(start["run"], start["step"]) for start in starts if start}
        alone = len({run for run, _ in fits}) == len(fits) and len({step for _, step in fits}) <= 1
        paired = alone and len(pairs) == len({*digests}) == len({run.seed for run in runs}) > 1
        for run, digest in zip(runs, digests, strict=True):
            found[id(run)] = REPLICATED if paired else digest
    return found


def _without_fit(encoder: JsonObject | None) -> JsonObject | None:
    """An encoder without the identity of its fit, but with whether it has one."""
    return encoder and {**encoder, "start": encoder["start"] is not None}


def _fit_text(fit: str | None, start: JsonObject | None) -> str:
    """Text of a fit, or of several, in a label."""
    return "none" if start is None else fit if fit == REPLICATED else start_text(start)


def _algorithm_facts(record: RunRecord) -> JsonObject:
    """Options by name in the order of their declaration, followed by the settings, as in `arena.experiments.labels`."""
    start = record.settings["start"]
    settings = {key: value for key, value in record.settings.items() if key not in ("horizon", "start")}
    settings[START] = start and start["digest"]
    taken = record.agent_options
    return {**taken, **{f"run.{key}" if key in taken else key: value for key, value in settings.items()}}


def _differing_within(records: Sequence[RunRecord], facts: Sequence[JsonObject]) -> list[str]:
    """Names of the facts that differ between runs in one environment, in order."""
    by_place: dict[str, list[JsonObject]] = defaultdict(list)
    for record, one in zip(records, facts, strict=True):
        by_place[_place(record)].append(one)
    differing = {key for several in by_place.values() for key in _differing(several)}
    return [key for key in dict.fromkeys(key for one in facts for key in one) if key in differing]


def _differing(facts: Sequence[JsonObject]) -> list[str]:
    """Keys whose values differ, in order; a missing value differs from every value."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for one in facts:
        for key, value in one.items():
            values[key][canonical(value)] += 1
    return [key for key, seen in values.items() if len(seen) > 1 or seen.total() < len(facts)]


def _labels(
    name: str, facts: Sequence[JsonObject], keys: Sequence[str], texts: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Labels of a name and the values of some keys: equal values have equal labels, other values different ones.

    Args:
        name: the beginning of every label.
        facts: the facts of each labeled run.
        keys: names of the facts in the labels, in order.
        texts: for some keys, the text of each value; values are written as `canonical` writes them.
    """
    written = {key: {**_short(one[key] for one in facts if key in one), **texts.get(key, {})} for key in keys}
    labels: dict[str, str] = {}
    taken: set[str] = set()
    result = []
    for one in facts:
        chosen = {key: canonical(one[key]) for key in keys if key in one}
        exact = canonical(chosen)
        if exact not in labels:
            label = " ".join([name, *(f"{key}={written[key][v]}" for key, v in chosen.items())])
            numbered = (f"{label} ({i})" for i in range(2, len(facts) + 2))
            labels[exact] = label if label not in taken else next(n for n in numbered if n not in taken)
            taken.add(labels[exact])
        result.append(labels[exact])
    return result


def _short(values: Iterable[Any]) -> dict[str, str]:
    """Texts of values in labels: numbers with four digits, unless two numbers would then be equal."""
    distinct = {canonical(value): value for value in values}
    brief = {key: format_value(value, longest=LONGEST, digits=4) for key, value in distinct.items()}
    if len({*brief.values()}) == len(brief):
        return brief
    return {key: option_text(value) for key, value in distinct.items()}


def _best_per_seed(runs: Sequence[RunRecord]) -> tuple[list[RunRecord], list[Skipped]]:
    best: dict[int, RunRecord] = {}
    others = []
    for run in sorted(runs, key=lambda run: (run.steps, run.time or 0.0), reverse=True):
        if run.seed not in best:
            best[run.seed] = run
            continue
        kept = best[run.seed]
        what = "the same run as" if kept.id == run.id else "the same options and seed as"
        others.append(Skipped(run.path, "duplicate", f"{what} {kept.path}, which counts", run))
    return [best[seed] for seed in sorted(best)], others
