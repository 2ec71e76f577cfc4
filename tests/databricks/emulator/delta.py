"""Delta Lake for Spark, taken out of the wheel of another package that bundles it.

PyPI has no jar of Delta Lake; `jsoniq` 3.0.2, pinned by hash in ../requirements.lock, carries version 4.0.0 within its
own. `DELTA_JAR` names another one instead.
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import zipfile
from pathlib import Path

BUNDLE = "jsoniq/jars/rumbledb-3.0.0.jar"

KEPT = ("error/delta", "io/delta/", "com/databricks/", "org/apache/spark/")
"""What belongs to Delta Lake; the bundle's own Spark would shadow the real one."""

DELTA = ("org/apache/spark/sql/delta/", "io/delta/")
FOREIGN = (
    "/avro/",
    "org/apache/spark/annotation/",
    "org/apache/spark/unused/",
    "Iceberg",
    "OrderAware",
    "SortOrderParserUtil",
    "SetWriteDistribution",
)
SERVICE = "META-INF/services/org.apache.spark.sql.sources.DataSourceRegister"


def delta_jar(folder: Path) -> Path:
    """The jar that DELTA_JAR names, or one made in `folder` on first use.

    Raises
    ------
    FileNotFoundError
        When the named jar, or the bundle, is not there.
    """
    named = os.environ.get("DELTA_JAR")
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(f"DELTA_JAR names {named}, which is no file")
        return Path(named)
    jar = folder / "delta.jar"
    if not jar.exists():
        bundle = importlib.metadata.distribution("jsoniq").locate_file(BUNDLE)
        part = jar.with_suffix(".part")
        extract(Path(str(bundle)), part)
        part.replace(jar)
    return jar


def extract(bundle: Path, jar: Path) -> None:
    """Write the entries of `bundle` that are Delta Lake's to `jar`."""
    with zipfile.ZipFile(io.BytesIO(bundle.read_bytes())) as source, zipfile.ZipFile(jar, "w") as target:
        for entry in source.infolist():
            name = entry.filename
            foreign = any(part in name for part in FOREIGN) and not name.startswith(DELTA)
            if name.startswith(KEPT) and not name.endswith("/") and not foreign:
                target.writestr(name, source.read(entry), zipfile.ZIP_DEFLATED)
        target.writestr(SERVICE, "org.apache.spark.sql.delta.sources.DeltaDataSource\n")
