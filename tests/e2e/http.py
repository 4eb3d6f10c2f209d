"""A client of Prometheus' HTTP API that knows nothing of the product."""

from __future__ import annotations

from typing import Any

import httpx

Key = frozenset[tuple[str, str]]
Matrix = dict[Key, list[tuple[int, float]]]


def ask(url: str, path: str, **parameters: object) -> httpx.Response:
    """POST a form to /api/v1/`path`."""
    form = {name: str(value) for name, value in parameters.items()}
    return httpx.post(f"{url}/api/v1/{path}", data=form, timeout=60)


def answer(url: str, path: str, **parameters: object) -> dict[str, Any]:
    """Return the body of a successful answer."""
    response = ask(url, path, **parameters)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert body["status"] == "success"
    return body


def _key(metric: dict[str, str], drop: tuple[str, ...]) -> Key:
    return frozenset((name, value) for name, value in metric.items() if name not in drop)


def matrix(body: dict[str, Any], *, drop: tuple[str, ...] = ()) -> Matrix:
    """Return the series of a matrix answer as (ms, value) lists, less the labels named."""
    found: Matrix = {}
    for series in body["data"]["result"]:
        points = [(round(float(time) * 1000), float(value)) for time, value in series["values"]]
        assert _key(series["metric"], drop) not in found
        found[_key(series["metric"], drop)] = points
    return found


def raw_samples(url: str, selector: str, *, end_ms: int, range_ms: int, **parameters: object) -> Matrix:
    """Return the raw samples of (end - range, end]."""
    query = f"{selector}[{range_ms}ms]"
    return matrix(answer(url, "query", query=query, time=end_ms / 1000, **parameters))
