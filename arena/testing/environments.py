"""Laws of environments: Gymnasium's checker, vector environments, and transition models."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import check_env
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from arena.agents.base import Needs
from arena.environments.factory import EnvironmentFactory
from arena.environments.mdp import TransitionModel
from arena.environments.spaces import View
from arena.environments.tabular import TableEnv, TableVectorEnv
from arena.streams.base import NativeStream
from arena.streams.make import open_stream
from arena.testing.cases import environment_law
from arena.testing.errors import DoesNotApply, LawError, require

__all__ = ["lane_equals_single", "model_matches_environment", "passes_gymnasium"]


@environment_law
def passes_gymnasium(env: str) -> None:
    """Gymnasium's checker raises no error and no warning."""
    made = EnvironmentFactory.resolve(env).make()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # The checker warns of wrappers, which are Gymnasium's own here.
            check_env(made.unwrapped, skip_render_check=True)
    except (Exception, AssertionError) as error:
        message = " ".join(f"{error}".split())
        raise LawError(f"Gymnasium's check_env says: {message}", "see gymnasium.utils.env_checker") from error
    finally:
        made.close()


@environment_law
def lane_equals_single(
    env: str, *, num_envs: int = 3, steps: int = 300, limit: int = 20, seed: int = 5
) -> None:
    """Each lane of a vector environment has the episodes of a single environment with its seed, bit for bit.

    Args:
        env: the environment's id.
        num_envs: number of lanes.
        steps: number of steps of the vector.
        limit: step limit of an episode, so that there are several.
        seed: lane i has the seed ``seed + i``.
    """
    factory = EnvironmentFactory.resolve(env)
    stream = open_stream(
        factory, num_envs, Needs(), lambda lane, episode: seed + lane + 1000 * episode, limit=limit
    )
    native = isinstance(stream, NativeStream)
    tables = isinstance(stream, NativeStream) and type(stream.vector) is TableVectorEnv
    singles = [_single(factory, limit, tables) for _ in range(num_envs)]
    episodes = [0] * num_envs
    actions = stream.action_space
    actions.seed(seed)
    try:
        for lane, single in enumerate(singles):
            first = _encoded(stream.observations, single.reset(seed=seed + lane)[0])
            _same(first, stream.observation[lane], "first observation", lane, 0, 0)
        for step in range(steps):
            batch = np.array([actions.sample() for _ in range(num_envs)], dtype=actions.dtype)
            transition = stream.step(batch)
            inner = stream.actions.inner
            taken = list(iterate(batch_space(inner, num_envs), stream.actions.decode(batch)))
            for lane, single in enumerate(singles):
                observation, reward, terminated, truncated, _ = single.step(taken[lane])
                place = (lane, episodes[lane], step)
                successor = _encoded(stream.observations, observation)
                _same(successor, transition.next_observation[lane], "successor", *place)
                _same(float(reward), transition.reward[lane], "reward", *place)
                _same(bool(terminated), transition.terminated[lane], "termination", *place)
                _same(bool(truncated), transition.truncated[lane], "truncation", *place)
                if terminated or truncated:
                    episodes[lane] += 1
                    again = None if native else seed + lane + 1000 * episodes[lane]
                    first = _encoded(stream.observations, single.reset(seed=again)[0])
                    _same(first, stream.observation[lane], "first observation", lane, episodes[lane], step)
        require(min(episodes) > 1, f"no lane had several episodes in {steps} steps", "give a shorter limit")
    finally:
        stream.close()
        for single in singles:
            single.close()


@environment_law
def model_matches_environment(env: str, *, steps: int = 8000, limit: int = 100) -> None:
    """Outcomes, rewards and frequencies of random steps match the environment's transition model.

    The law is broken by an outcome that the model lacks, and by a frequency that is six standard deviations from its
    probability.

    Args:
        env: the environment's id.
        steps: number of random steps.
        limit: step limit of an episode, so that there are many first states.
    """
    factory = EnvironmentFactory.resolve(env)
    model = factory.properties.model
    if model is None:
        raise DoesNotApply(f"{env} has no transition model")
    single = factory.make()
    single.action_space.seed(0)
    outcomes: Counter[tuple[int, int, int, float, bool]] = Counter()
    starts: Counter[int] = Counter()
    try:
        state, left = int(single.reset(seed=0)[0]), limit
        starts[state] += 1
        for _ in range(steps):
            action = single.action_space.sample()
            successor, reward, terminated, truncated, _ = single.step(action)
            outcomes[state, int(action), int(successor), round(float(reward), 9), bool(terminated)] += 1
            state, left = int(successor), left - 1
            if terminated or truncated or not left:
                state, left = int(single.reset()[0]), limit
                starts[state] += 1
    finally:
        single.close()
    _check_outcomes(model, outcomes)
    for first, count in starts.items():
        what = f"an episode that begins in {first}"
        _check_frequency(count, sum(starts.values()), float(model.initial[first]), what)


def _check_outcomes(model: TransitionModel, outcomes: Counter[tuple[int, int, int, float, bool]]) -> None:
    visits: Counter[tuple[int, int]] = Counter()
    for (state, action, *_), count in outcomes.items():
        visits[state, action] += count
    for (state, action, successor, reward, terminated), count in sorted(outcomes.items()):
        row = slice(*model.indptr[state * model.num_actions + action :][:2])
        same = (
            (model.successor[row] == successor)
            & (np.abs(model.reward[row] - reward) < 1e-8)
            & (model.terminated[row] == terminated)
        )
        end = " and termination" if terminated else ""
        what = f"the step from {state} by action {action} to {successor} with reward {reward}{end}"
        _check_frequency(count, visits[state, action], float(model.probability[row][same].sum()), what)


def _check_frequency(count: int, of: int, probability: float, what: str) -> None:
    remedy = "build the simulator and the model from one table"
    require(probability > 0, f"{what} happened, but the model has no such outcome", remedy)
    # Bernstein's inequality: the constant allows a few rare outcomes among very many.
    spread = 6 * np.sqrt(of * probability * (1 - probability)) + 6
    far = abs(count - of * probability) > spread
    problem = f"{what} happened {count} times in {of}, but its probability in the model is {probability:.4g}"
    require(not far, problem, remedy)


def _single(factory: EnvironmentFactory, limit: int, tables: bool) -> gym.Env[Any, Any]:
    if not tables:
        return factory.make(limit)
    model, own = factory.properties.model, factory.properties.limit
    assert model is not None  # the vector was made of it
    return gym.wrappers.TimeLimit(TableEnv(model), min(limit, own or limit))


def _encoded(view: View, observation: Any) -> Any:
    empty: Any = create_empty_array(view.inner, 1)
    return view.encode(concatenate(view.inner, [observation], empty))[0]


def _same(single: Any, lane: Any, what: str, index: int, episode: int, step: int) -> None:
    if np.asarray(single, dtype=np.asarray(lane).dtype).tobytes() != np.asarray(lane).tobytes():
        place = f"at step {step}, in episode {episode}"
        raise LawError(
            f"lane {index} of the vector has the {what} {lane} {place}, and the single environment {single}",
            "draw each episode's randomness from (seed, episode, step) alone, in one function for both",
        )
