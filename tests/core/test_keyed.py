"""Counter-based random numbers: uniform, and different for every lane, episode and step."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy import stats

from arena.random.counter_based import below, fold, mix, uniform

N = 200_000


@njit
def sequence(key, n):
    numbers = np.empty(n, np.uint64)
    for i in range(n):
        numbers[i] = fold(key, i)
    return numbers


@njit
def uniforms(bits):
    numbers = np.empty(len(bits))
    for i in range(len(bits)):
        numbers[i] = uniform(bits[i])
    return numbers


@njit
def belows(bits, n):
    numbers = np.empty(len(bits), np.int64)
    for i in range(len(bits)):
        numbers[i] = below(bits[i], n)
    return numbers


@njit
def grid(lanes, episodes, steps):
    numbers = np.empty((lanes, episodes, steps), np.uint64)
    for i in range(lanes):
        key = mix(np.uint64(i))
        for j in range(episodes):
            episode = fold(key, j)
            for k in range(steps):
                numbers[i, j, k] = fold(episode, k)
    return numbers


@pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1])
def test_uniform(key):
    u = uniforms(sequence(np.uint64(key), N))
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / N)
    assert abs(u.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / N)
    assert stats.chisquare(np.histogram(u, 256, (0, 1))[0]).pvalue > 1e-4
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 5 / np.sqrt(N)


def test_uniform_never_reaches_one():
    assert uniform(np.uint64(2**64 - 1)) == 1 - 2**-53
    assert uniform(np.uint64(0)) == 0


@pytest.mark.parametrize("n", [1, 2, 3, 1000, 2**31 - 1])
def test_below(n):
    numbers = belows(sequence(np.uint64(7), N), n)
    assert numbers.min() >= 0
    assert numbers.max() < n
    if 1 < n <= 1000:
        assert stats.chisquare(np.bincount(numbers, minlength=n)).pvalue > 1e-4


def test_lanes_episodes_and_steps_do_not_collide():
    numbers = grid(64, 64, 64)
    assert len(np.unique(numbers)) == numbers.size
    u = uniforms(numbers.ravel()).reshape(numbers.shape)
    for axis in range(3):
        neighbours = np.moveaxis(u, axis, 0)
        assert abs(np.corrcoef(neighbours[:-1].ravel(), neighbours[1:].ravel())[0, 1]) < 5 / np.sqrt(u.size)
    # The first numbers of many episodes are uniform too, not only those of one.
    assert stats.chisquare(np.histogram(u[:, :, 0], 64, (0, 1))[0]).pvalue > 1e-4


def test_mix_is_splitmix64():
    """The published first outputs of SplitMix64 seeded with 1234567 (Vigna's reference implementation)."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [int(x) for x in sequence(np.uint64(1234567), 4)] == expected


def test_every_bit_avalanches():
    words = sequence(np.uint64(3), 500)
    for bit in range(64):
        changed = [int(mix(w)) ^ int(mix(w ^ np.uint64(1 << bit))) for w in words]
        flips = sum(x.bit_count() for x in changed) / len(changed)
        assert abs(flips - 32) < 1.5
