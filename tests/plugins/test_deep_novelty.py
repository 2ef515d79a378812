"""The count bonus: exact for indices, shared by what looks alike, and saved."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from arena.storage.codec import decode, encode
from arena_deep.novelty import CountBonus

BOX = gym.spaces.Box(np.array([-1, -np.inf], np.float32), np.array([3, np.inf], np.float32))


def bonus(space, scale=1.0, seed=0):
    return CountBonus(space, scale, np.random.default_rng(seed))


def test_an_index_counts_for_itself():
    counts = bonus(gym.spaces.Discrete(5), 2.0)
    assert counts(np.array([3, 3, 1])).tolist() == pytest.approx([2, 2 / 2**0.5, 2])
    assert counts(np.array([3, 0])).tolist() == pytest.approx([2 / 3**0.5, 2])


def test_an_array_is_counted_with_what_lies_in_its_direction_from_the_middle():
    counts = bonus(BOX)
    first = np.array([[2.0, 0.5]], np.float32)
    middle = np.array([1.0, 0.0])
    assert counts(first) == [1.0]
    assert counts((middle + 2 * (first - middle)).astype(np.float32)) == pytest.approx([2**-0.5])
    assert counts((middle - (first - middle)).astype(np.float32)) == [1.0]


def test_bytes_and_one_hots_are_told_apart():
    frames = bonus(gym.spaces.Box(0, 255, (4, 4, 3), np.uint8))
    rng = np.random.default_rng(1)
    assert (frames(rng.integers(256, size=(20, 4, 4, 3)).astype(np.uint8)) == 1).mean() > 0.9
    rows = bonus(gym.spaces.Box(0, 1, (12,), np.float32))
    assert (rows(np.eye(12, dtype=np.float32)) == 1).mean() > 0.9


@pytest.mark.parametrize("space", [gym.spaces.Discrete(6), BOX])
def test_counts_survive_the_codec_whatever_the_seed(space):
    space.seed(0)
    seen = np.array([space.sample() for _ in range(40)])
    one, other = bonus(space), bonus(space, seed=7)
    one(seen)
    other(seen[:3])
    other.load_state_dict(decode(encode(one.state_dict())))
    np.testing.assert_array_equal(one(seen), other(seen))
