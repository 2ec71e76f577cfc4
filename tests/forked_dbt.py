"""dbt commands in forks of one process that has imported dbt and the learners: importing takes longer than most runs.

Run as a script it reads a request a line, forks, and answers with the exit code. A fork begins as a new process would:
nothing has run in its parent, which has one thread, but imports.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

IMPORTED = (
    "dbt.cli.main",
    "dbt.adapters.databricks",
    "dbt.adapters.duckdb",
    "dbt.task.build",
    "dbt.task.docs.generate",
    "mlflow.sklearn",
    "sklearn.ensemble",
    "sklearn.isotonic",
    "wanderbricks_ml.lifecycle.fitting",
    "wanderbricks_ml.lifecycle.predicting",
    "wanderbricks_ml.lifecycle.rolling_origins",
    "xgboost",
)


KILLED = 128 + signal.SIGKILL
"""Exit code of a command that was killed."""


@dataclass(frozen=True)
class Kill:
    """A moment at which a command is killed: so many seconds after its output has the pattern, or after it began."""

    seconds: float
    pattern: str = ""


class ForkedDbt:
    """A process that forks for each command."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        timeout: int,
        kill: Kill | None = None,
        tool: str = "dbt",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of dbt, or of wanderbricks, in `folder` with nothing but `environment`, its output in one text.

        With `kill` it is killed at that moment, and its exit code KILLED, if it has not ended before.

        Raises
        ------
        subprocess.TimeoutExpired
            When it takes longer than `timeout` seconds; it is killed then.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as output:
            request = {
                "tool": tool,
                "arguments": list(arguments),
                "folder": str(folder),
                "environment": dict(environment),
                "timeout": timeout,
                "output": output.name,
                "kill": asdict(kill) if kill else None,
            }
            print(json.dumps(request), file=self.process.stdin, flush=True)
            code = json.loads(self.process.stdout.readline())
            said = output.read()
        if code is None:
            raise subprocess.TimeoutExpired(list(arguments), timeout, said)
        return subprocess.CompletedProcess(list(arguments), code, said)


def _serve() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError(f"an import has started threads, so that forks are not safe: {threading.enumerate()}")
    gc.freeze()
    # DuckDB complains of objects that the interpreter does not collect in the end
    atexit.register(gc.unfreeze)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(request)
        print(json.dumps(_exit_code(child, request)), flush=True)


def _run(request: Mapping[str, Any]) -> None:
    output = os.open(request["output"], os.O_WRONLY | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    time.tzset()
    sys.argv = [request["tool"], *request["arguments"]]
    if request["tool"] == "dbt":
        from dbt.cli.main import cli as command
    else:
        from wanderbricks_ml.commands.cli import main as command
    command()


def _exit_code(child: int, request: Mapping[str, Any]) -> int | None:
    """The exit code of a fork, that of a shell where a signal ended it; None where it took too long."""
    began = time.monotonic()
    kill = request["kill"]
    seen = began if kill and not kill["pattern"] else None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        now = time.monotonic()
        if now > began + request["timeout"]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        if kill and seen is None:
            said = Path(request["output"]).read_text(encoding="utf-8", errors="replace")
            seen = now if re.search(kill["pattern"], said) else None
        if seen is not None and now >= seen + kill["seconds"]:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)


if __name__ == "__main__":
    _serve()
