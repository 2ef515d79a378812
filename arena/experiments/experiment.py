"""Experiment: an agent, an environment, and everything that decides the result of training."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, Unpack

from arena.agents.compatibility import agent_class_of, refuse_misfit
from arena.config.options import asdict, coerce
from arena.config.validation import first_given, validated_count
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.experiments.encoder_use import EncoderUse
from arena.experiments.experiment_file import arguments_of
from arena.experiments.novelty_use import NoveltyUse
from arena.experiments.snapshot_reference import SnapshotReference
from arena.experiments.training_spec import CommonSettings, TrainingSpec, common_fields
from arena.plugins.discovery import get_plugins

if TYPE_CHECKING:
    import gymnasium as gym

    from arena.agents.base import Agent
    from arena.plugins.specs import AgentSpec

__all__ = ["Experiment", "environment_of"]

#: Default horizon of evaluation episodes, if the experiment, preset, environment and environment's spec have none.
HORIZON = 1000


@dataclass(frozen=True, kw_only=True)
class Experiment(TrainingSpec):
    """Training of an agent in an environment.

    Use `arena.runs.resolve.resolve_experiment`, which also finds encoders and snapshots by name, or
    `Experiment.create`, which takes them as objects. Both fill in presets and defaults and check every value.

    Attributes:
        factory: factory of the environments.
        num_envs: number of parallel episodes.
        horizon: maximum length of an evaluation episode, in steps.
        episodes: number of episodes of an evaluation.
        encoder: encoder between the environment and the agent, or None.
        novelty: encoder whose novelty is a bonus, or None.
        start: snapshot of another run with the agent's initial state, or None.
    """

    factory: EnvironmentFactory
    num_envs: int
    horizon: int
    episodes: int
    encoder: EncoderUse | None = None
    novelty: NoveltyUse | None = None
    start: SnapshotReference | None = None

    @classmethod
    def create(
        cls,
        agent: str,
        env: str | Callable[..., gym.Env[Any, Any]] | gym.Env[Any, Any] | EnvironmentFactory,
        *,
        agent_options: Mapping[str, object] | None = None,
        env_options: Mapping[str, object] | None = None,
        wrappers: str | Sequence[str] = (),
        num_envs: int | None = None,
        horizon: int | None = None,
        episodes: int | None = None,
        encoder: EncoderUse | None = None,
        novelty: NoveltyUse | None = None,
        start: SnapshotReference | None = None,
        **settings: Unpack[CommonSettings],
    ) -> Self:
        """Make an experiment; missing values come from the agent's preset for the environment, then from defaults.

        Args:
            agent: name of the agent.
            env: a Gymnasium id, a function that makes an environment, an environment with a spec, or a factory
                that `environment_of` returned.
            agent_options: hyperparameters that differ from the preset's.
            env_options: options that differ from the preset's.
            wrappers: ``Name`` or ``module:Class``, followed by ``(key=value)`` if the wrapper has arguments.
            num_envs: number of parallel episodes.
            horizon: maximum length of an evaluation episode, in steps.
            episodes: number of episodes of an evaluation.
            encoder: encoder whose codes the agent observes.
            novelty: encoder whose novelty is a bonus.
            start: snapshot of another run with the agent's initial state.
            settings: see `CommonSettings`.

        Raises:
            ArenaError: a name is unknown, a value is out of range, or the agent does not fit the environment.
        """
        spec = get_plugins().agents[agent]
        factory = environment_of(spec, env, env_options, wrappers)
        preset = spec.preset(factory.id)
        config = coerce(
            agent_class_of(spec).Config,
            {**preset.options, **(agent_options or {})},
            where="agent",
            owner=spec.name,
        )
        refuse_misfit(spec, factory)
        env_spec = get_plugins().environments.get(factory.id)
        horizon = first_given(
            horizon, preset.horizon, factory.properties.limit, env_spec and env_spec.horizon, HORIZON
        )
        return cls(
            name=spec.name,
            options=asdict(config),
            factory=factory,
            num_envs=validated_count("envs", first_given(num_envs, preset.num_envs, 1)),
            horizon=validated_count("horizon", horizon),
            episodes=validated_count("episodes", first_given(episodes, preset.episodes, 20)),
            encoder=encoder,
            novelty=novelty,
            start=start,
            **common_fields(preset, 100_000, settings),
        )

    @functools.cached_property
    def plugin(self) -> AgentSpec:
        """Spec of the agent."""
        return get_plugins().agents[self.name]

    @functools.cached_property
    def learner_class(self) -> type[Agent]:
        """Class of the agent."""
        return agent_class_of(self.plugin)

    @property
    def env(self) -> str:
        """Id of the environment."""
        return self.factory.id

    @property
    def env_options(self) -> dict[str, Any]:
        return dict(self.factory.options)

    @property
    def wrappers(self) -> tuple[str, ...]:
        return self.factory.wrappers

    @property
    def source(self) -> str:
        return self.env

    @property
    def folder_part(self) -> str:
        return self.env.replace("/", "-").replace(":", "-")

    @property
    def in_memory(self) -> bool:
        return self.factory.make_one is not None

    @property
    def source_digest(self) -> str | None:
        digest: str | None = self.factory.identity()["source"]
        return digest

    def config(self) -> Any:
        return coerce(self.learner_class.Config, self.options, where="agent", owner=self.name)

    def identity(self) -> dict[str, Any]:
        return {
            "agent": {"name": self.name, "options": self.options, "revision": self.plugin.revision},
            "env": self.factory.identity(),
            "num_envs": self.num_envs,
            "horizon": self.horizon,
            "episodes": self.episodes,
            "device": self.device,
            "threads": self.threads,
            "start": self.start and self.start.digest,
            **({"encoder": self.encoder.identity()} if self.encoder else {}),
            **({"novelty": self.novelty.identity()} if self.novelty else {}),
        }

    def settings(self) -> dict[tuple[str, str], Any]:
        found: dict[tuple[str, str], Any] = {("agent", name): value for name, value in self.options.items()}
        found |= {("env", name): value for name, value in self.env_options.items()}
        for name in ("wrappers", "horizon", "episodes"):
            found["env", name] = getattr(self, name)
        for name in ("num_envs", "device", "threads"):
            found["agent", name] = getattr(self, name)
        if self.start is not None:
            found["agent", "start"] = f"{self.start.run}@{self.start.step}"
        return found

    def to_dict(self) -> dict[str, Any]:
        plain = (
            *("num_envs", "steps", "horizon", "episodes"),
            *("evaluate_every", "log_every", "device", "threads"),
        )
        parts = {"encoder": self.encoder, "novelty": self.novelty, "start": self.start}
        return {
            "agent": {"name": self.name, "options": dict(self.options)},
            "env": {"id": self.env, "options": self.env_options, "wrappers": list(self.wrappers)},
            **{name: getattr(self, name) for name in plain},
            "seeds": list(self.seeds),
            "trackers": list(self.trackers),
            **{name: part and dataclasses.asdict(part) for name, part in parts.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make an experiment from the values of `to_dict`; missing values are filled in as in `create`.

        Raises:
            ArenaError: a name is unknown or missing, or a value is invalid.
        """
        arguments = arguments_of(values)
        for name, kind in (("encoder", EncoderUse), ("novelty", NoveltyUse), ("start", SnapshotReference)):
            fields = arguments.get(name)
            if not isinstance(fields, Mapping | None):
                raise ArenaError(f"{name} is {fields!r}, which is malformed", "restore it from a copy")
            arguments[name] = None if fields is None else kind.from_mapping(fields)
        trackers = arguments.pop("trackers", ())
        # Not checked: a run can be opened where its trackers are not installed.
        return dataclasses.replace(cls.create(**arguments), trackers=tuple(trackers))


def environment_of(
    spec: AgentSpec,
    env: str | Callable[..., gym.Env[Any, Any]] | gym.Env[Any, Any] | EnvironmentFactory,
    options: Mapping[str, object] | None = None,
    wrappers: str | Sequence[str] = (),
) -> EnvironmentFactory:
    """Make the factory of an experiment's environment, with the options of the agent's preset.

    Raises:
        ArenaError: an id, option or wrapper is unknown, or a value is out of its range.
    """
    if isinstance(env, EnvironmentFactory):
        return env
    wrappers = (wrappers,) if isinstance(wrappers, str) else tuple(wrappers)
    if isinstance(env, str):
        preset = spec.preset(env)
        return EnvironmentFactory.resolve(env, {**preset.env, **(options or {})}, wrappers)
    plain = EnvironmentFactory.resolve(env, {}, wrappers)
    merged = {**spec.preset(plain.id).env, **plain.options, **(options or {})}
    return EnvironmentFactory.resolve(plain.make_one or plain.id, merged, plain.wrappers)
