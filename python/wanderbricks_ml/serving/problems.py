"""Errors as callers get them: problem documents of RFC 9457, which name the field."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

CONTENT_TYPE = b"application/problem+json"

_PLACE = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`$", re.DOTALL)
_NAME = re.compile(r"^Object (?:missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")


class Problem(Exception):
    """What keeps a request from its answer.

    Parameters
    ----------
    status
        HTTP status.
    detail
        What is wrong and what to do.
    fields
        Pairs of a field's JSON pointer, or a header's or parameter's name, and what is wrong with it.
    headers
        Of the response.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        fields: list[tuple[str, str]] | None = None,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.fields = fields or []
        self.headers = headers or []

    def document(self, request_id: str) -> bytes:
        """The problem document, JSON."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.fields:
            document["errors"] = [{"field": field, "detail": detail} for field, detail in self.fields]
        return msgspec.json.encode(document)


def of_invalid_body(error: msgspec.ValidationError, inside: str = "") -> Problem:
    """The problem of a body that is JSON, but not what the route takes.

    Parameters
    ----------
    inside
        Pointer to the part of the body that was looked at.
    """
    field, detail = located(str(error))
    pointer = inside + field
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{pointer or 'the body'}: {detail}", [(pointer, detail)])


def located(message: str) -> tuple[str, str]:
    """JSON pointer of the field that a message of msgspec is about, and the message without it.

    Examples
    --------
    >>> located("Expected `int`, got `str` - at `$[3].user_id`")
    ('/3/user_id', 'expected `int`, got `str`')
    >>> located("Object missing required field `user_id`")
    ('/user_id', 'missing required field')
    """
    place = _PLACE.search(message)
    steps = [] if place is None else [step["name"] or step["index"] for step in _STEP.finditer(place["path"])]
    message = message if place is None else message[: place.start()]
    named = _NAME.match(message)
    if named:
        steps.append(named["name"])
        message = "missing required field" if message.startswith("Object missing") else "unknown field"
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return pointer, message[:1].lower() + message[1:]
