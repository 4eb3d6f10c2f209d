"""Call: one request on its way through the API: its parameters, its context, and the client that may go away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request

from promontory.api.backend import ApiBackend, ApiSettings
from promontory.api.body import read_body
from promontory.api.disconnect import guard
from promontory.api.failure import ApiError, bad_data, invalid_parameter
from promontory.api.parameters import Parameters, parse_forms
from promontory.errors import InputError
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher
from promontory.model.query_options import QueryOptions

T = TypeVar("T")

FORM_TYPE = "application/x-www-form-urlencoded"
ANALYZE = ("true", "1")
ENGINES = ("", "prometheus", "thanos")


class Call:
    """A request with its parameters read."""

    def __init__(
        self, request: Request, parameters: Parameters, backend: ApiBackend, settings: ApiSettings
    ) -> None:  # fmt: skip
        self.request = request
        self.parameters = parameters
        self.backend = backend
        self.settings = settings

    @staticmethod
    async def read(request: Request, backend: ApiBackend, settings: ApiSettings) -> Call:
        """Read the body where it is a form; any other body is ignored."""
        body = b""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM_TYPE:
            body = await read_body(request)
        return Call(request, parse_forms(request.scope["query_string"], body), backend, settings)

    def new_context(self) -> QueryContext:
        """Return the context that the parameters and headers ask for."""
        # No time limit by the flag is 0; a request that asks for 0 has run out of time, as in Prometheus.
        timeout_s = self.settings.timeout_s or None
        if self.parameters.text("timeout"):
            asked_s = self.parameters.duration_ms("timeout", default_ms=0) / 1000
            timeout_s = asked_s if timeout_s is None else min(timeout_s, asked_s)
        return self.backend.new_context(
            timeout_s=timeout_s,
            partial_response=self.parameters.flag("partial_response", default=self.settings.partial_response),
            tenant=self.request.headers.get(self.settings.tenant_header) or self.settings.default_tenant,
            store_matchers=self.matcher_sets("storeMatch[]", refuse=_refuse_store_matchers),
        )

    def matcher_sets(self, name: str, *, refuse: Callable[[str], ApiError]) -> tuple[tuple[Matcher, ...], ...]:
        """Return the parsed selectors of a repeated parameter. Raises what `refuse` makes of an error's text."""
        try:
            return tuple(self.backend.parse_matchers(text) for text in self.parameters.texts(name))
        except InputError as error:
            raise refuse(str(error)) from None

    def replica_labels(self) -> tuple[bytes, ...] | None:
        """Return the replica labels that the request names, None where it names none."""
        texts = self.parameters.texts("replicaLabels[]", "replicaLabels")
        names = [name.encode(errors="surrogateescape") for text in texts for name in text.split(",") if name]
        return tuple(names) if texts else None

    def options(self, *, default_resolution_ms: int, step_ms: int) -> QueryOptions:
        """Return the options of a query. Raises ApiError on a parameter that would change the answer and cannot."""
        parameters = self.parameters
        if (engine := parameters.text("engine")) not in ENGINES:
            raise invalid_parameter("engine", f"unknown engine: '{engine}'")
        if parameters.text("shard_info") not in ("", "null", "{}"):
            raise invalid_parameter("shard_info", "sharding of queries is not supported yet")
        return QueryOptions(
            deduplicate=parameters.flag("dedup", default=True),
            replica_labels=self.replica_labels(),
            lookback_ms=self._lookback_ms(),
            max_resolution_ms=self._resolution_ms(default_ms=default_resolution_ms, step_ms=step_ms),
            # As in Thanos, anything else is no.
            analyze=parameters.text("analyze") in ANALYZE,
        )

    async def guard(self, context: QueryContext, work: Awaitable[T]) -> T:
        """Wait for the work, but no longer than its deadline and the client's patience."""
        return await guard(work, context, self.request.receive)

    def _lookback_ms(self) -> int:
        lookback_ms = self.parameters.duration_ms("lookback_delta", default_ms=0)
        if lookback_ms < 0 or (lookback_ms == 0 and self.parameters.text("lookback_delta") not in ("", "0", "0s")):
            raise invalid_parameter("lookback_delta", "expected a duration of a millisecond or more, or 0")
        return lookback_ms

    def _resolution_ms(self, *, default_ms: int, step_ms: int) -> int:
        text = self.parameters.text("max_source_resolution")
        if text == "auto" or (not text and self.settings.auto_downsampling and step_ms):
            return step_ms // 5
        resolution_ms = self.parameters.duration_ms("max_source_resolution", default_ms=default_ms)
        if resolution_ms < 0:
            raise bad_data("negative 'max_source_resolution' is not accepted. Try a positive integer")
        return resolution_ms


def _refuse_store_matchers(text: str) -> ApiError:
    return invalid_parameter("storeMatch[]", text)
