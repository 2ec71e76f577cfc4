"""The command ``wanderbricks registry describe``: MLflow says what SQL says, also of versions that did not pass."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import click

from wanderbricks_ml.commands.registry import TARGET, checked_versions, registered_name, through_dbt


@click.command("describe")
@click.argument("model", required=False)
@TARGET
def describe_versions(model: str | None, target: str | None) -> None:
    """Write verdict, test metrics and model card of all models' versions, or of MODEL's, to MLflow.

    A build does so whenever it scores, of the versions that it considered. A version that no gate lets through is not
    scored: this tells of it, too. Nothing is written that stands there already.
    """
    from wanderbricks_ml.commands import dbt_client

    newest = {row["model_name"]: row for row in reversed(checked_versions(model, target))}
    metas = through_dbt(partial(dbt_client.metas_of, sorted(newest), target))
    for name, row in sorted(newest.items()):
        _describe(row, metas[name], target)


def _describe(row: Mapping[str, Any], meta: Mapping[str, Any], target: str | None) -> None:
    """Describe the versions that the champion table of a model considers; `row` is its newest one of model_versions."""
    from wanderbricks_ml.commands import dbt_client
    from wanderbricks_ml.registry.describing import describe
    from wanderbricks_ml.registry.model_card import judged_versions
    from wanderbricks_ml.settings import ProductSettings

    name = row["model_name"]
    # what a macro adds when dbt compiles the model
    added = {"model_name": name, "examples": f"{meta['product']}_examples"}
    product = ProductSettings.of({**meta, **added, "registry_prefix": registered_name(row).removesuffix(name)})
    of_model = f"model_name = '{name}'"
    tables = [
        (f"{product.product}_champion", "model_version is not null"),
        (name, "true"),
        (f"{product.product}_metrics", "split = 'test'"),
        ("performance_targets", of_model),
        ("model_inventory", of_model),
    ]
    found = [through_dbt(partial(dbt_client.table_rows, table, where, target)) for table, where in tables]
    for judged in judged_versions(*found):
        written = "written" if describe(product, judged) else "stands there already"
        click.echo(f"{name} v{judged.version['model_version']} ({judged.state}): {written}")
