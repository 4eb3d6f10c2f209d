"""Two vectors joined so that most joins match: on what tells the one side apart, or grouped down to it."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.differential.expression import Expression, closed, option, vector
from tests.differential.vocabulary import COMPARISONS, SETS, noise_of_operator

Labels = frozenset[str]


def join(rng: random.Random, left: Expression, op: str, right: Expression) -> Expression:
    """Return `left op right` with the modifiers that make it match; seldom with others."""
    if op in SETS:
        return _join_sets(rng, left, op, right)
    if rng.random() < 0.02:
        return _write(rng, left, op, right, (), (left.labels, left.key))
    common = left.labels & right.labels
    if not left.key <= common and not right.key <= common:
        grouping = f"{' by (' + ', '.join(sorted(common)) + ')' if common else ''}"
        right = vector("max", option(grouping, "by"), " (", right, ")", uses=("max",), noise=right.noise, labels=common,
                       key=common, is_whole=right.is_whole, reach_s=right.reach_s)  # fmt: skip
    if left.key <= common and right.key <= common:
        return _one_to_one(rng, left, op, right, common)
    return _many_to_one(rng, left, op, right, common)


def _one_to_one(rng: random.Random, left: Expression, op: str, right: Expression, common: Labels) -> Expression:
    needed = left.key | right.key
    is_plain = left.labels == right.labels
    roll = rng.random()
    if is_plain and roll < 0.5:
        return _write(rng, left, op, right, (), (left.labels, left.key))
    if roll < 0.75:
        names = needed | {name for name in common if rng.random() < 0.5}
        on = option(f" on ({', '.join(sorted(names))})", "on")
        return _write(rng, left, op, right, (on,), (names, needed))
    ignored = (left.labels | right.labels) - common or {"missing"}
    return _write(rng, left, op, right, (_ignoring(ignored),), (left.labels - ignored, left.key))


def _many_to_one(rng: random.Random, left: Expression, op: str, right: Expression, common: Labels) -> Expression:
    many, one, side = (left, right, "left") if right.key <= common else (right, left, "right")
    extra = sorted(one.labels - many.labels)
    chosen = rng.sample(extra, rng.randrange(len(extra) + 1)) + (["missing"] if rng.random() < 0.1 else [])
    listed = f" ({', '.join(chosen)})" if chosen or rng.random() < 0.3 else " "
    group = option(f" group_{side}{listed}", f"group_{side}", *(["group labels"] if chosen else []))
    if rng.random() < 0.6:
        names = one.key | {name for name in common if rng.random() < 0.5}
        match = option(f" on ({', '.join(sorted(names))})", "on")
    else:
        match = _ignoring((left.labels | right.labels) - common or {"missing"})
    return _write(rng, left, op, right, (match, group), (many.labels | set(chosen), many.key), many=many)


def _join_sets(rng: random.Random, left: Expression, op: str, right: Expression) -> Expression:
    common = sorted(left.labels & right.labels)
    modifiers: tuple[Expression, ...] = ()
    if left.labels != right.labels or rng.random() < 0.4:
        names = rng.sample(common, rng.randrange(len(common) + 1))
        modifiers = (option(f" on ({', '.join(names)})", "on"),)
        if rng.random() < 0.4:
            modifiers = (_ignoring((left.labels | right.labels) - set(names) or {"missing"}),)
    made = _write(rng, left, op, right, modifiers, (left.labels, left.key))
    has_name = left.has_name or (op == "or" and right.has_name)
    return replace(made, has_name=has_name, is_whole=False)


def _ignoring(names: set[str] | Labels) -> Expression:
    return option(f" ignoring ({', '.join(sorted(names))})", "ignoring")


def _write(
    rng: random.Random, left: Expression, op: str, right: Expression, modifiers: tuple[Expression, ...],
    known: tuple[Labels | set[str], Labels], many: Expression | None = None,
) -> Expression:  # fmt: skip
    is_bool = op in COMPARISONS and rng.random() < 0.5
    is_filter = op in COMPARISONS and not is_bool
    parts = (*closed(left), f" {op}{' bool' if is_bool else ''}", *modifiers, " ", *closed(right))
    is_open = rng.random() < 0.1
    return vector(
        *(parts if is_open else ("(", *parts, ")")),
        uses=(op, "bool") if is_bool else (op,), labels=frozenset(known[0]), key=frozenset(known[1]),
        noise=noise_of_operator(op, left, right, is_bool=is_bool), has_name=is_filter and (many or left).has_name,
        is_whole=left.is_whole and right.is_whole and not is_filter, reach_s=max(left.reach_s, right.reach_s),
    )  # fmt: skip
