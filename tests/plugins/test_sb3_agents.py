"""Options, resuming, acting and encoders of the agents from Stable-Baselines3."""

import importlib
import inspect
import sys

import gymnasium as gym
import numpy as np
import pytest
import sb3_contrib
import stable_baselines3
import torch
from torch import nn

from arena.agents.base import Problem
from arena.config.options import fields_help
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.random.generators import Generators
from arena.runs.resolve import resolve_experiment
from arena.storage.codec import decode, encode
from arena.testing import Trial, Uninterrupted, difference

AGENTS = sorted(name for name in get_plugins().agents if name.startswith("sb3-"))

#: Decided by arena, or of no consequence without Stable-Baselines3's own logging.
OURS = {
    *(
        "policy",
        "env",
        "verbose",
        "seed",
        "device",
        "tensorboard_log",
        "stats_window_size",
        "_init_setup_model",
    ),
    *("replay_buffer_class", "replay_buffer_kwargs", "rollout_buffer_class", "rollout_buffer_kwargs"),
    "optimize_memory_usage",
}
#: Written in another way.
SPLIT = {
    "train_freq": "train_freq_unit",
    "action_noise": "action_noise_std",
    "delta_std": "delta_std_schedule",
}

REPLAY = {"learning_starts": 40, "batch_size": 8, "buffer_size": 150, "gradient_steps": 1, "net_arch": [8]}
QUICK = {
    "sb3-a2c": ("CartPole-v1", {"net_arch": [8]}),
    "sb3-ppo": ("CartPole-v1", {"n_steps": 32, "batch_size": 32, "n_epochs": 2, "net_arch": [8]}),
    "sb3-trpo": ("Pendulum-v1", {"n_steps": 32, "batch_size": 32, "net_arch": [8], "use_sde": True}),
    "sb3-recurrentppo": (
        "CartPole-v1",
        {"n_steps": 32, "batch_size": 32, "n_epochs": 1, "policy_kwargs": {"lstm_hidden_size": 4}},
    ),
    "sb3-dqn": ("CartPole-v1", {**REPLAY, "train_freq": 6, "target_update_interval": 20, "n_steps": 3}),
    "sb3-qrdqn": ("CartPole-v1", {**REPLAY, "train_freq": 6, "policy_kwargs": {"n_quantiles": 5}}),
    "sb3-ddpg": ("Pendulum-v1", {**REPLAY, "train_freq": 1, "train_freq_unit": "episode"}),
    "sb3-td3": ("Pendulum-v1", {**REPLAY, "train_freq": 5, "action_noise": "ornstein-uhlenbeck"}),
    "sb3-sac": ("Pendulum-v1", {**REPLAY, "train_freq": 9, "use_sde": True, "sde_sample_freq": 4}),
    "sb3-tqc": ("Pendulum-v1", {**REPLAY, "train_freq": 5, "ent_coef": 0.1}),
    "sb3-crossq": ("Pendulum-v1", {**REPLAY, "train_freq": 5}),
    "sb3-ars": ("CartPole-v1", {"n_delta": 2}),
}


def agent_of(name, observations, actions, features=None, num_envs=1, **settings):
    spec = get_plugins().agents[name]
    problem = Problem(observations, actions, num_envs, Generators(0), features=features)
    config = spec.load().Config(**settings)
    with problem.generators.lent("agent"):
        return spec.load()(problem, config)


@pytest.mark.parametrize("name", AGENTS)
def test_the_options_are_the_constructors(name):
    agent = get_plugins().agents[name].load()
    parameters = inspect.signature(agent.algorithm).parameters
    config = agent.Config()
    ours, theirs = set(vars(config)), parameters.keys() - OURS
    assert theirs - ours == set()
    for option in theirs - SPLIT.keys():
        assert getattr(config, option) == parameters[option].default, option
    documented = fields_help(agent.Config)
    assert set(documented) == ours
    assert all(text.endswith(".") for text in documented.values())


@pytest.mark.parametrize("library", [stable_baselines3, sb3_contrib])
def test_every_algorithm_is_an_agent(library):
    algorithms = {name for name in library.__all__ if name not in ("HerReplayBuffer", "get_system_info")}
    missing = {name for name in algorithms if f"sb3-{name.lower()}" not in AGENTS}
    assert missing <= {"MaskablePPO"}  # a stream does not report masks


#: Agents that are resumed with one environment in the plain suite, some of each training loop; the others with two.
ONE_LANE = ("sb3-a2c", "sb3-ddpg", "sb3-qrdqn", "sb3-sac")
#: Updates between episodes need one environment. Every agent is resumed, and every loop with one and two environments.
LANES = [
    pytest.param(name, lanes, marks=() if (lanes == 1) is (name in ONE_LANE) else pytest.mark.slow)
    for name in AGENTS
    for lanes in (1, 2)
    if (name, lanes) != ("sb3-ddpg", 2)
]
#: Steps within which every agent updates. DDPG's options update it between episodes, of 200 steps; ARS tries four
#: candidates for an episode each before it updates.
STEPS = dict.fromkeys(AGENTS, 100) | {"sb3-ddpg": 240, "sb3-ars": 450}


@pytest.mark.parametrize(("name", "num_envs"), LANES)
def test_resumed_equals_uninterrupted(name, num_envs, tmp_path):
    env, settings = QUICK[name]
    options = {"num_envs": num_envs, "steps": STEPS[name], "agent_options": settings}
    Uninterrupted.of(name, env, tmp_path, **options).check_interrupted((3, 17, 1))


@pytest.mark.parametrize("name", AGENTS)
def test_learning_is_exercised_and_its_numbers_are_metrics(name):
    env, settings = QUICK[name]
    with Trial(name, env, agent_options=settings) as trial:
        before = {key: value.clone() for key, value in trial.agent.model.policy.state_dict().items()}
        metrics = trial.train(STEPS[name]).progress.metrics
        after = trial.agent.model.policy.state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in after)
    assert "learning_rate" in metrics
    assert np.isfinite(list(metrics.values())).all()


@pytest.mark.slow  # tests/core/test_journal.py kills a run whose agent has a replay buffer
def test_a_killed_run_ends_in_the_same_bytes(tmp_path):
    env, settings = QUICK["sb3-dqn"]
    whole = Uninterrupted.of("sb3-dqn", env, tmp_path, agent_options=settings)
    assert whole.check_killed(1) > 0


def test_recurrent_policies_remember():
    with Trial("sb3-recurrentppo", "CartPole-v1", agent_options=QUICK["sb3-recurrentppo"][1]) as trial:
        agent = trial.train(64).agent
        observation = trial.observations(3)
    generator = np.random.default_rng(0)

    def act(memory, lanes=slice(None)):
        return agent.act(observation[lanes], memory, explore=False, generator=generator)

    _, first = act(None)
    _, second = act(first)
    assert not np.array_equal(first[0], second[0])
    begun = agent.reset_memory(first, np.array([False, True, False]))
    _, third = act(begun)
    assert np.allclose(third[0][:, 1], first[0][:, 1])
    assert np.allclose(third[0][:, [0, 2]], second[0][:, [0, 2]])
    assert agent.values(observation).shape == (3,)


@pytest.mark.parametrize("name", ["sb3-a2c", "sb3-ppo", "sb3-recurrentppo"])
def test_probabilities_are_those_that_predict_draws_by(name):
    with Trial(name, "CartPole-v1", agent_options=QUICK[name][1]) as trial:
        agent, observation = trial.train(100).agent, trial.observations(6)
    policy, heard = agent.model.policy, []
    policy.action_net.register_forward_hook(lambda *call: heard.append(call[-1]))
    policy.predict(observation, deterministic=True)
    found = agent.behavior_probabilities(observation)
    np.testing.assert_allclose(found, torch.softmax(heard[0], dim=1), rtol=1e-6)
    assert found.dtype == np.float64
    with Trial(name, "Pendulum-v1") as trial, pytest.raises(AssertionError, match="densities"):
        trial.agent.behavior_probabilities(trial.observations(1))


@pytest.mark.parametrize(("name", "net"), [("sb3-dqn", "q_net"), ("sb3-qrdqn", "quantile_net")])
def test_action_values_are_the_network_s(name, net):
    with Trial(name, "CartPole-v1", agent_options=QUICK[name][1]) as trial:
        agent, observation = trial.train(100).agent, trial.observations(6)
    network = getattr(agent.model.policy, net)
    with torch.no_grad():  # Flattened observations, through the layers by hand.
        outputs = getattr(network, net)(torch.from_numpy(observation)).double().numpy()
    expected = outputs if name == "sb3-dqn" else outputs.reshape(6, 5, 2).mean(axis=1)
    np.testing.assert_allclose(agent.action_values(observation), expected, rtol=1e-6)
    agent.model.exploration_rate = 0.3
    by_hand = 0.15 + 0.7 * np.eye(2)[expected.argmax(axis=1)]
    np.testing.assert_allclose(agent.behavior_probabilities(observation), by_hand)


@pytest.mark.parametrize("name", ["sb3-ppo", "sb3-recurrentppo", "sb3-dqn"])
def test_asking_between_steps_changes_no_byte(name):
    outcomes = []
    for asked in (False, True):
        with Trial(name, "CartPole-v1", agent_options=QUICK[name][1]) as trial:
            for stop in range(7, 80, 7):
                trial.train(stop)
                if asked:
                    trial.agent.behavior_probabilities(trial.stream.observation)
            outcomes.append(decode(encode(trial.state())))
    assert difference(*outcomes) is None


def test_exploring_is_acting_as_in_training():
    with Trial("sb3-dqn", "CartPole-v1", agent_options=QUICK["sb3-dqn"][1]) as trial:
        agent = trial.agent
        observation = trial.observations(400)
        best, _ = agent.act(observation, None, explore=False, generator=np.random.default_rng(0))
        for rate, expected in ((0.0, 0.0), (1.0, 0.5)):
            agent.model.exploration_rate = rate
            tried, _ = agent.act(observation, None, explore=True, generator=np.random.default_rng(0))
            assert np.mean(tried != best) == pytest.approx(expected, abs=0.1)
    noise = {"action_noise": "normal", "action_noise_std": 0.5}
    box = gym.spaces.Box(np.array([-1.0], np.float32), np.array([3.0], np.float32))
    agent = agent_of("sb3-td3", gym.spaces.Box(-1, 1, (3,)), box, **noise)
    observation = np.zeros((500, 3), np.float32)
    tried, _ = agent.act(observation, None, explore=True, generator=np.random.default_rng(0))
    assert tried.std() == pytest.approx(
        1.0, abs=0.25
    )  # half of the space's half width, but for what is clipped
    assert tried.min() >= -1
    assert tried.max() <= 3


@pytest.mark.parametrize("name", ["sb3-ppo", "sb3-dqn"])
def test_images_get_a_convolutional_policy(name):
    images = gym.spaces.Box(0, 255, (36, 36, 3), np.uint8)
    agent = agent_of(
        name, images, gym.spaces.Discrete(2), **({"buffer_size": 10} if name == "sb3-dqn" else {})
    )
    assert agent.model.policy.features_extractor_class.__name__ == "NatureCNN"
    batch = np.random.default_rng(0).integers(256, size=(4, 36, 36, 3), dtype=np.uint8)
    action, _ = agent.act(batch, None, explore=False, generator=np.random.default_rng(0))
    assert action.shape == (4,)


class Mean(nn.Module):
    """A toy encoder: the mean of each channel, times a weight."""

    width = 3

    def __init__(self):
        super().__init__()
        self.scale = nn.Linear(3, 3)

    def forward(self, x):
        assert x.dtype is torch.uint8
        assert x.shape[1:] == (40, 38, 3)
        return self.scale(x.float().mean(dim=(1, 2)))


@pytest.mark.parametrize("name", ["sb3-ppo", "sb3-dqn", "sb3-sac"])
def test_an_encoder_is_the_features_extractor(name):
    images = gym.spaces.Box(0, 255, (40, 38, 3), np.uint8)
    actions = gym.spaces.Box(-1, 1, (2,)) if name == "sb3-sac" else gym.spaces.Discrete(2)
    module = Mean()
    settings = {} if name == "sb3-ppo" else {"buffer_size": 10}
    agent = agent_of(name, images, actions, module, **settings)
    copies = [part for part in agent.model.policy.modules() if isinstance(part, Mean)]
    assert len(copies) == {"sb3-ppo": 1, "sb3-dqn": 2, "sb3-sac": 3}[name]  # a target has its own
    for part in copies:
        assert part is not module
        assert torch.equal(part.scale.weight, module.scale.weight)
    batch = np.random.default_rng(0).integers(256, size=(4, 40, 38, 3), dtype=np.uint8)
    action, _ = agent.act(batch, None, explore=False, generator=np.random.default_rng(0))
    assert action.shape == (4, *actions.shape)


def test_an_encoder_must_say_its_width():
    with pytest.raises(ArenaError, match="neither `width` nor `features_dim`"):
        agent_of("sb3-ppo", gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2), nn.Linear(3, 3))
    with pytest.raises(ArenaError, match="cannot train an encoder"):
        agent_of("sb3-ars", gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2), Mean())


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("sb3-ppo", {"critic_arch": (8,)}, "without agent.net_arch"),
        ("sb3-ppo", {"policy_kwargs": 3}, "is no table"),
        ("sb3-ppo", {"policy_kwargs": {"colour": 1}}, "cannot build sb3-ppo"),
        ("sb3-ppo", {"use_sde": True}, "cannot build sb3-ppo"),
    ],
)
def test_options_that_do_not_fit_are_refused(name, settings, said):
    with pytest.raises(ArenaError, match=said):
        agent_of(name, gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2), **settings)


def test_agents_fit_what_they_can_act_in():
    with pytest.raises(ArenaError, match="sb3-dqn"):
        resolve_experiment("sb3-dqn", "Pendulum-v1")
    with pytest.raises(ArenaError, match="sb3-sac"):
        resolve_experiment("sb3-sac", "CartPole-v1")
    one = {"train_freq_unit": "episode"}
    with pytest.raises(ArenaError, match="cannot update after episodes"):
        agent_of("sb3-dqn", gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2), num_envs=2, **one)


def test_a_snapshot_is_the_policy_and_transfer_takes_it():
    env, settings = QUICK["sb3-sac"]
    with (
        Trial("sb3-sac", env, agent_options=settings) as trial,
        Trial("sb3-sac", env, seed=1, agent_options=settings) as fresh,
    ):
        snapshot = trial.train(100).agent.snapshot()
        assert set(snapshot) == {"policy"}
        fresh.agent.transfer(snapshot)
        assert difference(snapshot, fresh.agent.snapshot()) is None
        assert fresh.agent.model.num_timesteps == 0


@pytest.mark.parametrize(("module", "library"), [("agents", "Stable-Baselines3"), ("contrib", "sb3-contrib")])
def test_what_is_missing_is_said(module, library, monkeypatch):
    name = {"agents": "stable_baselines3", "contrib": "sb3_contrib"}[module]
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"arena_sb3.{module}", raising=False)
    with pytest.raises(ArenaError, match=f"need {library}.*pip install 'arena-rl\\[sb3\\]'") as caught:
        importlib.import_module(f"arena_sb3.{module}")
    assert isinstance(caught.value.__cause__, ImportError)


def test_training_prints_nothing_and_leaves_no_files(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with Trial("sb3-ppo", "CartPole-v1", agent_options={"n_steps": 32, "batch_size": 32}) as trial:
        trial.train(64)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
