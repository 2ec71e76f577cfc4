"""Settings of the products as their Python models get them: `config.meta` of the YAML, and what declarations add."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml

PROJECT = Path(__file__).parents[1]
DECLARATIONS = PROJECT / "macros/products"
RENDERED = {"driver_rows": 5_000_000, "registry_prefix": ""}
"""What dbt would render, whatever the expression."""


class _Returned(Exception):
    """How a macro of dbt hands back a value."""


class _Anything(int):
    """What a macro of another file yields: no setting, but counted with, and looked into."""

    def __getitem__(self, key: Any) -> _Anything:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class _Unknown(jinja2.Undefined):
    """A macro of another file."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _Anything(1)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def product_metas() -> Iterator[dict[str, Any]]:
    """Settings of each product's model, one a product."""
    seen = set()
    for file in sorted((PROJECT / "models").rglob("_*.yml")):
        for model in yaml.safe_load(file.read_text()).get("models") or []:
            meta = model.get("config", {}).get("meta", {})
            product = meta.get("product")
            if isinstance(product, str) and "estimator" in meta and product not in seen:
                seen.add(product)
                yield declared(product) | meta | {name: value for name, value in RENDERED.items() if name in meta}


def declaration(product: str) -> dict[str, Any]:
    """What a product's own file says (macro products); what macros of other files would add is left out or made up."""
    found: dict[str, Any] = _returned_by(_macros(product), f"product_{product}")
    return found


def declared(product: str) -> dict[str, Any]:
    """What macro `settings_of` adds to a product's `config.meta`; nothing where the project has no declarations."""
    if not DECLARATIONS.exists():
        return {}
    macros = _macros(product)
    settings: dict[str, Any] = _returned_by(macros, "settings_of", _returned_by(macros, f"product_{product}"))
    return settings


def _macros(product: str) -> Any:
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=_Unknown)
    known = {
        "return": _hand_back,
        "target": SimpleNamespace(name="dev", type="duckdb", database="db", schema="ours"),
        "driver_rows": lambda: RENDERED["driver_rows"],
        "surroundings": dict,
        "var": lambda name, default=None: RENDERED.get(name, default),
    }
    files = (DECLARATIONS / f"{product}.sql", DECLARATIONS / "build_config_dict.sql")
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    return environment.from_string(source, globals=known).make_module(known)


def _hand_back(value: Any) -> None:
    raise _Returned(value)


def _returned_by(macros: Any, name: str, *arguments: Any) -> Any:
    try:
        getattr(macros, name)(*arguments)
    except _Returned as found:
        return found.args[0]
    raise LookupError(f"macro {name} returns nothing")
