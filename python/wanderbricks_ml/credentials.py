"""Credentials kept out of what people read: messages of errors and of the log."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

HIDDEN = "***"

# The last @ before the host's path: a password may hold any sign, and not everybody escapes it.
_USER_OF_URL = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s<>]*@")
_SECRET_PARAMETER = re.compile(
    r"(?P<name>\b(?:password|passwd|pwd|token|secret|sig|signature|api_?key|access_?key|credential)s?\b['\"]?\s*[=:]\s*)"
    r"(?P<quote>['\"]?)(?!\*)[^\s'\"&,;)]+(?P=quote)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(?P<scheme>Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}")


def redacted(text: str) -> str:
    """Hide user and password of each URL, secret parameters and HTTP authorizations in a text.

    Examples
    --------
    >>> redacted("the store at postgresql://ann:secret@host/mlflow?sslmode=require")
    'the store at postgresql://***@host/mlflow?sslmode=require'
    """
    text = _USER_OF_URL.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _SECRET_PARAMETER.sub(rf"\g<name>{HIDDEN}", text)
    return _BEARER.sub(rf"\g<scheme> {HIDDEN}", text)


def hides_credentials(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let no error leave `function` with a credential in its message.

    An error without one passes as it is. One with a credential becomes a RuntimeError of the redacted message, and what
    it came of is forgotten, since a traceback would show it.
    """

    @functools.wraps(function)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            told = _told(error)
            if not any(redacted(text) != text for text in told):
                raise
            message = f"{type(error).__name__}: {redacted(told[0])}"
        raise RuntimeError(message)

    return wrapped


class RedactingFilter(logging.Filter):
    """Redacts the messages of a handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact `record`, and let it pass."""
        record.msg, record.args = redacted(record.getMessage()), None
        if record.exc_info:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
        return True


def _told(error: BaseException | None) -> list[str]:
    """Messages of an error and of all that it came of."""
    told: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        told.append(str(error))
        error = error.__cause__ or error.__context__
    return told
