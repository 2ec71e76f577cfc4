"""What the package logs, among dbt's own lines.

A module of its own: the handler lives as long as the interpreter, and DuckDB complains of what then still refers to it.
"""

from __future__ import annotations

import logging

from dbt.adapters.events.logging import AdapterLogger

from wanderbricks_ml.credentials import redacted

_dbt = AdapterLogger("wanderbricks")


class _ToDbt(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        (_dbt.warning if record.levelno >= logging.WARNING else _dbt.info)(redacted(record.getMessage()))


def show_among_dbts_lines() -> None:
    """Let dbt print what the package logs, such as the progress of a long fit."""
    package = logging.getLogger("wanderbricks_ml")
    if not package.handlers:
        package.addHandler(_ToDbt())
        package.setLevel(logging.INFO)
        package.propagate = False
