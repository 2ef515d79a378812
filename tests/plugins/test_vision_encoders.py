"""What holds for every encoder that sees: its code, its label, its errors; and that it learns."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy import stats

from arena.config.options import coerce
from arena.encoders.base import Batch, Encodes, Perceives
from arena.encoders.distributions import mode
from arena.errors import ArenaError
from arena.plugins.discovery import Plugins
from arena_vision.catalogue import SPECS

NAMES = [spec.name for spec in SPECS]
LEARNERS = [name for name in NAMES if name != "random-cnn"]
ARCHITECTURES = ("lenet", "alexnet", "googlenet", "resnet18", "resnet50", "hmax", "neocognitron")
#: As small as a network gets without being another one.
OPTIONS = {"width_multiplier": 1 / 16, "prototypes": 8, "planes": (4, 6), "channels": 4}


def space(side=8, channels=3, width=None):
    return gym.spaces.Box(0, 255, (side, width or side, channels), np.uint8)


def labels(side=8):
    return {
        "digit": gym.spaces.Discrete(4, start=3),
        "state": gym.spaces.Box(np.float32([-1, 0, -np.inf]), np.float32([1, 10, np.inf])),
        "semantic": gym.spaces.Box(0, 4, (side, side), np.uint8),
    }


def make(name, observations=None, told=None, **options):
    target = next(spec for spec in SPECS if spec.name == name).load()
    fields = target.Config.__dataclass_fields__
    options = {**{key: value for key, value in OPTIONS.items() if key in fields}, **options}
    config = coerce(target.Config, options, where="encoder")
    return target(observations or space(), config, labels() if told is None else told)


def batch(n=6, observations=None, told=None, seed=0):
    rng = np.random.default_rng(seed)
    shape = (observations or space()).shape
    frames = torch.from_numpy(rng.integers(0, 256, (n, *shape), dtype=np.uint8))
    told = dict(told or labels())
    for one in told.values():
        one.seed(seed)
    return Batch(
        frames,
        {name: torch.as_tensor(np.stack([one.sample() for _ in range(n)])) for name, one in told.items()},
    )


@pytest.fixture(autouse=True)
def _seeded():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def test_all_of_them_are_found():
    assert set(NAMES) <= set(Plugins(allow=["arena_vision"]).encoders)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", [5, 13])  # the laws of encoders have 8 and 16
def test_codes_are_deterministic_and_apart_from_batch_mates(name, side):
    told = labels(side)
    encoder = make(name, space(side), told)
    assert isinstance(encoder, Encodes)
    assert isinstance(encoder, Perceives) == (name != "random-cnn")
    frames = batch(6, space(side), told).observation
    others = torch.cat((frames[:3], 255 - frames[3:]))
    code = mode(encoder.encode(frames))
    assert code.shape == (6, *encoder.latent.shape)
    assert code.dtype == torch.float32
    assert all(encoder.latent.contains(row) for row in code.detach().numpy())
    assert torch.equal(mode(encoder.encode(frames)), code)
    assert torch.equal(mode(encoder.encode(others))[:3], code[:3])
    torch.testing.assert_close(mode(encoder.encode(frames[:1])), code[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_encoding_changes_nothing_and_saving_keeps_all(name):
    encoder, data = make(name), batch()
    encoder.loss(data)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    training = encoder.training
    code = mode(encoder.encode(data.observation))
    if name != "random-cnn":
        encoder.perceive(data.observation)
    assert encoder.training == training
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    twin = make(name)
    twin.load_state_dict(before)
    assert torch.equal(mode(twin.encode(data.observation)), code)
    assert torch.equal(mode(twin.eval().encode(data.observation)), code)


@pytest.mark.parametrize("name", LEARNERS)
def test_it_tells_labels_as_their_spaces_have_them(name):
    encoder, data = make(name), batch()
    assert encoder.required_labels
    told = encoder.perceive(data.observation)
    assert set(told) == set(encoder.required_labels)
    for label, values in told.items():
        truth, kind = data.labels[label], labels()[label]
        assert values.shape == truth.shape
        assert values.dtype == truth.dtype
        assert all(kind.contains(np.asarray(row)[()]) for row in values.detach().numpy())


@pytest.mark.parametrize("name", LEARNERS)
def test_every_parameter_learns(name):
    encoder, data = make(name), batch(12)
    (group,) = encoder.optimization_groups().values()
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    # Blocks that begin as the identity, and skips that begin as zeros, let gradients through after the first step.
    optimiser = torch.optim.SGD(group.parameters, lr=1e-2)
    for _ in range(2):
        optimiser.zero_grad()
        loss = group.loss(data)
        assert loss.shape == ()
        loss.backward()
        optimiser.step()
    assert all(torch.isfinite(value) for value in encoder.metrics.values())
    assert not any(value.requires_grad for value in encoder.metrics.values())
    still = [name for name, parameter in encoder.named_parameters() if parameter.grad is None]
    assert not still
    assert any(parameter.grad.any() for parameter in encoder.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_frames_that_are_no_images_are_refused_in_one_line(name):
    with pytest.raises(ArenaError, match=f"{name} needs images.*--env.observation pixels") as error:
        make(name, gym.spaces.Box(-1, 1, (4,)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", LEARNERS)
def test_missing_labels_are_named_with_what_there_is_and_the_remedy(name):
    with pytest.raises(ArenaError, match=f"{name} learns to predict.*no labels.*--env.labels"):
        make(name, told={})
    wrong = {"depth": gym.spaces.Box(0, 1, (2,), np.float32)}
    with pytest.raises(ArenaError, match=f"{name} learns to predict.*depth.*--encoder.label"):
        make(name, told=wrong)
    encoder = make(name)
    with pytest.raises(
        ArenaError, match=f"{name} cannot learn without the label {encoder.required_labels[0]!r}"
    ):
        encoder.loss(Batch(batch().observation))


def test_one_of_several_classes_must_be_named():
    told = {"digit": gym.spaces.Discrete(3), "colour": gym.spaces.Discrete(2)}
    with pytest.raises(ArenaError, match=r"several \(digit, colour\); choose a label with --encoder.label"):
        make("lenet", told=told)
    assert make("lenet", told=told, label="colour").required_labels == ("colour",)


def test_whole_numbers_are_classes_and_other_kinds_of_labels_are_refused():
    told = {"count": gym.spaces.Box(2, 5, (1,), np.int16)}
    encoder = make("lenet", told=told)
    data = batch(told=told)
    assert encoder.loss(data).isfinite()
    found = encoder.perceive(data.observation)["count"]
    assert (found.dtype, found.shape) == (torch.int16, (6, 1))
    assert found.min() >= 2
    assert found.max() <= 5
    with pytest.raises(ArenaError, match="neither one class"):
        make("lenet", told={"many": gym.spaces.MultiDiscrete([2, 3])}, label="many")
    with pytest.raises(ArenaError, match="learns to predict a map of classes"):
        make("unet", label="state")


@pytest.mark.parametrize("name", ["unet", "fcn"])
def test_frames_too_small_for_a_depth_are_refused_with_one_that_fits(name):
    with pytest.raises(ArenaError, match=r"depth 4 halves sides of 5 pixels.*--encoder.depth 3") as error:
        make(name, space(5), labels(5), depth=4)
    assert "\n" not in str(error.value)
    make(name, space(5), labels(5), depth=3)


def test_a_map_of_classes_may_be_coarser_than_frames_and_its_code_coarser_still():
    told = {"semantic": gym.spaces.Box(0, 2, (6, 6), np.uint8)}
    encoder = make("unet", space(24), told, grid_size=3)
    code = mode(encoder.encode(batch(2, space(24), told).observation))
    assert code.shape == (2, 3 * 3 * 3)
    torch.testing.assert_close(code.view(2, 3, 9).sum(dim=1), torch.ones(2, 9))
    whole = make("unet", space(24), told)
    frames = batch(2, space(24), told).observation
    believed = mode(whole.encode(frames)).view(2, 3, 6, 6).argmax(dim=1)
    assert torch.equal(believed, whole.perceive(frames)["semantic"].long())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_regressor_takes_any_architecture(architecture):
    encoder, data = make("regressor", architecture=architecture), batch()
    encoder.loss(data).backward()
    assert encoder.required_labels == ("state",)
    assert encoder.perceive(data.observation)["state"].shape == (6, 3)


@pytest.mark.parametrize("architecture", ARCHITECTURES[:-1])
def test_the_control_is_never_trained(architecture):
    encoder, data = make("random-cnn", told={}, architecture=architecture), batch()
    before = mode(encoder.encode(data.observation))
    assert encoder.optimization_groups() == {}
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert encoder.loss(data) == 0
    encoder.train()
    assert torch.equal(mode(encoder.encode(data.observation)), before)
    assert len(torch.unique(before, dim=0)) == 6, "it tells frames apart"


def squares(n, seed):
    """Frames with a bright square in one of four corners: which corner, and where exactly."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 40, (n, 16, 16, 1), dtype=np.uint8)
    corner, jitter = rng.integers(4, size=n), rng.integers(4, size=(n, 2))
    place = np.stack((corner // 2, corner % 2), axis=1) * 8 + jitter
    for frame, (row, column) in zip(frames, place, strict=True):
        frame[row : row + 4, column : column + 4] = 250
    told = {"digit": torch.as_tensor(corner), "state": torch.as_tensor(place / 12, dtype=torch.float32)}
    return Batch(torch.from_numpy(frames), told)


CORNERS = {"digit": gym.spaces.Discrete(4), "state": gym.spaces.Box(0, 1, (2,), np.float32)}


MORE = {"neocognitron": {"planes": (8, 16)}, "googlenet": {"width_multiplier": 1 / 8}}


def fit(encoder, data, steps, learning_rate=3e-3, shown=lambda: False):
    """Updates, until what they are to show is shown; that is asked after every tenth."""
    (group,) = encoder.optimization_groups().values()
    optimiser = torch.optim.Adam(group.parameters, lr=learning_rate)
    for step in range(steps):
        if step and step % 10 == 0 and shown():
            return
        rows = torch.randint(len(data.observation), (32,))
        optimiser.zero_grad()
        group.loss(
            Batch(data.observation[rows], {name: values[rows] for name, values in data.labels.items()})
        ).backward()
        optimiser.step()


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("neocognitron", 30),
        ("lenet", 60),
        ("alexnet", 60),
        ("googlenet", 45),
        ("resnet18", 40),
        pytest.param("resnet50", 40, marks=pytest.mark.slow),
    ],
)
def test_it_learns_a_class(name, steps):
    encoder, test = make(name, space(16, 1), CORNERS, **MORE.get(name, {})), squares(200, 1)

    def chance():
        """How likely a guess is right as often: asked up to six times, which 1e-12 allows for."""
        right = int((encoder.perceive(test.observation)["digit"] == test.labels["digit"]).sum())
        return stats.binomtest(right, 200, 0.25, alternative="greater").pvalue

    fit(encoder, squares(300, 0), steps, shown=lambda: chance() < 1e-12)
    assert chance() < 1e-12


def test_hmax_learns_what_is_there_wherever_it_is():
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 40, (240, 24, 24, 1), dtype=np.uint8))
    kind = torch.arange(240) % 2
    for i in range(240):
        row, column = (int(torch.randint(16, ())) for _ in range(2))
        for j in range(7):  # a stroke across or down
            frames[i, row + j * kind[i], column + j * (1 - kind[i])] = 250
    told = {"digit": gym.spaces.Discrete(2)}
    encoder = make("hmax", space(24, 1), told, prototypes=32)
    fit(encoder, Batch(frames[:160], {"digit": kind[:160]}), 60, 0.02)
    right = int((encoder.perceive(frames[160:])["digit"] == kind[160:]).sum())
    assert stats.binomtest(right, 80, 0.5, alternative="greater").pvalue < 1e-6, f"{right} of 80"


def test_a_regressor_learns_a_state():
    encoder = make("regressor", space(16, 1), CORNERS)
    fit(encoder, squares(300, 0), 100)
    test = squares(200, 1)
    error = (encoder.perceive(test.observation)["state"] - test.labels["state"]).square().mean()
    assert error < 0.2 * test.labels["state"].var(dim=0).mean()
