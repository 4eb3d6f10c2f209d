"""How Prometheus merges the chunks of one series, and Thanos by its penalty: written out sample by sample.

Go's heaps are kept as Go keeps them, because they decide which of equal timestamps counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from tests.kernels.test_dedup import describe_penalty_merge

Sample = tuple[int, int]
Chunk = list[Sample]
Item = TypeVar("Item")
SAMPLES_PER_CHUNK = 120


class GoHeap(Generic[Item]):
    """container/heap over a slice."""

    def __init__(self, less: Callable[[Item, Item], bool]) -> None:
        self.items: list[Item] = []
        self._less = less

    def push(self, item: Item) -> None:
        items, place = self.items, len(self.items)
        items.append(item)
        while place > 0:
            parent = (place - 1) // 2
            if not self._less(items[place], items[parent]):
                break
            items[place], items[parent] = items[parent], items[place]
            place = parent

    def pop(self) -> Item:
        items = self.items
        items[0], items[-1] = items[-1], items[0]
        found = items.pop()
        place = 0
        while 2 * place + 1 < len(items):
            child = 2 * place + 1
            if child + 1 < len(items) and self._less(items[child + 1], items[child]):
                child += 1
            if not self._less(items[child], items[place]):
                break
            items[place], items[child] = items[child], items[place]
            place = child
        return found


class Steps(Generic[Item]):
    """An iterator that stands at an item, or at the end."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = list(items)
        self.place = -1

    def step(self) -> bool:
        self.place += 1
        return self.place < len(self._items)

    @property
    def item(self) -> Item:
        return self._items[self.place]


def chain(chunks: list[Chunk]) -> Chunk:
    """Chain as Prometheus does: one sample a timestamp."""
    out: Chunk = []
    current = Steps(chunks[0])
    heap: GoHeap[Steps[Sample]] = GoHeap(lambda one, other: one.item[0] < other.item[0])
    for chunk in chunks[1:]:
        steps = Steps(chunk)
        if steps.step():
            heap.push(steps)
    while True:
        if current.step():
            if out and current.item[0] == out[-1][0]:
                continue
            if not heap.items or current.item[0] < heap.items[0].item[0]:
                out.append(current.item)
                continue
            heap.push(current)
        elif not heap.items:
            return out
        current = heap.pop()
        if not out or current.item[0] != out[-1][0]:
            out.append(current.item)


def fold(chunks: list[Chunk]) -> Chunk:
    """Fold as Thanos does: the first with the second, that with the third."""
    out = chunks[0]
    for chunk in chunks[1:]:
        out = describe_penalty_merge(out, chunk)
    return out


def merge_series(blocks: list[list[Chunk]], *, penalty: bool) -> list[Chunk]:
    """Return the chunks of a series that the blocks become, given its chunks in each."""
    heap: GoHeap[Steps[Chunk]] = GoHeap(
        lambda one, other: (one.item[0][0], one.item[-1][0]) < (other.item[0][0], other.item[-1][0])
    )
    for chunks in blocks:
        steps = Steps(chunks)
        if steps.step():
            heap.push(steps)
    out: list[Chunk] = []
    while heap.items:
        taken = heap.pop()
        chunk = before = taken.item
        if taken.step():
            heap.push(taken)
        reach, overlapping = chunk[-1][0], []
        while heap.items and heap.items[0].item[0][0] <= reach:
            steps = heap.pop()
            if steps.item != before:
                overlapping.append(steps.item)
                reach = max(reach, steps.item[-1][0])
                before = steps.item
            if steps.step():
                heap.push(steps)
        if not overlapping:
            out.append(chunk)
            continue
        samples = fold([chunk, *overlapping]) if penalty else chain([*overlapping, chunk])
        pieces = Steps([samples[i : i + SAMPLES_PER_CHUNK] for i in range(0, len(samples), SAMPLES_PER_CHUNK)])
        pieces.step()
        out.append(pieces.item)
        if pieces.step():
            heap.push(pieces)
    return out
