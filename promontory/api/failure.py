"""ApiError: an answer that says what went wrong, in Prometheus' words and codes.

bad_data 400 · not_found 404 · execution 422 · canceled 499 · internal 500 · timeout 503 · unavailable 503
"""

from __future__ import annotations

from promontory.errors import InputError, PromontoryError


class ApiError(Exception):
    """An error answer: HTTP status, Prometheus' error type and message."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type


def bad_data(message: str) -> ApiError:
    """Return the answer to a request that is wrong."""
    return ApiError(400, "bad_data", message)


def invalid_parameter(name: str, message: str) -> ApiError:
    """Return the answer to a wrong parameter."""
    return bad_data(f'invalid parameter "{name}": {message}')


def query_failure(error: PromontoryError, *, parameter: str = "query") -> ApiError:
    """Return the answer for an error of the engine or the store."""
    if isinstance(error, InputError):
        return invalid_parameter(parameter, str(error))
    return ApiError(error.http_status, error.error_type, str(error))
