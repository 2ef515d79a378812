"""Environments by name: one of them, n of them, as a stream, as tables; ours and anyone's alike."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import typing
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator
from gymnasium.wrappers import TimeLimit

from arena.agents.base import BOX, Needs
from arena.config.options import asdict, coerce, options_of
from arena.environments.properties import Facts
from arena.environments.spaces import View, described, view
from arena.environments.tabular import TableVectorEnv
from arena.environments.vector_env import NativeVectorEnv
from arena.environments.wrappers import read_wrapper, source_digest
from arena.errors import ArenaError, unknown
from arena.plugins.discovery import get_plugins
from arena.streams.base import NativeStream, Stream
from arena.streams.gymnasium_stream import GymnasiumStream, probe

if TYPE_CHECKING:
    from arena.encoders.encoded_stream import Lens

__all__ = ["EnvironmentFactory", "mismatch", "same_spaces"]

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
        lens: through which agents see observations, or None.
    """

    id: str
    options: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    make_one: Callable[..., Env] | None = None
    lens: Lens | None = None

    def seen_through(self, lens: Lens) -> EnvironmentFactory:
        """The same environment, its observations seen through an encoder.

        Raises:
            ArenaError: the encoder is for other observations.
        """
        space = self.facts.observation_space
        if space != lens.inner:
            raise ArenaError(
                f"the encoder takes {described(lens.inner)}, and {self.id} gives {described(space)}",
                "choose an environment of the same observations",
            )
        return self._seen(lens)

    def _seen(self, lens: Lens | None) -> EnvironmentFactory:
        seen = dataclasses.replace(self, lens=lens)
        seen.__dict__["facts"] = self.facts
        return seen

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
            _given[name] = env
            return cls(name, dict(options or {}), tuple(wrappers), env)
        make_one = _register(env)
        if make_one is not None:
            return cls(env, dict(options or {}), tuple(wrappers), make_one)
        return _shared(cls(env, _canonical(env, options or {}), tuple(wrappers)))

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
    def facts(self) -> Facts:
        """What one instance tells; made once."""
        env = self.make()
        try:
            return Facts.of(env)
        finally:
            env.close()

    def views(self, needs: Needs) -> tuple[View | None, View | None]:
        """How an agent with these needs sees observations and actions; None where it cannot."""
        facts = self.facts
        seen: View | None = self.lens if BOX in needs.observations else None
        if self.lens is None:
            seen = view(facts.observation_space, needs.observations)
        return seen, view(facts.action_space, needs.actions, one_hot=False)

    def stream(
        self,
        num_envs: int,
        needs: Needs,
        seed_of: Callable[[int, int], int],
        *,
        limit: int | None = None,
        asynchronous: bool = False,
        probed: bool = False,
        around: Callable[[Stream], Stream] | None = None,
    ) -> Stream:
        """N parallel episodes of it, natively where that is exact, through Gymnasium's vectors otherwise.

        Args:
            num_envs: how many.
            needs: what the agent takes; `mismatch` has said that it fits.
            seed_of: the seed of (lane, episode), in [0, 2³¹).
            limit: truncate episodes after so many steps at the latest.
            asynchronous: step anyone's environments in processes of their own.
            probed: find out first whether anyone's environment can be resumed by replay; `notice` says if not.
            around: what is to stand between the environment and the lens, and sees the environment's observations.
        """
        if self.lens is None:
            stream = self._bare(num_envs, needs, seed_of, limit, asynchronous, probed)
            return around(stream) if around else stream
        from arena.encoders.encoded_stream import PerceivedStream

        arrays = dataclasses.replace(needs, observations=(BOX,))
        stream = self._seen(None).stream(
            num_envs, arrays, seed_of, limit=limit, asynchronous=asynchronous, probed=probed, around=around
        )
        return PerceivedStream(stream, self.lens)

    def _bare(
        self,
        num_envs: int,
        needs: Needs,
        seed_of: Callable[[int, int], int],
        limit: int | None,
        asynchronous: bool,
        probed: bool,
    ) -> Stream:
        """A stream of the environment's own observations, as far as the agent can take them."""
        observations, actions = self.views(needs)
        assert observations is not None and actions is not None, "mismatch() must be asked first"
        vector = self._native(num_envs, limit) if self.is_native else None
        if vector is not None:
            seeds = [seed_of(lane, 0) for lane in range(num_envs)]
            return NativeStream(vector, observations, actions, seeds, label=self.id)
        make = functools.partial(self.make, limit)
        obstacle = self._probed(make, observations, actions) if probed else None
        stream = GymnasiumStream(
            make,
            num_envs,
            observations,
            actions,
            seed_of,
            label=self.id,
            asynchronous=asynchronous,
            obstacle=obstacle,
        )
        if obstacle is not None:
            stream.notice = (
                f"{self.id} cannot be resumed mid-episode: {obstacle}; a resume starts its episodes anew"
            )
        return stream

    def _probed(self, make: Callable[[], Env], observations: View, actions: View) -> str | None:
        try:
            return probe(make, observations, actions)
        except Exception as error:  # whatever is wrong, the first step of training says it better
            return f"the probe raised {type(error).__name__}"

    @functools.cached_property
    def is_native(self) -> bool:
        """Whether its streams are ours: its own vector, or tables; any wrapper but a time limit rules both out."""
        limits_only = all(read_wrapper(wrapper)[0] is TimeLimit for wrapper in self.wrappers)
        return limits_only and (self._native_creator is not None or self.facts.shows_states)

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

    def _native(self, num_envs: int, limit: int | None) -> NativeVectorEnv:
        shortest = min((steps for steps in (limit, self.facts.limit) if steps is not None), default=None)
        if self._native_creator is not None:
            options = {**gym.spec(self.id.rpartition(":")[2]).kwargs, **self.options}
            return self._native_creator(num_envs=num_envs, max_episode_steps=shortest, **options)
        assert self.facts.model is not None, "is_native must be asked first"
        return TableVectorEnv(self.facts.model, num_envs, shortest)


def mismatch(needs: Needs, factory: EnvironmentFactory) -> str | None:
    """Why an agent with these needs does not fit an environment, or None when it does."""
    facts = factory.facts
    observations, actions = factory.views(needs)
    if observations is None:
        space = described(facts.observation_space)
        return f"takes {' or '.join(needs.observations)} observations, and {factory.id} gives {space}"
    if actions is None:
        return f"gives {' or '.join(needs.actions)} actions, and {factory.id} takes {described(facts.action_space)}"
    if needs.model and facts.model is None:
        return f"plans with a transition model, and {factory.id} has none"
    if needs.model and not facts.shows_states:
        return (
            f"plans over states, and {factory.id} shows {described(facts.observation_space)} in their place"
        )
    return None


def same_spaces(needs: Needs, trained: EnvironmentFactory, other: EnvironmentFactory) -> str | None:
    """Why an agent that was trained in one environment cannot act in another; None where it can."""
    for what, mine, theirs in zip(
        ("observations", "actions"), trained.views(needs), other.views(needs), strict=True
    ):
        if mine is None or theirs is None or mine.outer != theirs.outer:
            spaces = [view and view.outer for view in (mine, theirs)]
            return f"it was trained with {what} of {spaces[0]}, and {other.id} has {spaces[1]}"
    return None


#: Equal factories are one object for as long as anybody has it: a sweep of a thousand runs asks for facts once.
_alive: weakref.WeakValueDictionary[Hashable, EnvironmentFactory] = weakref.WeakValueDictionary()


def _shared(factory: EnvironmentFactory) -> EnvironmentFactory:
    """The factory that is in use already for the same environment, or else this one."""
    spec = gym.spec(factory.id.rpartition(":")[2])
    made_by = (spec.entry_point, spec.vector_entry_point, spec.max_episode_steps, repr(spec.kwargs))
    text = json.dumps(factory.options, sort_keys=True, default=repr)
    return _alive.setdefault((factory.id, text, factory.wrappers, made_by), factory)


#: Functions that this program itself has handed over, by name: they need not say what they make.
_given: dict[str, Callable[..., Env]] = {}


def _register(env_id: str) -> Callable[..., Env] | None:
    """Makes Gymnasium know an id; the function itself where the id is ``module:callable``."""
    if env_id in _given:
        return _given[env_id]
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
        raise unknown("environment", env_id, known, "see `arena list envs`") from error
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
