"""Chunks in a form that can be compared: ranges, and the bits of every value."""

from __future__ import annotations

from collections.abc import Sequence

from tests.compaction.downsample.blocks import ReadChunk, bits_of
from tests.compaction.downsample.plain import Chunk

Shown = list[tuple[int, int, dict[str, list[tuple[int, int]]]]]
INFINITY_BITS = 0x7FF << 52
NAN_BITS = 0x7FF8 << 48


def shown(chunks: Sequence[ReadChunk]) -> Shown:
    """Return chunks that were read."""
    return [
        (chunk.min_ms, chunk.max_ms, {
            name: [(time_ms, _canonical(word)) for time_ms, word in points] for name, points in chunk.parts.items()
        })
        for chunk in chunks
    ]  # fmt: skip


def shown_plain(chunks: Sequence[Chunk]) -> Shown:
    """Return chunks that were computed."""
    return [
        (chunk.min_ms, chunk.max_ms, {
            name: [(time_ms, _canonical(bits_of(value))) for time_ms, value in points]
            for name, points in chunk.parts.items()
        })
        for chunk in chunks
    ]  # fmt: skip


def _canonical(word: int) -> int:
    """Return the bits of a value, one for all NaN: which one an addition gives is the machine's affair."""
    return NAN_BITS if word & (2**63 - 1) > INFINITY_BITS else word
