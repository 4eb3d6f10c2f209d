"""Errors as values: they go from one process to another."""

from __future__ import annotations

import pickle

import pytest

from promontory.errors import (
    BadBlockError,
    BucketUnavailable,
    CorruptionError,
    LimitError,
    PromontoryError,
    QueryError,
    StoreError,
)


@pytest.mark.parametrize(
    "error",
    [
        BadBlockError("why", ulids=("a", "b"), reason="word"),
        BucketUnavailable("later", key="k", operation="get", retry_after_s=2.0),
        CorruptionError("what", source="s", offset=3, expected="e", found="f"),
        LimitError("too much", error_type="timeout"),
        QueryError("bad", position=(1, 2)),
        StoreError("gone", endpoint="host:1"),
        PromontoryError("plain"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_whole_from_another_process(error: PromontoryError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert (str(found), found.args, vars(found)) == (str(error), error.args, vars(error))
