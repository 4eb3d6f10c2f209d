"""Do two answers of the query API say the same? Series by labels, points by time, values within 1e-9.

Native histograms are compared by count, sum and buckets: bounds and counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

RELATIVE = 1e-9
Key = tuple[tuple[str, str], ...]


def disagreement(mine: bytes, theirs: bytes, *, relative: float = RELATIVE) -> str:
    """Return what differs between two answers, empty where nothing does."""
    found, wanted = _rows(mine), _rows(theirs)
    if found.keys() != wanted.keys():
        lost = sorted(wanted.keys() - found.keys())
        return f"{len(found)} series against {len(wanted)}" + (f", without {dict(lost[0])}" if lost else "")
    for key, points in wanted.items():
        if found[key] == points:
            continue
        if len(points) != len(found[key]):
            return f"{dict(key)}: {len(found[key])} points against {len(points)}"
        at = _first_difference(found[key], points, relative)
        if at >= 0:
            return f"{dict(key)}: {found[key][at]} against {points[at]}"
    return ""


def _first_difference(mine: list[Any], theirs: list[Any], relative: float) -> int:
    sizes = [[len(_numbers(point)) for point in points] for points in (mine, theirs)]
    if sizes[0] != sizes[1]:
        return next(at for at, (one, other) in enumerate(zip(*sizes, strict=True)) if one != other)
    found, wanted = (np.array([number for point in points for number in _numbers(point)]) for points in (mine, theirs))
    is_equal = np.isclose(found, wanted, rtol=relative, atol=0.0, equal_nan=True)
    is_equal |= found == wanted
    if is_equal.all():
        return -1
    return int(np.searchsorted(np.cumsum(sizes[0]), np.argmin(is_equal), side="right"))


def _numbers(point: list[Any]) -> list[float]:
    """Return the time and the value of a point, or the time, count, sum and buckets."""
    time, value = point
    if isinstance(value, str):
        return [float(time), float(value)]
    buckets = [float(number) for bucket in value.get("buckets", ()) for number in bucket]
    return [float(time), float(value["count"]), float(value["sum"]), *buckets]


def _rows(body: bytes) -> dict[Key, list[Any]]:
    result = orjson.loads(body)["data"]["result"]
    return {tuple(sorted(row["metric"].items())): _points(row) for row in result}


def _points(row: dict[str, Any]) -> list[Any]:
    if "value" in row or "histogram" in row:
        return [row.get("value") or row["histogram"]]
    return [*row.get("values", ()), *row.get("histograms", ())]
