"""Recurrent Q-networks: sequences against single steps, a task that needs memory, the laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deep_problems import LAWS

from arena.errors import ArenaError
from arena.plugins.specs import Preset
from arena.testing import Trial, chain_values, registered
from arena_deep import DQN, DRQN
from arena_deep.drqn import _step
from arena_deep.networks import Recurrent
from arena_deep.replay_buffer import NO_FINAL

SMALL = {
    "hidden_sizes": [8],
    "memory": 6,
    "sequence_length": 5,
    "burn_in": 3,
    "learning_starts": 40,
    "batch_size": 4,
    "train_frequency": 20,
    "gradient_steps": 2,
    "target_update_interval": 3,
    "buffer_size": 120,
}


@pytest.fixture(autouse=True, scope="module")
def agents():
    with registered(DRQN):
        yield


def trial_of(env="CartPole-v1", num_envs=2, env_options=None, **options):
    return Trial("DRQN", env, num_envs=num_envs, agent_options={**SMALL, **options}, env_options=env_options)


def test_a_sequence_in_which_episodes_begin_is_a_step_after_another():
    memory = Recurrent(3, 5)
    features = torch.randn(9, 4, 3)
    begin = torch.rand(9, 4) < 0.3
    state = torch.randn(4, 5)
    outputs, last = memory(features, state, begin)
    for t in range(9):
        state = torch.where(begin[t].unsqueeze(1), 0.0, state)
        output, state = memory.step(features[t], state)
        torch.testing.assert_close(outputs[t], output)
    torch.testing.assert_close(last, state)


@pytest.mark.parametrize(("double", "n_steps"), [(False, 1), (True, 1), (False, 3)])
def test_targets_are_those_of_stepping_through_the_replay(double, n_steps):
    with trial_of(double=double, n_steps=n_steps) as trial:
        agent, replay = trial.train(100).agent, trial.agent.replay
        agent.online.vector.data *= 1.5
    lanes, burn_in, length = 2, 3, 8
    start = np.arange(replay.first, replay.last - (length - 1) * lanes)
    row = start + lanes * np.arange(length + n_steps)[:, None]
    found = agent._sequence_targets(row, row[burn_in:length])[:, 0].reshape(length - burn_in, -1)
    final = replay.column("final", row)
    assert (final[burn_in:length] != NO_FINAL).any()
    for b in range(len(start)):
        online, target = (
            successors(agent, one, row[:, b], final[:, b]) for one in (agent.online, agent.target)
        )
        for t in range(burn_in, length):
            total, factor, step = 0.0, 1.0, t
            while True:
                total += factor * replay.column("reward", row[step, b])
                factor *= 0.99
                if step == t + n_steps - 1 or final[step, b] != NO_FINAL:
                    break
                step += 1
            best = (online if double else target)[step].argmax()
            goes_on = not replay.column("terminated", row[step, b])
            assert found[t - burn_in, b] == pytest.approx(
                total + goes_on * factor * target[step][best], rel=1e-4, abs=1e-5
            )


def successors(agent, approximator, rows, final):
    """The values at the successor of each step but the last, one step of acting after another."""
    replay, memory, values = agent.replay, np.zeros((1, 6), np.float32), []
    for row, end in zip(rows[:-1], final[:-1], strict=True):
        _, memory = _step(approximator, replay.column("observation", np.array([row])), memory)
        if end != NO_FINAL:
            outputs, _ = _step(approximator, replay.final_observation(np.array([end])), memory)
            memory = np.zeros_like(memory)
        else:
            outputs, _ = _step(approximator, replay.column("observation", np.array([row + 2])), memory)
        values.append(outputs[0, :, 0])
    return values


@pytest.mark.parametrize("ends", [True, False])
def test_truncation_bootstraps_and_termination_does_not(ends):
    options = {"ends": ends, "limit": 2}
    learning = {
        "learning_rate": 0.01,
        "gradient_steps": 6,
        "batch_size": 16,
        "target_update_interval": 8,
        "discount": 0.5,
    }
    with trial_of("arena.testing.chain:two_states", 2, options, **learning, buffer_size=1000) as trial:
        agent = trial.train(600).agent
    np.testing.assert_allclose(agent.values(np.eye(2, dtype=np.float32)), chain_values(ends, 0.5), atol=0.05)


def mean_return(agent, options, steps):
    with (
        registered(agent) as name,
        Trial(name, "deep_problems:Recall", num_envs=4, agent_options=options) as trial,
    ):
        trial.train(steps)
        trial.stream.begin()
        memory, total = None, []
        for _ in range(60):
            action, memory = trial.agent.act(
                trial.stream.observation, memory, explore=False, generator=np.random.default_rng(0)
            )
            t = trial.stream.step(action)
            memory = trial.agent.reset_memory(memory, t.terminated | t.truncated)
            total += t.reward[t.terminated].tolist()
    return np.mean(total)


def test_it_learns_what_takes_memory_and_dqn_cannot():
    options = {"hidden_sizes": [16], "learning_starts": 100, "train_frequency": 16, "gradient_steps": 4}
    options |= {"target_update_interval": 20, "epsilon_steps": 1000, "learning_rate": 0.01}
    assert mean_return(DRQN, {**options, "memory": 8, "sequence_length": 6, "burn_in": 0}, 1000) == 1.0
    assert abs(mean_return(DQN, options, 500)) < 0.5


def test_what_it_tells_is_of_an_episode_s_beginning():
    with trial_of(epsilon=0.2, epsilon_final=0.2) as trial:
        agent, observation = trial.train(100).agent, trial.observations(5)
    network = agent.online.network
    with torch.no_grad():
        features, _ = network.memory.step(network.body(torch.from_numpy(observation)), None)
        expected = network.head_outputs(features)[:, :, 0].numpy()
    np.testing.assert_allclose(agent.action_values(observation), expected, rtol=1e-5, atol=1e-6)
    by_hand = 0.1 + 0.8 * np.eye(2)[expected.argmax(axis=1)]
    np.testing.assert_allclose(agent.behavior_probabilities(observation), by_hand)


def test_the_memory_of_a_lane_ends_with_its_episode():
    with trial_of() as trial:
        trial.train(39)
        while not (trial.stream.transition.terminated | trial.stream.transition.truncated).any():
            trial.train(trial.progress.steps + 2)
        t = trial.stream.transition
        assert ((trial.agent._memory == 0).all(axis=1) == (t.terminated | t.truncated)).all()


@pytest.mark.parametrize(
    ("agent", "options", "said"),
    [
        (DRQN, {"prioritized": True}, "cannot be prioritized"),
        (DRQN, {"noisy": True}, "cannot be noisy"),
        (DQN, {"memory": 4}, "choose drqn"),
    ],
)
def test_what_does_not_go_together_is_refused(agent, options, said):
    with registered(agent) as name, pytest.raises(ArenaError, match=said):
        Trial(name, "CartPole-v1", agent_options=options)


@pytest.mark.parametrize("law", LAWS)
def test_it_keeps_the_laws(law):
    options = {**SMALL, "dueling": True, "double": True, "distributional": True, "n_steps": 2, "num_atoms": 7}
    with registered(DRQN, presets={"*": Preset(options=options)}) as name:
        LAWS[law](name, "CartPole-v1", steps=100)


def test_a_replay_too_short_for_a_sequence_is_refused():
    least = 3 * (8 + 16 + 1)
    with registered(DRQN) as name:
        with pytest.raises(ArenaError, match=rf"give a buffer_size of {least} or more"):
            Trial(name, "CartPole-v1", num_envs=3, agent_options={"buffer_size": least - 1})
        Trial(name, "CartPole-v1", num_envs=3, agent_options={"buffer_size": least}).__exit__(
            None, None, None
        )
