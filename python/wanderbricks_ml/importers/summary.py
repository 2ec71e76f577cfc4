"""What an import read, kept, adjusted and dropped, and whether that looks odd."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import click

from wanderbricks_ml.importers.reading import Reading

logger = logging.getLogger(__name__)

ODD_SHARE = 0.05
MAX_SHARE = 0.5


def labelled(label: str, of: str | None = None, may_be_all: bool = False) -> Any:
    """Dataclass field, 0 by default, that `log_summary` prints as `label`.

    Parameters
    ----------
    label
        What was counted.
    of
        The field that this one is a share of, if it looks odd above `ODD_SHARE`.
    may_be_all
        Whether the import goes on however large the share is.
    """
    return field(default=0, metadata={"label": label, "of": of, "may_be_all": may_be_all})


@dataclass(frozen=True)
class _Share:
    share: float
    told: str
    may_be_all: bool


def log_summary(
    title: str, counts: Any, readings: Sequence[Reading], max_share: float, notes: Sequence[str] = ()
) -> None:
    """Log each `labelled` field of the dataclass instance `counts`, then what looks odd.

    Parameters
    ----------
    title
        Of the source.
    counts
        The instance.
    readings
        What came of the files.
    max_share
        Largest share of rows that a rule may drop or adjust.
    notes
        Further things to say at the end.

    Raises
    ------
    click.ClickException
        When a rule was applied to a larger share of rows than `max_share`.
    """
    logger.info("%s", title)
    for entry in fields(counts):
        if "label" in entry.metadata:
            logger.info("  %-62s %11s", entry.metadata["label"], f"{getattr(counts, entry.name):,}")
    absent = list(dict.fromkeys(name for reading in readings for name in reading.absent))
    if absent:
        logger.info("Columns that are not there, and were done without: %s", ", ".join(absent))
    odd = [share for share in _shares(counts, readings) if share.share > ODD_SHARE]
    for column in [column for reading in readings for column in reading.unreadable]:
        if column.rows / column.of <= ODD_SHARE:
            logger.info("%s", column)
    for line in [*(share.told for share in odd), *notes]:
        logger.warning("Odd: %s", line)
    too_many = [share.told for share in odd if share.share > max_share and not share.may_be_all]
    if too_many:
        raise click.ClickException(
            f"more than {max_share:.0%} of rows are dropped or adjusted by one rule, so nothing was written: "
            + "; ".join(too_many)
            + ". Where that is as it should be, --max-odd allows a larger share"
        )


def _shares(counts: Any, readings: Sequence[Reading]) -> Iterator[_Share]:
    for entry in fields(counts):
        of, rows = entry.metadata.get("of"), getattr(counts, entry.name)
        if of and rows:
            share = rows / getattr(counts, of)
            told = f"{entry.metadata['label']}: {rows:,} of {getattr(counts, of):,} ({share:.0%})"
            yield _Share(share, told, entry.metadata["may_be_all"])
    for reading in readings:
        for column in reading.unreadable:
            yield _Share(column.rows / column.of, str(column), may_be_all=False)
