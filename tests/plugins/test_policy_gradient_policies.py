"""Heads against torch's distributions, integrals, and frequencies."""

import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch.distributions import AffineTransform, Categorical, Independent, Normal, TanhTransform
from torch.distributions import TransformedDistribution as Transformed

from arena.errors import ArenaError
from arena.testing import Trial
from arena_deep.policies import CategoricalHead, GaussianHead, PolicyOptions, make_head

BOX = gym.spaces.Box(np.array([-2.0, 1.0], np.float32), np.array([2.0, 5.0], np.float32))
HALF, CENTRE = torch.tensor([2.0, 2.0], dtype=torch.float64), torch.tensor([0.0, 3.0], dtype=torch.float64)


def gaussian(space=BOX, **options):
    return GaussianHead(4, space, PolicyOptions(**options)).double()


def numbers_of(head, batch=6, scale=1.0):
    size = head.linear.out_features
    return scale * torch.randn(batch, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_categorical_is_torchs(scale):
    head = CategoricalHead(4, gym.spaces.Discrete(5)).double()
    numbers = numbers_of(head, 8, scale)
    action = torch.arange(8) % 5
    torch.testing.assert_close(head.log_prob(numbers, action), Categorical(logits=numbers).log_prob(action))
    torch.testing.assert_close(head.entropy(numbers), Categorical(logits=numbers).entropy())
    np.testing.assert_allclose(head.probabilities(numbers.numpy()), Categorical(logits=numbers).probs)
    np.testing.assert_array_equal(head.mode(numbers.numpy()), numbers.argmax(1))


def test_categorical_draws_by_its_probabilities():
    head = CategoricalHead(4, gym.spaces.Discrete(4))
    numbers = np.log(np.array([[0.1, 0.0001, 0.6, 0.3]])).repeat(20_000, axis=0)
    numbers[:, 1] = -np.inf
    drawn = head.sample(numbers, np.random.default_rng(0))
    share = np.bincount(drawn, minlength=4) / len(drawn)
    assert share[1] == 0
    np.testing.assert_allclose(share, [0.1, 0, 0.6, 0.3], atol=0.015)


def test_whatever_is_drawn_there_is_such_an_action():
    class Edge:
        def __init__(self, at):
            self.at = at

        def random(self, shape):
            return np.full(shape, self.at)

    head = CategoricalHead(4, gym.spaces.Discrete(3, start=5))
    numbers = np.array([[-np.inf, 0.0, -800.0]])
    for at in (0.0, 1 - 2**-53):
        raw = head.sample(numbers, Edge(at))
        assert raw[0] in ((1,) if at == 0 else (1, 2))
        assert head.action(raw)[0] in gym.spaces.Discrete(3, start=5)


@pytest.mark.parametrize("deviation", ["free", "state"])
@pytest.mark.parametrize("squash", [False, True])
def test_gaussian_is_torchs(deviation, squash):
    head = gaussian(std=deviation, squash_output=squash, initial_std=0.5)
    numbers = numbers_of(head)
    mean, log_std = head.moments(numbers)
    base = Normal(mean, log_std.exp().expand_as(mean))
    transforms = [TanhTransform(cache_size=1)] * squash + [AffineTransform(CENTRE, HALF, cache_size=1)]
    expected = Independent(Transformed(base, transforms), 1)
    raw = mean.detach() + 1.5 * torch.randn(mean.shape, dtype=torch.float64)
    action = CENTRE + HALF * (raw.tanh() if squash else raw)
    torch.testing.assert_close(head.log_prob(numbers, raw), expected.log_prob(action), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("far", [-60.0, -20.0, 20.0, 60.0])
def test_far_out_the_squashed_density_is_still_exact(far):
    head = gaussian(squash_output=True)
    numbers = numbers_of(head).requires_grad_()
    raw = torch.full((6, 2), far, dtype=torch.float64)
    tanh = TanhTransform()
    expected = Normal(*[x.double() for x in (numbers, torch.ones(2))]).log_prob(raw)
    expected = expected - tanh.log_abs_det_jacobian(raw, raw.tanh()) - HALF.log()
    found = head.log_prob(numbers, raw)
    torch.testing.assert_close(found, expected.sum(1))
    assert torch.autograd.grad(found.sum(), numbers)[0].isfinite().all()


@pytest.mark.parametrize("deviation", ["free", "state"])
def test_entropy_in_closed_form_is_torchs(deviation):
    head = gaussian(std=deviation)
    numbers = numbers_of(head)
    mean, log_std = head.moments(numbers)
    expected = Normal(mean, log_std.exp().expand_as(mean) * HALF).entropy().sum(1)
    torch.testing.assert_close(head.entropy(numbers), expected)


@pytest.mark.parametrize("mean", [0.0, 0.7, -3.0])
@pytest.mark.parametrize("deviation", [0.05, 0.5, 1.0, 2.0])
def test_entropy_of_squashed_actions_is_the_integral(mean, deviation):
    space = gym.spaces.Box(-3.0, 3.0, (1,))
    head = gaussian(space, squash_output=True, initial_std=deviation)
    numbers = torch.tensor([[mean]], dtype=torch.float64)

    def term(u):
        log_prob = float(head.log_prob(numbers, torch.tensor([[u]], dtype=torch.float64)).detach())
        return -math.exp(Normal(mean, deviation).log_prob(torch.tensor(u, dtype=torch.float64))) * log_prob

    around = (mean - 9 * deviation, mean + 9 * deviation)
    expected, _ = quad(term, *around, limit=200)
    assert float(head.entropy(numbers).detach()) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("deviation", ["free", "state"])
def test_gaussian_draws_what_it_says(squash, deviation):
    head = GaussianHead(4, BOX, PolicyOptions(squash_output=squash, std=deviation, initial_std=0.5))
    numbers = np.zeros((20_000, head.linear.out_features), np.float32)
    numbers[:, 2:] = head.linear.bias.detach().numpy()[2:]
    numbers[:, 0] = 1.0
    raw = head.sample(numbers, np.random.default_rng(0))
    np.testing.assert_allclose(raw.mean(axis=0), [1, 0], atol=0.02)
    np.testing.assert_allclose(raw.std(axis=0), 0.5, atol=0.02)
    action = head.action(raw * 5)
    assert all(one in BOX for one in action[:100])
    np.testing.assert_allclose(head.action(head.mode(numbers[:1]))[0, 1], 3.0)


def test_odd_boxes_are_served():
    half = gym.spaces.Box(np.array([0.0, -np.inf], np.float32), np.array([np.inf, np.inf], np.float32))
    raw = np.array([[-3.0, 7.0]], np.float32)
    np.testing.assert_array_equal(gaussian(half).action(raw), [[0.0, 7.0]])
    whole = gym.spaces.Box(0, 10, (2, 1), np.int64)
    action = gaussian(whole).action(np.array([[0.31, 9.0]], np.float32))
    np.testing.assert_array_equal(action, [[[7], [10]]])
    assert action[0] in whole
    with pytest.raises(ArenaError, match="no bounds"):
        gaussian(half, squash_output=True)
    assert isinstance(make_head(4, gym.spaces.Discrete(2), PolicyOptions()), CategoricalHead)


@pytest.mark.parametrize("agent", ["ppo", "reinforce"])
@pytest.mark.parametrize("options", [{}, {"memory": 4}, {"normalize_observation": True}], ids=str)
def test_probabilities_of_exploring_are_the_softmax(agent, options):
    with Trial(agent, "CartPole-v1", num_envs=4, agent_options=options) as trial:
        learner, observation = trial.train(300).agent, trial.observations(5)
    seen = torch.from_numpy(learner._normalized(observation))
    start = (torch.ones((1, 5), dtype=torch.bool), torch.zeros((5, 4))) if "memory" in options else ()
    with torch.no_grad():
        numbers = learner.network(seen, *start)[0].double()
    found = learner.behavior_probabilities(observation)
    np.testing.assert_allclose(found, torch.softmax(numbers, dim=1), rtol=1e-4)
    with Trial(agent, "Pendulum-v1") as trial, pytest.raises(AssertionError, match="densities"):
        trial.agent.behavior_probabilities(trial.observations(1))
