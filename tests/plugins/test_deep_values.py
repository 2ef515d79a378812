"""Losses, distributions, streams and noise, each against the formula or torch."""

from __future__ import annotations

import copy

import gymnasium as gym
import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arena.errors import ArenaError
from arena_deep.adam import Adam
from arena_deep.approximator import Approximator, NumpyApproximator, online_and_target
from arena_deep.distributional import CategoricalValueHead, project, softmax
from arena_deep.networks import NetworkOptions, flatten_parameters
from arena_deep.noisy import NoisyLinear, draw_noise
from arena_deep.q_network import DuelingHead, QNetwork
from arena_deep.value_heads import ScalarValueHead

SPACE = gym.spaces.Box(-1, 1, (4,), np.float32)
RNG = np.random.default_rng(0)


def gradient_by_torch(loss, outputs):
    """The gradient of a torch loss by its outputs."""
    variable = torch.from_numpy(outputs).requires_grad_()
    value = loss(variable)
    value.sum().backward()
    return value.detach().numpy(), variable.grad.numpy()


@pytest.mark.parametrize("kind", ["huber", "squared"])
def test_scalar_losses_are_torch_s(kind):
    outputs = RNG.normal(scale=2, size=(50, 1)).astype(np.float32)
    target = RNG.normal(scale=2, size=(50, 1)).astype(np.float32)
    loss, slope, error = ScalarValueHead(kind).loss(outputs, target)
    theirs = functional.smooth_l1_loss if kind == "huber" else functional.mse_loss
    factor = 1.0 if kind == "huber" else 0.5
    expected, gradient = gradient_by_torch(
        lambda x: factor * theirs(x, torch.from_numpy(target), reduction="none"), outputs
    )
    np.testing.assert_allclose(loss, expected[:, 0], rtol=1e-5)
    np.testing.assert_allclose(slope, gradient, rtol=1e-5)
    np.testing.assert_allclose(error, np.abs(outputs - target)[:, 0], rtol=1e-6)


def test_the_cross_entropy_is_torch_s():
    logits = RNG.normal(size=(20, 7)).astype(np.float32)
    target = softmax(RNG.normal(size=(20, 7))).astype(np.float32)
    loss, slope, error = CategoricalValueHead(-1, 1, 7).loss(logits, target)
    expected, gradient = gradient_by_torch(
        lambda x: functional.cross_entropy(x, torch.from_numpy(target), reduction="none"), logits
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(slope, gradient, atol=1e-6)
    np.testing.assert_array_equal(error, loss)


def naive_projection(value, probability, support):
    """Equation 7 of Bellemare et al. 2017, atom by atom."""
    step = support[1] - support[0]
    out = np.zeros((len(value), len(support)))
    for b in range(len(value)):
        for j in range(value.shape[1]):
            clipped = min(max(value[b, j], support[0]), support[-1])
            for i, atom in enumerate(support):
                out[b, i] += max(0.0, 1 - abs(clipped - atom) / step) * probability[b, j]
    return out


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.float64, (3, 6), elements=st.floats(-30, 30)),
    arrays(np.float64, (3, 6), elements=st.floats(0.01, 1)),
    st.integers(2, 9),
)
def test_projection_is_the_paper_s_and_keeps_mass_and_mean(value, weight, atoms):
    support = np.linspace(-10, 10, atoms)
    probability = weight / weight.sum(axis=1, keepdims=True)
    found = project(value, probability, support)
    np.testing.assert_allclose(found, naive_projection(value, probability, support), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    mean = (np.clip(value, -10, 10) * probability).sum(axis=1)
    np.testing.assert_allclose(found @ support, mean, atol=1e-5)


def test_a_distribution_s_target_at_an_end_is_its_reward():
    kind = CategoricalValueHead(0, 10, 11)
    logits = RNG.normal(size=(1, 11)).astype(np.float32)
    [mass] = kind.target(np.array([3.25]), np.array([0.0]), logits)
    np.testing.assert_allclose(mass[3:5], [0.75, 0.25], atol=1e-6)
    assert mass.sum() == pytest.approx(1)


def test_a_range_without_returns_is_refused():
    with pytest.raises(ArenaError, match="v_min 1 is not below v_max 1"):
        CategoricalValueHead(1.0, 1.0, 5)


def test_dueling_advantages_have_mean_zero_and_a_constant_changes_nothing():
    head = DuelingHead(8, 16, 3, 1, None, "relu")
    features = torch.randn(5, 8)
    outputs = head(features, iter(()))
    hidden = head.activation(head.value_hidden(features))
    torch.testing.assert_close(outputs.mean(dim=1), head.value(hidden))
    with torch.no_grad():
        head.advantage.bias += 5.0
    torch.testing.assert_close(head(features, iter(())), outputs)


def test_dueling_streams_take_the_last_hidden_layer_for_themselves():
    network = QNetwork(SPACE, 2, 1, NetworkOptions(hidden_sizes=(32, 16)), dueling=True)
    assert network.body.width == 32
    assert network.head.value_hidden.out_features == network.head.advantage_hidden.out_features == 16


def test_noise_of_no_size_is_no_noise():
    layer = NoisyLinear(4, 3, sigma=0.5)
    x = torch.randn(6, 4)
    [noise] = draw_noise(layer, torch.Generator().manual_seed(0))
    assert not torch.equal(layer(x, noise), layer(x))
    with torch.no_grad():
        layer.weight_sigma.zero_()
        layer.bias_sigma.zero_()
    torch.testing.assert_close(layer(x, noise), torch.nn.functional.linear(x, layer.weight, layer.bias))
    assert torch.equal(layer(x), torch.nn.functional.linear(x, layer.weight, layer.bias))


def test_noise_is_the_paper_s_outer_product():
    layer = NoisyLinear(4, 3, sigma=0.5)
    assert layer.weight_sigma[0, 0].item() == pytest.approx(0.25)
    assert layer.weight.abs().max() <= 0.5
    x = torch.randn(6, 4)
    before, after = draw_noise(layer, torch.Generator().manual_seed(1))[0]
    weight = layer.weight + layer.weight_sigma * torch.outer(after, before)
    bias = layer.bias + layer.bias_sigma * after
    torch.testing.assert_close(layer(x, (before, after)), torch.nn.functional.linear(x, weight, bias))


@pytest.mark.parametrize("dueling", [False, True])
def test_every_noisy_layer_gets_noise_of_its_own(dueling):
    network = QNetwork(SPACE, 3, 5, NetworkOptions(hidden_sizes=(8, 6)), dueling=dueling, sigma=0.5)
    noise = draw_noise(network, torch.Generator().manual_seed(0))
    assert len(noise) == (4 if dueling else 1)
    assert network(torch.randn(2, 4), noise).shape == (2, 3, 5)


@pytest.mark.parametrize("hidden", [(), (16,), (64, 64)])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("size", [1, 11])
def test_the_fast_path_gives_torch_s_outputs_and_gradients(hidden, activation, size):
    network = QNetwork(SPACE, 3, size, NetworkOptions(hidden_sizes=hidden, activation=activation))
    assert NumpyApproximator.supports(network, "cpu")
    fast = NumpyApproximator(network, "cpu")
    slow = Approximator.__new__(Approximator)  # the same module, and so the same vector
    slow.__dict__.update(fast.__dict__)
    observation = RNG.normal(size=(40, 4)).astype(np.float32)
    gradient = RNG.normal(size=(40, 3, size)).astype(np.float32)
    outputs, slopes = [], []
    for one in (slow, fast):
        outputs.append(one.forward(observation))
        one.backward(gradient)
        slopes.append(fast.vector.grad.clone())
        np.testing.assert_allclose(one(observation), outputs[-1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)
    assert (outputs[0].argmax(axis=1) == outputs[1].argmax(axis=1)).all()
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-5)


def test_bytes_are_scaled_alike_on_both_paths():
    space = gym.spaces.Box(0, 255, (6,), np.uint8)
    network = QNetwork(space, 2, 1, NetworkOptions())
    fast = NumpyApproximator(network, "cpu")
    observation = RNG.integers(256, size=(5, 6)).astype(np.uint8)
    np.testing.assert_allclose(fast(observation), Approximator.__call__(fast, observation), atol=1e-6)


def test_images_noise_streams_and_memory_go_by_torch():
    image = gym.spaces.Box(0, 255, (8, 8, 3), np.uint8)
    options = NetworkOptions()
    assert not NumpyApproximator.supports(QNetwork(image, 2, 1, options), "cpu")
    assert not NumpyApproximator.supports(QNetwork(SPACE, 2, 1, options, dueling=True), "cpu")
    assert not NumpyApproximator.supports(QNetwork(SPACE, 2, 1, options, sigma=0.5), "cpu")
    assert not NumpyApproximator.supports(QNetwork(SPACE, 2, 1, NetworkOptions(memory=4)), "cpu")
    assert not NumpyApproximator.supports(QNetwork(SPACE, 2, 1, options), "cuda")


@pytest.mark.parametrize("clip", [None, 0.5])
def test_adam_is_torch_s(clip):
    ours, theirs = (torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    vector = flatten_parameters(ours)
    adam, reference = Adam(vector, 0.01, max_grad_norm=clip), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for step in range(20):
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        vector.grad.zero_()
        ours(x).square().sum().backward()
        adam.step()
        reference.zero_grad()
        theirs(x).square().sum().backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        reference.step()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, its)


def test_a_target_follows_at_once_or_by_degrees():
    online, target = online_and_target(QNetwork(SPACE, 2, 1, NetworkOptions()), "cpu")
    assert torch.equal(online.vector, target.vector)
    before = target.vector.detach().clone()
    online.vector.data += 1.0
    target.update_towards(online, 0.25)
    torch.testing.assert_close(target.vector.detach(), before + 0.25)
    target.update_towards(online, 1.0)
    assert torch.equal(online.vector, target.vector)


DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "space", [SPACE, gym.spaces.Box(0, 255, (9, 9, 3), np.uint8)], ids=["numbers", "image"]
)
def test_every_device_learns_the_same(space, device):
    network = QNetwork(space, 3, 5, NetworkOptions(hidden_sizes=(16, 8)), dueling=True, sigma=0.1)
    reference, _ = online_and_target(copy.deepcopy(network), "cpu")
    online, target = online_and_target(network, device)
    space.seed(0)
    observation = np.array([space.sample() for _ in range(6)])
    gradient = RNG.normal(size=(6, 3, 5)).astype(np.float32)
    for one in (reference, online):
        adam = Adam(one.vector, 0.01, max_grad_norm=1.0)
        for seed in range(3):
            one.forward(observation, draw_noise(one.network, torch.Generator().manual_seed(seed)))
            one.backward(gradient)
            adam.step()
    target.update_towards(online, 1.0)
    np.testing.assert_allclose(online(observation), reference(observation), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(online(observation), target(observation))
