"""Laws of environments: Gymnasium's own, lanes equal to singles, and models that tell the truth."""

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
    """Gymnasium's checker finds nothing, not even to warn of."""
    made = EnvironmentFactory.resolve(env).make()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # It warns of wrappers, which are Gymnasium's own here.
            check_env(made.unwrapped, skip_render_check=True)
    except (Exception, AssertionError) as error:
        said = " ".join(f"{error}".split())
        raise LawError(f"Gymnasium's check_env says: {said}", "see gymnasium.utils.env_checker") from error
    finally:
        made.close()


@environment_law
def lane_equals_single(
    env: str, *, num_envs: int = 3, steps: int = 300, limit: int = 20, seed: int = 5
) -> None:
    """A lane of the vector goes through the episodes of the single environment with its seed, bit for bit.

    Args:
        env: the environment's id.
        num_envs: how many lanes.
        steps: how many steps of the vector.
        limit: episodes are truncated after so many steps, so that there are several.
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
                _same(
                    _encoded(stream.observations, observation),
                    transition.next_observation[lane],
                    "successor",
                    *place,
                )
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
    """What happens in the environment is what its transition model says, outcomes, rewards and frequencies.

    An outcome that the model lacks is a lie; so is a frequency six standard deviations from its probability.

    Args:
        env: the environment's id.
        steps: how many random steps to take.
        limit: the longest episode, so that there are many first states.
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
    _hold(model, outcomes)
    for first, count in starts.items():
        _frequency(
            count, sum(starts.values()), float(model.initial[first]), f"an episode that begins in {first}"
        )


def _hold(model: TransitionModel, outcomes: Counter[tuple[int, int, int, float, bool]]) -> None:
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
        what = (
            f"the step from {state} by action {action} to {successor} with reward {reward}"
            f"{' and the end' if terminated else ''}"
        )
        _frequency(count, visits[state, action], float(model.probability[row][same].sum()), what)


def _frequency(count: int, of: int, probability: float, what: str) -> None:
    remedy = "build the simulator and the model from one table"
    require(probability > 0, f"{what} happened, and the model has no such outcome", remedy)
    # Bernstein: the constant lets rare outcomes happen a few times among very many.
    spread = 6 * np.sqrt(of * probability * (1 - probability)) + 6
    far = abs(count - of * probability) > spread
    require(
        not far, f"{what} happened {count} times in {of}, and the model gives it {probability:.4g}", remedy
    )


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
        raise LawError(
            f"lane {index} of the vector has the {what} {lane} at step {step}, in episode {episode}, and the "
            f"single environment {single}",
            "draw each episode's randomness from (seed, episode, step) alone, in one function for both",
        )
