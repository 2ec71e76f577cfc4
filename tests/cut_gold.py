"""Gold changed by queries, and gold as it was on an earlier day."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from wanderbricks_ml.gold.derived import booking_daily


def rewrite_gold(gold: Path, out: Path, queries: dict[str, str]) -> Path:
    """Copy `gold` to `out` with some tables replaced by queries, in which a table's name means its file."""
    shutil.copytree(gold, out)
    with duckdb.connect() as connection:
        for file in gold.glob("*.parquet"):
            connection.execute(f"create view {file.stem} as from '{file}'")
        for name, query in queries.items():
            schema = pq.read_schema(gold / f"{name}.parquet")
            written = connection.sql(query).to_arrow_table().select(schema.names).cast(schema)
            pq.write_table(written, out / f"{name}.parquet")
    if "fact_booking_detail" in queries:
        detail = pq.read_table(out / "fact_booking_detail.parquet")
        pq.write_table(booking_daily(detail), out / "fact_booking_daily.parquet")
    return out


def cut_gold(gold: Path, day: date, out: Path) -> Path:
    """Write gold as it was at the first moment of `day`."""
    moment = f"timestamp '{day}'"
    queries = {
        table: f"""
            select * replace (
                case when effective_to < {moment} then effective_to end as effective_to,
                effective_to is null or effective_to >= {moment} as is_current,
                case when effective_to >= {moment} then record_created_timestamp else record_updated_timestamp end
                    as record_updated_timestamp
            )
            from {table}
            where effective_from < {moment}
        """
        for table in ("dim_property", "dim_host", "dim_user")
    }
    queries["fact_property_engagement"] = f"from fact_property_engagement where engagement_date < date '{day}'"
    queries["fact_booking_detail"] = f"""
        select * replace (
            is_cancelled and updated_at < {moment} as is_cancelled,
            case when updated_at < {moment} then status else 'confirmed' end as status,
            case when updated_at < {moment} then updated_at else created_at end as updated_at,
            case when updated_at < {moment} then record_updated_timestamp else created_at end
                as record_updated_timestamp
        )
        from fact_booking_detail
        where created_at < {moment}
    """
    return rewrite_gold(gold, out, queries)
