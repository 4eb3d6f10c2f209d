"""PrometheusClient: the few questions a sidecar asks of the Prometheus beside it.

Source: Prometheus' HTTP API documentation; `/api/v1/status/config` for external labels.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from promontory.errors import InputError, StoreError, StoreUnavailable
from promontory.model.labels import Labels
from promontory.model.time_range import MAX_TIME_MS, MIN_TIME_MS
from promontory.model.url import without_user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
LOWEST_TIME = re.compile(rb"^prometheus_tsdb_lowest_timestamp_seconds ([-+0-9.eE]+)$", re.MULTILINE)


class PrometheusClient:
    """Talks to one Prometheus over HTTP; a context of connections, closed by `close`."""

    def __init__(self, url: str, *, timeout_s: float = 30.0) -> None:
        import httpx

        # A user and password in the URL are for requests, not for errors and logs.
        self.url = without_user(url.rstrip("/"))
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=timeout_s, trust_env=False)

    async def close(self) -> None:
        """Release connections."""
        await self._http.aclose()

    async def external_labels(self) -> Labels:
        """Return global.external_labels of the running configuration."""
        import yaml

        path = "/api/v1/status/config"
        data = await self._data(path)
        try:
            # Scalars stay the texts they are; the safe loader also fails at a plain `=`, which Go writes.
            configuration = yaml.load(data["yaml"], Loader=yaml.BaseLoader)
            labels = (configuration.get("global") or {}).get("external_labels") or {}
            return Labels.from_mapping({str(name): str(value) for name, value in labels.items()})
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise self._unexpected(path, "a configuration of Prometheus", error) from error

    async def flags(self) -> dict[str, str]:
        """Return the command-line flags that Prometheus runs with."""
        flags: dict[str, str] = await self._data("/api/v1/status/flags")
        return flags

    async def lowest_time_ms(self) -> int | None:
        """Return the time of the oldest sample it holds, None where it does not say or holds none yet."""
        body = (await self._request("GET", "/metrics")).content
        found = LOWEST_TIME.search(body)
        try:
            lowest_ms = MAX_TIME_MS if found is None else round(float(found[1]) * 1000)
        except (ValueError, OverflowError):
            return None
        return lowest_ms if MIN_TIME_MS <= lowest_ms < MAX_TIME_MS else None

    async def is_ready(self) -> bool:
        """Say whether it answers queries."""
        try:
            await self._request("GET", "/-/ready")
        except StoreError:
            return False
        return True

    async def label_names(self, form: Sequence[tuple[str, str]]) -> list[bytes]:
        """Return label names for match[], start and end."""
        return await self._texts("/api/v1/labels", form)

    async def label_values(self, name: str, form: Sequence[tuple[str, str]]) -> list[bytes]:
        """Return the values of one label for match[], start and end."""
        return await self._texts(f"/api/v1/label/{escape_name(name)}/values", form)

    async def series(self, form: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
        """Return the label sets of series for match[], start and end."""
        path = "/api/v1/series"
        found: list[dict[str, str]] = await self._data(path, form)
        try:
            await asyncio.to_thread(_check_texts, found)
        except (TypeError, AttributeError, UnicodeEncodeError) as error:
            raise self._unexpected(path, "label sets", error) from error
        return found

    @asynccontextmanager
    async def read(self, body: bytes) -> AsyncIterator[httpx.Response]:
        """Open a remote-read answer; `body` is the snappy-compressed request."""
        import httpx

        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Read-Version": "0.1.0",
        }
        try:
            async with self._http.stream("POST", "/api/v1/read", content=body, headers=headers) as response:
                if response.status_code != 200:
                    raise self._refused(response.status_code, await response.aread())
                yield response
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    async def _texts(self, path: str, form: Sequence[tuple[str, str]]) -> list[bytes]:
        found = await self._data(path, form)
        try:
            return [text.encode() for text in found]
        except (TypeError, AttributeError, UnicodeEncodeError) as error:
            raise self._unexpected(path, "a list of texts", error) from error

    def _unexpected(self, path: str, expected: str, error: Exception) -> StoreError:
        return StoreError(f"{self.url}{path}: expected {expected}, found {type(error).__name__}", endpoint=self.url)

    async def _data(self, path: str, form: Sequence[tuple[str, str]] = ()) -> Any:
        response = await self._request("GET", path, form)
        try:
            # Labels of a million series are seconds of parsing.
            return (await asyncio.to_thread(response.json))["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self.url}{path}: expected Prometheus' JSON, found {response.content[:80]!r}", endpoint=self.url
            ) from error

    async def _request(self, method: str, path: str, form: Sequence[tuple[str, str]] = ()) -> httpx.Response:
        import httpx

        try:
            response = await self._http.request(method, path, params=list(form))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if response.status_code != 200:
            raise self._refused(response.status_code, response.content)
        return response

    def _unreachable(self, error: Exception) -> StoreUnavailable:
        reason = str(error) or type(error).__name__
        return StoreUnavailable(f"Prometheus {self.url} did not answer: {reason}", endpoint=self.url)

    def _refused(self, status: int, body: bytes) -> StoreError | InputError:
        reason = body[:200].decode(errors="replace").strip()
        if status == 400:
            return InputError(f"Prometheus {self.url} refused the request: {reason}")
        kind = StoreUnavailable if status in (500, 502, 503, 504) else StoreError
        return kind(f"Prometheus {self.url} answered {status}: {reason}", endpoint=self.url)


def _check_texts(found: Sequence[Mapping[str, str]]) -> None:
    """Raise TypeError, AttributeError or UnicodeEncodeError where these are no mappings of text to text."""
    for labels in found:
        "".join(text for pair in labels.items() for text in pair).encode()


def escape_name(name: str) -> str:
    """Return a label name as it stands in an address: other than letters as `U__`, with hexadecimal code points.

    Prometheus 3 takes this back; Prometheus 2, which holds no such labels, finds nothing. Source: its HTTP API
    documentation, "Querying label values".
    """
    if PLAIN_NAME.fullmatch(name):
        return name
    escaped = (one if one.isascii() and one.isalnum() else "__" if one == "_" else f"_{ord(one):x}_" for one in name)
    return "U__" + "".join(escaped)
