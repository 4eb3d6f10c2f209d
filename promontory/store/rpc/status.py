"""Errors to gRPC status codes and back; the two tables of docs/formats/wire.md."""

from __future__ import annotations

import grpc

from promontory.errors import BucketUnavailable, InputError, LimitError, PromontoryError, StoreError, StoreUnavailable

CODE_OF_LIMIT = {
    "execution": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "timeout": grpc.StatusCode.DEADLINE_EXCEEDED,
    "canceled": grpc.StatusCode.CANCELLED,
}
RETRYABLE_CODES = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}


def code_of(error: PromontoryError) -> grpc.StatusCode:
    """Return the status code by which a caller learns of an error."""
    if isinstance(error, InputError):
        return grpc.StatusCode.INVALID_ARGUMENT
    if isinstance(error, LimitError):
        return CODE_OF_LIMIT[error.error_type]
    if isinstance(error, StoreUnavailable | BucketUnavailable):
        return grpc.StatusCode.UNAVAILABLE
    return grpc.StatusCode.ABORTED


def error_of(error: grpc.aio.AioRpcError, *, address: str) -> StoreError:
    """Return a peer's status as the error that names it."""
    kind = StoreUnavailable if error.code() in RETRYABLE_CODES else StoreError
    return kind(f"store {address} failed: {error.details()} ({error.code().name})", endpoint=address)
