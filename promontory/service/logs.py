"""Logs: events with fields, one line each, as logfmt or JSON on stderr.

    ts=2026-11-21T03:40:00.123Z level=info component=store msg="block loaded" block=01J… series=2500

Fields come from `extra=` of the standard logging calls. Source of the shape: go-kit's logfmt, as Thanos writes it.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TextIO

from promontory.model.rfc3339 import format_rfc3339_ms

LEVELS = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
_LEVEL_NAMES = {"WARNING": "warn", "CRITICAL": "error"}
_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_BARE = re.compile(r"[^\s\"=\\\x00-\x1f]+")
# Libraries that would tell their own story at our level.
_QUIET = ("uvicorn", "asyncio", "httpx", "httpcore", "botocore", "boto3", "aiobotocore", "s3transfer", "grpc", "numba")


class FieldFormatter(logging.Formatter):
    """Turns a record into the ordered fields of one line."""

    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """Return time, level, component, message, the record's extra fields and its exception."""
        fields: dict[str, object] = {
            "ts": format_rfc3339_ms(int(record.created * 1000)),
            "level": _LEVEL_NAMES.get(record.levelname, record.levelname.lower()),
            "component": self._component,
            "msg": record.getMessage(),
        }
        fields |= {name: value for name, value in record.__dict__.items() if name not in _OWN_FIELDS}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return fields


class LogfmtFormatter(FieldFormatter):
    """`name=value` pairs; values with spaces, quotes or control characters are quoted."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{name}={_quoted(str(value))}" for name, value in self.fields(record).items())


class JsonFormatter(FieldFormatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), default=str, ensure_ascii=False)


FORMATTERS = {"logfmt": LogfmtFormatter, "json": JsonFormatter}


def start_logging(component: str, *, level: str, shape: str, stream: TextIO | None = None) -> None:
    """Send all logs of the process to one handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(FORMATTERS[shape](component))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))


def _quoted(text: str) -> str:
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
