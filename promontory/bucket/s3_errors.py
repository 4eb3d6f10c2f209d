"""Errors of botocore, aiohttp and boto3 as errors of the bucket; chosen by S3's code first, then by HTTP status.

Source: Amazon S3 API Reference, "Error Responses".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from promontory.errors import AccessDenied, BucketError, BucketUnavailable, ObjectExists, ObjectNotFound

_CODES: Mapping[str, type[BucketError]] = {
    "NoSuchBucket": BucketError,
    "NoSuchKey": ObjectNotFound,
    "NotFound": ObjectNotFound,
    "AccessDenied": AccessDenied,
    "ExpiredToken": AccessDenied,
    "InvalidAccessKeyId": AccessDenied,
    "InvalidToken": AccessDenied,
    "SignatureDoesNotMatch": AccessDenied,
    "TokenRefreshRequired": AccessDenied,
    "BadDigest": BucketUnavailable,  # the body was changed on its way
    "IncompleteBody": BucketUnavailable,
    "NoSuchUpload": BucketUnavailable,  # it was completed or aborted, and the answer lost: begin anew
    "OperationAborted": BucketUnavailable,
    "ConditionalRequestConflict": BucketUnavailable,
    "RequestTimeout": BucketUnavailable,
    "SlowDown": BucketUnavailable,
    "Throttling": BucketUnavailable,
}
_STATUSES: Mapping[int, type[BucketError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: ObjectNotFound,
    408: BucketUnavailable,
    409: BucketUnavailable,
    429: BucketUnavailable,
}
_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError")
PRECONDITION_FAILED = 412
RANGE_NOT_SATISFIABLE = 416


@contextmanager
def translated(key: str, operation: str) -> Iterator[None]:
    """Raise what the libraries raise inside as errors of the bucket."""
    import aiohttp
    import botocore.exceptions

    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise from_client_error(error.response, key, operation) from error
    except (
        botocore.exceptions.ConnectionError,
        botocore.exceptions.HTTPClientError,
        botocore.exceptions.IncompleteReadError,
    ) as error:
        raise BucketUnavailable(f"no answer: {error}", key=key, operation=operation) from error
    except botocore.exceptions.BotoCoreError as error:
        kind = AccessDenied if _name(error) in _NO_CREDENTIALS else BucketError
        raise kind(str(error), key=key, operation=operation) from error
    except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
        raise BucketUnavailable(f"no answer: {_name(error)}", key=key, operation=operation) from error


@contextmanager
def transfer_translated(key: str, operation: str) -> Iterator[None]:
    """Raise what boto3's managed transfer raises inside as errors of the bucket."""
    import boto3.exceptions
    import botocore.exceptions

    with translated(key, operation):
        try:
            yield
        except boto3.exceptions.Boto3Error as error:  # it wraps what S3 said
            cause = error.__cause__ or error.__context__
            if isinstance(cause, botocore.exceptions.ClientError | botocore.exceptions.BotoCoreError):
                raise cause from error
            message = f"the transfer failed: {_name(cause or error)}"
            raise BucketUnavailable(message, key=key, operation=operation) from error
        except OSError as error:
            if error.filename is None:
                raise
            raise BucketError(f"local file {error.filename}: {error.strerror}", key=key, operation=operation) from error


def status_of(response: Mapping[str, object]) -> int:
    """Return the HTTP status of an answer, 0 where there is none."""
    metadata = cast("Mapping[str, int]", response.get("ResponseMetadata") or {})
    return metadata.get("HTTPStatusCode", 0)


def from_client_error(response: Mapping[str, object], key: str, operation: str) -> BucketError:
    """Return the error that an answer of S3 means."""
    problem = cast("Mapping[str, str]", response.get("Error") or {})
    code, status = problem.get("Code", ""), status_of(response)
    message = f"{problem.get('Message') or 'no message'} ({code or 'no code'}, status {status})"
    if status == PRECONDITION_FAILED:
        if operation == "put":
            return ObjectExists("the object exists", key=key, operation=operation)
        return BucketUnavailable("the object was replaced while it was read", key=key, operation=operation)
    kind = _CODES.get(code) or _STATUSES.get(status, BucketUnavailable if status >= 500 else BucketError)
    if kind is BucketUnavailable:
        return BucketUnavailable(message, key=key, operation=operation, retry_after_s=_retry_after_s(response))
    return kind(message, key=key, operation=operation)


def _retry_after_s(response: Mapping[str, object]) -> float | None:
    metadata = cast("Mapping[str, Mapping[str, str]]", response.get("ResponseMetadata") or {})
    text = metadata.get("HTTPHeaders", {}).get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _name(error: BaseException) -> str:
    return type(error).__name__
