"""Calls of an ASGI application without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What an application sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [error["field"] for error in self.json["errors"]]


def call(
    app: Any,
    path: str,
    body: Any = None,
    key: str | None = None,
    meanwhile: Callable[[], None] | None = None,
    endless: bool = False,
    **headers: str,
) -> Answer:
    """Ask an application: a GET without a body, else a POST of it, as JSON where it is no bytes.

    What is to happen `meanwhile` does so while the body is under way; of an `endless` one no more than a part comes.
    """
    sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    given = {"content_type": "application/json"} | ({"x_api_key": key} if key else {}) | headers
    scope = {
        "type": "http",
        "method": "GET" if body is None else "POST",
        "path": path,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
    }
    messages: list[dict[str, Any]] = []

    parts = iter([sent[:1]])

    async def receive() -> dict[str, Any]:
        if endless:
            part = next(parts, None)
            if part is None:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": part, "more_body": True}
        if meanwhile is not None:
            meanwhile()
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    start, *rest = messages
    return Answer(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message["body"] for message in rest),
    )
