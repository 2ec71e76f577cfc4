"""Rows as a command shows them: aligned for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import click


def show_rows(rows: Sequence[Mapping[str, Any]], style: str) -> None:
    """Print rows, as ``json`` or as text."""
    if style == "json":
        click.echo(json.dumps(rows, default=text, indent=2))
        return
    for line in table_lines(rows):
        click.echo(line)


def table_lines(rows: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Rows as lines of aligned columns under their names, numbers to the right."""
    if not rows:
        return
    names = list(rows[0])
    cells = [[text(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    numeric = [
        all(isinstance(row[name], int | float | None) and not isinstance(row[name], bool) for row in rows)
        for name in names
    ]
    for line in [names, *cells]:
        aligned = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        yield "  ".join(aligned).rstrip()


def text(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else str(value)
