"""What a sweep's file says: grids of agents, environments and settings, and the experiments that they come to."""

from __future__ import annotations

import dataclasses
import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.errors import ArenaError, unknown
from arena.experiment import Experiment, agent_class_of, arguments_of
from arena.grid_hints import named, of_its_own, option_called, toml_remedy
from arena.labels import shown
from arena.plugins import get_plugins

if TYPE_CHECKING:
    from arena.fit import Fit
    from arena.grid_fits import Fits

__all__ = ["Sweep", "read_sweep"]

#: More runs than this are a mistake in a grid.
MOST_RUNS = 100_000

#: The launcher where nobody names one.
LAUNCHER = "local"

#: The keys whose value is an encoder; and that of an experiment without one, since TOML has no null.
ENCODERS, NONE = ("encoder", "novelty"), "none"

#: The keys of a sweep's file that are not an experiment's, what each holds, and what to do where it does not.
OWN: dict[str, tuple[type, str, str]] = {
    "fit": (Mapping, "a table", "write [fit], and below it frames = 10_000 and steps = 5_000"),
    "grid": (list, "a list of tables", "write [[grid]] above each, with two brackets"),
    "launcher": (Mapping, "a table", "write [launcher], and below it its name and its options"),
    "out": (str, "a folder", "give a folder"),
    "skip_misfits": (bool, "true or false", "give true or false"),
}

#: What may stand before the dot of an option, ``"agent.learning_rate"``.
TABLES = ("agent", "env", *ENCODERS)

#: What an experiment's file may hold.
KEYS = [
    *(name for name in Experiment.__dataclass_fields__ if name not in (*OWN, *ENCODERS, "perception")),
    *(name for key in ENCODERS for name in (key, f"{key}_options")),
]

EXAMPLE = 'write [[grid]], and below it agent = ["q-learning", "sarsa"] and env = "arena/CliffWalk-v0"'


@dataclass(frozen=True)
class Sweep:
    """Experiments that are to be run together.

    Attributes:
        experiments: each with its seeds; no two have a run in common.
        out: the folder of run folders.
        launcher: what trains them, as `arena list launchers` has it.
        launcher_options: its options, unchecked.
        skipped: how many combinations were left out since the agent does not fit the environment.
        fits: the encoders that are fitted first, without their frames. An experiment that uses one is told apart from
            the others, but has its final ids only once that is finished; see `arena.grid_fits`.
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
        """The same experiments with another launcher, or with other options of the same one; None changes nothing."""
        same = name in (None, self.launcher)
        before = self.launcher_options if same else {}  # they were another one's
        return dataclasses.replace(
            self, launcher=name or self.launcher, launcher_options={**before, **(options or {})}
        )


def read_sweep(source: str | Path | Mapping[str, Any], **settings: Any) -> Sweep:
    """Reads a sweep's file, and makes every experiment in it; frames are not collected, and nothing is written.

    Args:
        source: the file, or what it holds.
        settings: arguments of `Experiment.create` that come on top of the file, such as ``steps=1000``; of fits, the
            trackers alone.

    Raises:
        ArenaError: a file that cannot be read, a key or an option that nothing has, a grid that is empty, an agent that
            does not fit its environment (unless ``skip_misfits``), or too many runs; with the combination.
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
        raise ArenaError("there is a [fit], and no grid names an encoder", 'write encoder = ["vae"] into one')
    return Sweep(experiments, Path(own.get("out", "runs")), launcher, options, expansion.skipped, planned)


def read_document(path: Path) -> dict[str, Any]:
    """The tables of a sweep's file as they stand.

    Raises:
        ArenaError: it cannot be read, or is no TOML (with the line).
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except OSError as error:
        raise ArenaError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArenaError(f"{path} is not TOML: {error}", toml_remedy(text, error)) from error


def launcher_of(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The launcher that a sweep's file names, and its options.

    Raises:
        ArenaError: its name is no text.
    """
    options = dict(_parts(document)[0].get("launcher", {}))
    name = options.pop("name", LAUNCHER)
    if not isinstance(name, str):
        raise ArenaError(f"the launcher's name is {name!r}", 'write name = "local"')
    return name, options


def _fits(own: Mapping[str, Any], shared: Mapping[str, Any], settings: Mapping[str, Any]) -> Fits | None:
    """What plans the fits, where the file has a ``[fit]``; unless that names trackers, they are the experiments'."""
    if "fit" not in own:
        return None
    from arena.grid_fits import Fits  # which needs torch

    trackers = [{"trackers": told["trackers"]} if "trackers" in told else {} for told in (shared, settings)]
    return Fits({**trackers[0], **own["fit"], **trackers[1]})


def _parts(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keys of a sweep alone, and those of all its experiments."""
    own = {key: value for key, value in document.items() if key in OWN}
    shared = {key: value for key, value in document.items() if key not in OWN}
    for key, value in own.items():
        kind, words, remedy = OWN[key]
        if not isinstance(value, kind):
            given = "a table" if isinstance(value, Mapping) else shown(value)
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
    """Refuses a key that nothing has; some tables name agents and environments, of whose options it may be one."""
    for key in values:
        table, dot, _ = key.partition(".")
        if dot and table not in TABLES:
            raise unknown(f"table of options in a {owner}", table, TABLES)
        if not dot and key not in known:
            if option := option_called(key, tables):
                raise ArenaError(f"no key of a {owner} is called {key!r}", f'did you mean "{option}"?')
            remedy = f'known: {", ".join(sorted(known))}, and options such as "agent.learning_rate"'
            raise unknown(f"key of a {owner}", key, known, remedy)


def _combinations(grids: Any) -> Iterator[tuple[str, dict[str, Any], dict[str, list[Any]]]]:
    """Every combination of every grid, behind words that say which it is; and the grid's lists."""
    if not grids:
        raise ArenaError("the sweep has no grid", EXAMPLE)
    axes = [_axes(f"grid {number}", grid) for number, grid in enumerate(grids, 1)]
    total = sum(math.prod(map(len, grid.values())) for grid in axes)
    if total > MOST_RUNS:
        raise ArenaError(
            f"the sweep has {total:,} experiments, and {MOST_RUNS:,} runs are the most", "try fewer"
        )
    for number, grid in enumerate(axes, 1):
        several = [key for key, values in grid.items() if len(values) > 1 or key in ("agent", "env")]
        for chosen in itertools.product(*grid.values()):
            values = dict(zip(grid, chosen, strict=True))
            words = ", ".join(f"{key} = {shown(named(values[key]))}" for key in several)
            yield f"grid {number}" + (f" ({words})" if words else ""), values, grid


def _axes(where: str, grid: Any) -> dict[str, list[Any]]:
    """The values of each key of a grid; ``seeds`` are no axis, but how often each combination is run."""
    if not isinstance(grid, Mapping):
        raise ArenaError(f"{where} is {shown(grid)}, which is not a table", EXAMPLE)
    if not grid:
        raise ArenaError(f"{where} is empty", EXAMPLE)
    axes = {
        key: list(value) if isinstance(value, list | tuple) and key != "seeds" else [value]
        for key, value in grid.items()
    }
    for key, values in axes.items():
        if not values:
            remedy = "give one at least, or leave the key out; an empty list itself is written [[]]"
            raise ArenaError(f"{where} has no value for {key}", remedy)
    return axes


def _arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Experiment.create` in keys of an experiment's file and options such as ``agent.epsilon``."""
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
    """A grid's values with an encoder that is a table of name and options as these two."""
    encoder = values.get(key)
    if not isinstance(encoder, Mapping) or not {"name"} <= encoder.keys() <= {"name", "options"}:
        return dict(values)
    options = {**encoder.get("options", {}), **values.get(f"{key}_options", {})}
    return {**values, key: encoder["name"], f"{key}_options": options}


def _over(arguments: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with others laid over them, option by option; options go with the name that they stand beside."""
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
    """The experiments of the combinations so far, each once."""

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
        """Makes the experiment of a combination, unless it is there: then the seeds of both are run."""
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
                experiment = Experiment.create(**arguments)
        except ArenaError as error:
            remedy = of_its_own(error.problem, values, axes) or error.remedy
            raise ArenaError(f"{where}: {error.problem}", remedy) from error
        key = experiment.id(0)
        before, elsewhere = self._found.get(key, (None, where))
        if before is not None:
            experiment = _joined(before, elsewhere, experiment, where)
        self._runs += len(experiment.seeds) - (len(before.seeds) if before else 0)
        if self._runs > MOST_RUNS:
            raise ArenaError(
                f"the sweep has more than {MOST_RUNS:,} runs", "try fewer values, or fewer seeds"
            )
        self._found[key] = (experiment, elsewhere)

    def _does_fit(self, arguments: Mapping[str, Any]) -> bool:
        """Whether the agent fits the environment; what else is wrong with either, `Experiment.create` says."""
        from arena.environments import EnvironmentFactory, mismatch

        agent, env, wrappers = arguments["agent"], arguments["env"], arguments.get("wrappers", ())
        spec = get_plugins().agents[agent]
        options = {**spec.preset(env).env, **arguments.get("env_options", {})}
        key = repr((agent, env, options, wrappers))
        if key not in self._does:
            factory = EnvironmentFactory.resolve(env, options, wrappers)
            self._does[key] = mismatch(agent_class_of(spec).needs, factory) is None
        return self._does[key]


def _joined(one: Experiment, there: str, other: Experiment, here: str) -> Experiment:
    """One experiment that came up twice, with the seeds of both.

    Raises:
        ArenaError: they differ in what does not tell runs apart.
    """
    differing = [
        name
        for name in Experiment.__dataclass_fields__
        if name != "seeds" and getattr(one, name) != getattr(other, name)
    ]
    if differing:
        problem = f"{here} has the same runs as {there}, but other {' and '.join(differing)}"
        raise ArenaError(
            problem, "leave one of them out; metrics of the longer run hold those of the shorter"
        )
    return dataclasses.replace(one, seeds=tuple(dict.fromkeys([*one.seeds, *other.seeds])))
