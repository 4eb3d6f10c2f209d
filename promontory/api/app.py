"""The HTTP API as an ASGI application: Prometheus' endpoints with Thanos' additions.

FastAPI routes; parameters are read by hand, because its own validation would answer 422 in a shape that Grafana takes
for an empty success. Source: Prometheus' documentation "HTTP API"; the table of routes is below.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from promontory.api.answer import Answer, failure
from promontory.api.backend import ApiBackend, ApiSettings
from promontory.api.call import Call
from promontory.api.cors import with_cors
from promontory.api.explain_routes import ExplainRoutes
from promontory.api.failure import ApiError
from promontory.api.gate import Gate
from promontory.api.language_routes import answer_format, answer_syntax
from promontory.api.metadata_routes import answer_label_values, answer_labels, answer_series
from promontory.api.outbox import Outbox
from promontory.api.query_routes import QueryRoutes
from promontory.api.response import AnswerResponse
from promontory.api.status_routes import answer_build_info, answer_metadata, answer_stores

Handler = Callable[[Call], Awaitable[Answer]]
Endpoint = Callable[[Request], Awaitable[AnswerResponse]]

API = "/api/v1"
# Requests are counted and timed by the service around us; FastAPI's own telemetry would do it again, by its own flags.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip


class ApiApp:
    """Routes a request, reads it, and sends the handler's answer."""

    def __init__(self, backend: ApiBackend, settings: ApiSettings) -> None:
        self._backend = backend
        self._settings = settings
        self._prefix = settings.route_prefix.rstrip("/")
        self.gate = Gate(settings.max_concurrent)
        self.outbox = Outbox(settings.max_unsent_bytes)
        queries = QueryRoutes(self.gate, self.outbox)
        explanations = ExplainRoutes(self.gate)
        both, get = ("GET", "POST"), ("GET",)
        routes: list[tuple[str, tuple[str, ...], Handler]] = [
            (f"{API}/query", both, queries.instant),
            (f"{API}/query_range", both, queries.range),
            (f"{API}/query_explain", both, explanations.instant),
            (f"{API}/query_range_explain", both, explanations.range),
            (f"{API}/format_query", both, answer_format),
            (f"{API}/parse_query", both, answer_syntax),
            (f"{API}/series", both, answer_series),
            (f"{API}/labels", both, answer_labels),
            (f"{API}/label/{{name}}/values", get, answer_label_values),
            (f"{API}/stores", get, answer_stores),
            (f"{API}/metadata", get, answer_metadata),
            (f"{API}/status/buildinfo", both, answer_build_info),
        ]
        self._router = FastAPI(
            openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=NO_TELEMETRY
        )  # fmt: skip
        self._router.router.routes[:] = [
            Route("/", _welcome, methods=["GET"]),
            *(
                Route(path, self._endpoint(handler, methods), methods=list(methods))
                for path, methods, handler in routes
            ),
        ]
        # A path without a parameter needs no search through the routes: that was half of what surrounds a small query.
        self._plain = {
            (method, path): self._endpoint(handler, methods)
            for path, methods, handler in routes if "{" not in path for method in methods
        }  # fmt: skip
        self._router.add_exception_handler(HTTPException, _as_text)
        # Answers, then raises again: the service around us logs it.
        self._router.add_exception_handler(Exception, self._answer_bug)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._prefix and scope["path"].startswith(f"{self._prefix}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self._prefix)}
        if not self._settings.disable_cors and any(name == b"origin" for name, _ in scope["headers"]):
            send = with_cors(send)
        if scope["method"] == "OPTIONS" and scope["path"].startswith(f"{API}/"):
            await Response(status_code=204)(scope, receive, send)
        elif endpoint := self._plain.get((scope["method"], scope["path"])):
            await self._serve(endpoint, scope, receive, send)
        else:
            await self._router(scope, receive, send)

    async def _serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        has_started = False

        async def watch(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await (await endpoint(request))(scope, receive, watch)
        except Exception as error:
            if not has_started:
                await (await self._answer_bug(request, error))(scope, receive, send)
            raise

    async def _answer_bug(self, request: Request, error: Exception) -> AnswerResponse:
        answer = failure(ApiError(500, "internal", f"internal error, see the log: {type(error).__name__}"))
        return AnswerResponse(answer, self._backend.pool)

    def _endpoint(self, handler: Handler, methods: tuple[str, ...]) -> Endpoint:
        async def serve(request: Request) -> AnswerResponse:
            if request.method not in methods:
                raise HTTPException(405, headers={"Allow": ", ".join((*methods, "OPTIONS"))})
            try:
                answer = await handler(await Call.read(request, self._backend, self._settings))
            except ApiError as error:
                answer = failure(error)
            return AnswerResponse(answer, self._backend.pool)

        return serve


async def _welcome(request: Request) -> Response:
    return PlainTextResponse("Promontory\n")


async def _as_text(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = "404 page not found\n" if error.status_code == 404 else f"{error.detail}\n"
    headers = dict(error.headers or {})
    if error.status_code == 405 and "OPTIONS" not in headers.get("Allow", "OPTIONS"):
        headers["Allow"] = ", ".join(sorted(set(headers["Allow"].split(", ")) - {"HEAD"})) + ", OPTIONS"
    return PlainTextResponse(text, error.status_code, headers)
