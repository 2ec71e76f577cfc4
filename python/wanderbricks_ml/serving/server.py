"""Workers of a machine behind one port."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from msgspec.structs import replace

from wanderbricks_ml.serving.request_log import JsonLines
from wanderbricks_ml.serving.settings import ServingSettings

HEADER_SECONDS = 10
SHUTDOWN_SECONDS = 30


def serve(host: str, port: int, workers: int, settings: ServingSettings, refresh: Sequence[str]) -> None:
    """Serve until told to stop; a worker that dies is replaced.

    Parameters
    ----------
    host, port, workers
        Where, and in how many processes.
    settings
        For the workers; `scratch` is made here.
    refresh
        Command that goes on beside them and keeps the store new; none where it is empty.
    """
    with tempfile.TemporaryDirectory(prefix="wanderbricks-serving-") as scratch:
        (counts := Path(scratch) / "metrics").mkdir()
        (rates := Path(scratch) / "rates").mkdir()
        # before any worker imports prometheus_client
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(counts)
        replace(settings, scratch=str(rates)).to_environment()
        # once for all workers, which share its memory and are there at once
        import wanderbricks_ml.serving.app  # noqa: F401

        server = Granian(
            "wanderbricks_ml.serving.app:create",
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            factory=True,
            workers=workers,
            # upgrades to HTTP/2 would let one caller hold a hundred requests open
            http=HTTPModes.http1,
            websockets=False,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
            respawn_failed_workers=True,
            respawn_interval=1,
            workers_kill_timeout=SHUTDOWN_SECONDS,
            log_level=LogLevels.warning,
            log_dictconfig={"handlers": {name: {"()": JsonLines} for name in ("console", "access")}},
        )
        keeper = subprocess.Popen([sys.executable, *refresh]) if refresh else None
        try:
            server.serve()
        finally:
            if keeper is not None:
                keeper.terminate()
                keeper.wait()
