"""The laws of agents, with the options that the presets leave out."""

import pytest

from arena.plugins.specs import Preset
from arena.testing import (
    acts_from_its_generator,
    batch_equals_singles,
    boundaries_change_nothing,
    registered,
    resumes_exactly,
    same_seed_same_bytes,
    state_round_trips,
    transfers,
)
from arena_deep.actor_critic import ActorCritic
from arena_deep.catalogue.policy_gradient import POLICY_GRADIENT_SPECS
from arena_deep.ppo import PPO
from arena_deep.reinforce import REINFORCE

NORMALIZED = {"normalize_observation": True, "normalize_reward": True, "anneal_steps": 400}
VARIANTS = {
    "ppo, normalized": (
        PPO,
        "CartPole-v1",
        3,
        {"rollout_steps": 8, "n_epochs": 2, "num_minibatches": 2, **NORMALIZED},
    ),
    "ppo, remembering": (PPO, "CartPole-v1", 2, {"rollout_steps": 16, "memory": 4, "num_minibatches": 1}),
    "curious": (ActorCritic, "CartPole-v1", 2, {"bonus": 0.5}),
    "squashed": (ActorCritic, "Pendulum-v1", 2, {"squash_output": True, "std": "state", **NORMALIZED}),
    "remembering": (ActorCritic, "CartPole-v1", 2, {"memory": 4, "advantage": "n-step"}),
    "one-step": (
        ActorCritic,
        "CartPole-v1",
        1,
        {"rollout_steps": 5, "advantage": "one-step", "shared": True},
    ),
    "reinforce": (REINFORCE, "CartPole-v1", 2, {"episodes": 3, "baseline": "value"}),
    "reinforce, remembering": (REINFORCE, "CartPole-v1", 1, {"memory": 4, "episodes": 2, "anneal_steps": 90}),
}
#: Enough for several rollouts of each.
STEPS = 80


@pytest.mark.parametrize("variant", VARIANTS)
def test_laws_of_every_variant(variant):
    agent, env, num_envs, options = VARIANTS[variant]
    with registered(agent, presets={"*": Preset(options={"hidden_sizes": (8,), **options})}) as name:
        for law in (state_round_trips, transfers, same_seed_same_bytes):
            law(name, env, num_envs=num_envs, steps=STEPS)
        boundaries_change_nothing(name, env, num_envs=num_envs, steps=STEPS, paces=(7,))
        resumes_exactly(name, env, num_envs=num_envs, steps=STEPS, plans=((1, 2, 7, 11),))
        batch_equals_singles(name, env, steps=STEPS)
        acts_from_its_generator(name, env, steps=STEPS)


def test_presets_are_options_of_their_agents():
    for spec in POLICY_GRADIENT_SPECS:
        for preset in spec.presets.values():
            assert spec.load().Config(**preset.options)
