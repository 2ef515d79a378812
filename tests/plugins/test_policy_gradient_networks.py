"""Acting in numpy is the torch network, and stepping with a memory is the full pass."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from arena.agents.base import Problem
from arena.random.generators import Generators
from arena_deep.inference import inference_function
from arena_deep.networks import flatten_parameters, to_tensor
from arena_deep.policy_gradient import PolicyGradientOptions, PolicyNetwork

SPACES = {
    "box": gym.spaces.Box(-1, 1, (4,), np.float32),
    "matrix": gym.spaces.Box(-1, 1, (2, 3), np.float64),
    "bytes": gym.spaces.Box(0, 255, (5,), np.uint8),
    "image": gym.spaces.Box(0, 255, (7, 7, 3), np.uint8),
}
ACTIONS = {"discrete": gym.spaces.Discrete(3), "continuous": gym.spaces.Box(-1, 1, (2,))}


def make(space, action="discrete", **options):
    problem = Problem(SPACES[space], ACTIONS[action], 2, Generators(0))
    return PolicyNetwork(problem, PolicyGradientOptions(**options))


def some(space, *batch):
    rng = np.random.default_rng(0)
    space = SPACES[space]
    if space.dtype == np.uint8:
        return rng.integers(0, 256, (*batch, *space.shape), dtype=np.uint8)
    return rng.normal(size=(*batch, *space.shape)).astype(space.dtype)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    "options", [{}, {"hidden_sizes": ()}, {"activation": "tanh", "shared": True}, {"memory": 5}], ids=str
)
@pytest.mark.parametrize("action", ACTIONS)
def test_acting_is_the_forward_pass(space, options, action):
    network = make(space, action, **options)
    flatten_parameters(network)
    policy = inference_function(network.actor, network.recurrent, network.policy.linear)
    critic = inference_function(network.critic or network.actor, network.recurrent, network.value)
    observation = some(space, 6)
    memory = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32) if "memory" in options else None
    for _ in range(2):
        sequences = (
            () if memory is None else (torch.zeros((1, 6), dtype=torch.bool), torch.from_numpy(memory))
        )
        with torch.no_grad():
            numbers, value, after = network(to_tensor(observation, "cpu"), *sequences)
        found, found_after = policy(observation, memory)
        np.testing.assert_allclose(found, numbers, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(critic(observation, memory)[0][:, 0], value, rtol=1e-4, atol=1e-5)
        if memory is not None:
            np.testing.assert_allclose(found_after, after, rtol=1e-4, atol=1e-5)
        # Parameters that change in their place are seen at once.
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1)


def test_stepping_is_the_full_pass():
    network = make("box", memory=5)
    flatten_parameters(network)
    policy = inference_function(network.actor, network.recurrent, network.policy.linear)
    observation, memory = some("box", 9, 3), np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    begin = np.random.default_rng(2).random((9, 3)) < 0.3
    with torch.no_grad():
        flat = torch.from_numpy(observation).flatten(0, 1)
        expected, _, after = network(flat, torch.from_numpy(begin), torch.from_numpy(memory))
    for t in range(9):
        memory = np.where(begin[t][:, None], np.float32(0), memory)
        numbers, memory = policy(observation[t], memory)
        np.testing.assert_allclose(numbers, expected.reshape(9, 3, 3)[t], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(memory, after.reshape(9, 3, 5)[t], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "separate"), [({}, True), ({"shared": True}, False), ({"memory": 4}, False)]
)
def test_actor_and_critic_share_what_they_are_told_to(options, separate):
    network = make("box", **options)
    assert (network.critic is not None) == separate
    before = network(to_tensor(some("box", 2), "cpu"), *memory_of(options))[0].detach()
    value = network(to_tensor(some("box", 2), "cpu"), *memory_of(options))[1].sum()
    gradients = torch.autograd.grad(value, list(network.actor.parameters()), allow_unused=True)
    assert all(gradient is None for gradient in gradients) == separate
    # Nothing is preferred before anything is known.
    assert before.abs().max() < 0.1


def memory_of(options):
    return (torch.zeros((1, 2), dtype=torch.bool), torch.zeros((2, 4))) if "memory" in options else ()
