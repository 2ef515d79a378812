"""Deep Q-networks: exact answers on tables, the paper's schedules, every option under the laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deep_problems import DISCOUNT, LAWS, corridor_q

from arena.errors import ArenaError
from arena.plugins.specs import Preset
from arena.runs.resolve import resolve_experiment
from arena.storage.codec import encode
from arena.testing import Trial, chain_values, registered
from arena_deep import DQN
from arena_deep.replay_buffer import Batch

#: A linear network on one-hot observations is a table; it learns from its first step on, at random.
TABLE = {
    "hidden_sizes": [],
    "discount": DISCOUNT,
    "epsilon": 1.0,
    "epsilon_final": 1.0,
    "loss": "squared",
    "learning_starts": 32,
    "batch_size": 32,
    "train_frequency": 4,
    "gradient_steps": 8,
    "target_update_interval": 20,
    "learning_rate": 0.02,
}

SMALL = {
    "hidden_sizes": [16],
    "learning_starts": 40,
    "batch_size": 8,
    "train_frequency": 5,
    "gradient_steps": 3,
    "target_update_interval": 7,
    "buffer_size": 120,
}
RAINBOW = {
    **SMALL,
    "hidden_sizes": [16, 8],
    "double": True,
    "dueling": True,
    "n_steps": 3,
    "prioritized": True,
    "distributional": True,
    "noisy": True,
    "num_atoms": 11,
}


@pytest.fixture(autouse=True, scope="module")
def dqn():
    with registered(DQN):
        yield


def trained(env, steps, num_envs=1, env_options=None, **options):
    with Trial("DQN", env, num_envs=num_envs, agent_options=options, env_options=env_options) as trial:
        return trial.train(steps)


def small(**options):
    return Trial("DQN", "CartPole-v1", agent_options={**SMALL, **options})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"double": True, "target_update_interval": 1, "tau": 0.05},
        {"prioritized": True, "importance_exponent_steps": 1000},
        {"distributional": True, "v_min": 0, "v_max": 2, "num_atoms": 11, "learning_rate": 0.1},
    ],
    ids=lambda options: next(iter(options), "plain"),
)
def test_it_finds_the_values_that_value_iteration_finds(options):
    trial = trained("deep_problems:corridor", 500, num_envs=2, **{**TABLE, **options})
    found = trial.agent.action_values(np.eye(5, dtype=np.float32))
    np.testing.assert_allclose(found, corridor_q(), atol=0.06 if "distributional" in options else 0.02)


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(("limit", "n_steps"), [(1, 1), (3, 1), (3, 3), (2, 3)])
def test_truncation_bootstraps_and_termination_does_not(ends, limit, n_steps):
    options = {**TABLE, "discount": 0.5, "n_steps": n_steps}
    trial = trained("arena.testing.chain:two_states", 400, 2, {"ends": ends, "limit": limit}, **options)
    found = trial.agent.values(np.eye(2, dtype=np.float32))
    np.testing.assert_allclose(found, chain_values(ends, 0.5), atol=0.02)


def batch_of(rng, size=6):
    observation, following = rng.normal(size=(2, size, 4)).astype(np.float32)
    reward, action = rng.normal(size=size).astype(np.float32), rng.integers(2, size=size)
    return Batch(observation, action, reward, np.array([0.9, 0, 0.9, 0.81, 0, 0.9], np.float32), following)


@pytest.mark.parametrize("double", [False, True])
def test_targets_by_hand(double):
    with small(double=double) as trial:
        agent, batch = trial.agent, batch_of(np.random.default_rng(0))
    agent.online.vector.data += 0.3 * np.random.default_rng(1).normal()
    agent.online.vector.data[::2] *= -1
    theirs, ours = (one(batch.next_observation)[:, :, 0] for one in (agent.target, agent.online))
    expected = []
    for i in range(6):
        best = max(range(2), key=lambda a: (ours if double else theirs)[i, a])
        expected.append(batch.reward[i] + batch.discount[i] * theirs[i, best])
    np.testing.assert_allclose(agent._targets(batch)[:, 0], expected, rtol=1e-6)
    assert (ours.argmax(axis=1) != theirs.argmax(axis=1)).any()


@pytest.mark.parametrize("num_envs", [1, 2, 7])
def test_updates_and_targets_keep_their_schedule(num_envs):
    with Trial("DQN", "CartPole-v1", num_envs=num_envs, agent_options=SMALL) as trial:
        agent, followed = trial.agent, []
        update = agent.target.update_towards
        agent.target.update_towards = lambda *a: followed.append(agent._updates) or update(*a)
        trial.train(140)
        begun = -(-40 // num_envs) * num_envs  # the first step at or after learning_starts
        first = (begun - num_envs) // 5
        assert agent._updates == 3 * (agent._steps // 5 - first)
        assert followed == list(range(7, agent._updates + 1, 7))


def test_epsilon_goes_along_a_line():
    with small(epsilon=0.9, epsilon_final=0.1, epsilon_steps=80) as trial:
        for steps, expected in ((0, 0.9), (20, 0.7), (40, 0.5), (80, 0.1), (120, 0.1)):
            trial.train(steps)
            assert trial.agent.epsilon == pytest.approx(expected)
        assert trial.progress.metrics["epsilon"] == pytest.approx(0.1)


def test_the_step_size_goes_along_a_line_if_it_has_an_end():
    with small(learning_rate=0.01, learning_rate_final=0.002, learning_rate_steps=80) as trial:
        for steps, expected in ((0, 0.01), (40, 0.006), (80, 0.002), (100, 0.002)):
            trial.train(steps)
            assert trial.agent.learning_rate == pytest.approx(expected)
        assert trial.agent.adam.learning_rate == 0.002
    with small(learning_rate=0.01) as trial:
        assert trial.train(60).agent.learning_rate == 0.01


def test_no_epsilon_steps_is_epsilon_final_at_once():
    with small(epsilon_steps=0, epsilon_final=0.2) as trial:
        assert trial.agent.epsilon == pytest.approx(0.2)


def test_metrics_are_the_last_round_s():
    with small() as trial:
        assert set(trial.train(39).progress.metrics) == {"epsilon"}
        metrics = trial.train(40).progress.metrics
        assert set(metrics) == {"loss", "q", "epsilon"} and metrics["loss"] > 0


def test_exploration_is_as_often_as_epsilon_says():
    with small(epsilon=0.5, epsilon_final=0.5) as trial:
        observation = np.zeros((4000, 4), np.float32)
        greedy, _ = trial.agent.act(observation, None, explore=False, generator=np.random.default_rng(0))
        action, _ = trial.agent.act(observation, None, explore=True, generator=np.random.default_rng(0))
    assert np.mean(action != greedy) == pytest.approx(0.25, abs=0.03)


def forward(agent, observation):
    """The network's outputs as torch computes them."""
    with torch.no_grad():
        return agent.online.network(torch.from_numpy(observation)).numpy()


@pytest.mark.parametrize("distributional", [False, True])
def test_what_it_tells_of_actions_is_the_network_s(distributional):
    with small(distributional=distributional, epsilon=0.4, epsilon_steps=10**9) as trial:
        agent, observation = trial.train(100).agent, trial.observations(5)
    outputs = forward(agent, observation)
    expected = outputs[:, :, 0]
    if distributional:
        chance = np.exp(outputs) / np.exp(outputs).sum(axis=2, keepdims=True)
        expected = chance @ np.linspace(-10, 10, 51)
    found = agent.action_values(observation)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(agent.values(observation), found.max(axis=1))
    by_hand = np.full((5, 2), 0.2) + 0.6 * np.eye(2)[expected.argmax(axis=1)]
    np.testing.assert_allclose(agent.behavior_probabilities(observation), by_hand, atol=1e-6)


def test_noisy_layers_are_estimated_to_explore_as_they_do():
    with small(noisy=True, noisy_sigma=5.0) as trial:
        agent, observation = trial.train(100).agent, trial.observations(4)
    told = agent.behavior_probabilities(observation)
    np.testing.assert_array_equal(told, agent.behavior_probabilities(observation))
    generator = np.random.default_rng(1)
    # A batch shares its noise: each draw is a call.
    drawn = [agent.act(observation, None, explore=True, generator=generator)[0] for _ in range(2000)]
    np.testing.assert_allclose(told, np.eye(2)[drawn].mean(axis=0), atol=0.25)
    assert ((told > 0.05) & (told < 0.95)).any()


def test_a_snapshot_has_no_replay_and_transfers_without_steps():
    with small() as trial, small() as fresh:
        trial.train(100)
        snapshot = trial.agent.snapshot()
        assert len(encode(snapshot).arrays) < 2000
        fresh.agent.transfer(snapshot)
        observation = trial.observations(16)
        found, expected = (one.agent.action_values(observation) for one in (fresh, trial))
        np.testing.assert_array_equal(found, expected)
        assert fresh.agent.epsilon == 1.0 and len(fresh.agent.replay) == 0
        assert (fresh.agent.target.vector == fresh.agent.online.vector).all()


def test_a_bonus_is_learned_from_and_in_no_return():
    with small(bonus=2.0) as trial:
        trial.train(100)
        assert set(trial.stream.transition.reward) == {1.0}
        assert trial.stream.transition.bonus.max() > 0
        assert trial.agent.replay.steps["reward"][:99].max() == 3.0  # seen for the first time: 1 + 2 / √1
        account = trial.stream.episode_account
        assert (account["total"] == account["length"]).all()


def test_continuous_actions_are_refused():
    with pytest.raises(ArenaError, match="DQN .*action"):
        resolve_experiment("DQN", "Pendulum-v1")


VARIANTS = {
    "plain": ("CartPole-v1", SMALL),
    "rainbow": ("CartPole-v1", {**RAINBOW, "bonus": 0.1}),
    "prioritized": ("CartPole-v1", {**SMALL, "prioritized": True, "n_steps": 2}),
    "pixels": (
        "arena/FourRooms-v0",
        {**SMALL, "hidden_sizes": [8], "dueling": True, "train_frequency": 30, "batch_size": 2},
    ),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_option_keeps_the_laws(law, variant):
    env, options = VARIANTS[variant]
    shown = {"observation": "pixels", "tile_size": 1} if variant == "pixels" else {}
    with registered(DQN, presets={"*": Preset(options=options, env=shown)}) as name:
        LAWS[law](name, env, steps=100)
