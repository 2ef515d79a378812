"""What holds for every registered autoencoder on every kind of observation."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from autoencoder_problems import DIGITS, adam, alone, digits  # noqa: F401 (alone: used by every test)

from arena.config.options import fields_help
from arena.encoders.base import Batch, Decodes, Encodes, Perceives, Samples, Scores
from arena.encoders.distributions import PointMass, mode
from arena.errors import ArenaError
from arena_autoencoder.catalogue import ENCODER_SPECS
from arena_autoencoder.networks import Analysis, Synthesis
from arena_autoencoder.options import Layers

Box = gym.spaces.Box
SPACES = {
    "frame": Box(0, 255, (16, 21, 3), np.uint8),
    "stack": Box(0, 255, (4, 19, 17), np.uint8),
    "digit": DIGITS,
    "vector": Box(-2, 2, (5,), np.float32),
}
SMALL = {"hidden_sizes": (12,), "channels": (3, 4)}
LABELS = {"class": gym.spaces.Discrete(3, start=1)}
#: One that remembers learns from sequences: see test_autoencoder_recurrent.
NAMES = [spec.name for spec in ENCODER_SPECS if not hasattr(spec.load(), "unroll")]
EVERY = [(name, where) for name in NAMES for where in SPACES]


def encoder(name, space):
    cls = next(spec for spec in ENCODER_SPECS if spec.name == name).load()
    size = {"latents": (3, 2)} if name == "hierarchical-vae" else {"latent": 3}
    known = {key: value for key, value in SMALL.items() if key in fields_help(cls.Config)}
    return cls(space, cls.Config(**size, **known), LABELS)


def batch(space, n=6):
    space.seed(0)
    x = torch.from_numpy(np.stack([space.sample() for _ in range(n)]))
    return Batch(x, {"class": torch.arange(n) % 3 + 1})


def learned(name, space):
    """An encoder that has seen a batch."""
    model, seen = encoder(name, space), batch(space, 20)
    if model.optimization_groups():
        adam(model, seen.observation, 2, 0.01, seen.labels)
    else:
        model.partial_fit(seen)
        model.finalize()
    return model


@pytest.mark.parametrize(("name", "where"), EVERY)
def test_protocols(name, where):
    space = SPACES[where]
    model, x = learned(name, space), batch(space).observation
    assert isinstance(model, Encodes) and isinstance(model, Decodes)
    code = model.encode(x)
    z = mode(code)
    assert torch.equal(z, mode(model.encode(x))), "a mode is deterministic"
    assert z.shape == (6, *model.latent.shape) and z.dtype == torch.float32
    torch.testing.assert_close(mode(model.encode(x[2:3])), z[2:3], rtol=1e-4, atol=1e-5)
    assert torch.equal(mode(model.encode(torch.cat([x[:3], x[:3]])))[:3], z[:3]), "batch-mates do not matter"
    assert code.sample((4,)).shape == (4, *z.shape) and code.log_prob(code.sample()).shape == (6,)
    decoded = model.decode(z)
    assert decoded.event_shape == space.shape
    assert all(space.contains(one.detach().numpy()) for one in mode(decoded))
    assert model.decode(code.sample((4,))).batch_shape == (4, 6)


@pytest.mark.parametrize(("name", "where"), EVERY)
def test_what_is_saved_is_what_is_loaded(name, where):
    space = SPACES[where]
    model, x = learned(name, space), batch(space).observation
    torch.manual_seed(1)
    copy = encoder(name, space)
    copy.load_state_dict(model.state_dict())
    assert torch.equal(mode(copy.encode(x)), mode(model.encode(x)))
    z = mode(model.encode(x))
    assert torch.equal(copy.decode(z).mean, model.decode(z).mean)


@pytest.mark.parametrize(("name", "where"), EVERY)
def test_loss_is_a_finite_scalar_whose_noise_is_torchs(name, where):
    model, seen = learned(name, SPACES[where]), batch(SPACES[where])
    losses = []
    for seed in (1, 1):
        torch.manual_seed(seed)
        losses.append(model.loss(seen))
    assert losses[0].shape == () and losses[0].isfinite() and torch.equal(*losses)
    assert all(value.shape == () and not value.requires_grad for value in model.metrics.values())
    if model.optimization_groups():
        losses[0].backward()
        (group,) = model.optimization_groups().values()
        missing = [key for key, one in model.named_parameters() if one.grad is None]
        assert not missing and {*map(id, group.parameters)} == {*map(id, model.parameters())}


@pytest.mark.parametrize(("name", "where"), EVERY)
def test_draws_are_seeded_and_in_the_space(name, where):
    model, space = learned(name, SPACES[where]), SPACES[where]
    if not isinstance(model, Samples):
        assert isinstance(model.encode(batch(space).observation), PointMass), "with noise it would generate"
        return
    one, other = (model.sample(5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, other)
    assert all(space.contains(x.numpy()) for x in one)
    assert isinstance(model, Scores) and model.log_prob(one).shape == (5,)
    assert model.bound == ("exact" if name == "pca" else "lower")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "pca"])
def test_it_learns_digits(name):
    model, (x, y) = encoder(name, DIGITS), digits()
    labels = {"class": y % 3 + 1}
    first = model.loss(Batch(x, labels)).item()
    adam(model, x, 60, 0.01, labels, batch=128)
    assert model.loss(Batch(x, labels)).item() < first - 1


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_help_text(name):
    config = next(spec for spec in ENCODER_SPECS if spec.name == name).load().Config
    assert {*fields_help(config)} == set(config.__dataclass_fields__)


def test_perceives_what_it_has_labels_for():
    model = learned("semi-supervised-vae", DIGITS)
    assert isinstance(model, Perceives)
    label = model.perceive(batch(DIGITS).observation)["class"]
    assert label.shape == (6,) and all(LABELS["class"].contains(int(one)) for one in label)


def test_more_components_than_numbers_are_refused():
    cls = next(spec for spec in ENCODER_SPECS if spec.name == "pca").load()
    with pytest.raises(ArenaError, match="latent is 6, and an observation has 5 numbers"):
        cls(SPACES["vector"], cls.Config(latent=6))


@pytest.mark.parametrize("height", [8, 9, 15, 16, 21, 37, 64])
@pytest.mark.parametrize("width", [8, 11, 32, 63])
def test_images_of_any_size_come_back_in_it(height, width):
    for channels in ((3, 4, 5), (3, 4), ()):
        shape, layers = (2, height, width), Layers((6,), channels)
        analysis, synthesis = Analysis(shape, layers), Synthesis(7, shape, layers)
        assert analysis(torch.zeros(3, *shape)).shape == (3, analysis.width)
        assert synthesis(torch.zeros(2, 3, 7)).shape == (2, 3, *shape)
        convolutions = sum(isinstance(layer, torch.nn.Conv2d) for layer in analysis)
        assert convolutions == (len(channels) if min(height, width) >= 2 ** (len(channels) + 1) else 0)
