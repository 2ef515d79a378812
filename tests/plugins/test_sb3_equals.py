"""The agents end in the same parameters as Stable-Baselines3's own `learn`, wherever their boundaries lie."""

import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from sb3_contrib import ARS, TQC, RecurrentPPO
from sb3_twin import dummy, learned, trained
from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise
from stable_baselines3.common.utils import LinearSchedule

from arena.random.generators import Generators
from arena.testing import Trial
from arena_sb3 import StreamVecEnv

SMALL = {"net_arch": [16]}
REPLAY = {"learning_starts": 60, "batch_size": 16, "buffer_size": 200}
DISCRETE = "CartPole-v1"
NUMBERS = "Pendulum-v1"  # cut off after 200 steps: truncation must bootstrap


def same(model, agent):
    expected, found = model.policy.state_dict(), agent.model.policy.state_dict()
    assert list(expected) == list(found)
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    assert (model.num_timesteps, model._n_updates) == (agent.model.num_timesteps, agent.model._n_updates)


def stopped(model, paces, *arguments, **options):
    """Our agent, equal to a model whatever its boundaries: one at the end, and one every few steps."""
    for pace in paces:
        agent = trained(*arguments, pace, **options)
        same(model, agent)
    return agent


def test_ppo():
    options = {
        "n_steps": 64,
        "batch_size": 64,
        "n_epochs": 2,
        "gae_lambda": 0.8,
        "gamma": 0.98,
        "use_sde": False,
    }
    model = learned(
        sb3.PPO,
        NUMBERS,
        2,
        512,
        learning_rate=LinearSchedule(1e-3, 0, 1),
        clip_range=LinearSchedule(0.2, 0, 1),
        policy_kwargs=SMALL,
        **options,
    )
    options |= {"learning_rate": 1e-3, "learning_rate_schedule": "linear", "clip_range_schedule": "linear"}
    stopped(model, (None, 7), "sb3-ppo", NUMBERS, 2, 512, net_arch=[16], **options)


def test_a2c():
    model = learned(sb3.A2C, DISCRETE, 3, 150, policy_kwargs=SMALL)
    stopped(model, (None, 3), "sb3-a2c", DISCRETE, 3, 150, n_steps=5, net_arch=[16])


def test_ppo_with_noise_that_depends_on_the_state():
    options = {"n_steps": 48, "batch_size": 48, "n_epochs": 1, "use_sde": True, "sde_sample_freq": 5}
    options |= {"learning_rate": 1e-3}
    model = learned(sb3.PPO, NUMBERS, 2, 192, policy_kwargs=SMALL, **options)
    stopped(model, (None, 3), "sb3-ppo", NUMBERS, 2, 192, net_arch=[16], gamma=0.99, **options)


@pytest.mark.parametrize("n_steps", [1, 3])
def test_dqn(n_steps):
    options = {
        "train_freq": 5,
        "gradient_steps": -1,
        "target_update_interval": 40,
        "n_steps": n_steps,
        **REPLAY,
    }
    options |= {"learning_rate": 1e-3, "exploration_fraction": 0.3, "exploration_final_eps": 0.04}
    model = learned(sb3.DQN, DISCRETE, 2, 300, policy_kwargs=SMALL, **options)
    stopped(model, (None, 7), "sb3-dqn", DISCRETE, 2, 300, net_arch=[16], gamma=0.99, **options)


def test_sac():
    options = {"ent_coef": "auto_0.1", "train_freq": 4, "learning_rate": 1e-3, **REPLAY}
    model = learned(sb3.SAC, NUMBERS, 2, 440, policy_kwargs=SMALL, **options)
    agent = stopped(model, (None, 7), "sb3-sac", NUMBERS, 2, 440, net_arch=[16], **options)
    assert torch.equal(model.log_ent_coef, agent.model.log_ent_coef)
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        assert np.array_equal(getattr(model.replay_buffer, name), getattr(agent.model.replay_buffer, name))


@pytest.mark.parametrize("warmup", [False, True])
def test_sac_with_noise_that_depends_on_the_state(warmup):
    options = {"use_sde": True, "sde_sample_freq": 4, "use_sde_at_warmup": warmup, "train_freq": 10, **REPLAY}
    options |= {"learning_rate": 1e-3}
    model = learned(sb3.SAC, NUMBERS, 1, 150, policy_kwargs=SMALL, **options)
    stopped(model, (None, 3), "sb3-sac", NUMBERS, 1, 150, net_arch=[16], **options)


@pytest.mark.parametrize("kind", ["normal", "ornstein-uhlenbeck"])
def test_td3(kind):
    noises = {"normal": NormalActionNoise, "ornstein-uhlenbeck": OrnsteinUhlenbeckActionNoise}
    noise = noises[kind](np.zeros(1, np.float32), np.full(1, 0.3, np.float32))
    model = learned(sb3.TD3, NUMBERS, 2, 160, policy_kwargs=SMALL, action_noise=noise, **REPLAY)
    options = {"action_noise": kind, "action_noise_std": 0.3, "gamma": 0.99, "learning_rate": 1e-3, **REPLAY}
    same(model, trained("sb3-td3", NUMBERS, 2, 160, 7, net_arch=[16], **options))


def test_episodes_between_updates():
    options = {"train_freq": (1, "episode"), "gradient_steps": 20, **REPLAY}
    model = learned(sb3.DDPG, NUMBERS, 1, 400, policy_kwargs=SMALL, **options)
    options |= {"train_freq": 1, "train_freq_unit": "episode", "action_noise": None, "gamma": 0.99}
    same(model, trained("sb3-ddpg", NUMBERS, 1, 400, 7, net_arch=[16], learning_rate=1e-3, **options))


def test_contributions():
    model = learned(TQC, NUMBERS, 1, 120, policy_kwargs=SMALL, learning_rate=1e-3, **REPLAY)
    same(model, trained("sb3-tqc", NUMBERS, 1, 120, 7, net_arch=[16], learning_rate=1e-3, **REPLAY))


def test_recurrent_ppo():
    network = {"lstm_hidden_size": 8}
    options = {"n_steps": 104, "batch_size": 104, "n_epochs": 1, "learning_rate": 1e-3}

    def make(policy, *args, **keywords):
        return RecurrentPPO("MlpLstmPolicy", *args, **keywords)

    model = learned(make, NUMBERS, 2, 416, policy_kwargs=network, **options)
    stopped(model, (None, 3), "sb3-recurrentppo", NUMBERS, 2, 416, policy_kwargs=network, **options)


def test_augmented_random_search():
    draws = Generators(0).numpy("sb3-candidates")

    class Drawn(ARS):
        def _do_one_update(self, *args):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(draws.integers(2**63)))
                super()._do_one_update(*args)

    options = {
        "n_delta": 4,
        "n_top": 2,
        "alive_bonus_offset": -0.5,
        "n_eval_episodes": 2,
        "zero_policy": False,
    }
    model = learned(Drawn, DISCRETE, 1, 600, policy_kwargs=SMALL, **options)
    options |= {"policy": "mlp", "net_arch": [16]}
    agent = stopped(model, (None, 7), "sb3-ars", DISCRETE, 1, model.num_timesteps, **options)
    assert agent.seed is None  # at the end of a round, like the model


def test_a_stream_is_the_vector_environment_that_it_stands_for():
    with Trial("sb3-dqn", DISCRETE, num_envs=3) as trial:
        ours = StreamVecEnv(trial.stream.observation_space, trial.stream.action_space, 3)
        ours.attach(trial.stream)
        theirs = dummy(DISCRETE, 3)
        assert np.array_equal(ours.reset(), theirs.reset())
        ends = 0
        for action in np.random.default_rng(0).integers(2, size=(300, 3)):
            mine, expected = ours.step(action), theirs.step(action)
            for a, b in zip(mine[:3], expected[:3], strict=True):
                assert a.dtype == b.dtype
                assert np.array_equal(a, b)
            for a, b in zip(mine[3], expected[3], strict=True):
                assert a["TimeLimit.truncated"] is b["TimeLimit.truncated"]
                assert np.array_equal(a.get("terminal_observation"), b.get("terminal_observation"))
                assert ("episode" in a) == ("episode" in b)
                if "episode" in a:
                    ends += 1
                    assert (a["episode"]["r"], a["episode"]["l"]) == (b["episode"]["r"], b["episode"]["l"])
        assert ends > 20
        theirs.close()


def test_a_stream_says_what_was_cut_off():
    with Trial("sb3-sac", NUMBERS) as trial:
        env = StreamVecEnv(trial.stream.observation_space, trial.stream.action_space, 1)
        env.attach(trial.stream)
        for step in range(1, 401):
            observation, _, done, infos = env.step(np.array([[5.0]]))  # beyond the bounds, and clipped
            assert done[0] == infos[0]["TimeLimit.truncated"] == (step % 200 == 0)
            if done[0]:
                assert not np.array_equal(infos[0]["terminal_observation"], observation[0])
        assert env.get_attr("render_mode") == [None]
        assert not env.has_attr("action_masks")
