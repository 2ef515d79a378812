"""Networks that tell what is where: sizes, skips, fc as convolution, and a gridworld's cells."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from arena.encoders.base import Batch
from arena_vision.alexnet import AlexNet
from arena_vision.fcn import FCN, as_convolution, bilinear
from arena_vision.segmentation import FCNEncoder, UNetEncoder, intersection_over_union
from arena_vision.unet import UNet


@pytest.mark.parametrize(("channels", "rows", "columns"), [(3, 4, 5), (2, 1, 1)])
def test_a_linear_layer_as_a_convolution_gives_equal_logits(channels, rows, columns):
    layer = torch.nn.Linear(channels * rows * columns, 7, dtype=torch.float64)
    convolution = as_convolution(layer, (channels, rows, columns))
    maps = torch.randn(2, channels, rows + 3, columns + 2, dtype=torch.float64)
    dense = convolution(maps)
    assert dense.shape == (2, 7, 4, 3)
    for i in range(4):
        for j in range(3):
            window = maps[:, :, i : i + rows, j : j + columns]
            torch.testing.assert_close(dense[:, :, i, j], layer(window.flatten(1)))


def test_a_convolutional_alexnet_is_alexnet_at_its_size_and_slides_over_more():
    torch.manual_seed(0)
    network = AlexNet((3, 224, 224), 1 / 32).eval().double()
    first, second = (layer for layer in network.hidden if isinstance(layer, torch.nn.Linear))
    maps = first.in_features // 36
    convolutions = torch.nn.Sequential(
        *(network.features, as_convolution(first, (maps, 6, 6)), torch.nn.ReLU()),
        *(as_convolution(second, (second.in_features, 1, 1)), torch.nn.ReLU()),
    )
    x = torch.rand(1, 3, 224, 224, dtype=torch.float64)
    torch.testing.assert_close(convolutions(x).flatten(1), network(x))
    assert convolutions(torch.rand(1, 3, 288, 256, dtype=torch.float64)).shape == (1, network.width, 3, 2)


def test_bilinear_transposed_convolution_interpolates():
    x = torch.rand(1, 1, 5, 6, dtype=torch.float64)
    kernel = bilinear(2).double()[None, None]
    found = torch.nn.functional.conv_transpose2d(x, kernel, stride=2, padding=1)
    expected = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(found[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2])  # they differ at the border


def test_fcn_begins_with_its_coarsest_scores():
    torch.manual_seed(0)
    network, x = FCN(3, 4, channels=4), torch.rand(1, 3, 16, 16)
    before = network(x)
    torch.nn.init.normal_(network.skips[0].weight)
    assert not torch.equal(network(x), before)
    torch.nn.init.zeros_(network.skips[0].weight)
    assert torch.equal(network(x), before)


def test_unet_of_the_paper_makes_388_of_572():
    with torch.device("meta"):
        network = UNet(1, 2)
        assert network(torch.empty(1, 1, 572, 572)).shape == (1, 2, 388, 388)
        bottom, skips = network.contract(torch.empty(1, 1, 572, 572))
    assert bottom.shape == (1, 1024, 28, 28)
    assert [kept.shape[1:] for kept, _ in skips] == [
        *((64, 568, 568), (128, 280, 280)),
        *((256, 136, 136), (512, 64, 64)),
    ]


@pytest.mark.parametrize("upsampling", [None, "nearest", "nails", "max"])
def test_zeroing_a_skip_changes_the_output(upsampling):
    torch.manual_seed(0)
    network = UNet(3, 4, channels=4, depth=3, padding=True, upsampling=upsampling)
    with torch.no_grad():
        bottom, skips = network.contract(torch.rand(1, 3, 16, 24))
        whole = network.expand(bottom, skips)
        assert whole.shape == (1, 4, 16, 24)
        for i in range(3):
            less = [(kept * 0 if j == i else kept, switches) for j, (kept, switches) in enumerate(skips)]
            assert not torch.allclose(network.expand(bottom, less), whole)


@pytest.mark.parametrize("make", [UNet, FCN])
@pytest.mark.parametrize("sides", [(1, 1), (5, 7), (13, 13), (16, 8)])
def test_maps_are_as_large_as_frames(make, sides):
    options = {"padding": True} if make is UNet else {}
    network = make(3, 4, channels=4, depth=2, **options)
    assert network(torch.rand(2, 3, *sides)).shape == (2, 4, *sides)


def test_intersection_over_union_by_hand():
    target, found = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 1, 2])
    # 1 of 2, 2 of 3, 1 of 1; the fourth class occurs nowhere.
    assert intersection_over_union(found, target, 4).item() == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert intersection_over_union(target, target, 9).item() == 1


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def rooms():
    """Frames of four rooms and the class of every cell; the last frames show the walker where no other frame does."""
    import arena_gridworld  # noqa: F401  registers it

    with gym.make("arena/FourRooms-v0", observation="pixels", tile_size=2, labels=("semantic",)) as env:
        world = env.unwrapped.world
        states = np.random.default_rng(0).permutation(world.num_states)
        label = world.labels(("semantic",))
        frames = np.empty((len(states), *env.observation_space.shape), np.uint8)
        world.observer("pixels", tile_size=2).observe(states, frames)
        spaces = {"semantic": label.spaces["semantic"]}
        return env.observation_space, spaces, torch.tensor(frames), torch.tensor(label(states)["semantic"])


@pytest.mark.parametrize(
    ("make", "steps", "learning_rate"), [(UNetEncoder, 80, 0.01), (FCNEncoder, 100, 0.02)]
)
def test_it_segments_a_gridworlds_frames(rooms, make, steps, learning_rate):
    space, labels, frames, cells = rooms
    torch.manual_seed(0)
    encoder = make(space, make.Config(channels=8), labels)
    optimiser = torch.optim.Adam(encoder.parameters(), lr=learning_rate)
    seen = len(frames) - 20
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * (1 - step / steps)
        rows = torch.randint(seen, (16,))
        optimiser.zero_grad()
        encoder.loss(Batch(frames[rows], {"semantic": cells[rows]})).backward()
        optimiser.step()
    with torch.no_grad():
        found = encoder.perceive(frames[seen:])["semantic"]
    assert found.shape == cells[seen:].shape
    assert found.dtype == cells.dtype
    iou = intersection_over_union(found, cells[seen:], encoder.classes)
    assert iou > 0.75, "missing the walker alone leaves less than a half"
