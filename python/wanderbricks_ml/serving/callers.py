"""Who may ask what, and how often."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from wanderbricks_ml.serving.exchange import Exchange
from wanderbricks_ml.serving.keys import KeyRing
from wanderbricks_ml.serving.problems import Problem
from wanderbricks_ml.serving.rates import Limiter
from wanderbricks_ml.serving.settings import ServingSettings


class Callers:
    """The door of the server.

    Parameters
    ----------
    settings
        Of the server.

    Raises
    ------
    ValueError, FileNotFoundError
        When the file of keys cannot be used.
    """

    def __init__(self, settings: ServingSettings) -> None:
        self._ring = KeyRing(
            Path(settings.keys) if settings.keys else None, [settings.run_key] if settings.run_key else []
        )
        self._limiter = Limiter(Path(settings.scratch))

    def admit(self, exchange: Exchange) -> None:
        """Find out whose request it is, and count it.

        Raises
        ------
        Problem
            When there is no valid key, or it has been used too often.
        """
        caller = self._ring.holder(_given(exchange))
        if caller is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "a valid API key is needed, in the header X-API-Key or as a bearer token",
                [("X-API-Key", "missing or not valid")],
                [(b"www-authenticate", b"Bearer")],
            )
        exchange.caller = caller
        wait = self._limiter.seconds_to_wait(caller.id, caller.per_minute)
        if wait:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"the key has {caller.per_minute} requests a minute; the next one may come in {wait} seconds",
                [("X-API-Key", "used too often")],
                [(b"retry-after", str(wait).encode())],
            )

    def check_scope(self, exchange: Exchange) -> None:
        """See that the caller may ask the model.

        Raises
        ------
        Problem
            When the key is for others.
        """
        if exchange.caller is None or not exchange.caller.may_ask(exchange.model):
            raise Problem(
                HTTPStatus.FORBIDDEN, f"the key is not for {exchange.model}", [("X-API-Key", "for other models")]
            )


def _given(exchange: Exchange) -> str:
    """The key in a request's headers; empty where there is none."""
    given = exchange.headers.get(b"x-api-key")
    if given is None:
        scheme, _, token = exchange.headers.get(b"authorization", b"").partition(b" ")
        given = token.strip() if scheme.lower() == b"bearer" else b""
    return given.decode("latin-1")
