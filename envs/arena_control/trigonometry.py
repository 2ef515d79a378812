"""Vectorizable sine and cosine: without branches and calls, within one unit in the last place.

Calls into the C library stop a loop over lanes from being vectorized, and cost more than the rest of a cart-pole's
step. These are fdlibm's polynomials (Sun Microsystems, k_sin.c and k_cos.c, 1993) behind Cody & Waite's argument
reduction with π/2 in two parts (33 and 53 bits), written with selections for branches. Every operation is rounded as
IEEE 754 says, so that a lane's bits do not depend on how many lanes there are.
"""

from __future__ import annotations

from math import pi

import numpy as np
from numba import njit

__all__ = ["sincos", "wrapped"]

TWO_OVER_PI = 6.36619772367581382433e-01
#: Adding and subtracting this number rounds a number below 2⁵¹ to an integer.
ROUND = 6755399441055744.0
PIO2_HIGH, PIO2_LOW = 1.57079632673412561417e00, 6.07710050650619224932e-11
S1, S2, S3 = -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04
S4, S5, S6 = 2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10
C1, C2, C3 = 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05
C4, C5, C6 = -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11


@njit(cache=True, forceinline=True)
def sincos(angle):  # type: ignore[no-untyped-def]
    """Sine and cosine of an angle in radians, for ``|angle| < 1e6``."""
    quarters = (angle * TWO_OVER_PI + ROUND) - ROUND
    high = angle - quarters * PIO2_HIGH
    low = quarters * PIO2_LOW
    r = high - low
    tail = (high - r) - low
    z = r * r
    cubic = z * r
    odd = S2 + z * (S3 + z * (S4 + z * (S5 + z * S6)))
    sine = r - ((z * (0.5 * tail - cubic * odd) - tail) - cubic * S1)
    even = z * (C1 + z * (C2 + z * (C3 + z * (C4 + z * (C5 + z * C6)))))
    half = 0.5 * z
    one = 1.0 - half
    cosine = one + (((1.0 - one) - half) + (z * even - r * tail))
    quadrant = quarters - 4.0 * np.floor(0.25 * quarters)
    crossed = (quadrant == 1.0) | (quadrant == 3.0)
    s, c = (cosine, sine) if crossed else (sine, cosine)
    return (-s if quadrant >= 2.0 else s), (-c if (quadrant == 1.0) | (quadrant == 2.0) else c)


@njit(cache=True, forceinline=True)
def wrapped(angle):  # type: ignore[no-untyped-def]
    """Angle wrapped to [−π, π)."""
    shifted = angle + pi
    return shifted - 2 * pi * np.floor(shifted / (2 * pi)) - pi
