"""Every error that Promontory raises.

    PromontoryError                   .retryable  .http_status  .error_type (Prometheus' word)
    ├── InputError                    the caller's fault; 400 bad_data
    │   └── QueryError                adds .position in the query text
    ├── LimitError                    a bound of ours was met (samples, series, bytes, time)
    ├── CorruptionError               bytes break their format; never retried as is
    ├── BucketError                   .key .operation
    │   ├── ObjectNotFound            act: resync the catalog
    │   ├── ObjectExists              act: someone else wrote it
    │   ├── AccessDenied              act: stop, tell the operator
    │   └── BucketUnavailable         retryable
    ├── StoreError                    .endpoint
    │   └── StoreUnavailable          retryable; becomes a warning under partial response
    ├── BadBlockError                 .ulids .reason: act: leave these blocks out, go on with the others
    ├── StoppedError                  the work was told to stop; retryable
    ├── JobError                      jobs failed, all others were done; retryable
    └── HaltError                     history would be at risk; the work on that group stops

A new class is added only where a caller would act differently from its parent.
"""

from __future__ import annotations


class PromontoryError(Exception):
    """The root: says whether a retry can help and how the HTTP API words it."""

    retryable = False
    http_status = 500
    error_type = "internal"

    def __reduce__(self) -> tuple[object, ...]:
        """Let an error come back whole from another process, whatever its constructor asks for."""
        return _restore, (type(self), self.args, self.__dict__)


class InputError(PromontoryError):
    """The caller asked for something that cannot be answered as asked."""

    http_status = 400
    error_type = "bad_data"


class QueryError(InputError):
    """A query text is wrong; `position` is (line, column), 1-based, columns in bytes, or None."""

    def __init__(self, message: str, *, position: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.position = position


class LimitError(PromontoryError):
    """A bound was met; the text says which bound, how far, and the flag that moves it.

    `error_type` is Prometheus' word for it: `execution` (422), `timeout` (503) or `canceled` (499).
    """

    def __init__(self, message: str, *, error_type: str = "execution") -> None:
        super().__init__(message)
        self.error_type = error_type
        self.http_status = {"execution": 422, "timeout": 503, "canceled": 499}[error_type]


class ExecutionError(PromontoryError):
    """A well-formed query cannot be evaluated on this data (many-to-many matching and the like); 422."""

    http_status = 422
    error_type = "execution"


class CorruptionError(PromontoryError):
    """Bytes break their format: names the object, the offset, what was expected and what was found."""

    def __init__(self, what: str, *, source: str, offset: int, expected: str, found: str) -> None:
        super().__init__(f"{what} in {source} at offset {offset}: expected {expected}, found {found}")
        self.source = source
        self.offset = offset
        self.expected = expected
        self.found = found


class BucketError(PromontoryError):
    """An operation on an object failed; names the key and the operation."""

    def __init__(self, message: str, *, key: str, operation: str) -> None:
        super().__init__(f"{operation} {key!r}: {message}")
        self.key = key
        self.operation = operation


class ObjectNotFound(BucketError):
    """The object is not there."""


class ObjectExists(BucketError):
    """Someone else wrote the object first."""


class AccessDenied(BucketError):
    """The credentials do not allow the operation."""


class BucketUnavailable(BucketError):
    """The bucket did not answer, or asked for patience; `retry_after_s` is the patience it asked for, or None."""

    retryable = True

    def __init__(self, message: str, *, key: str, operation: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, key=key, operation=operation)
        self.retry_after_s = retry_after_s


class StoreError(PromontoryError):
    """A Store could not answer; `endpoint` names it."""

    error_type = "execution"
    http_status = 422

    def __init__(self, message: str, *, endpoint: str) -> None:
        super().__init__(message)
        self.endpoint = endpoint


class StoreUnavailable(StoreError):
    """A Store is down, too slow or going away; a retry may reach it."""

    retryable = True
    http_status = 503


class BadBlockError(PromontoryError):
    """Blocks cannot be worked on as they are; `reason` is the word for it in a mark."""

    def __init__(self, message: str, *, ulids: tuple[str, ...], reason: str) -> None:
        super().__init__(message)
        self.ulids = ulids
        self.reason = reason


class StoppedError(PromontoryError):
    """The work was told to stop before its end; what it had begun is taken away again."""

    retryable = True


class JobError(PromontoryError):
    """Jobs of a pass failed for no fault of their blocks; all else was done, and a later pass tries again."""

    retryable = True


class HaltError(PromontoryError):
    """Going on would put history at risk; names the blocks."""


def _restore(kind: type[PromontoryError], arguments: tuple[object, ...], state: dict[str, object]) -> PromontoryError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error
