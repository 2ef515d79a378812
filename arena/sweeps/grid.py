"""Reading of sweep files: grids of agents, environments and settings, expanded to experiments."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.agents.compatibility import agent_class_of, mismatch
from arena.config.formatting import format_value
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError, unknown_name
from arena.experiments.experiment import Experiment
from arena.experiments.experiment_file import ARGUMENTS, arguments_of
from arena.plugins.discovery import get_plugins
from arena.runs.resolve import resolve_experiment
from arena.storage.text_files import read_toml_file
from arena.sweeps.hints import find_option, name_of, own_grid_remedy, toml_remedy

if TYPE_CHECKING:
    from arena.experiments.fit import Fit
    from arena.sweeps.fits import Fits

__all__ = ["Sweep", "read_sweep"]

#: Maximum number of runs in a sweep; more are taken for a mistake in a grid.
MOST_RUNS = 100_000

#: Default launcher.
LAUNCHER = "local"

#: Keys whose value is an encoder; and the value for an experiment without one, since TOML has no null.
ENCODERS, NONE = ("encoder", "novelty"), "none"

#: Keys of a sweep's file that are not settings of an experiment: the type, its name, and the remedy for another type.
OWN: dict[str, tuple[type, str, str]] = {
    "fit": (Mapping, "a table", "write [fit], and below it frames = 10_000 and steps = 5_000"),
    "grid": (list, "a list of tables", "write [[grid]] above each, with two brackets"),
    "launcher": (Mapping, "a table", "write [launcher], and below it its name and its options"),
    "out": (str, "a folder", "give a folder"),
    "skip_misfits": (bool, "true or false", "give true or false"),
}

#: Possible words before the dot of an option such as ``"agent.learning_rate"``.
#: What may stand before the dot of an option, ``"agent.learning_rate"``.
TABLES = ("agent", "env", *ENCODERS)

#: Settings of an experiment that a sweep's file may contain.
KEYS = list(ARGUMENTS)

EXAMPLE = 'write [[grid]], and below it agent = ["q-learning", "sarsa"] and env = "arena/CliffWalk-v0"'


@dataclass(frozen=True)
class Sweep:
    """Sweep: experiments that are run together.

    Attributes:
        experiments: experiments with their seeds; no two have a run in common.
        out: the folder of run folders.
        launcher: name of the launcher, see `arena list launchers`.
        launcher_options: options of the launcher, not validated yet.
        skipped: number of combinations left out because the agent does not fit the environment.
        fits: fits of encoders to run first, without their frames. An experiment that uses one gets a provisional id,
            and its final ids once the fit is finished; see `arena.sweeps.fits`.
    """

    experiments: tuple[Experiment, ...]
    out: Path = Path("runs")
    launcher: str = LAUNCHER
    launcher_options: Mapping[str, Any] = field(default_factory=dict)
    skipped: int = 0
    fits: tuple[Fit, ...] = ()

    def __len__(self) -> int:
        return sum(len(experiment.seeds) for experiment in self.experiments)

    def launched_by(self, name: str | None, options: Mapping[str, Any] | None = None) -> Sweep:
        """Copy with another launcher, or with other options of the same launcher; None changes nothing."""
        same = name in (None, self.launcher)
        before = self.launcher_options if same else {}  # options of another launcher do not apply
        return dataclasses.replace(
            self, launcher=name or self.launcher, launcher_options={**before, **(options or {})}
        )


def read_sweep(source: str | Path | Mapping[str, Any], **settings: Any) -> Sweep:
    """Read a sweep's file and make all its experiments; no frames are collected, and nothing is written.

    Args:
        source: the file, or its content as a mapping.
        settings: arguments of `resolve_experiment` that override the file, such as ``steps=1000``; for fits, only the
            trackers apply.

    Raises:
        ArenaError: the file cannot be read, a key or option is unknown, a grid is empty, an agent does not fit its
            environment (unless ``skip_misfits``), or there are too many runs; the message names the combination.
    """
    document = source if isinstance(source, Mapping) else read_document(Path(source))
    own, shared = _parts(document)
    launcher, options = launcher_of(document)
    fits = _fits(own, shared, settings)
    expansion = _Expansion(_arguments(shared), own.get("skip_misfits", False), settings, fits)
    combinations = _combinations(own.get("grid"))
    for where, values, axes in combinations:
        expansion.add(where, values, axes)
    experiments = expansion.experiments()
    if not experiments:
        raise ArenaError("no agent of this sweep fits its environment", "see `arena list agents --for ENV`")
    planned = fits.planned if fits else ()
    if fits and not planned and not expansion.skipped:
        raise ArenaError("there is a [fit], but no grid names an encoder", 'add encoder = ["vae"] to a grid')
    return Sweep(experiments, Path(own.get("out", "runs")), launcher, options, expansion.skipped, planned)


def read_document(path: Path) -> dict[str, Any]:
    """Read the tables of a sweep's file without interpreting them.

    Raises:
        ArenaError: the file cannot be read, or is not TOML (with the line).
    """
    return read_toml_file(path, toml_remedy)


def launcher_of(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of the launcher in a sweep's file, and its options.

    Raises:
        ArenaError: the name is not text.
    """
    options = dict(_parts(document)[0].get("launcher", {}))
    name = options.pop("name", LAUNCHER)
    if not isinstance(name, str):
        raise ArenaError(f"the launcher's name is {name!r}", 'write name = "local"')
    return name, options


def _fits(own: Mapping[str, Any], shared: Mapping[str, Any], settings: Mapping[str, Any]) -> Fits | None:
    """Planner of the fits, if the file has a ``[fit]``; by default fits have the trackers of the experiments."""
    if "fit" not in own:
        return None
    from arena.sweeps.fits import Fits  # which needs torch

    trackers = [{"trackers": part["trackers"]} if "trackers" in part else {} for part in (shared, settings)]
    return Fits({**trackers[0], **own["fit"], **trackers[1]})


def _parts(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a sweep's file into the keys of the sweep itself and the settings of all its experiments."""
    own = {key: value for key, value in document.items() if key in OWN}
    shared = {key: value for key, value in document.items() if key not in OWN}
    for key, value in own.items():
        kind, words, remedy = OWN[key]
        if not isinstance(value, kind):
            given = "a table" if isinstance(value, Mapping) else format_value(value)
            raise ArenaError(f"{key} is {given}, which is not {words}", remedy)
    grids = [grid for grid in own.get("grid", ()) if isinstance(grid, Mapping)]
    _refuse_unknown(shared, "sweep", [*KEYS, *OWN], [shared, *grids])
    for grid in grids:
        _refuse_unknown(grid, "grid", KEYS, [shared, grid])
    for key, value in shared.items():
        if isinstance(value, list) and key in ("agent", "env"):
            raise ArenaError(f"{key} is a list outside of a grid", f"{EXAMPLE}")
    return own, shared


def _refuse_unknown(
    values: Mapping[str, Any], owner: str, known: list[str], tables: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse unknown keys; `tables` name agents and environments, whose options are suggested for a similar key."""
    for key in values:
        table, dot, _ = key.partition(".")
        if dot and table not in TABLES:
            raise unknown_name(f"table of options in a {owner}", table, TABLES)
        if not dot and key not in known:
            if option := find_option(key, tables):
                raise ArenaError(f"no key of a {owner} is called {key!r}", f'did you mean "{option}"?')
            remedy = f'known: {", ".join(sorted(known))}, and options such as "agent.learning_rate"'
            raise unknown_name(f"key of a {owner}", key, known, remedy)


def _combinations(grids: Any) -> Iterator[tuple[str, dict[str, Any], dict[str, list[Any]]]]:
    """Every combination of every grid: a description, its values, and the lists of its grid."""
    if not grids:
        raise ArenaError("the sweep has no grid", EXAMPLE)
    axes = [_axes(f"grid {number}", grid) for number, grid in enumerate(grids, 1)]
    total = sum(math.prod(map(len, grid.values())) for grid in axes)
    if total > MOST_RUNS:
        raise ArenaError(
            f"the sweep has {total:,} experiments, but at most {MOST_RUNS:,} runs are allowed",
            "use fewer values",
        )
    for number, grid in enumerate(axes, 1):
        several = [key for key, values in grid.items() if len(values) > 1 or key in ("agent", "env")]
        for chosen in itertools.product(*grid.values()):
            values = dict(zip(grid, chosen, strict=True))
            words = ", ".join(f"{key} = {format_value(name_of(values[key]))}" for key in several)
            yield f"grid {number}" + (f" ({words})" if words else ""), values, grid


def _axes(where: str, grid: Any) -> dict[str, list[Any]]:
    """Values of each key of a grid; ``seeds`` is not an axis, since every combination is run with all seeds."""
    if not isinstance(grid, Mapping):
        raise ArenaError(f"{where} is {format_value(grid)}, which is not a table", EXAMPLE)
    if not grid:
        raise ArenaError(f"{where} is empty", EXAMPLE)
    axes = {
        key: list(value) if isinstance(value, list | tuple) and key != "seeds" else [value]
        for key, value in grid.items()
    }
    for key, values in axes.items():
        if not values:
            remedy = "give at least one value, or leave the key out; write an empty list as a value as [[]]"
            raise ArenaError(f"{where} has no value for {key}", remedy)
    return axes


def _arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert keys of a file and options such as ``agent.epsilon`` to arguments of `resolve_experiment`."""
    plain = {key: value for key, value in values.items() if "." not in key}
    for key in ENCODERS:
        plain = _apart(key, plain)
    arguments = arguments_of(plain)
    for key, value in values.items():
        table, dot, option = key.partition(".")
        if dot:
            name = f"{table}_options"
            arguments[name] = {**arguments.get(name, {}), option: value}
    return arguments


def _apart(key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Split an encoder that is a table of name and options into these two keys."""
    encoder = values.get(key)
    if not isinstance(encoder, Mapping) or not {"name"} <= encoder.keys() <= {"name", "options"}:
        return dict(values)
    options = {**encoder.get("options", {}), **values.get(f"{key}_options", {})}
    return {**values, key: encoder["name"], f"{key}_options": options}


def _over(arguments: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Update arguments with others, option by option; options are dropped when another name replaces theirs."""
    merged = {**arguments, **more}
    for table in TABLES:
        other = table in arguments and merged[table] != arguments[table]
        before = {} if other else arguments.get(f"{table}_options", {})
        merged[f"{table}_options"] = {**before, **more.get(f"{table}_options", {})}
    for key in ENCODERS:
        if merged.get(key) == NONE:
            merged[key], merged[f"{key}_options"] = None, {}
    return merged


class _Expansion:
    """Expansion of combinations to experiments, each once."""

    def __init__(
        self, shared: dict[str, Any], skip_misfits: bool, settings: Mapping[str, Any], fits: Fits | None
    ) -> None:
        self.skipped = 0
        self._shared, self._skip_misfits, self._settings = shared, skip_misfits, settings
        self._found: dict[str, tuple[Experiment, str]] = {}
        self._does: dict[str, bool] = {}
        self._fits = fits
        self._runs = 0

    def experiments(self) -> tuple[Experiment, ...]:
        return tuple(experiment for experiment, _ in self._found.values())

    def add(self, where: str, values: Mapping[str, Any], axes: Mapping[str, list[Any]]) -> None:
        """Make the experiment of a combination; if it exists already, its seeds are added to the existing one."""
        try:
            arguments = {**_over(self._shared, _arguments(values)), **self._settings}
            missing = [name for name in ("agent", "env") if name not in arguments]
            if missing:
                raise ArenaError(f"there is no {' and no '.join(missing)}", EXAMPLE)
            if self._skip_misfits and not self._does_fit(arguments):
                self.skipped += 1
                return
            if self._fits is not None and self._fits.takes(arguments.get("encoder")):
                experiment = self._fits.experiment(arguments)
            else:
                experiment = resolve_experiment(**arguments)
        except ArenaError as error:
            remedy = own_grid_remedy(error, values, axes) or error.remedy
            raise ArenaError(f"{where}: {error.problem}", remedy) from error
        key = experiment.id(0)
        before, elsewhere = self._found.get(key, (None, where))
        if before is not None:
            experiment = _joined(before, elsewhere, experiment, where)
        self._runs += len(experiment.seeds) - (len(before.seeds) if before else 0)
        if self._runs > MOST_RUNS:
            raise ArenaError(f"the sweep has more than {MOST_RUNS:,} runs", "use fewer values or fewer seeds")
        self._found[key] = (experiment, elsewhere)

    def _does_fit(self, arguments: Mapping[str, Any]) -> bool:
        """Whether the agent fits the environment; `resolve_experiment` reports all other errors."""
        agent, env, wrappers = arguments["agent"], arguments["env"], arguments.get("wrappers", ())
        spec = get_plugins().agents[agent]
        options = {**spec.preset(env).env, **arguments.get("env_options", {})}
        key = repr((agent, env, options, wrappers))
        if key not in self._does:
            factory = EnvironmentFactory.resolve(env, options, wrappers)
            self._does[key] = mismatch(agent_class_of(spec).needs, factory) is None
        return self._does[key]


def _joined(one: Experiment, there: str, other: Experiment, here: str) -> Experiment:
    """Join two experiments with the same runs into one, with the seeds of both.

    Raises:
        ArenaError: they differ in settings that are not part of a run's id.
    """
    differing = [
        field.name
        for field in dataclasses.fields(Experiment)
        if field.name != "seeds" and getattr(one, field.name) != getattr(other, field.name)
    ]
    if differing:
        problem = f"{here} has the same runs as {there}, but differs in {' and '.join(differing)}"
        raise ArenaError(
            problem, "leave one of them out; the longer run's metrics include those of the shorter"
        )
    return dataclasses.replace(one, seeds=tuple(dict.fromkeys([*one.seeds, *other.seeds])))
