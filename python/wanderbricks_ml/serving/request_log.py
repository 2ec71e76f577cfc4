"""A line of JSON for each request: what was asked of which model, never for whom."""

from __future__ import annotations

import logging
import os
import re
import secrets
from datetime import UTC, datetime
from typing import Any

import msgspec

ERRORS = 2
"""File descriptor of the standard error, of which a line is written whole."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def request_id(given: bytes | None) -> str:
    """A caller's own id of a request where it is nothing but an id, else a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    return secrets.token_hex(8)


def write(**fields: Any) -> None:
    """Write a line."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
    os.write(ERRORS, msgspec.json.encode(line) + b"\n")


class JsonLines(logging.Handler):
    """The package's and the server's own log lines in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        failure = {"error": logging.Formatter().formatException(record.exc_info)} if record.exc_info else {}
        write(level=record.levelname.lower(), logger=record.name, message=record.getMessage(), **failure)
