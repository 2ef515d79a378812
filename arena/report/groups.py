"""Runs that differ only in their seed, together; and names that say what sets the others apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena.plugins import get_plugins
from arena.report.data import Facts, RunRecord, Skipped, canonical

__all__ = ["Environment", "Group", "begun", "group", "shown", "unit"]

#: Characters of an option's value in a label.
LONGEST = 40

#: The fact that runs which began from the same snapshot share.
START = "start"


@dataclass(frozen=True, eq=False)
class Environment:
    """What scores are compared in.

    Attributes:
        label: the id, and whatever sets it apart from others of the same id.
        id: the environment's id.
        options: its options.
        wrappers: the wrappers around it.
        horizon: the longest evaluation episode, in steps.
    """

    label: str
    id: str
    options: Facts
    wrappers: tuple[str, ...]
    horizon: Any


@dataclass(frozen=True, eq=False)
class Group:
    """The runs of one algorithm in one environment, one a seed, sorted by it.

    Attributes:
        algorithm: the algorithm's label: the agent, and the options that set it apart from others of that agent.
        agent: the agent's name.
        environment: where they ran.
        runs: one a seed.
    """

    algorithm: str
    agent: str
    environment: Environment
    runs: tuple[RunRecord, ...]


def group(records: Sequence[RunRecord]) -> tuple[list[Group], list[Skipped]]:
    """Groups runs by algorithm and environment.

    An option is part of an algorithm's name where the runs of its agent disagree about it within one environment.
    Options that differ only from environment to environment are presets, and make no second algorithm.

    Returns:
        The groups, by environment and algorithm; and runs of a seed that their group has already: the one that
        trained further, finished or not, counts; of two that trained as far, the later one.
    """
    environments = _environments(records)
    labels = _algorithms(records, environments)
    gathered: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for record in records:
        key = labels[id(record)], environments[_place(record)].label
        gathered[key].append(record)
    groups, duplicates = [], []
    for (label, _), runs in sorted(gathered.items(), key=lambda item: (item[0][1], item[0][0])):
        kept, others = _one_a_seed(runs)
        duplicates += others
        place = environments[_place(runs[0])]
        groups.append(Group(algorithm=label, agent=runs[0].agent, environment=place, runs=tuple(kept)))
    return groups, duplicates


def shown(value: Any) -> str:
    """An option's value as a person would write it: short, on one line."""
    text = value if isinstance(value, str) else "none" if value is None else canonical(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def begun(start: Facts) -> str:
    """The snapshot that a run began from, as a person would write it: the end of a long path says the most."""
    text = " ".join(f"{start['run']}@{start['step']}".split())
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"


def unit(agent: str) -> str:
    """What an agent counts: steps, or a planner's sweeps; steps if its plugin is not here."""
    spec = get_plugins().agents.get(agent)
    return "step" if spec is None else spec.unit


def _place(record: RunRecord) -> str:
    """A key that runs in the same environment share; episodes cut off elsewhere are another one."""
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
        for place, label in zip(places, _labels(name, facts, _varying(facts), {}), strict=True):
            record = first[place]
            found[place] = Environment(
                label, name, record.env_options, record.wrappers, record.settings["horizon"]
            )
    return found


def _environment_facts(record: RunRecord) -> Facts:
    extra = {"wrappers": " + ".join(record.wrappers) or None, "horizon": record.settings["horizon"]}
    return {**record.env_options, **extra}


def _algorithms(records: Sequence[RunRecord], environments: Mapping[str, Environment]) -> dict[int, str]:
    """The label of each run's algorithm, by the run's `id()`."""
    by_agent: dict[str, list[RunRecord]] = defaultdict(list)
    for record in records:
        by_agent[record.agent].append(record)
    labels: dict[int, str] = {}
    for agent, runs in by_agent.items():
        by_place: dict[str, list[Facts]] = defaultdict(list)
        for run in runs:
            by_place[_place(run)].append(_algorithm_facts(run))
        differing = {key for facts in by_place.values() for key in _varying(facts)}
        facts = [_algorithm_facts(run) for run in runs]
        keys = [key for key in dict.fromkeys(key for one in facts for key in one) if key in differing]
        starts = [run.settings["start"] for run in runs if run.settings["start"] is not None]
        texts = {canonical(start["digest"]): begun(start) for start in reversed(starts)}
        labels.update(zip(map(id, runs), _labels(agent, facts, keys, {START: texts}), strict=True))
    return labels


def _algorithm_facts(record: RunRecord) -> Facts:
    """By name: the options as they are declared, and behind them the settings, as `arena.labels` has them."""
    start = record.settings["start"]
    settings = {key: value for key, value in record.settings.items() if key not in ("horizon", "start")}
    settings[START] = start and start["digest"]
    taken = record.agent_options
    return {**taken, **{f"run.{key}" if key in taken else key: value for key, value in settings.items()}}


def _varying(facts: Sequence[Facts]) -> list[str]:
    """The keys whose values are not the same everywhere, in order; a missing one is a value of its own."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for one in facts:
        for key, value in one.items():
            values[key][canonical(value)] += 1
    return [key for key, seen in values.items() if len(seen) > 1 or seen.total() < len(facts)]


def _labels(
    name: str, facts: Sequence[Facts], keys: Sequence[str], texts: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """A name with the given keys' values; equal values have equal labels, and others different ones.

    Args:
        name: what every label begins with.
        facts: what the labels are of.
        keys: which facts they say, in order.
        texts: for some keys, how each value (as `canonical` has it) is written.
    """
    written = {key: {**_short(one[key] for one in facts if key in one), **texts.get(key, {})} for key in keys}
    labels: dict[str, str] = {}
    result = []
    for one in facts:
        chosen = {key: canonical(one[key]) for key in keys if key in one}
        exact = canonical(chosen)
        if exact not in labels:
            label = " ".join([name, *(f"{key}={written[key][v]}" for key, v in chosen.items())])
            taken = {*labels.values()}
            numbered = (f"{label} ({i})" for i in range(2, len(facts) + 2))
            labels[exact] = label if label not in taken else next(n for n in numbered if n not in taken)
        result.append(labels[exact])
    return result


def _short(values: Iterable[Any]) -> dict[str, str]:
    """Values as labels write them: numbers with four digits, where that leaves no two of them alike."""
    distinct = {canonical(value): value for value in values}
    brief = {key: _brief(value) for key, value in distinct.items()}
    if len({*brief.values()}) == len(brief):
        return brief
    return {key: shown(value) for key, value in distinct.items()}


def _brief(value: Any) -> str:
    if not isinstance(value, float):
        return shown(value)
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _one_a_seed(runs: Sequence[RunRecord]) -> tuple[list[RunRecord], list[Skipped]]:
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
