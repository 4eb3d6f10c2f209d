"""The penalty merge of replicas in plain Python, written from its description and from nothing of the product.

Replicas are folded from the left, two at a time. Of two streams the one with the smaller next timestamp is taken
(a tie goes to the left); the other one must then jump past the taken timestamp plus a penalty: 5 s at first,
afterwards twice the distance of the last two taken samples. The side that was taken has no penalty.
"""

from __future__ import annotations

Series = list[tuple[int, float]]

FIRST_PENALTY_MS = 5000


def merge_two(left: Series, right: Series) -> Series:
    """Return the merge of two replicas, samples as (ms, value)."""
    merged: Series = []
    last: int | None = None
    penalty = [0, 0]
    at = [0, 0]
    sides = (left, right)
    while True:
        heads: list[tuple[int, float] | None] = []
        for side in (0, 1):
            floor = None if last is None else last + 1 + penalty[side]
            while at[side] < len(sides[side]) and floor is not None and sides[side][at[side]][0] < floor:
                at[side] += 1
            heads.append(sides[side][at[side]] if at[side] < len(sides[side]) else None)
        if heads[0] is None and heads[1] is None:
            return merged
        if heads[0] is None or heads[1] is None:
            taken = 1 if heads[0] is None else 0
            penalty[taken] = 0
        else:
            taken = 0 if heads[0][0] <= heads[1][0] else 1
            now = heads[taken][0]  # type: ignore[index]
            penalty[1 - taken] = FIRST_PENALTY_MS if last is None else 2 * (now - last)
            penalty[taken] = 0
        sample = heads[taken]
        assert sample is not None
        merged.append(sample)
        last = sample[0]


def merge(replicas: list[Series]) -> Series:
    """Return the merge of any number of replicas."""
    merged = replicas[0]
    for replica in replicas[1:]:
        merged = merge_two(merged, replica)
    return merged
