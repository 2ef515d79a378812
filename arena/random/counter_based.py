"""Counter-based random numbers for compiled code: a number is a pure function of a key and a counter.

Such a generator has no state to save, restore or share: step ``t`` of episode ``e`` in lane ``i`` of an environment
draws the same number whether the lane runs alone or in a vector, in one compiled call or one call per step, and after a
resume. Reseeding an episode costs one multiplication; a reseed through `numpy.random.default_rng` costs 50 µs.

The mixing function is the finalizer of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014; constants: Stafford's Mix13), whose sequence passes BigCrush.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from arena.storage import numba_cache

__all__ = ["below", "fold", "mix", "uniform"]

numba_cache.configure()  # here, since every compiled function of arena imports this module

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
SHIFT_11, SHIFT_27, SHIFT_30, SHIFT_31, SHIFT_32 = (np.uint64(n) for n in (11, 27, 30, 31, 32))
LOW_32 = np.uint64(0xFFFFFFFF)
UNIT = 2.0**-53


@njit(cache=True, inline="always")
def mix(bits):  # type: ignore[no-untyped-def]
    """Bijection of 64 bits in which every input bit changes every output bit with probability ≈ ½."""
    bits = np.uint64(bits)
    bits = (bits ^ (bits >> SHIFT_30)) * MIX_1
    bits = (bits ^ (bits >> SHIFT_27)) * MIX_2
    return bits ^ (bits >> SHIFT_31)


@njit(cache=True, inline="always")
def fold(key, counter):  # type: ignore[no-untyped-def]
    """64-bit number with index ``counter`` of the sequence of ``key``; also used to derive keys from a key."""
    return mix(np.uint64(key) + (np.uint64(counter) + np.uint64(1)) * GOLDEN)


@njit(cache=True, inline="always")
def uniform(bits):  # type: ignore[no-untyped-def]
    """Float64 in [0, 1) from the upper 53 of 64 random bits."""
    return np.float64(np.uint64(bits) >> SHIFT_11) * UNIT


@njit(cache=True, inline="always")
def below(bits, n):  # type: ignore[no-untyped-def]
    """Integer in [0, n) from the lower 32 of 64 random bits (Lemire's multiplication; n < 2³¹, bias < n/2³²)."""
    return np.int64(((np.uint64(bits) & LOW_32) * np.uint64(n)) >> SHIFT_32)
