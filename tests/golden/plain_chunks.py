"""Every chunk encoding read in plain Python, bit after bit: no line of the kernels, so that these may be checked.

promtool 2.42 reads neither custom bounds nor XOR2 nor start times; this does. Layouts: docs/formats/chunks.md.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from promontory.model.histograms import ResetHint
from promontory.testing.histogram_values import HistogramValue
from tests.golden.chunks import GoldenSample

STALE = 0x7FF0000000000002
# Prefix of a varbit number to the bits that follow it.
VARBITS = {"0": 0, "10": 3, "110": 6, "1110": 9, "11110": 12, "111110": 18, "1111110": 25, "11111110": 56}
XOR_STEPS = {"0": 0, "10": 14, "110": 17, "1110": 20, "1111": 64}
XOR2_STEPS = {"110": 13, "1110": 20, "11110": 64}


def signed(number: int) -> int:
    """Return a number as Go's int64 has it."""
    return (number + 2**63) % 2**64 - 2**63


def to_float(bits: int) -> float:
    """Return the float of 64 bits."""
    value: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    return value


class Bits:
    """Takes numbers off a chunk from the front; an AssertionError where it has no more."""

    def __init__(self, data: bytes) -> None:
        self._digits = "".join(f"{octet:08b}" for octet in data)
        self._at = 0

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        self._at += count
        assert self._at <= len(self._digits), "the chunk has no more bits"
        return int("0" + self._digits[self._at - count : self._at], 2)

    def prefix(self, known: dict[str, int] | frozenset[str]) -> str:
        """Return the one of the known prefixes that comes next."""
        found = ""
        while found not in known:
            found += str(self.take(1))
            assert len(found) <= 8
        return found

    def uvarint(self) -> int:
        """Return a number of seven bits a byte."""
        word = shift = 0
        while (octet := self.take(8)) >= 128:
            word |= (octet - 128) << shift
            shift += 7
        return word | octet << shift

    def varint(self) -> int:
        """Return a zig-zag number."""
        word = self.uvarint()
        return -(word + 1) // 2 if word % 2 else word // 2

    def varbit(self) -> int:
        """Return a signed varbit number."""
        return self._centred(VARBITS[prefix]) if (prefix := self._varbit_prefix()) in VARBITS else signed(self.take(64))

    def varbit_unsigned(self) -> int:
        """Return an unsigned varbit number."""
        prefix = self._varbit_prefix()
        return self.take(VARBITS.get(prefix, 64))

    def xor_step(self) -> int:
        """Return the delta of delta of an XOR chunk."""
        size = XOR_STEPS[self.prefix(XOR_STEPS)]
        return signed(self.take(64)) if size == 64 else self._centred(size)

    def _varbit_prefix(self) -> str:
        return self.prefix(frozenset([*VARBITS, "11111111"]))

    def _centred(self, size: int) -> int:
        number = self.take(size)
        return number - 2**size if size and number > 2 ** (size - 1) else number


class Xored:
    """A float that moves on by the bits that differ."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self._leading, self._size = 0, 64

    def read(self, source: Bits) -> int:
        """Move on by a field of an XOR chunk; return the bits."""
        prefix = source.prefix(frozenset(["0", "10", "11"]))
        return self.bits if prefix == "0" else self.move(source, new=prefix == "11")

    def move(self, source: Bits, *, new: bool) -> int:
        """Move on by the bits of a window, a new one or that which is open; return the bits."""
        if new:
            self._leading = source.take(5)
            self._size = source.take(6) or 64
        self.bits ^= source.take(self._size) << (64 - self._leading - self._size)
        return self.bits


class Starts:
    """The start times that stand behind samples."""

    def __init__(self, flags: int) -> None:
        self._known, self._changes_at = flags >= 128, flags % 128
        self._start_ms = self._difference = 0

    def read(self, source: Bits, *, number: int, time_ms: int, before_ms: int) -> int:
        """Return the start time of sample `number`."""
        if number == 0 and self._known:
            self._start_ms = signed(time_ms - source.varint())
        elif self._changes_at and number >= self._changes_at:
            change = source.varbit()
            self._difference = change if number == self._changes_at else signed(self._difference + change)
            self._start_ms = signed(before_ms - self._difference)
        return self._start_ms


def read_plain(encoding: int, data: bytes) -> list[GoldenSample]:
    """Return the samples of a chunk of one of the encodings 1 to 6."""
    return READERS[encoding](data)


def split_plain(data: bytes) -> list[tuple[int, bytes] | None]:
    """Return (encoding, chunk) of count, sum, min, max and counter of an aggregate chunk, None for those not there."""
    parts: list[tuple[int, bytes] | None] = []
    while data:
        source = Bits(data[:10])
        size = source.uvarint()
        head = max((size.bit_length() + 6) // 7, 1)
        if size:
            body = data[head + 1 : head + 1 + size]
            assert len(body) == size
            parts.append((data[head], body))
            head += 1 + size
        else:
            parts.append(None)
        data = data[head:]
    assert len(parts) in (4, 5)
    return parts + [None] * (5 - len(parts))


def _read_xor(data: bytes) -> list[GoldenSample]:
    source = Bits(data[2:])
    found: list[GoldenSample] = []
    time_ms = delta_ms = 0
    value = Xored(0)
    for number in range(int.from_bytes(data[:2], "big")):
        if number == 0:
            time_ms, value = source.varint(), Xored(source.take(64))
        else:
            delta_ms = source.uvarint() if number == 1 else delta_ms + source.xor_step()
            time_ms = signed(time_ms + delta_ms)
            value.read(source)
        found.append(GoldenSample(time_ms, 0, value.bits, None))
    return found


def _read_xor2(data: bytes) -> list[GoldenSample]:
    source, starts = Bits(data[3:]), Starts(data[2])
    found: list[GoldenSample] = []
    time_ms = delta_ms = bits = 0
    value = Xored(0)
    for number in range(int.from_bytes(data[:2], "big")):
        before_ms, control = time_ms, "value"
        if number == 0:
            time_ms, bits = source.varint(), source.take(64)
            value = Xored(0 if bits == STALE else bits)
        elif number == 1:
            delta_ms = source.uvarint()
        else:
            control = source.prefix(frozenset(["0", "10", *XOR2_STEPS, "11111"]))
        if size := XOR2_STEPS.get(control, 0):
            change = source.take(size)
            delta_ms += change - 2**size if change >= 2 ** (size - 1) else change
        if number > 0:
            time_ms = signed(time_ms + delta_ms)
            bits = _move_xor2(source, control, value)
        start_ms = starts.read(source, number=number, time_ms=time_ms, before_ms=before_ms)
        found.append(GoldenSample(time_ms, start_ms, bits, None))
    return found


def _move_xor2(source: Bits, control: str, value: Xored) -> int:
    if control == "0":
        return value.bits
    if control == "11111":
        return STALE
    if control == "10":
        return value.move(source, new=source.take(1) == 1)
    prefix = source.prefix(frozenset(["0", "10", "110", "111"]))
    if prefix == "111":
        return STALE
    return value.bits if prefix == "0" else value.move(source, new=prefix == "110")


def _read_histograms(data: bytes, *, floats: bool, with_starts: bool) -> list[GoldenSample]:
    count, header, starts = int.from_bytes(data[:2], "big"), data[2] >> 6, Starts(0)
    if with_starts:
        count, header, starts = count % 2**14, data[0] >> 6, Starts(data[2])
    if count == 0:
        return []
    source = Bits(data[3:])
    threshold = _read_threshold(source)
    schema = source.varbit()
    positive, negative = _read_spans(source), _read_spans(source)
    bounds = tuple(_read_bound(source) for _ in range(source.varbit_unsigned())) if schema == -53 else ()
    read = _read_floats(source, positive, negative) if floats else _read_integers(source, positive, negative)
    found: list[GoldenSample] = []
    time_ms = delta_ms = 0
    for number in range(count):
        before_ms = time_ms
        delta_ms = source.varbit() if number == 0 else signed(delta_ms + source.varbit())
        time_ms = signed(time_ms + delta_ms)
        if number == 0:
            delta_ms = 0
        total, zeros, sum_bits, counts = read(number)
        start_ms = starts.read(source, number=number, time_ms=time_ms, before_ms=before_ms)
        if sum_bits == STALE:
            found.append(GoldenSample(time_ms, start_ms, STALE, None))
            continue
        hint = ResetHint.GAUGE if header == 3 else ResetHint.NOT_RESET if number else ResetHint.UNKNOWN
        value = HistogramValue(
            min(schema, 8), total, to_float(sum_bits), zeros, threshold,
            _reduce(schema, positive, counts[: len(positive)]), _reduce(schema, negative, counts[len(positive) :]),
            bounds, hint,
        )  # fmt: skip
        found.append(GoldenSample(time_ms, start_ms, None, value))
    return found


Reader = Callable[[int], tuple[float, float, int, list[float]]]


def _read_integers(source: Bits, positive: list[int], negative: list[int]) -> Reader:
    """Return what reads (count, zero count, bits of the sum, buckets' counts) of sample after sample."""
    totals, deltas = [0, 0], [0, 0]
    sum_value = Xored(0)
    steps = [0] * (len(positive) + len(negative))
    changes = list(steps)

    def read(number: int) -> tuple[float, float, int, list[float]]:
        nonlocal sum_value
        for place in range(2):
            if number == 0:
                totals[place] = source.varbit_unsigned()
            else:
                deltas[place] += source.varbit()
                totals[place] = (totals[place] + deltas[place]) % 2**64
        if number == 0:
            sum_value = Xored(source.take(64))
        elif sum_value.read(source) == STALE:
            return 0, 0, STALE, []
        for place in range(len(steps)):
            if number == 0:
                steps[place] = source.varbit()
            else:
                changes[place] += source.varbit()
                steps[place] += changes[place]
        counts: list[float] = []
        for side in (steps[: len(positive)], steps[len(positive) :]):
            counts += [float(signed(sum(side[: place + 1]))) for place in range(len(side))]
        return float(totals[0]), float(totals[1]), sum_value.bits, counts

    return read


def _read_floats(source: Bits, positive: list[int], negative: list[int]) -> Reader:
    """As `_read_integers`."""
    values: list[Xored] = []

    def read(number: int) -> tuple[float, float, int, list[float]]:
        if number == 0:
            values.extend(Xored(source.take(64)) for _ in range(3 + len(positive) + len(negative)))
        else:
            for value in values[:3]:
                value.read(source)
            if values[2].bits == STALE:
                return 0, 0, STALE, []
            for value in values[3:]:
                value.read(source)
        counts = [to_float(value.bits) for value in values]
        return counts[0], counts[1], values[2].bits, counts[3:]

    return read


def _read_threshold(source: Bits) -> float:
    octet = source.take(8)
    if octet == 255:
        return to_float(source.take(64))
    return 2.0 ** (octet - 244) if octet else 0.0


def _read_spans(source: Bits) -> list[int]:
    """Return the indexes of a side's buckets."""
    indexes: list[int] = []
    after = 0
    for _ in range(source.varbit_unsigned()):
        length = source.varbit_unsigned()
        after += source.varbit()
        indexes += range(after, after + length)
        after += length
    return indexes


def _read_bound(source: Bits) -> float:
    number = source.varbit_unsigned()
    return (number - 1) / 1000 if number else to_float(source.take(64))


def _reduce(schema: int, indexes: list[int], counts: list[float]) -> dict[int, float]:
    """Return populated buckets, those of schemas above 8 as buckets of schema 8."""
    found: dict[int, float] = {}
    for index, count in zip(indexes, counts, strict=True):
        kept = index if schema <= 8 else (index - 1) // 2 ** (schema - 8) + 1
        found[kept] = found.get(kept, 0.0) + count
    return {index: count for index, count in found.items() if count != 0}


READERS: dict[int, Callable[[bytes], list[GoldenSample]]] = {
    1: _read_xor,
    2: lambda data: _read_histograms(data, floats=False, with_starts=False),
    3: lambda data: _read_histograms(data, floats=True, with_starts=False),
    4: _read_xor2,
    5: lambda data: _read_histograms(data, floats=False, with_starts=True),
    6: lambda data: _read_histograms(data, floats=True, with_starts=True),
}
