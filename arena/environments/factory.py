"""Environment factory: makes environments of one id, options and wrappers, single or as native vectors."""

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
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.wrappers import TimeLimit

from arena.config.options import asdict, coerce, options_of
from arena.environments.properties import EnvProperties
from arena.environments.spaces import Accepts, View, view
from arena.environments.vector_env import NativeVectorEnv
from arena.environments.wrappers import read_wrapper, source_digest
from arena.errors import ArenaError, unknown_name
from arena.plugins.discovery import get_plugins

__all__ = ["EnvironmentFactory", "options_class_of"]

Env = gym.Env[Any, Any]


@dataclass(frozen=True)
class EnvironmentFactory:
    """Factory of environments with one id, options and wrappers; built by `resolve`.

    Attributes:
        id: a Gymnasium id, or ``module:callable`` of a function that makes the environment.
        options: keyword arguments of the environment, as canonical plain values.
        wrappers: ``Name`` or ``module:Class``, optionally with keyword arguments in parentheses.
        make_one: the function, if the environment has no Gymnasium id.
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
        """Build a factory from an id, a function that makes an environment, or an environment that has a spec.

        Raises:
            ArenaError: an unknown id or option (the message suggests the nearest), a value out of its range, a wrapper
                that does not exist, or an environment instance that cannot be made again.
        """
        if not isinstance(env, (str, gym.Env)) and not callable(env):
            remedy = "give an id, a function that makes an environment, or an environment"
            raise ArenaError(f"env is {env!r}", remedy)
        if isinstance(env, gym.Env):
            env, options, inner_wrappers = _spec_of(env, options)
            wrappers = (*inner_wrappers, *wrappers)
        for wrapper in wrappers:
            read_wrapper(wrapper)
        if callable(env):
            name = f"{env.__module__}:{env.__qualname__}"
            if "<" in name:
                problem = f"the environment function {name} has no importable name"
                raise ArenaError(problem, "define it in a module")
            _functions[name] = env
            return cls(name, dict(options or {}), tuple(wrappers), env)
        make_one = _register(env)
        if make_one is not None:
            return cls(env, dict(options or {}), tuple(wrappers), make_one)
        return _cached(cls(env, _canonical(env, options or {}), tuple(wrappers)))

    def identity(self) -> dict[str, Any]:
        """Identity of the environment, for a run's id: names, options, revision, and digest of the source."""
        spec = get_plugins().environments.get(self.id)
        return {
            "id": self.id,
            "options": dict(self.options),
            "wrappers": list(self.wrappers),
            "revision": spec.revision if spec else None,
            "source": source_digest(self.make_one) if self.make_one else None,
        }

    def make(self, limit: int | None = None, **extra: Any) -> Env:
        """Make one environment.

        Args:
            limit: maximum number of steps of an episode, which is then truncated; None for no additional limit.
            extra: keyword arguments in addition to the options, such as ``render_mode``.

        Raises:
            ArenaError: the environment's constructor raises; the message has the first line of its error.
        """
        try:
            if self.make_one is not None:
                env = self.make_one(**self.options, **extra)
            else:
                env = gym.make(self.id, disable_env_checker=True, **self.options, **extra)
            for wrapper in self.wrappers:
                wrapper_class, arguments = read_wrapper(wrapper)
                env = wrapper_class(env, **arguments)
        except ArenaError:
            raise
        except Exception as error:
            problem = f"{self.id} cannot be made: {_first_line(error)}"
            raise ArenaError(problem, "check its options and the packages that it needs") from error
        return env if limit is None else TimeLimit(env, limit)

    @functools.cached_property
    def properties(self) -> EnvProperties:
        """Properties of the environment, read once from one instance."""
        env = self.make()
        try:
            return EnvProperties.from_env(env)
        finally:
            env.close()

    def views(self, needs: Accepts) -> tuple[View | None, View | None]:
        """Conversions of observations and actions for an agent with these needs; None where there is none."""
        observations = view(self.properties.observation_space, needs.observations)
        return observations, view(self.properties.action_space, needs.actions, one_hot=False)

    @functools.cached_property
    def is_native(self) -> bool:
        """Whether it has a native vector environment, or a transition model, and no wrapper except time limits."""
        limits_only = all(read_wrapper(wrapper)[0] is TimeLimit for wrapper in self.wrappers)
        return limits_only and (self._native_creator is not None or self.properties.observes_states)

    @functools.cached_property
    def _native_creator(self) -> Callable[..., NativeVectorEnv] | None:
        if self.make_one is not None:
            return None
        entry = _gym_spec(self.id).vector_entry_point
        creator = load_env_creator(entry) if isinstance(entry, str) else entry
        if getattr(creator, "arena_protocol", None) != NativeVectorEnv.arena_protocol:
            return None
        return cast("Callable[..., NativeVectorEnv]", creator)

    def native_vector(self, num_envs: int, limit: int | None) -> NativeVectorEnv:
        """Make a native vector environment; only if `is_native`.

        Args:
            num_envs: number of parallel episodes.
            limit: maximum number of steps of an episode, which is then truncated; None for no additional limit.
        """
        shortest = min((steps for steps in (limit, self.properties.limit) if steps is not None), default=None)
        if self._native_creator is not None:
            options = {**_gym_spec(self.id).kwargs, **self.options}
            return self._native_creator(num_envs=num_envs, max_episode_steps=shortest, **options)
        from arena.environments.tabular import TableVectorEnv  # which needs numba

        assert self.properties.model is not None, "is_native must be asked first"
        return TableVectorEnv(self.properties.model, num_envs, shortest)


#: Factories in use: equal factories are one object, so that a sweep of a thousand runs reads the properties once.
_cache: weakref.WeakValueDictionary[Hashable, EnvironmentFactory] = weakref.WeakValueDictionary()


def _cached(factory: EnvironmentFactory) -> EnvironmentFactory:
    """Return an equal factory that is already in use, otherwise this one."""
    spec = _gym_spec(factory.id)
    made_by = (spec.entry_point, spec.vector_entry_point, spec.max_episode_steps, repr(spec.kwargs))
    text = json.dumps(factory.options, sort_keys=True, default=repr)
    return _cache.setdefault((factory.id, text, factory.wrappers, made_by), factory)


#: Functions that this program has passed as objects, by name: they need no return annotation.
_functions: dict[str, Callable[..., Env]] = {}


def _register(env_id: str) -> Callable[..., Env] | None:
    """Register an id with Gymnasium; return the function if the id is ``module:callable``, otherwise None."""
    if env_id in _functions:
        return _functions[env_id]
    spec = get_plugins().environments.get(env_id)
    if spec is not None:
        spec.register()
    module, colon, name = env_id.partition(":")
    if colon:
        try:
            imported = importlib.import_module(module)
        except (
            ImportError,
            ValueError,
            TypeError,
        ) as error:  # the latter two for names such as `:a` and `.a:b`
            raise ArenaError(
                f"{env_id}: cannot import {module}: {error}", "check the module's name"
            ) from error
        function = getattr(imported, name, None)
        if callable(function):
            _refuse_unannotated(env_id, function)
            return cast("Callable[..., Env]", function)
    try:
        gym.spec(name if colon else env_id)
    except gym.error.Error as error:
        known = [*get_plugins().environments, *gym.registry]
        raise unknown_name("environment", env_id, known, "see `arena list envs`") from error
    return None


def _refuse_unannotated(name: str, function: Callable[..., Any]) -> None:
    """Refuse a function that is not annotated to return an environment: a run folder could name any function."""
    result: Any = function
    if not isinstance(function, type):
        try:
            result = typing.get_type_hints(function).get("return")
        except (NameError, TypeError):
            result = None
    result = typing.get_origin(result) or result
    if not (isinstance(result, type) and issubclass(result, gym.Env)):
        problem = f"{name} is not annotated as a function that makes an environment"
        raise ArenaError(problem, "annotate it `-> gymnasium.Env`")


def _canonical(env_id: str, options: Mapping[str, object]) -> dict[str, Any]:
    """Canonical plain values: of all options if the environment's plugin declares them, otherwise of those given."""
    config = coerce(options_class_of(env_id), options, where="env", owner=env_id)
    if hasattr(config, "canonical"):
        config = config.canonical()
    plain = asdict(config)
    spec = get_plugins().environments.get(env_id)
    return plain if spec and spec.target else {name: plain[name] for name in options}


def options_class_of(env_id: str) -> type[Any]:
    """Dataclass of an environment's options: from its plugin, otherwise from the parameters of its constructor.

    Raises:
        ArenaError: an unknown id, or an environment that cannot be imported.
    """
    spec = get_plugins().environments.get(env_id)
    if spec is not None and spec.target:
        return cast("type[Any]", spec.load())
    make_one = _register(env_id)
    if make_one is not None:
        return options_of(make_one)
    gym_spec = _gym_spec(env_id)
    entry = gym_spec.entry_point
    if entry is None:
        return dataclasses.make_dataclass("Options", [], frozen=True)
    try:
        creator = load_env_creator(entry) if isinstance(entry, str) else entry
    except Exception as error:  # the module may raise anything, such as for a missing physics engine
        problem = f"{env_id} cannot be imported: {_first_line(error)}"
        raise ArenaError(problem, "install the packages that it needs") from error
    return options_of(creator, gym_spec.kwargs)


def _spec_of(
    env: Env, options: Mapping[str, object] | None
) -> tuple[str, Mapping[str, object], tuple[str, ...]]:
    """Id, options and wrappers with which an environment can be made again."""
    spec = env.spec
    if spec is None or spec.additional_wrappers:
        problem = "an environment instance without a plain Gymnasium spec cannot be made again for every seed"
        raise ArenaError(problem, "give its id, or a function that makes it")
    limit, default = spec.max_episode_steps, gym.spec(spec.id).max_episode_steps
    wrappers = () if limit in (default, None) else (f"TimeLimit(max_episode_steps={limit})",)
    kwargs = {name: value for name, value in spec.kwargs.items() if name != "render_mode"}
    return spec.id, {**kwargs, **(options or {})}, wrappers


def _gym_spec(env_id: str) -> EnvSpec:
    """Gymnasium's spec of an id, without the module that ``module:id`` imports."""
    return gym.spec(env_id.rpartition(":")[2])


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
