"""What a server was started with, handed to its workers through the environment."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from wanderbricks_ml.serving.keys import ApiKey

VARIABLE = "WANDERBRICKS_SERVING"


class ServingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a server.

    Attributes
    ----------
    store
        Folder of the snapshots.
    scratch
        Folder of what the workers share while they run, empty at first.
    inference_log
        Folder of the inference log; empty where none is kept.
    log_days
        Days that the inference log is kept.
    keys
        File of API keys; empty where there is none.
    run_key
        A key of this run alone.
    most_rows, most_bytes
        Rows and bytes that a request may have.
    body_seconds
        Time that a caller has to send a body.
    stale_days
        Days after which a scoring is too old to be ready; 0 where none is.
    """

    store: str
    scratch: str
    inference_log: str = ""
    log_days: int = 30
    keys: str = ""
    run_key: ApiKey | None = None
    most_rows: int = 1_000
    most_bytes: int = 1 << 20
    body_seconds: float = 10.0
    stale_days: int = 0

    def to_environment(self, environment: Any = os.environ) -> None:
        """Hand over to processes that start from now on."""
        environment[VARIABLE] = msgspec.json.encode(self).decode()

    @staticmethod
    def of_environment() -> ServingSettings:
        """As handed over."""
        return msgspec.json.decode(os.environ[VARIABLE], type=ServingSettings)
