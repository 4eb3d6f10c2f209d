import io
import json
import logging
from collections.abc import Iterator

import pytest

from promontory.service.logs import start_logging


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(shape: str) -> str:
    stream = io.StringIO()
    start_logging("store", level="info", shape=shape, stream=stream)
    logger = logging.getLogger("promontory.test")
    logger.debug("unseen")
    logger.info("block uploaded", extra={"block": "01J", "bytes": 5, "why": 'a "b"\nc', "empty": ""})
    return stream.getvalue()


@pytest.mark.usefixtures("restored")
def test_logfmt_quotes_what_needs_it() -> None:
    line = logged("logfmt")
    assert line.endswith(
        'level=info component=store msg="block uploaded" block=01J bytes=5 why="a \\"b\\"\\nc" empty=""\n'
    )
    assert line.startswith("ts=2")


@pytest.mark.usefixtures("restored")
def test_json_is_one_object_a_line() -> None:
    line = logged("json")
    assert line.count("\n") == 1
    assert json.loads(line)["why"] == 'a "b"\nc'
