"""Warnings of a report, one sentence each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from arena.results.text import format_number
from arena_report.encoders import fits
from arena_report.groups import ENCODERS, Group, unit
from arena_report.run_records import RunRecord, Skipped

__all__ = ["notices"]

#: The largest number of names in a sentence.
NAMED = 3

REASONS = {
    "damaged": "damaged",
    "newer": "from a newer arena-rl",
    "unfinished": "unfinished",
    "fit": "fit of encoders (no returns)",
    "duplicate": "duplicate (same options and seed as a run that trained further)",
}


def notices(
    groups: Sequence[Group],
    skipped: Sequence[Skipped],
    block: tuple[list[str], list[str]],
    partial: bool,
    above: Sequence[str] = (),
) -> list[str]:
    """Warnings of a report, the most severe first.

    Args:
        groups: the runs that count.
        skipped: the runs that do not count.
        block: the algorithms and environments that are aggregated.
        partial: whether unfinished runs count.
        above: environments in which every run exceeds the optimum.
    """
    runs = [run for one in groups for run in one.runs]
    return [
        text
        for text in (
            _left_out([one for one in skipped if one.status != "study"]),
            _studies([one for one in skipped if one.status == "study"]),
            _partial(runs) if partial else "",
            _one_seed(groups),
            _fits(groups),
            _steps(groups),
            _missing(groups, block),
            _optima(groups),
            _above_optimum(above),
            _versions(runs),
        )
        if text
    ]


def _left_out(skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return ""
    kinds = Counter(one.status for one in skipped)
    what = ", ".join(f"{n:,} {_kind(status, n)}" for status, n in kinds.most_common())
    listed = "It is" if len(skipped) == 1 else "They are"
    return f"{_runs(len(skipped))} left out: {what}. {listed} listed under Runs."


def _kind(status: str, n: int) -> str:
    text = REASONS[status]
    return text if n == 1 else text.replace("duplicate", "duplicates").replace("fit of", "fits of")


def _studies(studies: Sequence[Skipped]) -> str:
    if not studies:
        return ""
    of = f"{'a tuning study' if len(studies) == 1 else 'tuning studies'} ({_listed(str(s.path) for s in studies)})"
    return f"{_runs(sum(one.runs for one in studies))} left out as trials of {of}: name such a folder to compare them."


def _above_optimum(above: Sequence[str]) -> str:
    if not above:
        return ""
    places = _listed(above)
    return f"Every run exceeds the optimal expected return in {places}: there a score of 1 is the best run."


def _partial(runs: Sequence[RunRecord]) -> str:
    n = sum(not run.finished for run in runs)
    return f"{_runs(n)} unfinished and counted with the last evaluation so far." if n else ""


def _one_seed(groups: Sequence[Group]) -> str:
    n = sum(len(one.runs) == 1 for one in groups)
    if not n:
        return ""
    if n == len(groups):
        return "Every algorithm has one seed in each environment: there are no intervals, and chance is not ruled out."
    return (
        f"{n:,} of {len(groups):,} groups {'has' if n == 1 else 'have'} one seed and therefore no interval."
    )


def _fits(groups: Sequence[Group]) -> str:
    several = (one for one in groups if any(len(fits(one, kind)) > 1 for kind in ENCODERS))
    labels = dict.fromkeys(one.algorithm for one in several)
    return (
        f"Each seed of {_listed(labels)} has its own fit of the encoder: the fits count as replications."
        if labels
        else ""
    )


def _steps(groups: Sequence[Group]) -> str:
    counts: dict[str, set[int]] = defaultdict(set)
    for one in groups:
        if unit(one.agent) == "step":  # planners end when they have converged
            counts[one.environment.label] |= {run.total for run in one.runs}
    uneven = {label: steps for label, steps in counts.items() if len(steps) > 1}
    if not uneven:
        return ""
    spans = [f"{label} ({min(steps):,} to {max(steps):,})" for label, steps in uneven.items()]
    return f"Runs have different numbers of steps in {_listed(spans)}."


def _missing(groups: Sequence[Group], block: tuple[list[str], list[str]]) -> str:
    algorithms = {one.algorithm for one in groups}
    environments = {one.environment.label for one in groups}
    if len(block[0]) == len(algorithms) and len(block[1]) == len(environments):
        return ""
    if not block[0]:
        return "No algorithm ran in every environment: nothing is aggregated over environments."
    what = [
        f"{len(block[0])} of {len(algorithms)} algorithms" * (len(block[0]) < len(algorithms)),
        f"{len(block[1])} of {len(environments)} environments" * (len(block[1]) < len(environments)),
    ]
    covered = " and ".join(filter(None, what))
    return f"Aggregates and profiles cover {covered}: not every algorithm ran in every environment."


def _optima(groups: Sequence[Group]) -> str:
    found: dict[str, set[float]] = defaultdict(set)
    for one in groups:
        found[one.environment.label] |= {round(r.optimum, 9) for r in one.runs if r.optimum is not None}
    differ = [f"{e} ({', '.join(map(format_number, sorted(o)))})" for e, o in found.items() if len(o) > 1]
    return f"Runs have different optima for {_listed(differ)}: a map may have changed." if differ else ""


def _versions(runs: Sequence[RunRecord]) -> str:
    names = sorted({name for run in runs for name in run.versions})
    several = [
        name for name in names if len({run.versions[name] for run in runs if name in run.versions}) > 1
    ]
    return f"Runs were made with different versions of {_listed(several)}." if several else ""


def _runs(n: int) -> str:
    return f"{n:,} run{'s are' if n != 1 else ' is'}"


def _listed(names: Iterable[str]) -> str:
    several = [*names]
    if len(several) > NAMED:
        several = [*several[:NAMED], f"{len(several) - NAMED} more"]
    return several[0] if len(several) == 1 else f"{', '.join(several[:-1])} and {several[-1]}"
