"""The recurrent autoencoder: its cell is torch's, and it remembers what one observation does not show."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from arena.encoders.base import Batch
from arena.encoders.functional import codes
from arena.random.generators import Generators
from arena_autoencoder.recurrent import RecurrentAE
from arena_gallery import probe

LENGTH = 12


def made(**options):
    space = gym.spaces.Box(-2, 2, (8,), np.float32)
    with Generators(0).lent("agent"):
        return RecurrentAE(space, RecurrentAE.Config(**{"latent": 16, "hidden_sizes": (32,), **options}))


def travellers(lanes, seed):
    """Something that travels a ring at a speed of its own, seen as a bump: what is seen, and the speeds."""
    random = np.random.default_rng(seed)
    speed, start = random.uniform(-0.6, 0.6, lanes), random.uniform(0, 2 * np.pi, lanes)
    angle = start + speed * np.arange(LENGTH)[:, None]
    places = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    return torch.from_numpy(np.cos(angle[..., None] - places).astype(np.float32)), speed


def test_a_step_is_torch_s_cell():
    encoder = made()
    cell = nn.GRUCell(encoder.cell.input_size, encoder.cell.hidden_size)
    for name, value in encoder.cell.state_dict().items():
        cell.state_dict()[name.removesuffix("_l0")].copy_(value)
    x, memory = torch.randn(5, 8), torch.randn(5, 16)
    with torch.no_grad():
        expected = cell(encoder.analysis(encoder.preprocess(x)), memory)
        after, code = encoder.step(memory, x)
    torch.testing.assert_close(after, expected)
    torch.testing.assert_close(code.mode, expected)


def test_nothing_is_forecast_across_the_end_of_an_episode():
    encoder = made(sigma=1.0)
    x, _ = travellers(4, 0)
    begin = torch.zeros(LENGTH, 4, dtype=torch.bool)
    begin[0] = begin[5, 2] = True
    with torch.no_grad():
        encoder.loss(Batch(x, begin=begin))
        expected = []
        for lane in range(4):
            memory = encoder.initial(1)
            for t in range(LENGTH - 1):
                memory = encoder.initial(1) if begin[t, lane] else memory
                memory, code = encoder.step(memory, x[t, lane : lane + 1])
                if not begin[t + 1, lane]:
                    told = encoder.predict(code.mode)
                    expected.append(-float(told.log_prob(x[t + 1, lane : lane + 1])))
    assert len(expected) == 4 * (LENGTH - 1) - 1
    assert float(encoder.metrics["prediction"]) == pytest.approx(np.mean(expected), rel=1e-5)


def test_it_learns_the_speed_that_no_observation_shows():
    encoder = made()
    adam = torch.optim.Adam(encoder.parameters(), 3e-3)
    with Generators(1).lent("agent"):
        for update in range(300):
            adam.zero_grad()
            encoder.loss(Batch(travellers(32, update)[0])).backward()
            adam.step()
    x, speed = travellers(400, 10_000)
    with torch.no_grad():
        remembered = encoder.unroll(encoder.initial(400), x)[1].mode[-1].numpy()
        alone = encoder.encode(x[-1]).mode.numpy()
    assert probe(remembered, speed).mean > 0.9
    assert probe(alone, speed).mean < 0.1


def test_codes_of_frames_in_order_follow_each_episode():
    encoder = made()
    frames, begin = travellers(7, 0)[0].flatten(0, 1), np.zeros(7 * LENGTH, np.bool_)
    begin[[0, 30, 31, 64]] = True
    found = codes(encoder, frames, begin=begin, batch_size=16)
    with torch.no_grad():
        for start, stop in zip([0, 30, 31, 64], [30, 31, 64, len(frames)], strict=True):
            memory = encoder.initial(1)
            for t in range(start, stop):
                memory, _ = encoder.step(memory, frames[t][None])
                np.testing.assert_allclose(found[t], memory[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(codes(encoder, frames[:1]), found[:1], rtol=1e-4, atol=1e-5)
