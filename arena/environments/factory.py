"""Environments by name: one of them, n of them, as a native vector, as tables; ours and anyone's alike."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import typing
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator
from gymnasium.wrappers import TimeLimit

from arena.config.options import asdict, coerce, options_of
from arena.environments.properties import EnvProperties
from arena.environments.spaces import Accepts, View, view
from arena.environments.tabular import TableVectorEnv
from arena.environments.vector_env import NativeVectorEnv
from arena.environments.wrappers import read_wrapper, source_digest
from arena.errors import ArenaError, unknown_name
from arena.plugins.discovery import get_plugins

__all__ = ["EnvironmentFactory", "options_class_of"]

Env = gym.Env[Any, Any]


@dataclass(frozen=True)
class EnvironmentFactory:
    """Makes environments of one kind.

    Use `resolve` to build one.

    Attributes:
        id: a Gymnasium id, or ``module:callable`` of a function that makes the environment.
        options: keyword arguments of the environment, as canonical plain values.
        wrappers: ``Name`` or ``module:Class``, each with keyword arguments in parentheses if it takes any.
        make_one: the function, where the environment is not a Gymnasium id.
    """

    id: str
    options: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    make_one: Callable[..., Env] | None = None

    @classmethod
    def resolve(
        cls,
        env: str | Callable[..., Env] | Env,
        options: Mapping[str, object] | None = None,
        wrappers: Sequence[str] = (),
    ) -> EnvironmentFactory:
        """Finds an environment by id, or takes a function that makes one, or an environment that has a spec.

        Raises:
            ArenaError: for an unknown id or option (with the nearest), a value out of its range, a wrapper that
                does not exist, and an environment instance that cannot be made again.
        """
        if not isinstance(env, (str, gym.Env)) and not callable(env):
            raise ArenaError(
                f"env is {env!r}", "give an id, a function that makes an environment, or an environment"
            )
        if isinstance(env, gym.Env):
            env, options, own = _spec_of(env, options)
            wrappers = (*own, *wrappers)
        for wrapper in wrappers:
            read_wrapper(wrapper)
        if callable(env):
            name = f"{env.__module__}:{env.__qualname__}"
            if "<" in name:
                raise ArenaError(
                    f"the environment function {name} has no importable name", "define it in a module"
                )
            _functions[name] = env
            return cls(name, dict(options or {}), tuple(wrappers), env)
        make_one = _register(env)
        if make_one is not None:
            return cls(env, dict(options or {}), tuple(wrappers), make_one)
        return _cached(cls(env, _canonical(env, options or {}), tuple(wrappers)))

    def identity(self) -> dict[str, Any]:
        """What tells this environment from others, for a run's id: names, options, revisions, and sources."""
        spec = get_plugins().environments.get(self.id)
        return {
            "id": self.id,
            "options": dict(self.options),
            "wrappers": list(self.wrappers),
            "revision": spec.revision if spec else None,
            "source": source_digest(self.make_one) if self.make_one else None,
        }

    def make(self, limit: int | None = None, **extra: Any) -> Env:
        """One environment.

        Args:
            limit: truncate its episodes after so many steps at the latest.
            extra: keyword arguments beside the options, such as ``render_mode``.

        Raises:
            ArenaError: whatever its constructor raises, in one line.
        """
        try:
            if self.make_one is not None:
                env = self.make_one(**self.options, **extra)
            else:
                env = gym.make(self.id, disable_env_checker=True, **self.options, **extra)
            for wrapper in self.wrappers:
                wrapped, arguments = read_wrapper(wrapper)
                env = wrapped(env, **arguments)
        except ArenaError:
            raise
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            raise ArenaError(
                f"{self.id} cannot be made: {reason}", "check its options and what it needs"
            ) from error
        return env if limit is None else TimeLimit(env, limit)

    @functools.cached_property
    def properties(self) -> EnvProperties:
        """What one instance tells; made once."""
        env = self.make()
        try:
            return EnvProperties.from_env(env)
        finally:
            env.close()

    def views(self, needs: Accepts) -> tuple[View | None, View | None]:
        """How an agent with these needs sees observations and actions; None where it cannot."""
        facts = self.properties
        return (
            view(facts.observation_space, needs.observations),
            view(facts.action_space, needs.actions, one_hot=False),
        )

    @functools.cached_property
    def is_native(self) -> bool:
        """Whether its streams are ours: its own vector, or tables; any wrapper but a time limit rules both out."""
        limits_only = all(read_wrapper(wrapper)[0] is TimeLimit for wrapper in self.wrappers)
        return limits_only and (self._native_creator is not None or self.properties.observes_states)

    @functools.cached_property
    def _native_creator(self) -> Callable[..., NativeVectorEnv] | None:
        if self.make_one is not None:
            return None
        entry = gym.spec(self.id.rpartition(":")[2]).vector_entry_point
        creator = load_env_creator(entry) if isinstance(entry, str) else entry
        declared = getattr(creator, "arena_protocol", None)
        return (
            cast("Callable[..., NativeVectorEnv]", creator)
            if declared == NativeVectorEnv.arena_protocol
            else None
        )

    def native_vector(self, num_envs: int, limit: int | None) -> NativeVectorEnv:
        """Its native vector environment; `is_native` says whether it has one.

        Args:
            num_envs: how many episodes run in parallel.
            limit: truncate episodes after so many steps at the latest.
        """
        shortest = min((steps for steps in (limit, self.properties.limit) if steps is not None), default=None)
        if self._native_creator is not None:
            options = {**gym.spec(self.id.rpartition(":")[2]).kwargs, **self.options}
            return self._native_creator(num_envs=num_envs, max_episode_steps=shortest, **options)
        assert self.properties.model is not None, "is_native must be asked first"
        return TableVectorEnv(self.properties.model, num_envs, shortest)


#: Equal factories are one object for as long as anybody has it: a sweep of a thousand runs asks for facts once.
_cache: weakref.WeakValueDictionary[Hashable, EnvironmentFactory] = weakref.WeakValueDictionary()


def _cached(factory: EnvironmentFactory) -> EnvironmentFactory:
    """The factory that is in use already for the same environment, or else this one."""
    spec = gym.spec(factory.id.rpartition(":")[2])
    made_by = (spec.entry_point, spec.vector_entry_point, spec.max_episode_steps, repr(spec.kwargs))
    text = json.dumps(factory.options, sort_keys=True, default=repr)
    return _cache.setdefault((factory.id, text, factory.wrappers, made_by), factory)


#: Functions that this program itself has handed over, by name: they need not say what they make.
_functions: dict[str, Callable[..., Env]] = {}


def _register(env_id: str) -> Callable[..., Env] | None:
    """Makes Gymnasium know an id; the function itself where the id is ``module:callable``."""
    if env_id in _functions:
        return _functions[env_id]
    spec = get_plugins().environments.get(env_id)
    if spec is not None:
        spec.register()
    module, colon, name = env_id.partition(":")
    if colon:
        try:
            imported = importlib.import_module(module)
        except ImportError as error:
            raise ArenaError(
                f"{env_id}: cannot import {module}: {error}", "check the module's name"
            ) from error
        function = getattr(imported, name, None)
        if callable(function):
            _refuse_stranger(env_id, function)
            return cast("Callable[..., Env]", function)
    try:
        gym.spec(name if colon else env_id)
    except gym.error.Error as error:
        known = [*get_plugins().environments, *gym.registry]
        raise unknown_name("environment", env_id, known, "see `arena list envs`") from error
    return None


def _refuse_stranger(name: str, function: Callable[..., Any]) -> None:
    """Only what says that it makes environments is called by name: a run folder's names may be anybody's."""
    made: Any = function
    if not isinstance(function, type):
        try:
            made = typing.get_type_hints(function).get("return")
        except (NameError, TypeError):
            made = None
    made = typing.get_origin(made) or made
    if not (isinstance(made, type) and issubclass(made, gym.Env)):
        raise ArenaError(
            f"{name} does not say that it makes an environment", "annotate it `-> gymnasium.Env`"
        )


def _canonical(env_id: str, options: Mapping[str, object]) -> dict[str, Any]:
    """The options as plain values of their fields' types: all of them for ours, the given ones for anyone's."""
    options_class = options_class_of(env_id)
    config = coerce(options_class, options, where="env", owner=env_id)
    if hasattr(config, "canonical"):
        config = config.canonical()
    plain = asdict(config)
    spec = get_plugins().environments.get(env_id)
    return plain if spec and spec.target else {name: plain[name] for name in options}


def options_class_of(env_id: str) -> type[Any]:
    """The dataclass of an environment's options: its plugin's, or read off its constructor.

    Raises:
        ArenaError: for an unknown id.
    """
    spec = get_plugins().environments.get(env_id)
    if spec is not None and spec.target:
        return cast("type[Any]", spec.load())
    make_one = _register(env_id)
    if make_one is not None:
        return options_of(make_one)
    gym_spec = gym.spec(env_id.rpartition(":")[2])
    entry = gym_spec.entry_point
    if entry is None:
        return dataclasses.make_dataclass("Options", [], frozen=True)
    try:
        creator = load_env_creator(entry) if isinstance(entry, str) else entry
    except Exception as error:  # whatever a stranger's module raises, such as for a missing engine
        reason = str(error).strip().split("\n")[0]
        raise ArenaError(f"{env_id} cannot be imported: {reason}", "install what it needs") from error
    return options_of(creator, gym_spec.kwargs)


def _spec_of(
    env: Env, options: Mapping[str, object] | None
) -> tuple[str, Mapping[str, object], tuple[str, ...]]:
    """The id, options and wrappers that make an environment like this one."""
    spec = env.spec
    if spec is None or spec.additional_wrappers:
        raise ArenaError(
            "an environment instance without a plain Gymnasium spec cannot be made again for every seed",
            "give its id, or a function that makes it",
        )
    limit, usual = spec.max_episode_steps, gym.spec(spec.id).max_episode_steps
    own = () if limit in (usual, None) else (f"TimeLimit(max_episode_steps={limit})",)
    kwargs = {name: value for name, value in spec.kwargs.items() if name != "render_mode"}
    return spec.id, {**kwargs, **(options or {})}, own
