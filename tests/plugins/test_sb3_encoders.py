"""Encoders in front of Stable-Baselines3's policies: frozen, or trained inside them."""

import functools
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from test_sb3_agents import AGENTS, agent_of
from torch import nn

import arena
from arena.api import train_experiment
from arena.encoders.base import Encoder
from arena.encoders.distributions import PointMass
from arena.encoders.features_extractor import Features
from arena.encoders.observed_environment import ObservedEnvironment
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.frames.fits import resolve_fit
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.testing import difference
from arena.training.runner import execute

#: Steps in which every agent updates at least twice.
STEPS = 64

PIXELS = "arena/FourRooms-v0", {"observation": "pixels", "tile_size": 1}
NUMBERS = "Pendulum-v1", {}

ROLLOUT = {"n_steps": 16, "batch_size": 16, "net_arch": [4]}
REPLAY = {
    **{"learning_starts": 16, "batch_size": 8, "buffer_size": 200, "train_freq": 8},
    **{"gradient_steps": 2, "net_arch": [4]},
}
#: Where each is trained with an encoder, and how.
QUICK = {
    "sb3-a2c": (PIXELS, {"net_arch": [4]}),
    "sb3-ppo": (PIXELS, {**ROLLOUT, "n_epochs": 2}),
    "sb3-dqn": (PIXELS, {**REPLAY, "target_update_interval": 20}),
    "sb3-sac": (NUMBERS, REPLAY),
    "sb3-td3": (NUMBERS, REPLAY),
}
#: Every mode with each training loop, and every agent; the rest of the product is slow.
PLAIN = (
    *(("sb3-a2c", "frozen"), ("sb3-ppo", "finetune"), ("sb3-ppo", "joint")),
    *(("sb3-dqn", "frozen"), ("sb3-sac", "finetune"), ("sb3-sac", "joint"), ("sb3-td3", "joint")),
)
PAIRS = [
    pytest.param(name, mode, marks=() if (name, mode) in PLAIN else pytest.mark.slow)
    for name in QUICK
    for mode in ("frozen", "finetune", "joint")
]
#: Those that have networks to train.
TRAINED = [name for name in AGENTS if name != "sb3-ars"]
#: Those that go down a loss, beside which an encoder's can be.
JOINT = [name for name in TRAINED if name != "sb3-trpo"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """By environment, the folder of a small VAE's fit to its frames."""
    out = tmp_path_factory.mktemp("fit")
    options = {"latent": 2, "hidden_sizes": [4]}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        fits = {
            env: resolve_fit("vae", env, env_options=given, frames=80, steps=5, encoder_options=options)
            for env, given in (PIXELS, NUMBERS)
        }
        results = {env: train_experiment(fit, out=out, progress=False) for env, fit in fits.items()}
    return {env: Path(result.runs[0]["path"]) for env, result in results.items()}


@pytest.fixture(scope="module")
def whole(fitted, tmp_path_factory):
    """The folder of a run that was trained without a stop, by agent and mode; trained once."""
    out = tmp_path_factory.mktemp("whole")
    return functools.cache(lambda name, mode: trained(fitted, name, mode, out))


def experiment(fitted, name, mode, steps=STEPS):
    (env, options), settings = QUICK[name]
    return resolve_experiment(
        *(name, env),
        env_options=options,
        agent_options=settings,
        encoder=fitted[env],
        encoder_options={"mode": mode},
        **{"steps": steps, "num_envs": 2, "seeds": 1, "episodes": 1, "horizon": 10, "evaluate_every": STEPS},
    )


def trained(fitted, name, mode, out, steps=STEPS):
    results = train_experiment(experiment(fitted, name, mode, steps), out=out, progress=False)
    return Path(results.runs[0]["path"])


def state_of(folder):
    return Run.open(folder).checkpoints.load(lambda info: True).state["agent"]


@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_resumed_equals_uninterrupted(name, mode, fitted, whole, tmp_path):
    part = trained(fitted, name, mode, tmp_path, steps=42)  # within a rollout, and between two updates
    run = Run.prepare(Run.open(part).spec.replaced(steps=STEPS), 0, tmp_path)
    execute(run)
    expected = whole(name, mode)
    assert part.name == expected.name
    assert difference(state_of(expected), state_of(part)) is None
    assert Run.open(expected).result()["evaluation"] == Run.open(part).result()["evaluation"]


@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_a_loaded_run_acts_as_it_was_evaluated(name, mode, whole):
    loaded = arena.load(whole(name, mode))
    (env, options), _ = QUICK[name]
    observation, _ = gym.make(env, **options).reset(seed=0)
    action = loaded.act(observation)
    seen = loaded.environment.encoder.encode(observation[None]) if mode == "frozen" else observation[None]
    expected, _ = loaded.agent.act(seen, None, explore=False, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(action, expected[0])
    copies = [key for key in loaded.agent.snapshot()["policy"] if ".module.encoder." in key]
    assert bool(copies) is (mode != "frozen")


@pytest.mark.parametrize("name", ["sb3-ppo", pytest.param("sb3-dqn", marks=pytest.mark.slow), "sb3-sac"])
def test_fine_tuning_leaves_what_the_agent_does_not_use(name, fitted, whole):
    before = arena.load(fitted[QUICK[name][0][0]]).encoder.state_dict()

    def changed(mode):
        agent = arena.load(whole(name, mode)).agent
        return [
            {
                key
                for key, value in part.module.encoder.state_dict().items()
                if not torch.equal(value, before[key])
            }
            for part in online(agent)
        ]

    for tuned, joint in zip(changed("finetune"), changed("joint"), strict=True):
        assert tuned
        assert tuned < joint


class Owned(Encoder):
    """Codes of its own making, and a loss whose slope is 1 in a parameter that no code depends on."""

    @dataclass(frozen=True)
    class Config:
        pass

    def __init__(self, space):
        super().__init__(space, self.Config())
        self.latent = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.code = nn.Linear(space.shape[0], 2)
        self.own = nn.Parameter(torch.zeros(()))

    def encode(self, x, *, given=None):
        return PointMass(self.code(x))

    def loss(self, batch):
        return self.own


def place_of(name):
    """An environment that an agent fits."""
    continuous = ("sb3-ddpg", "sb3-td3", "sb3-sac", "sb3-tqc", "sb3-crossq")
    return EnvironmentFactory.resolve("Pendulum-v1" if name in continuous else "CartPole-v1", {})


def agent_with(name, weight, **settings):
    facts = place_of(name).properties
    features = Features(Owned(facts.observation_space), weight)
    return agent_of(name, facts.observation_space, facts.action_space, features, **settings)


def extractors(module):
    return [
        part for part in module.modules() if hasattr(part, "module") and isinstance(part.module, Features)
    ]


def online(agent):
    """The copies that some optimiser moves; the others are targets'."""
    moved = {id(parameter) for optimizer in optimizers(agent) for parameter in held(optimizer)}
    return [part for part in extractors(agent.model.policy) if id(next(part.parameters())) in moved]


def optimizers(agent):
    parts = [agent.model.policy, *agent.model.policy.children()]
    return [part.optimizer for part in parts if hasattr(part, "optimizer")]


def held(optimizer):
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


@pytest.mark.parametrize("name", TRAINED)
def test_every_copy_is_moved_by_one_optimiser_and_a_target_s_by_none(name):
    agent = agent_with(name, None)
    moved = [id(parameter) for optimizer in optimizers(agent) for parameter in held(optimizer)]
    copies = extractors(agent.model.policy)
    counts = {
        "sb3-dqn": 2,
        "sb3-qrdqn": 2,
        "sb3-sac": 3,
        "sb3-tqc": 3,
        "sb3-crossq": 2,
        "sb3-td3": 4,
        "sb3-ddpg": 4,
    }
    assert len(copies) == counts.get(name, 1)
    assert len({part.module.encoder.own.data_ptr() for part in copies}) == len(copies)
    times = [[moved.count(id(parameter)) for parameter in part.parameters()] for part in copies]
    assert all(set(found) in ({0}, {1}) for found in times)
    assert len(online(agent)) == {2: 1, 3: 2, 4: 2}.get(len(copies), 1) + (name == "sb3-crossq")


def learn(agent, steps=40):
    with agent.problem.generators.lent("agent"):
        stream = ObservedEnvironment(place_of(agent.name)).open_stream(
            1, agent.needs, lambda lane, episode: episode
        )
        stream.boundary = steps
        next(progress for progress in agent.train(stream) if progress.steps >= steps)
        stream.close()


QUICKER = {
    "sb3-a2c": {"n_steps": 8, "max_grad_norm": 1e9},
    "sb3-ppo": {"n_steps": 16, "batch_size": 8, "n_epochs": 2, "max_grad_norm": 1e9},
    "sb3-recurrentppo": {"n_steps": 16, "batch_size": 8, "n_epochs": 2, "max_grad_norm": 1e9},
    **{name: {**REPLAY, "max_grad_norm": 1e9} for name in ("sb3-dqn", "sb3-qrdqn")},
    "sb3-ddpg": {**REPLAY, "train_freq_unit": "step"},
    "sb3-trpo": {"n_steps": 16, "batch_size": 16},
}


#: Actor and critic may share an extractor, which is then the actor's.
SHARING = [name for name in JOINT if name not in ("sb3-dqn", "sb3-qrdqn")]


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        *((name, None) for name in JOINT),
        *(
            pytest.param(
                name, True, marks=() if name in ("sb3-ppo", "sb3-sac", "sb3-td3") else pytest.mark.slow
            )
            for name in SHARING
        ),
    ],
)
def test_the_encoder_s_own_loss_counts_once_an_update(name, shared):
    further = {"policy_kwargs": {"share_features_extractor": True}} if shared else {}
    agent = agent_with(name, 0.5, **QUICKER.get(name, REPLAY), **further)
    slopes = []
    for optimizer in optimizers(agent):
        mine = [p for p in held(optimizer) if any(p is part.module.encoder.own for part in online(agent))]

        def note(*_, mine=mine):
            slopes.extend(float(parameter.grad) for parameter in mine if parameter.grad is not None)

        optimizer.register_step_pre_hook(note)
    learn(agent)
    assert len(slopes) > 1
    assert set(slopes) == {0.5}


@pytest.mark.parametrize("name", TRAINED)
def test_fine_tuning_gives_every_copy_gradients_and_a_target_follows(name):
    agent = agent_with(name, None, **QUICKER.get(name, REPLAY))
    before = agent.problem.features.encoder.code.weight
    learn(agent)
    moved = online(agent)
    for part in moved:
        assert not torch.equal(part.module.encoder.code.weight, before)
        assert part.module.encoder.own == 0
    for part in extractors(agent.model.policy):
        if part not in moved:
            weight = part.module.encoder.code.weight
            assert not any(torch.equal(weight, other.module.encoder.code.weight) for other in moved)


def test_a_step_that_is_solved_for_has_no_loss_beside_it():
    with pytest.raises(ArenaError, match="sb3-trpo solves for its step.*; use --encoder.mode finetune"):
        agent_with("sb3-trpo", 1.0)
