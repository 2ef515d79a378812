"""Test cases of the laws: every registered agent with small environments, and every environment."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from arena.agents.base import Agent
from arena.agents.compatibility import mismatch
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.plugins.discovery import Plugins, get_plugins, use_plugins
from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import AgentSpec, EncoderSpec
from arena.testing.errors import DoesNotApply, LawError

if TYPE_CHECKING:
    from arena.encoders.base import Encoder

__all__ = [
    "SAMPLES",
    "Case",
    "agent_law",
    "blamed",
    "environment_law",
    "every_agent",
    "every_environment",
    "registered",
]

#: Small environments of every kind: native, a ``P`` dictionary, composite observations, Box, Box actions.
SAMPLES = (
    "arena/CliffWalk-v0",
    "FrozenLake-v1",
    "Blackjack-v1",
    "CartPole-v1",
    "Pendulum-v1",
)

#: The name of the plugin that `registered` makes.
UNDER_TEST = "under_test"


class Case(NamedTuple):
    """Name of an agent, and id of an environment that it fits."""

    agent: str
    env: str

    def __str__(self) -> str:
        return f"{self.agent} on {self.env}"


def every_agent(envs: Sequence[str] = SAMPLES, *, most: int | None = 1) -> list[Case]:
    """Cases of every registered agent, but for agents of extras that are not installed.

    Args:
        envs: environments to choose from, the preferred one first.
        most: largest number of cases for each agent; None: all that fit.

    Example:
        >>> @pytest.mark.parametrize("case", every_agent(), ids=str)  # doctest: +SKIP
        ... def test_a_batch_acts_as_singles_do(case):
        ...     batch_equals_singles(*case)
    """
    cases: list[Case] = []
    for name in get_plugins().agents:
        cases += [Case(name, env) for env in _fitting(name, envs)[:most]]
    return cases


def every_environment() -> list[str]:
    """The id of every registered environment."""
    return list(get_plugins().environments)


@contextlib.contextmanager
def registered(learner: type[Agent] | type[Encoder], **spec: Any) -> Iterator[str]:
    """Registers the class of an agent or encoder temporarily, and returns its name.

    Args:
        learner: class that can be imported, so not one that is defined in a function.
        spec: further fields of its `AgentSpec` or `EncoderSpec`.
    """
    if "<" in learner.__qualname__:
        raise LawError(f"{learner.__qualname__} cannot be imported", "define it at the top of a module")
    target, name = f"{learner.__module__}:{learner.__qualname__}", learner.__name__
    agents = issubclass(learner, Agent)

    class UnderTest:
        @hookimpl
        def arena_agents(self) -> list[AgentSpec]:
            return [AgentSpec(name, "An agent under test", target=target, **spec)] if agents else []

        @hookimpl
        def arena_encoders(self) -> list[EncoderSpec]:
            return [] if agents else [EncoderSpec(name, "An encoder under test", target=target, **spec)]

    with use_plugins(Plugins(extra={UNDER_TEST: UnderTest()})):
        yield name


def agent_law(law: Callable[..., None]) -> Callable[..., None]:
    """Decorator of agent laws, for calls ``law(agent, env=None, **settings)``.

    The agent is a name or a class; the default environment is the first of `SAMPLES` that it fits. Any error of the
    agent breaks the law.
    """

    @functools.wraps(law)
    def face(agent: str | type[Agent], env: str | None = None, **settings: Any) -> None:
        with contextlib.ExitStack() as stack:
            name = agent if isinstance(agent, str) else stack.enter_context(registered(agent))
            where = env or next(iter(_fitting(name, SAMPLES)), None)
            if where is None:
                raise DoesNotApply(f"{name} fits none of {', '.join(SAMPLES)}")
            with blamed(law, f"{name} on {where}"):
                law(name, where, **settings)

    return face


def environment_law(law: Callable[..., None]) -> Callable[..., None]:
    """Decorator of environment laws, for calls ``law(env, **settings)`` with an id."""

    @functools.wraps(law)
    def face(env: str, **settings: Any) -> None:
        with blamed(law, env):
            law(env, **settings)

    return face


@contextlib.contextmanager
def blamed(law: Callable[..., None], culprit: str) -> Iterator[None]:
    """Turns any exception into a `LawError` whose message begins with the name of the culprit."""
    try:
        yield
    except DoesNotApply:
        raise
    except LawError as error:
        raise LawError(f"{culprit}: {error.problem}", error.remedy) from error.__cause__
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise LawError(f"{culprit}: {law.__name__} raised {message}", "fix that first") from error


def _fitting(agent: str, envs: Sequence[str]) -> list[str]:
    spec = get_plugins().agents[agent]
    try:
        needs = spec.load().needs
    except ArenaError as error:
        if isinstance(error.__cause__, ImportError):  # of an extra that is not installed
            return []
        raise
    fitting = []
    for env in envs:
        with contextlib.suppress(ArenaError):  # an environment that is not installed
            if mismatch(needs, _factory(env)) is None:
                fitting.append(env)
    return fitting


@functools.cache
def _factory(env: str) -> EnvironmentFactory:
    return EnvironmentFactory.resolve(env)
