"""`config.meta` of the products, as their YAML has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MODELS = Path(__file__).parents[1] / "models"
RENDERED = {"driver_rows": 5_000_000, "registry_prefix": ""}
"""What dbt would render, whatever the expression."""


def product_metas() -> Iterator[dict[str, Any]]:
    """`config.meta` of each product's predictor, one a product."""
    seen = set()
    for file in sorted(MODELS.rglob("_*.yml")):
        for model in yaml.safe_load(file.read_text()).get("models", []):
            meta = model.get("config", {}).get("meta", {})
            if "model_name" in meta and meta["model_name"] not in seen:
                seen.add(meta["model_name"])
                yield meta | {name: value for name, value in RENDERED.items() if name in meta}
