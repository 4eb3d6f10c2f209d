from __future__ import annotations

import pytest

from promontory.model.url import without_user


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://host:9090/a", "http://host:9090/a"),
        ("http://me:secret@host:9090/a", "http://host:9090/a"),
        ("http://me:sec/ret@host:9090=/data", "http://host:9090=/data"),
        ("http://me:sec@ret@host", "http://host"),
        ("http://me:sec\nret@host", "http://host"),
        ("me@host", "me@host"),
    ],
)
def test_user_and_password_are_never_shown(url: str, shown: str) -> None:
    assert without_user(url) == shown
