"""The shortest decimal of a float64: the fewest digits that read back as the same number, the nearest of these.

    value = +- c * 2**q        the number and the two middles to its neighbours, as 4c, 4c - 2 (or 4c - 1) and 4c + 2
    times a power of ten       10**-k, 128 bits rounded up, so that the three become numbers of about 17 digits
    odd remainders kept        comparing the scaled middles is exact

Source: R. Giulietti, "The Schubfach way to render doubles" (2020), sections 8 and 9. Python's `repr` has the same
digits.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import intrinsic, kernel
from promontory.kernels.memory import wrap64

Powers = NDArray[np.uint64]

SMALLEST_POWER = -292
LARGEST_POWER = 324
FRACTION_MASK = (1 << 52) - 1
HIDDEN_BIT = 1 << 52
EXPONENT_BIAS = 1075
SUBNORMAL_EXPONENT = -1074


def _build_multiply_high() -> Any:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic as numba_intrinsic

    @numba_intrinsic
    def multiply(typing_context, left, right):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
            wide = ir.IntType(128)
            product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
            return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

        return types.uint64(types.uint64, types.uint64), generate

    return multiply


@intrinsic(_build_multiply_high)
def multiply_high(left: int, right: int) -> int:
    """Return the upper 64 bits of the product of two unsigned 64-bit numbers."""
    return (int(left) * int(right)) >> 64


@functools.cache
def powers_of_ten() -> Powers:
    """Return uint64[617, 2]: the upper and lower half of 10**e in 128 bits, rounded up, for e from -292 to 324."""
    table = np.empty((LARGEST_POWER - SMALLEST_POWER + 1, 2), np.uint64)
    for row, exponent in enumerate(range(SMALLEST_POWER, LARGEST_POWER + 1)):
        shift = 127 - ((exponent * 1_741_647) >> 19)
        if exponent >= 0:
            power = 10**exponent << shift if shift >= 0 else -(-(10**exponent) >> -shift)
        else:
            power = -(-(1 << shift) // 10**-exponent)
        table[row] = power >> 64, power & 0xFFFFFFFFFFFFFFFF
    return table


@kernel("uint64(uint64, uint64, uint64)")
def scale_to_odd(high: int, low: int, number: int) -> int:
    """Return number * (high, low) / 2**128, its lowest bit set where anything was cut off."""
    middle = wrap64(high * number)
    total = wrap64(middle + multiply_high(low, number))
    top = multiply_high(high, number)
    if total < middle:
        top = wrap64(top + wrap64(1))
    return top | wrap64(1) if total > wrap64(1) else top


@kernel("UniTuple(int64, 2)(uint64, uint64[:, ::1])")
def shorten(bits: int, powers: Powers) -> tuple[int, int]:
    """Return digits and exponent, value = digits * 10**exponent, of a finite positive float64 given as its bits.

    The digits may end in zeros. `powers` is powers_of_ten().
    """
    fraction = wrap64(bits) & wrap64(FRACTION_MASK)
    biased = int(wrap64(bits) >> wrap64(52)) & 0x7FF
    significand = fraction | wrap64(HIDDEN_BIT) if biased else fraction
    exponent = biased - EXPONENT_BIAS if biased else SUBNORMAL_EXPONENT
    is_closer_below = fraction == wrap64(0) and biased > 1
    power = (exponent * 1_262_611 - (524_031 if is_closer_below else 0)) >> 22
    shift = wrap64(exponent + ((-power * 1_741_647) >> 19) + 1)
    high = wrap64(powers[-power - SMALLEST_POWER, 0])
    low = wrap64(powers[-power - SMALLEST_POWER, 1])
    centre = wrap64(significand << wrap64(2))
    lower = scale_to_odd(high, low, wrap64((centre - wrap64(1 if is_closer_below else 2)) << shift))
    value = scale_to_odd(high, low, wrap64(centre << shift))
    upper = scale_to_odd(high, low, wrap64((centre + wrap64(2)) << shift))
    if significand & wrap64(1):
        lower = wrap64(lower + wrap64(1))
        upper = wrap64(upper - wrap64(1))
    digits = value >> wrap64(2)
    if digits >= wrap64(10):
        fewer = digits // wrap64(10)
        floor = wrap64(fewer * wrap64(40))
        is_floor_inside = lower <= floor
        is_ceiling_inside = wrap64(floor + wrap64(40)) <= upper
        if is_floor_inside != is_ceiling_inside:
            return int(fewer) + (1 if is_ceiling_inside else 0), power + 1
    floor = wrap64(digits << wrap64(2))
    is_floor_inside = lower <= floor
    is_ceiling_inside = wrap64(floor + wrap64(4)) <= upper
    if is_floor_inside != is_ceiling_inside:
        return int(digits) + (1 if is_ceiling_inside else 0), power
    middle = wrap64(floor + wrap64(2))
    rounds_up = value > middle or (value == middle and (digits & wrap64(1)) == wrap64(1))
    return int(digits) + (1 if rounds_up else 0), power
