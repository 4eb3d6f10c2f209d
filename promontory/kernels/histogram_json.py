"""Native histograms in Prometheus' JSON, and rows in which floats and histograms stand side by side.

    {"metric":{…},"values":[[1500,"1"]],"histograms":[[1515,{"count":"6","sum":"9.5","buckets":[[0,"1","2","6"]]}]]},
    {"metric":{…},"histogram":[1515,{"count":"0","sum":"0"}]},

A bucket is [rule, lower, upper, count]: rule 0 is open on the left, 1 open on the right, 2 open and 3 closed on both
sides. Buckets rise with their values, empty ones are left out. The numbers of all histograms are laid out first:

    count  sum  lower upper count rule  lower upper count rule  …  │  count  sum  …
    └ start[0]                                                        └ start[1]

Source: Prometheus 3.14, util/jsonutil/marshal.go (MarshalHistogram), web/api/v1/json_codec.go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.digits import OVERRUN_BYTES, write_seconds
from promontory.kernels.histogram_bounds import CUSTOM_SCHEMA, FRACTIONS, POSITIVE, bucket_bounds, outside_zero
from promontory.kernels.json import CLOSE, COMMA, OPEN, QUOTE, copy_bytes, write_value
from promontory.kernels.shortest import Powers

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

# What stands between the numbers of a histogram, one text after the other, and where each begins.
WORDS = b'{"metric":{"count":,"sum":,"buckets":['
WORD_START = np.array([0, 10, 19, 26, 38], np.int64)
# Of a histogram: its words, two numbers in quotes, the time in its brackets, digits beyond the end. Of a bucket:
# four numbers' room.
HISTOGRAM_BYTES = 28 + 2 * 28 + 12 + OVERRUN_BYTES
BUCKET_BYTES = 3 * 28 + 6


@kernel("int64(float64[::1], int64, float64, float64, float64, int64)")
def put_bucket(numbers: Floats, place: int, lower: float, upper: float, count: float, rule: int) -> int:
    """Lay out one bucket; return the place after it."""
    numbers[place] = lower
    numbers[place + 1] = upper
    numbers[place + 2] = count
    numbers[place + 3] = rule
    return place + 4


@kernel(
    f"int64(int8[::1], float64[::1], float64[::1], float64[::1], float64[::1], int64[::1], int32[::1], float64[::1],"
    f" {FRACTIONS}, int32[::1], int64[::1], float64[::1], int64[::1], float64[::1])"
)
def lay_out_histograms(
    schema: NDArray[np.int8],
    zero_threshold: Floats,
    zero_count: Floats,
    count: Floats,
    total: Floats,
    bucket_start: Longs,
    bucket_key: NDArray[np.int32],
    bucket_count: Floats,
    fractions: Floats,
    bounds_row: NDArray[np.int32],
    bounds_start: Longs,
    bounds: Floats,
    start: Longs,
    numbers: Floats,
) -> int:
    """Lay out the numbers of each histogram; `start` int64[h + 1] says where, with room for a zero bucket if any."""
    for i in range(len(schema)):
        place = start[i]
        numbers[place] = count[i]
        numbers[place + 1] = total[i]
        place += 2
        is_custom = schema[i] == CUSTOM_SCHEMA
        first, last = bounds_start[bounds_row[i]], bounds_start[bounds_row[i] + 1]
        waits = zero_count[i] > 0.0
        for j in range(bucket_start[i], bucket_start[i + 1]):
            if waits and bucket_key[j] > 0:
                waits = False
                place = put_bucket(numbers, place, -zero_threshold[i], zero_threshold[i], zero_count[i], 3)
            key = int(bucket_key[j])
            lower, upper = bucket_bounds(key, int(schema[i]), fractions, bounds, first, last)
            lower_inclusive = key == POSITIVE if is_custom else lower < 0.0
            upper_inclusive = is_custom or upper > 0.0
            open_above = 1 if lower_inclusive else 2
            rule = (3 if lower_inclusive else 0) if upper_inclusive else open_above
            lower, upper = outside_zero(lower, upper, zero_threshold[i])
            place = put_bucket(numbers, place, lower, upper, bucket_count[j], rule)
        if waits:
            place = put_bucket(numbers, place, -zero_threshold[i], zero_threshold[i], zero_count[i], 3)
    return 0


@kernel("int64(float64, uint64, uint64[:, ::1], uint8[::1], int64)")
def write_quoted(value: float, bits: int, powers: Powers, out: Bytes, position: int) -> int:
    """Write one value in quotes; return the position after it."""
    out[position] = QUOTE
    position = write_value(value, bits, powers, out, position + 1)
    out[position] = QUOTE
    return position + 1


@kernel("int64(float64[::1], uint64[::1], int64, int64, octets, int64[::1], uint64[:, ::1], uint8[::1], int64)")
def write_histogram(
    numbers: Floats,
    bits: NDArray[np.uint64],
    first: int,
    end: int,
    words: Bytes,
    word_start: Longs,
    powers: Powers,
    out: Bytes,
    position: int,
) -> int:
    """Write the histogram that numbers[first:end] hold; return the position after it. `bits` are the numbers' own."""
    position = copy_bytes(words, word_start[1], word_start[2], out, position)
    position = write_quoted(numbers[first], bits[first], powers, out, position)
    position = copy_bytes(words, word_start[2], word_start[3], out, position)
    position = write_quoted(numbers[first + 1], bits[first + 1], powers, out, position)
    if first + 2 < end:
        position = copy_bytes(words, word_start[3], word_start[4], out, position)
        for j in range(first + 2, end, 4):
            out[position] = OPEN
            out[position + 1] = 0x30 + int(numbers[j + 3])
            position += 2
            for part in range(j, j + 3):
                out[position] = COMMA
                position = write_quoted(numbers[part], bits[part], powers, out, position + 1)
            out[position] = CLOSE
            out[position + 1] = COMMA
            position += 2
        out[position - 1] = CLOSE
    out[position] = 0x7D
    return position + 1


@kernel(
    "int64(octets, octets, octets, int64[::1], octets, int64[::1], int64[::1], int64[::1],"
    " float64[::1], uint64[::1], int32[::1], int64[::1], float64[::1], uint64[::1], uint64[:, ::1], int64, uint8[::1])"
)
def write_mixed_rows(
    float_key: Bytes,
    histogram_key: Bytes,
    words: Bytes,
    word_start: Longs,
    labels: Bytes,
    labels_start: Longs,
    row_start: Longs,
    times_ms: Longs,
    values: Floats,
    bits: NDArray[np.uint64],
    histogram: NDArray[np.int32],
    start: Longs,
    numbers: Floats,
    number_bits: NDArray[np.uint64],
    powers: Powers,
    brackets: int,
    out: Bytes,
) -> int:
    """Write each row that has a sample, floats first; return the length.

    As `write_rows`, with `histogram` int32[m], which of the histograms laid out from start[i] on sample j is, -1 for
    a float. The keys are `,"values":` and `,"histograms":`, or `,"value":` and `,"histogram":` without brackets.
    """
    position = 0
    for row in range(len(row_start) - 1):
        if row_start[row] == row_start[row + 1]:
            continue
        position = copy_bytes(words, word_start[0], word_start[1], out, position)
        position = copy_bytes(labels, labels_start[row], labels_start[row + 1], out, position)
        for turn in range(2):
            written = 0
            for j in range(row_start[row], row_start[row + 1]):
                if (histogram[j] >= 0) != (turn == 1):
                    continue
                if written == 0:
                    key = histogram_key if turn == 1 else float_key
                    position = copy_bytes(key, 0, len(key), out, position)
                    if brackets:
                        out[position] = OPEN
                        position += 1
                written += 1
                out[position] = OPEN
                position = write_seconds(times_ms[j], out, position + 1)
                out[position] = COMMA
                position += 1
                if turn == 1:
                    i = histogram[j]
                    position = write_histogram(
                        numbers, number_bits, start[i], start[i + 1], words, word_start, powers, out, position
                    )
                else:
                    position = write_quoted(values[j], bits[j], powers, out, position)
                out[position] = CLOSE
                out[position + 1] = COMMA
                position += 2
            if written > 0:
                position -= 1
                if brackets:
                    out[position] = CLOSE
                    position += 1
        out[position] = 0x7D
        out[position + 1] = COMMA
        position += 2
    return position
