"""dbt-duckdb plugin that puts simulated gold data where there is none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.events.logging import AdapterLogger

from wanderbricks_ml.dbt_log import show_among_dbts_lines

# Not wanderbricks_ml.gold: that imports pyarrow, which a run with its gold in place does not need.
GOLD_TABLES = (
    "dim_user",
    "dim_host",
    "dim_property",
    "dim_destination",
    "dim_date",
    "fact_booking_detail",
    "fact_booking_daily",
    "fact_property_engagement",
)

PRESET = "dev"
SEED = 7

logger = AdapterLogger("wanderbricks")


class Plugin(BasePlugin):
    """Prepares the files that dbt is about to open.

    dbt-duckdb makes the plugin when it opens its first connection, before the database file.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Make the database file's folder, and gold data when the default folder has none.

        Nothing is simulated when the environment has ``WANDERBRICKS_GOLD``: who names a folder
        wants that folder's data, and ``check_gold`` says what it lacks.

        Parameters
        ----------
        plugin_config
            ``folder``, the gold folder, from the profile.
        """
        show_among_dbts_lines()
        if self.creds is not None and not self.creds.is_motherduck:
            # DuckDB does not make the folder of its database file.
            Path(self.creds.path).parent.mkdir(parents=True, exist_ok=True)
        folder = Path(plugin_config["folder"])
        if "WANDERBRICKS_GOLD" in os.environ or has_gold(folder):
            return
        logger.info(f"No gold data in {folder}: simulating preset {PRESET}, seed {SEED}")
        # Most runs have their gold and do without numpy and pyarrow.
        from wanderbricks_ml.simulator import simulate

        simulate(preset=PRESET, seed=SEED, out=folder)


def has_gold(folder: Path) -> bool:
    """Whether `folder` holds at least one gold table: then it is somebody's, and is left alone."""
    return any((folder / f"{name}.parquet").exists() for name in GOLD_TABLES)
