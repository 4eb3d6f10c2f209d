from __future__ import annotations

from typing import Any

import pytest

from promontory.bucket.s3_errors import from_client_error
from promontory.bucket.s3_span import range_header, span_end
from promontory.errors import AccessDenied, BucketError, BucketUnavailable, ObjectExists, ObjectNotFound


def test_the_range_header_names_the_last_byte() -> None:
    assert range_header(0, None) is None
    assert range_header(5, None) == "bytes=5-"
    assert range_header(0, 10) == "bytes=0-9"


@pytest.mark.parametrize(
    ("answer", "span", "end"),
    [
        ({"ContentLength": 10, "ContentRange": "bytes 5-14/100"}, (5, 15), 15),
        ({"ContentLength": 5, "ContentRange": "bytes 5-9/10"}, (5, 15), 10),
        ({"ContentLength": 5, "ContentRange": "bytes 5-9/10"}, (5, None), 10),
        ({"ContentLength": 10}, (0, None), 10),
        ({"ContentLength": 10}, (0, 10), 10),
        ({"ContentLength": 7}, (0, 10), 7),
    ],
)
def test_an_answer_that_carries_the_range_is_accepted(
    answer: dict[str, Any], span: tuple[int, int | None], end: int
) -> None:
    assert span_end(answer, *span, key="a") == end


@pytest.mark.parametrize(
    ("answer", "span"),
    [
        ({}, (0, None)),
        ({"ContentLength": 100}, (0, 10)),
        ({"ContentLength": 100}, (5, 105)),
        ({"ContentLength": 10, "ContentRange": "bytes 4-13/100"}, (5, 15)),
        ({"ContentLength": 9, "ContentRange": "bytes 5-13/100"}, (5, 15)),
        ({"ContentLength": 9, "ContentRange": "bytes 5-14/100"}, (5, 15)),
        ({"ContentLength": 11, "ContentRange": "bytes 5-15/100"}, (5, 15)),
        ({"ContentLength": 10, "ContentRange": "bytes 5-14/*"}, (5, 15)),
        ({"ContentLength": 10, "ContentRange": "lines 5-14/100"}, (5, 15)),
    ],
)
def test_an_answer_that_carries_other_bytes_is_an_error(answer: dict[str, Any], span: tuple[int, int | None]) -> None:
    with pytest.raises(BucketError, match="unfit answer: expected"):
        span_end(answer, *span, key="a")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchKey", 404, ObjectNotFound),
        ("404", 404, ObjectNotFound),
        ("NoSuchBucket", 404, BucketError),
        ("AccessDenied", 403, AccessDenied),
        ("ExpiredToken", 400, AccessDenied),
        ("SlowDown", 503, BucketUnavailable),
        ("", 429, BucketUnavailable),
        ("InternalError", 500, BucketUnavailable),
        ("RequestTimeout", 400, BucketUnavailable),
        ("PreconditionFailed", 412, BucketUnavailable),
        ("MalformedXML", 400, BucketError),
        ("PermanentRedirect", 301, BucketError),
    ],
)
def test_what_s3_says_decides_whether_to_try_again(code: str, status: int, kind: type[BucketError]) -> None:
    response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = from_client_error(response, "a/b", "get")
    assert type(error) is kind
    assert (error.key, error.operation) == ("a/b", "get")


def test_a_failed_condition_of_a_put_means_that_the_object_exists() -> None:
    response = {"Error": {"Code": "PreconditionFailed"}, "ResponseMetadata": {"HTTPStatusCode": 412}}
    assert type(from_client_error(response, "a", "put")) is ObjectExists


@pytest.mark.parametrize(("text", "wait_s"), [("12", 12.0), ("", None), ("Fri, 31 Dec 1999", None), ("-1", None)])
def test_retry_after_in_seconds_is_honoured(text: str, wait_s: float | None) -> None:
    metadata = {"HTTPStatusCode": 503, "HTTPHeaders": {"retry-after": text}}
    error = from_client_error({"Error": {}, "ResponseMetadata": metadata}, "a", "get")
    assert isinstance(error, BucketUnavailable)
    assert error.retry_after_s == wait_s
