"""What to run: an agent, an environment, and everything that decides the outcome; TOML and JSON in and out."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import tomli_w

from arena.config.options import asdict, coerce
from arena.config.validation import a_device, some_seeds, some_trackers, the_first, whole
from arena.errors import ArenaError, unknown
from arena.experiments.snapshot_reference import Start
from arena.plugins.discovery import get_plugins

if TYPE_CHECKING:
    import gymnasium as gym

    from arena.agents.base import Agent
    from arena.encoders.novelty import Novelty
    from arena.environments.factory import EnvironmentFactory
    from arena.experiments.encoder_use import Perception
    from arena.plugins.specs import AgentSpec
    from arena.random.generators import Generators
    from arena.runs.run import Run
    from arena.training.session import Setup

__all__ = ["Experiment"]

#: The evaluation's horizon where neither the experiment, a preset, the environment's time limit nor its plugin says.
HORIZON = 1000


@dataclass(frozen=True)
class Experiment:
    """One experiment; with a seed it is a run.

    Use `Experiment.create`, which fills in presets and defaults and checks every value.

    Attributes:
        agent: the agent's name.
        agent_options: all its hyperparameters, as plain values.
        env: the environment's id.
        env_options: its options, as plain values.
        wrappers: the wrappers around it, the innermost first.
        num_envs: how many episodes run in parallel.
        steps: how long to train: environment steps, or a planner's sweeps.
        seeds: the seeds of its runs.
        horizon: the longest evaluation episode, in steps.
        episodes: how many episodes an evaluation plays.
        evaluate_every: steps between evaluations.
        log_every: steps between lines of metrics.
        device: where torch modules live.
        threads: cores that torch and BLAS use.
        perception: the encoder between the environment and the agent, or None.
        novelty: the encoder whose surprise is a bonus, or None.
        start: the snapshot of another run that the agent begins from, or None.
        trackers: where metrics are also written; see `arena list trackers`.
    """

    agent: str
    agent_options: Mapping[str, Any]
    env: str
    env_options: Mapping[str, Any]
    wrappers: tuple[str, ...]
    num_envs: int
    steps: int
    seeds: tuple[int, ...]
    horizon: int
    episodes: int
    evaluate_every: int
    log_every: int
    device: str = "cpu"
    threads: int = 1
    perception: Perception | None = None
    novelty: Novelty | None = None
    start: Start | None = None
    trackers: tuple[str, ...] = ()

    @classmethod
    def create(
        cls,
        agent: str,
        env: str | Callable[..., gym.Env[Any, Any]] | gym.Env[Any, Any],
        *,
        agent_options: Mapping[str, object] | None = None,
        env_options: Mapping[str, object] | None = None,
        wrappers: str | Sequence[str] = (),
        num_envs: int | None = None,
        steps: int | None = None,
        seeds: int | Sequence[int] | None = None,
        horizon: int | None = None,
        episodes: int | None = None,
        evaluate_every: int | None = None,
        log_every: int | None = None,
        device: str = "cpu",
        threads: int = 1,
        encoder: str | Path | Mapping[str, Any] | None = None,
        encoder_options: Mapping[str, object] | None = None,
        novelty: str | Path | Mapping[str, Any] | None = None,
        novelty_options: Mapping[str, object] | None = None,
        start: str | Path | Mapping[str, Any] | None = None,
        trackers: str | Sequence[str] | None = None,
    ) -> Experiment:
        """Fills in what is not given from the agent's preset for the environment, and then from defaults.

        Args:
            agent: the agent's name.
            env: a Gymnasium id, a function that makes an environment, or an environment with a spec.
            agent_options: hyperparameters that differ from the preset's.
            env_options: options that differ from the preset's.
            wrappers: ``Name`` or ``module:Class``, with ``(key=value)`` behind it where it takes arguments.
            num_envs: parallel episodes.
            steps: how long to train.
            seeds: how many seeds (0, 1, …), or which.
            horizon: the longest evaluation episode.
            episodes: evaluation episodes.
            evaluate_every: steps between evaluations; by default a twentieth of ``steps``.
            log_every: steps between lines of metrics; by default a tenth of ``evaluate_every``.
            device: where torch modules live.
            threads: cores that torch and BLAS use; part of a run's id, since sums round by how they are split.
            encoder: the folder of an `arena fit` (``RUN``, ``RUN@best``, ``RUN@2000``), whose codes the agent sees;
                or an encoder's name, for one that is trained with the agent.
            encoder_options: ``mode`` (frozen, finetune or joint), ``weight``, and of a name the encoder's own.
            novelty: an encoder whose surprise at what the agent sees is a bonus: the folder of an `arena fit`, or a
                name for one that begins anew.
            novelty_options: ``scale``, ``step_size`` and ``batch_size``, and of a name the encoder's own.
            start: the folder of a run whose agent is the one to begin with: its newest snapshot, its best one
                (``RUN@best``), or that after some steps (``RUN@20000``).
            trackers: where metrics are also written, such as ``["tensorboard"]``, or ``[]``; by default those whose
                specs say so.

        Raises:
            ArenaError: unknown names, values out of range, or an agent that does not fit the environment or the
                run that it begins from.
        """
        from arena.environments.factory import EnvironmentFactory

        wrappers = (wrappers,) if isinstance(wrappers, str) else tuple(wrappers)
        spec = get_plugins().agents[agent]
        factory = EnvironmentFactory.resolve(env, {}, wrappers) if not isinstance(env, str) else None
        name = factory.id if factory else cast(str, env)
        preset = spec.preset(name)
        options = {**preset.env, **(factory.options if factory else {}), **(env_options or {})}
        wrappers = factory.wrappers if factory else wrappers
        factory = EnvironmentFactory.resolve(factory.make_one or name if factory else name, options, wrappers)
        chosen = {**preset.options, **(agent_options or {})}
        config = coerce(agent_class_of(spec).Config, chosen, where="agent", owner=spec.name)
        _refuse_misfit(spec, factory)
        perception = _chosen("encoder", encoder, encoder_options, spec, factory)
        curiosity = _chosen("novelty", novelty, novelty_options, spec, factory)
        steps = whole("steps", the_first(steps, preset.steps, 100_000))
        every = whole("evaluate-every", the_first(evaluate_every, max(1, steps // 20)))
        env_spec = get_plugins().environments.get(name)
        horizon = the_first(
            horizon, preset.horizon, factory.facts.limit, env_spec and env_spec.horizon, HORIZON
        )
        begun = None if start is None else Start.of(start, spec, factory, perception)
        return cls(
            agent=spec.name,
            agent_options=asdict(config),
            env=factory.id,
            env_options=dict(factory.options),
            wrappers=factory.wrappers,
            num_envs=whole("envs", the_first(num_envs, preset.num_envs, 1)),
            steps=steps,
            seeds=some_seeds(the_first(seeds, preset.seeds, 1)),
            horizon=whole("horizon", horizon),
            episodes=whole("episodes", the_first(episodes, preset.episodes, 20)),
            evaluate_every=every,
            log_every=whole("log-every", the_first(log_every, max(1, every // 10))),
            device=a_device(device),
            threads=whole("threads", threads),
            perception=perception,
            novelty=curiosity,
            start=begun,
            trackers=some_trackers(trackers),
        )

    @functools.cached_property
    def spec(self) -> AgentSpec:
        """The agent's spec."""
        return get_plugins().agents[self.agent]

    @functools.cached_property
    def agent_class(self) -> type[Agent]:
        """The agent's class."""
        return agent_class_of(self.spec)

    @functools.cached_property
    def factory(self) -> EnvironmentFactory:
        """What makes its environments."""
        from arena.environments.factory import EnvironmentFactory

        return EnvironmentFactory.resolve(self.env, self.env_options, self.wrappers)

    @property
    def place(self) -> str:
        """What the name of a run's folder calls its environment."""
        return self.env.replace("/", "-").replace(":", "-")

    @property
    def in_memory(self) -> bool:
        """Whether its environment is a function, which other processes do not have."""
        return self.factory.make_one is not None

    def set_up(self, run: Run, generators: Generators, *, fresh: bool) -> Setup:
        """What a session of one of its runs trains; `fresh` if that run only begins."""
        from arena.training.agent import set_up

        return set_up(self, run, generators, fresh=fresh)

    def replaced(self, **changes: Any) -> Self:
        """A copy with other fields, which keeps what was looked up: a function has no id to look it up by again."""
        copy = dataclasses.replace(self, **changes)
        if "factory" in self.__dict__:
            copy.__dict__["factory"] = self.factory
        return copy

    def config(self) -> Any:
        """The agent's hyperparameters as an instance of its `Config`."""
        return coerce(self.agent_class.Config, self.agent_options, where="agent", owner=self.agent)

    def id(self, seed: int) -> str:
        """The digest that names a run: 12 hexadecimal digits.

        It covers whatever decides the bytes of the result: every option, the specs' revisions, maps and sources by
        content. Cadences, paths and the number of steps are outside it, so that more steps train on.
        """
        identity = {
            "agent": {"name": self.agent, "options": self.agent_options, "revision": self.spec.revision},
            "env": self.factory.identity(),
            "num_envs": self.num_envs,
            "horizon": self.horizon,
            "episodes": self.episodes,
            "device": self.device,
            "threads": self.threads,
            "start": self.start and self.start.digest,
            **({"encoder": self.perception.identity()} if self.perception else {}),
            **({"novelty": self.novelty.identity()} if self.novelty else {}),
            "seed": seed,
        }
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what `run.json`, ``--json`` and TOML files hold."""
        flat = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        agent = {"name": flat.pop("agent"), "options": dict(flat.pop("agent_options"))}
        env = {
            "id": flat.pop("env"),
            "options": dict(flat.pop("env_options")),
            "wrappers": list(flat.pop("wrappers")),
        }
        flat["seeds"], flat["trackers"] = list(flat["seeds"]), list(flat["trackers"])
        perception, novelty = flat.pop("perception"), flat.pop("novelty")
        flat["encoder"] = perception and dataclasses.asdict(perception)
        flat["novelty"] = novelty and dataclasses.asdict(novelty)
        flat["start"] = self.start and dataclasses.asdict(self.start)
        return {"agent": agent, "env": env, **flat}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Experiment:
        """The inverse of `to_dict`; what is missing is filled in as `create` does.

        Raises:
            ArenaError: an unknown or a missing name, or whatever `create` refuses.
        """
        if cls is Experiment and "encoder" in values and "agent" not in values:
            from arena.experiments.fit import Fit

            return Fit.from_dict(values)
        for name in ("encoder", "novelty"):
            if not isinstance(values.get(name, None), Mapping | None):
                raise ArenaError(f"{name} is {values[name]!r}, which no run writes", "restore it from a copy")
        arguments = arguments_of(values)
        trackers = arguments.pop("trackers", ())
        # Not checked: a run can be opened where its trackers are not installed.
        return dataclasses.replace(cls.create(**arguments), trackers=tuple(trackers))

    def to_toml(self) -> str:
        """The experiment as a TOML file for ``--config``."""
        return tomli_w.dumps(_without_none(self.to_dict()))


def arguments_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Experiment.create` in the layout of `to_dict`."""
    arguments = dict(values)
    for table, renamed in (
        ("agent", {"name": "agent", "options": "agent_options"}),
        ("env", {"id": "env", "options": "env_options", "wrappers": "wrappers"}),
    ):
        given = arguments.pop(table, {})
        given = {next(iter(renamed)): given} if isinstance(given, str) else given
        if not isinstance(given, Mapping):
            raise ArenaError(f"{table} is {given!r}, which is not a table", f"write a [{table}] table")
        for key in given:
            if key not in renamed:
                raise unknown(f"key of [{table}]", key, renamed)
        arguments.update({renamed[key]: value for key, value in given.items()})
    known = {f.name for f in dataclasses.fields(Experiment)} - {"perception"}
    known |= {"encoder", "encoder_options", "novelty_options"}
    for key, value in arguments.items():
        if key not in known:
            raise unknown("key of an experiment", key, known)
        wanted = SHAPES.get(key)
        if wanted is not None and not wanted[1](value):
            raise ArenaError(
                f"{key.replace('_', '.')} is {value!r}, which is not {wanted[0]}", f"give {wanted[0]}"
            )
    return arguments


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)


#: What keys of a file hold that `create` does not check itself.
SHAPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "agent": ("a name", lambda value: isinstance(value, str)),
    "env": ("an id", lambda value: isinstance(value, str)),
    "device": ("a device's name", lambda value: isinstance(value, str)),
    "agent_options": ("a table", lambda value: isinstance(value, Mapping)),
    "env_options": ("a table", lambda value: isinstance(value, Mapping)),
    "wrappers": ("a list of texts", _are_texts),
    "trackers": ("a list of texts", _are_texts),
    "encoder_options": ("a table", lambda value: isinstance(value, Mapping)),
    "novelty_options": ("a table", lambda value: isinstance(value, Mapping)),
    "start": ("a run folder", lambda value: value is None or isinstance(value, (str, Path, Mapping))),
}


def read_toml(path: Path) -> dict[str, Any]:
    """Reads an experiment file into arguments of `Experiment.create`.

    Raises:
        ArenaError: a file that cannot be read or is no TOML (with the line), or unknown keys.
    """
    try:
        return arguments_of(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ArenaError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArenaError(f"{path} is not TOML: {error}", "see `arena train --help` for an example") from error


def agent_class_of(spec: AgentSpec) -> type[Agent]:
    """The class that an agent's spec names.

    Raises:
        ArenaError: it cannot be imported, or is no agent.
    """
    from arena.agents.base import Agent

    found = spec.load()
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise ArenaError(f"{spec.name} ({spec.target}) is no arena.Agent", "mend or leave out its plugin")
    return found


def fitting_agents(factory: EnvironmentFactory) -> list[str]:
    """The names of the agents that fit an environment; one whose extra is missing does not."""
    from arena.environments.factory import mismatch

    fitting = []
    for spec in get_plugins().agents.values():
        try:
            if mismatch(agent_class_of(spec).needs, factory) is None:
                fitting.append(spec.name)
        except ArenaError:
            continue
    return fitting


def _refuse_misfit(spec: AgentSpec, factory: EnvironmentFactory) -> None:
    from arena.environments.factory import mismatch

    reason = mismatch(agent_class_of(spec).needs, factory)
    if reason is not None:
        fitting = ", ".join(fitting_agents(factory)) or "none installed"
        raise ArenaError(f"{spec.name} {reason}", f"agents that fit: {fitting}")


def _chosen(
    argument: str,
    source: str | Path | Mapping[str, Any] | None,
    options: Mapping[str, object] | None,
    spec: AgentSpec,
    factory: EnvironmentFactory,
) -> Any:
    """The encoder that an argument names, for what the argument is; None where nothing is named."""
    if source is None:
        if options:
            raise ArenaError(
                f"{argument}.{next(iter(options))} is given, and no {argument}", f"say --{argument} RUN"
            )
        return None
    from arena.encoders.novelty import Novelty
    from arena.experiments.encoder_reference import ChosenEncoder
    from arena.experiments.encoder_use import Perception

    kinds: dict[str, type[ChosenEncoder]] = {kind.argument: kind for kind in (Perception, Novelty)}
    needs, kind = agent_class_of(spec).needs, kinds[argument]
    kind.refuse_agent(needs, spec.name)
    found = kind.of(source, options or {}, factory.facts.observation_space)
    found.refuse_misfit(needs, spec.name)
    return found


def _without_none(value: Any) -> Any:
    # TOML has no null; an option that is None is its default when it is read back only if the default is None, so
    # a None that differs from the default must be given on the command line.
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return value
