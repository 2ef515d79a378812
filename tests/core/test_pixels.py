"""Observations as networks read them, and back."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from arena.encoders.preprocessing import Numbers, image_shape, observations
from arena.errors import ArenaError

SPACES = {
    "frame": (gym.spaces.Box(0, 255, (6, 5, 3), np.uint8), (3, 6, 5)),
    "stack": (gym.spaces.Box(0, 255, (4, 6, 5), np.uint8), (4, 6, 5)),
    "few levels": (gym.spaces.Box(0, 16, (8, 8, 1), np.uint8), (1, 8, 8)),
    "vector": (gym.spaces.Box(-2, 2, (3,), np.float32), None),
    "bytes": (gym.spaces.Box(0, 1, (7,), np.uint8), None),
}


@pytest.mark.parametrize("name", SPACES)
def test_there_and_back(name):
    space, image = SPACES[name]
    assert image_shape(space) == image
    space.seed(0)
    seen = torch.from_numpy(np.stack([space.sample() for _ in range(5)]))
    numbers = Numbers(space)
    read = numbers(seen)
    assert read.dtype == torch.float32
    assert read.shape == (5, *numbers.shape)
    if space.dtype == np.uint8:
        assert read.max() <= 1
    back = observations(read, space)
    assert back.dtype == seen.dtype
    assert torch.equal(back, seen)


def test_what_is_beyond_the_space_is_brought_into_it():
    frame, vector = SPACES["frame"][0], SPACES["vector"][0]
    assert observations(torch.tensor([-0.5, 0.501, 1.5]).view(3, 1, 1).expand(3, 6, 5), frame)[
        0, 0
    ].tolist() == [
        0,
        128,
        255,
    ]
    assert observations(torch.tensor([-9.0, 0.5, 9.0]), vector).tolist() == [-2, 0.5, 2]


def test_an_index_is_no_array():
    with pytest.raises(ArenaError, match=r"cannot read observations of Discrete\(3\)"):
        Numbers(gym.spaces.Discrete(3))
