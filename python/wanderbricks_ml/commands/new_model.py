"""``wanderbricks new-model``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import yaml

from wanderbricks_ml.new_model.specification import TASKS, Specification

NUMBERS = ("tinyint", "smallint", "int", "bigint", "uint", "double", "float", "decimal", "numeric", "boolean")
TEXT = ("string", "varchar", "char")
"""How the types of columns begin that a model takes as numbers and as text, on both engines."""


@click.command(
    "new-model",
    epilog="\b\nTasks, by their labels:\n" + "\n".join(f"  {task:15} {meaning}" for task, meaning in TASKS.items()),
)
@click.argument("name", required=False)
@click.option("--task", type=click.Choice(list(TASKS)), help="What the label is, see below.")
@click.option("--labels", help="A dbt model or seed, or SQL in which {{ ref('…') }} works.")
@click.option("--label", help="Its column to predict; null where it is not known yet.")
@click.option("--date", help="Its column with the date on which a row's features were known.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="COLUMN[:TYPE]",
    help="A column that tells rows of a date apart (bigint, int, string or date); repeat it. Of a ranking the query, "
    "then the item; of a forecast the series.",
)
@click.option("--days", type=int, help="Days after the date until the label is known; of a forecast the days ahead.")
@click.option("--numeric", help="Features that are numbers, with commas; by default what the labels have.")
@click.option("--categorical", help="Features that are text, with commas; by default what the labels have.")
@click.option(
    "--baseline", help="Column of the labels that your best rule predicts; by default the entity's mean so far."
)
@click.option("--schedule", type=click.Choice(["weekly", "monthly"]), help="When it is fitted again. [default: weekly]")
@click.option("--owner", help="Who answers for it.")
@click.option(
    "--inventory",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML with a list of products, each with the options as keys; in place of everything above.",
)
@click.option("--target", help="Target of profiles.yml; its default without one.")
def new_model(name: str | None, inventory: Path | None, target: str | None, **given: Any) -> None:
    """Make a further product: a folder under models/, its declaration and its rows in the policy seeds.

    It learns, is gated, scores, documents and monitors itself as the others do, on both engines. The labels are a table
    or query of yours with a row an entity and date: keys, the date, what was known then, and the label, which is known
    some days later. What exists is never overwritten.

    \b
    Examples:
      wanderbricks new-model telecom_churn --task classification --labels telecom_customers \\
          --label churned --date snapshot_date --key customer_id --days 30
      wanderbricks new-model --inventory products.yml
    """
    try:
        _make([_completed(product, target) for product in _specified(name, inventory, given)])
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _specified(name: str | None, inventory: Path | None, given: dict[str, Any]) -> list[Specification]:
    options = {key: value for key, value in given.items() if value}
    if inventory is None:
        return [Specification.of({"name": name, **options}, "the command line")]
    if name or options:
        raise ValueError("--inventory says everything of its products: leave out the name and the other options")
    try:
        listed = yaml.safe_load(inventory.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{inventory} is no YAML: {error}") from error
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ValueError(f"{inventory} holds no list of products; it takes - name: …, task: …, labels: …")
    return [Specification.of(entry, f"{inventory}, entry {number}") for number, entry in enumerate(listed, 1)]


def _make(products: list[Specification]) -> None:
    from wanderbricks_ml.new_model.writing import write

    project = Path(os.environ.get("DBT_PROJECT_DIR", "."))
    written = write(products, project)
    # dbt's partial parse does not know that a further declaration changes who reads whom
    (project / os.environ.get("DBT_TARGET_PATH", "target") / "partial_parse.msgpack").unlink(missing_ok=True)
    for product in products:
        click.echo("\n".join([f"{product.name}: made", *[f"  {path}" for path in written[product.name]]]))
        click.echo(_next_steps(product.name, product.label))


def _next_steps(name: str, label: str) -> str:
    return (
        f"Build it: dbt build --select +{name}_predictions\n"
        f"Then make it yours:\n"
        f"  models/{name}/_{name}.yml                 say what each column measures, and in which unit\n"
        f"  models/{name}/{name}_examples.sql         a better rule for baseline_{label}, where you know one\n"
        f"  seeds/performance_targets.csv  targets beside the baseline; model {name}_predictor\n"
        f"  seeds/drift_policy.csv         features that follow the calendar or grow are no drift"
    )


def _completed(product: Specification, target: str | None) -> Specification:
    """The product, where it names no feature with the other columns of its labels, and their keys' types."""
    from wanderbricks_ml.commands.dbt_client import rows

    if product.numeric or product.categorical or product.task == "forecast":
        return product

    query = f"{{% set labels %}}{product.labels_sql}{{% endset %}}{{{{ columns_of_query(labels) }}}}"
    try:
        types = {row["column_name"].lower(): row["data_type"].lower() for row in rows(query, target)}
    except RuntimeError as error:
        raise ValueError(
            f"{product.name}: the columns of its labels cannot be read: {error}\nBuild what they come from, or name "
            "numeric and categorical features yourself"
        ) from error
    used = {*product.keys, product.date, product.label, product.baseline}
    if missing := sorted(name for name in used if name is not None and name not in types):
        raise ValueError(
            f"{product.name}: the labels have no column {missing[0]}; they have {', '.join(sorted(types))}"
        )
    features = {name: kind for name, kind in types.items() if name not in used}
    numeric = tuple(name for name, kind in features.items() if kind.startswith(NUMBERS))
    categorical = tuple(name for name, kind in features.items() if kind.startswith(TEXT))
    for name in sorted(set(features) - {*numeric, *categorical}):
        click.echo(f"{product.name}: {name} is left out: a {features[name]} is neither a number nor text")
    keys = {key: "string" if types[key].startswith(TEXT) else kind for key, kind in product.keys.items()}
    return replace(product, numeric=numeric, categorical=categorical, keys=keys)
