"""Loaded runs act in the environment they were trained in; environments may be made by functions."""

from __future__ import annotations

import gymnasium as gym
import pytest
from test_runner import CLIFF, prepared

import arena
from arena.errors import ArenaError
from arena.runs.loaded_agent import LoadedAgent
from arena.training.runner import execute


def first_observation(env_id):
    env = gym.make(env_id)
    observation, _ = env.reset(seed=0)
    return env, observation


@pytest.mark.parametrize(
    ("agent", "env"),
    [
        ("q-learning", CLIFF),
        ("value-iteration", "FrozenLake-v1"),
        ("sarsa", "Blackjack-v1"),
        ("random", "CartPole-v1"),
        ("random", "Pendulum-v1"),
    ],
)
def test_a_loaded_run_acts_in_the_environment_it_was_trained_in(agent, env, tmp_path):
    run = prepared(tmp_path, agent, env, steps=300)
    execute(run)
    loaded = arena.load(run.folder)
    assert isinstance(loaded, LoadedAgent)
    env, observation = first_observation(env)
    for _ in range(5):
        action = loaded.act(observation)
        assert env.action_space.contains(action)
        observation, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            observation, _ = env.reset()
            loaded.reset()
    env.close()


def test_a_run_without_a_step_cannot_be_loaded(tmp_path):
    run = prepared(tmp_path)
    with pytest.raises(ArenaError, match="has no snapshot yet; train it with `arena resume"):
        arena.load(run.folder)
    with pytest.raises(ArenaError, match="is not a run"):
        arena.load(tmp_path / "nothing")


def make_lake(size: int = 4):
    """An environment function, as a notebook has it."""
    return gym.make("FrozenLake-v1", desc=["SFFF", "FHFH", "FFFH", "HFFG"][:size], is_slippery=False)


def test_a_function_that_makes_the_environment_will_do(tmp_path):
    results = arena.train("value-iteration", make_lake, out=tmp_path, progress=False, episodes=2)
    assert results.spec.env == f"{__name__}:make_lake"
    assert results.summary["mean"] == 1.0
    [run] = results.runs
    assert arena.load(run["path"]).act(0) in (1, 2)
    assert (
        arena.train("value-iteration", make_lake, out=tmp_path, progress=False, episodes=2).runs
        == results.runs
    )
    with pytest.raises(ArenaError, match="trains in this process only"):
        arena.train("random", make_lake, out=tmp_path, progress=False, workers=2)
    with pytest.raises(ArenaError, match="no importable name"):
        arena.train("random", lambda: make_lake(), out=tmp_path, progress=False)


def test_an_instance_is_made_again_from_its_spec(tmp_path):
    instance = gym.make("FrozenLake-v1", is_slippery=False)
    results = arena.train("value-iteration", instance, out=tmp_path, progress=False, episodes=2)
    assert results.spec.env == "FrozenLake-v1"
    assert results.spec.env_options["is_slippery"] is False
    assert results.summary["mean"] == 1.0
    with pytest.raises(ArenaError, match="cannot be made again"):
        arena.train("random", gym.wrappers.TimeAwareObservation(instance), out=tmp_path, progress=False)
    with pytest.raises(ArenaError, match="cannot be made again"):
        arena.train("random", instance.unwrapped.__class__(), out=tmp_path, progress=False)
