"""The gold layer as Arrow schemas, and the one way to write it to a folder.

``models/gold/_gold.yml`` is the same contract as dbt sees it; a test holds the two equal.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

logger = logging.getLogger(__name__)

_MOMENT = pa.timestamp("us")
_MONEY = pa.decimal128(18, 2)
_RECORD = [("record_created_timestamp", _MOMENT), ("record_updated_timestamp", _MOMENT)]
_VERSION = [("effective_from", _MOMENT), ("effective_to", _MOMENT), ("is_current", pa.bool_())]

GOLD_SCHEMAS: Mapping[str, pa.Schema] = {
    "dim_user": pa.schema(
        [
            ("user_key", pa.string()),
            ("user_id", pa.int64()),
            ("email", pa.string()),
            ("name", pa.string()),
            ("country", pa.string()),
            ("user_type", pa.string()),
            ("is_business", pa.bool_()),
            ("company_name", pa.string()),
            ("created_at", pa.date32()),
            *_VERSION,
            *_RECORD,
        ]
    ),
    "dim_host": pa.schema(
        [
            ("host_key", pa.string()),
            ("host_id", pa.int64()),
            ("name", pa.string()),
            ("email", pa.string()),
            ("phone", pa.string()),
            ("is_verified", pa.bool_()),
            ("is_active", pa.bool_()),
            ("rating", pa.float32()),
            ("country", pa.string()),
            ("joined_at", pa.date32()),
            *_VERSION,
            *_RECORD,
        ]
    ),
    "dim_property": pa.schema(
        [
            ("property_key", pa.string()),
            ("property_id", pa.int64()),
            ("host_id", pa.int64()),
            ("destination_id", pa.int64()),
            ("title", pa.string()),
            ("description", pa.string()),
            ("base_price", pa.float32()),
            ("property_type", pa.string()),
            ("max_guests", pa.int32()),
            ("bedrooms", pa.int32()),
            ("bathrooms", pa.int32()),
            ("property_latitude", pa.float32()),
            ("property_longitude", pa.float32()),
            ("created_at", pa.date32()),
            *_VERSION,
            *_RECORD,
        ]
    ),
    "dim_destination": pa.schema(
        [
            ("destination_id", pa.int64()),
            ("destination", pa.string()),
            ("country", pa.string()),
            ("state_or_province", pa.string()),
            ("state_or_province_code", pa.string()),
            ("description", pa.string()),
            *_RECORD,
        ]
    ),
    "dim_date": pa.schema(
        [
            ("date", pa.date32()),
            ("year", pa.int32()),
            ("quarter", pa.int32()),
            ("month", pa.int32()),
            ("month_name", pa.string()),
            ("week_of_year", pa.int32()),
            ("day_of_week", pa.int32()),
            ("day_of_week_name", pa.string()),
            ("day_of_month", pa.int32()),
            ("day_of_year", pa.int32()),
            ("is_weekend", pa.bool_()),
            ("is_holiday", pa.bool_()),
        ]
    ),
    "fact_booking_detail": pa.schema(
        [
            ("booking_id", pa.int64()),
            ("user_id", pa.int64()),
            ("host_id", pa.int64()),
            ("property_id", pa.int64()),
            ("destination_id", pa.int64()),
            ("check_in_date", pa.date32()),
            ("check_out_date", pa.date32()),
            ("guests_count", pa.int32()),
            ("nights_booked", pa.int32()),
            ("total_amount", _MONEY),
            ("payment_amount", _MONEY),
            ("payment_method", pa.string()),
            ("status", pa.string()),
            ("created_at", _MOMENT),
            ("updated_at", _MOMENT),
            ("days_between_booking_and_checkin", pa.int32()),
            ("is_cancelled", pa.bool_()),
            ("is_business_booking", pa.bool_()),
            *_RECORD,
        ]
    ),
    "fact_booking_daily": pa.schema(
        [
            ("property_id", pa.int64()),
            ("destination_id", pa.int64()),
            ("check_in_date", pa.date32()),
            ("booking_count", pa.int64()),
            ("confirmed_booking_count", pa.int64()),
            ("cancellation_count", pa.int64()),
            ("total_booking_value", _MONEY),
            ("avg_booking_value", _MONEY),
            ("total_guests", pa.int64()),
            ("avg_nights_booked", pa.decimal128(10, 2)),
            ("payment_completion_rate", pa.decimal128(5, 2)),
            *_RECORD,
        ]
    ),
    "fact_property_engagement": pa.schema(
        [
            ("property_id", pa.int64()),
            ("engagement_date", pa.date32()),
            ("view_count", pa.int64()),
            ("unique_user_views", pa.int64()),
            ("click_count", pa.int64()),
            ("search_count", pa.int64()),
            ("conversion_rate", pa.decimal128(5, 2)),
            ("avg_time_on_page", pa.decimal128(10, 2)),
            *_RECORD,
        ]
    ),
}


def write_gold(tables: Mapping[str, pa.Table], out: Path) -> None:
    """Write all eight gold tables as ``out/<table>.parquet``, all or none; see `gold_writer`."""
    with gold_writer(out) as write:
        write(tables)


@contextmanager
def gold_writer(out: Path) -> Iterator[Callable[[Mapping[str, pa.Table]], None]]:
    """Write gold in parts, all eight tables or none; see `folder_writer`.

    Columns are put in the contract's order and cast to its types; further columns follow unchanged.

    Raises
    ------
    ValueError
        When a table or a column is missing, or a value does not fit its type; names it.
    """
    with folder_writer(out, tuple(GOLD_SCHEMAS)) as write:
        yield lambda tables: write({name: conform(name, table) for name, table in tables.items()})


@contextmanager
def folder_writer(out: Path, names: Sequence[str]) -> Iterator[Callable[[Mapping[str, pa.Table]], None]]:
    """Write ``out/<name>.parquet`` for all names, in parts; the folder's files are replaced at the end, all or none.

    Yields a function that appends the rows of some tables.

    Raises
    ------
    ValueError
        When a table is missing at the end; names it.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    writers: dict[str, pq.ParquetWriter] = {}
    rows: Counter[str] = Counter()

    def write(tables: Mapping[str, pa.Table]) -> None:
        for name, table in tables.items():
            if name not in writers:
                writers[name] = pq.ParquetWriter(staging / f"{name}.parquet", table.schema, compression="zstd")
            writers[name].write_table(table)
            rows[name] += table.num_rows

    try:
        yield write
        missing = sorted(set(names) - set(writers))
        if missing:
            raise ValueError(f"{out} needs the tables {', '.join(missing)} as well")
        out.mkdir(exist_ok=True)
        for name in names:
            writers[name].close()
            (staging / f"{name}.parquet").replace(out / f"{name}.parquet")
            logger.info("%-26s %10s rows", name, f"{rows[name]:,}")
    finally:
        for writer in writers.values():
            writer.close()
        shutil.rmtree(staging)


def conform(name: str, table: pa.Table) -> pa.Table:
    """Bring `table` to the contract of gold table `name`; keeps extra columns at the end."""
    schema = GOLD_SCHEMAS[name]
    absent = [column for column in schema.names if column not in table.column_names]
    if absent:
        raise ValueError(f"{name} lacks the columns {', '.join(absent)}")
    extra = [field for field in table.schema if field.name not in schema.names]
    target = pa.schema([*schema, *extra])
    try:
        return table.select(target.names).cast(target)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{name} does not fit the gold contract: {error}") from error
