"""A request as it is answered: its path, caller and body, and what the log says of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from wanderbricks_ml.serving.inference_log import Entry
from wanderbricks_ml.serving.keys import ApiKey
from wanderbricks_ml.serving.problems import Problem
from wanderbricks_ml.serving.request_log import request_id
from wanderbricks_ml.serving.settings import ServingSettings

PROBES = ("/health", "/ready", "/metrics")
"""Routes that are asked every few seconds, and of which the log says nothing."""

PREDICTING = ("/predict/{model}", "/predict_batch/{model}", "/serving-endpoints/{model}/invocations")
"""Routes that the inference log is of."""


@dataclass(frozen=True)
class Response:
    """What is sent."""

    body: bytes
    content_type: bytes = b"application/json"
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Exchange:
    """A request.

    Parameters
    ----------
    scope, receive
        Of ASGI.
    settings
        Of the server.
    """

    def __init__(self, scope: Any, receive: Any, settings: ServingSettings) -> None:
        self._receive = receive
        self._settings = settings
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.parts: list[str] = scope["path"].strip("/").split("/")
        self.request_id = request_id(self.headers.get(b"x-request-id"))
        self.route = "unknown"
        self.model = ""
        self.caller: ApiKey | None = None
        self.rows = 0
        self.entries: list[Entry] = []
        """Of the inference log."""

    @property
    def key_id(self) -> str:
        """The part of the caller's key that is no secret."""
        return self.caller.id if self.caller else ""

    @property
    def is_logged(self) -> bool:
        """Whether the log has a line of it."""
        return self.route not in PROBES

    def begin(self, route: str, method: str) -> None:
        """Note the route, which takes one method.

        Raises
        ------
        Problem
            When the request has another.
        """
        self.route = route
        if self.method != method:
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{route} takes {method}",
                [("method", f"{method} only")],
                [(b"allow", method.encode())],
            )

    async def body(self) -> bytes:
        """The body, JSON by its content type.

        Raises
        ------
        Problem
            When it is of another type, too long, or too long under way.
        """
        self._check_headers()
        limit, chunks, length = self._settings.most_bytes, [], 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise Problem(HTTPStatus.BAD_REQUEST, "the caller went away", [("", "not whole")])
                    chunks.append(message.get("body", b""))
                    length += len(chunks[-1])
                    if length > limit:
                        raise _too_long(limit)
                    if not message.get("more_body", False):
                        return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        except TimeoutError as error:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body was not there within {self._settings.body_seconds:g} seconds",
                [("", "not whole")],
                [(b"connection", b"close")],
            ) from error

    def _check_headers(self) -> None:
        kind, _, parameters = self.headers.get(b"content-type", b"").partition(b";")
        charset = parameters.strip().lower()
        if kind.strip().lower() != b"application/json" or charset not in (b"", b"charset=utf-8", b'charset="utf-8"'):
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "a body is application/json in UTF-8",
                [("Content-Type", "not application/json")],
            )
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "a body is sent as it is, not packed",
                [("Content-Encoding", "not identity")],
            )
        length = self.headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._settings.most_bytes:
            raise _too_long(self._settings.most_bytes)


def _too_long(limit: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"a body has at most {limit} bytes",
        [("", "too long")],
        [(b"connection", b"close")],
    )
