"""The declarations of the products, without dbt where it has parsed the project."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from wanderbricks_ml.commands.dbt_client import parse
from wanderbricks_ml.commands.local_database import project_folder


def declarations() -> list[dict[str, Any]]:
    """What macros/products declares, as dbt last parsed it in the project of the current folder.

    It parses where it has not yet. With each goes `settings`, the `config.meta` of its <product>_scores.

    Raises
    ------
    RuntimeError
        When there is no project, with what dbt said.
    """
    manifest = Path(os.environ.get("DBT_TARGET_PATH", project_folder() / "target")) / "manifest.json"
    if not manifest.is_file():
        parse()
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    metas = {node["name"]: node["config"].get("meta", {}) for node in nodes if "config" in node}
    declared = [meta["declaration"] for meta in metas.values() if "declaration" in meta]
    return [{**declaration, "settings": metas.get(f"{declaration['product']}_scores", {})} for declaration in declared]
