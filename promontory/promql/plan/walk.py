"""Walks over trees of any depth without Python's stack.

A visitor is a generator: it yields the arguments of the visits it needs and is sent their results.

    def visit(node):
        left = yield node.left
        right = yield node.right
        return combine(left, right)

A chain of 5,000 operators is a tree 5,000 levels deep; plain recursion would end at Python's limit.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def walk_tree(visit: Callable[[T], Generator[T, R, R]], root: T) -> R:
    """Return what `visit` returns for the root."""
    waiting = [visit(root)]
    result: R | None = None
    while waiting:
        try:
            asked = next(waiting[-1]) if result is None else waiting[-1].send(result)
        except StopIteration as finished:
            waiting.pop()
            result = finished.value
            assert result is not None, "a visitor returns a value"
            continue
        result = None
        waiting.append(visit(asked))
    assert result is not None
    return result
