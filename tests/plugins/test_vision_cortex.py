"""The models of the visual cortex: what their cells answer to, and what they forgive."""

import math

import numpy as np
import pytest
import torch
from skimage.filters import gabor_kernel

from arena_vision.gabor import ASPECT, gabor, scale
from arena_vision.hmax import C1, HMAX, S1, S2
from arena_vision.neocognitron import CCells, Neocognitron, SCells


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def trained():
    """S-cells of which one plane has learned the middle of a frame."""
    cells = SCells(inputs=2, planes=4, threshold=0.7, size=3)
    pattern = torch.zeros(1, 2, 9, 9)
    pattern[..., 3:6, 3:6] = torch.rand(2, 3, 3)
    cells.reinforce(pattern)
    return cells, pattern


def areas(patches):
    """Frames of one area each."""
    frames = torch.zeros(len(patches), 2, 9, 9)
    frames[..., 3:6, 3:6] = patches
    return frames


def test_an_s_cell_is_maximal_on_its_trained_pattern(trained):
    cells, pattern = trained
    learned = cells.a.flatten(1).any(dim=1).nonzero().flatten().tolist()
    assert learned == [0], "one frame, and nobody answered: one new plane"
    answer = cells(pattern)[0, 0]
    assert answer.max().item() == pytest.approx(1)
    place = divmod(int(answer.argmax()), 9)
    own = torch.nn.functional.unfold(pattern, 3, padding=1)[0][:, place[0] * 9 + place[1]].view(2, 3, 3)
    centre = lambda patches: cells(areas(patches))[:, 0, 4, 4]
    others = torch.rand(2000, 2, 3, 3)
    assert centre(others).max() < 1
    assert centre(own[None]).item() == pytest.approx(1)
    assert centre(7 * own[None]).item() == pytest.approx(1), "contrast does not matter"
    near = centre(own + 0.1 * torch.rand(50, 2, 3, 3))
    assert (near < 1).all()
    assert near.min() > 0.5, "and what is nearly that is nearly as good"


def test_planes_that_have_learned_nothing_are_silent_and_learn_what_nobody_answers_to(trained):
    cells, pattern = trained
    assert not cells(pattern)[:, 1:].any()
    before = cells.a.clone()
    other = torch.zeros_like(pattern)
    other[0, 0, 4, 4] = 1
    cells.reinforce(other)
    assert torch.equal(cells.a[0], before[0]), "what another plane learned stays"
    assert cells.a[1].any()
    for _ in range(3):
        cells.reinforce(other)
    assert cells(other)[0, 1].max() > 0.95


def test_silence_teaches_nothing(trained):
    cells, pattern = trained
    before = cells.a.clone()
    cells.reinforce(torch.zeros_like(pattern))
    assert torch.equal(cells.a, before)
    assert not cells(torch.zeros_like(pattern)).any()


def test_a_c_cell_is_unchanged_under_a_shift_within_its_pool():
    cells, answers = CCells(pool=3), []
    # Every other place has a pool: this one is of the places 3 to 5 in both directions.
    for shift in (-1, 0, 1):
        stimulus = torch.zeros(1, 3, 9, 9)
        stimulus[0, 1, 4 + shift, 4] = 0.8
        answers.append(cells(stimulus)[0, :, 2, 2])
    assert answers[0][1] > 0
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])
    away = torch.zeros(1, 3, 9, 9)
    away[0, 1, 7, 4] = 0.8
    assert not cells(away)[0, :, 2, 2].any()


def test_lateral_inhibition_leaves_what_is_above_the_mean():
    stimulus = torch.zeros(1, 2, 3, 3)
    stimulus[0, :, 1, 1] = torch.tensor([1.0, 0.2])
    answer = CCells(pool=3)(stimulus)[0]
    assert (answer[0] > 0).any()
    assert not answer[1].any()


def test_neocognitron_learns_alone_and_keeps_what_it_learned_in_its_state():
    network = Neocognitron((1, 12, 12), planes=(6, 8))
    frames = (torch.rand(20, 1, 12, 12) > 0.7).to(torch.float64)
    assert not network(frames).any()
    network.learn(frames)
    assert not list(network.parameters())
    codes = network(frames)
    assert codes.shape == (20, network.width)
    assert len(torch.unique(codes, dim=0)) == 20
    twin = Neocognitron((1, 12, 12), planes=(6, 8))
    twin.load_state_dict(network.state_dict())
    assert torch.equal(twin(frames), codes)


@pytest.mark.parametrize("size", [7, 13, 37])
@pytest.mark.parametrize("orientation", range(4))
def test_gabors_are_skimages(size, orientation):
    theta, (sigma, wavelength) = math.pi * orientation / 4, scale(size)
    kernel = gabor_kernel(
        1 / wavelength, theta=theta, sigma_x=sigma, sigma_y=sigma / ASPECT, n_stds=8, dtype=np.complex128
    ).real
    kernel = kernel * (2 * math.pi * sigma * sigma / ASPECT)  # skimage's windows have the area 1
    rows, columns = (slice((side - size) // 2, (side + size) // 2) for side in kernel.shape)
    np.testing.assert_allclose(gabor(size, theta, sigma, wavelength), kernel[rows, columns], atol=1e-12)


def test_s1_does_not_depend_on_light_or_contrast():
    s1, grey = S1(7), torch.rand(1, 1, 20, 20)
    inner = (..., slice(3, -3), slice(3, -3))
    torch.testing.assert_close(s1(5 * grey)[inner], s1(grey)[inner])
    matched = torch.nn.functional.conv2d(grey + 3, s1.filters)
    torch.testing.assert_close(matched, torch.nn.functional.conv2d(grey, s1.filters))
    filter_itself = torch.zeros(1, 1, 20, 20)
    filter_itself[..., 6:13, 6:13] = s1.filters[2]
    answer = s1(filter_itself)
    assert answer.max().item() == pytest.approx(1)
    assert answer[0, :, 9, 9].argmax() == 2


def test_c1_is_the_maximum_over_position_and_scale():
    scales = [torch.rand(2, 4, 20, 24) for _ in range(2)]
    found = C1(8)(scales)
    assert found.shape == (2, 4, 4, 5)
    for i in range(4):
        for j in range(5):
            window = [one[..., 4 * i : 4 * i + 8, 4 * j : 4 * j + 8] for one in scales]
            assert torch.equal(found[..., i, j], torch.stack(window).amax(dim=(0, 3, 4)))


def test_s2_is_one_at_its_prototype_and_less_elsewhere():
    s2, c1 = S2(3, 4), torch.rand(1, 4, 9, 9)
    s2.prototypes[1] = c1[0, :, 2:6, 3:7]
    answer = s2(c1)[0]
    assert answer[1, 2, 3].item() == pytest.approx(1, abs=1e-12)
    elsewhere = answer[1].clone()
    elsewhere[2, 3] = 0
    assert elsewhere.max() < 1
    distance = (c1[0, :, 1:5, 1:5] - s2.prototypes[0]).square().sum()
    assert answer[0, 1, 1].item() == pytest.approx(math.exp(-distance.item() / 2))


def test_c2_finds_an_imprinted_prototype_wherever_it_is():
    network = HMAX((1, 40, 40), prototypes=5, bands=3)
    frames = torch.rand(3, 1, 40, 40)
    network.learn(frames)
    assert network.imprinted == 3
    code = network(frames)
    torch.testing.assert_close(code[:, :3].diagonal(), torch.ones(3))
    network.learn(frames)
    assert network.imprinted == 5, "and no more than there are"
    kept = network.s2.prototypes.clone()
    network.learn(frames)
    assert torch.equal(network.s2.prototypes, kept)
    # A shift by C1's step moves its cells, and C2 is their maximum.
    wide = torch.zeros(1, 1, 84, 84)
    wide[..., 26:54, 26:54] = frames[:1, :, :28, :28]
    big = HMAX((1, 84, 84), prototypes=5, bands=1)
    big.s2.load_state_dict(network.s2.state_dict())
    torch.testing.assert_close(big(wide), big(torch.roll(wide, (4, 4), dims=(2, 3))))


@pytest.mark.parametrize(("side", "bands"), [(20, 1), (32, 3), (64, 8)])
def test_hmax_has_the_bands_that_fit(side, bands):
    network = HMAX((3, side, side), prototypes=2, bands=8)
    assert len(network.c1) == bands
    assert all(min(maps.shape[2:]) >= 4 for maps in network.bands(torch.rand(1, 3, side, side)))
