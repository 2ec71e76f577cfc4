"""Write a product's files from templates, its rows into the policy seeds, and its tasks into the bundle's jobs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from wanderbricks_ml.new_model.bundle_tasks import JOBS
from wanderbricks_ml.new_model.specification import TASKS, Specification

METRICS = {"classification": "probability", "ranking": "ranking", "count": "count"}
"""Task of a declaration by task of a product; `regression` of the others."""

PRIMARY = {
    "probability": ("log_loss", "at_most"),
    "count": ("poisson_deviance", "at_most"),
    "regression": ("mse", "at_most"),
    "ranking": ("ndcg_at_10", "at_least"),
}
"""What judges a model by task of the declaration, and in which direction it is better."""

ESTIMATORS = {
    "classification": (
        "CalibratedBoostingClassifier",
        "Calibrated gradient-boosted trees (XGBoost)",
    ),
    "count": ("BoostingCounter", "Gradient-boosted trees (XGBoost) with a Poisson loss"),
    "regression": ("BoostingRegressor", "Gradient-boosted trees (XGBoost) with the squared error as loss"),
    "forecast": ("BoostingRegressor", "Gradient-boosted trees (XGBoost) over past values, all horizons in one model"),
    "ranking": ("LambdaMARTRanker", "Gradient-boosted trees (XGBoost) that order a query's items"),
}

PRODUCT_FILES = (
    "splits.sql",
    "predictions_current.sql",
    "retraining.sql",
    "metrics.sql",
    "champion.sql",
    "backtest.py",
    "scores.py",
)

MIN_ROWS = 100


def write(products: Sequence[Specification], project: Path) -> dict[str, list[Path]]:
    """Write products into a project, all or none; return the files that are new or longer, by product.

    Raises
    ------
    ValueError
        When a product or one of its files is there, or `project` is no copy of this project. Nothing is written then.
    """
    written: dict[str, list[Path]] = {}
    made: dict[Path, str] = {}
    changed: dict[Path, str] = {}
    for product in products:
        product.check()
        files = {project / path: text for path, text in rendered(product).items()}
        seeds = {project / "seeds" / f"{seed}.csv": rows for seed, rows in seed_rows(product).items()}
        if product.name in written:
            raise ValueError(f"{product.name} is named twice in the inventory; give one of the two another name")
        for path in seeds:
            if not path.is_file():
                raise ValueError(f"{project} has no seeds/{path.name}; run this in the folder of the dbt project")
        for path in (project / "models" / product.name, *files):
            if path.exists():
                raise ValueError(
                    f"{path} exists; a product is made once, and from then on its files are yours to change"
                )
        for path, rows in seeds.items():
            changed[path] = _appended(path, changed.get(path) or path.read_text(encoding="utf-8"), rows, product)
        jobs = {project / path: add for path, add in JOBS.items() if (project / path).is_file()}
        for path, add in jobs.items():
            changed[path] = add(path, changed.get(path) or path.read_text(encoding="utf-8"), product.name)
        made |= files
        written[product.name] = [*files, *seeds, *jobs]
    for path, text in {**made, **changed}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return written


def rendered(product: Specification) -> dict[Path, str]:
    """Texts of a product's files by path in the project."""
    templates = Environment(
        loader=PackageLoader("wanderbricks_ml.new_model"),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    templates.filters |= {"text": _text, "quoted": _quoted, "words": _words, "equal": _equal, "prefixed": _prefixed}
    values = context(product)
    name, folder = product.name, Path("models") / product.name
    chosen = {
        Path("macros/products") / f"{name}.sql": "declaration.sql",
        folder / f"_{name}.yml": "product.yml",
        folder / f"{values['model']}.py": "product/predictor.py",
    }
    chosen |= {folder / f"{name}_{file}": f"product/{file}" for file in PRODUCT_FILES}
    kinds = {"spine": "tabular", "examples": "tabular", "predictions": "tabular", "outcomes": "tabular"}
    if product.task == "forecast":
        kinds["spine"] = "forecast"
    if product.task == "ranking":
        kinds |= {"predictions": "ranking", "outcomes": "ranking", "catalogue": "ranking"}
    chosen |= {folder / f"{name}_{part}.sql": f"{kind}/{part}.sql" for part, kind in kinds.items()}
    if not values["given_baseline"]:
        chosen[folder / "_unit_tests.yml"] = "unit_tests.yml"
    return {path: templates.get_template(f"{template}.jinja").render(values) for path, template in chosen.items()}


def context(product: Specification) -> dict[str, Any]:
    """What the templates speak of."""
    task, label = product.task, product.label
    metrics = METRICS.get(task, "regression")
    entity, kind = list(product.keys), dict(product.keys)
    prediction = {"classification": f"{label}_probability", "ranking": f"{label}_score"}.get(task, f"predicted_{label}")
    called, baseline = f"predicted_{label}", f"baseline_{label}"
    if task == "forecast":
        date, truth_date, days = "origin_date", "forecast_date", product.days + 1
        numeric = ["horizon_days", "weekday", "month", "mean_7d", "mean_28d", "mean_91d", "weekday_mean_28d"]
        numeric.append("value_364d_before")
        row, public = [*entity, "forecast_date"], [*entity, "forecast_date"]
        public_types = kind | {"forecast_date": "date", prediction: "double"}
        spine_key = [*row, "origin_date"]
        categorical: list[str] = []
    else:
        date, truth_date, days = product.date, product.date, product.days
        numeric, categorical = list(product.numeric), list(product.categorical)
        row, public = entity, [*entity, date]
        public_types = kind | {date: "date", prediction: "double"}
        spine_key = [*entity, date]
    keys = [*row, "as_of_date"]
    served, public_key, unit = [*public, prediction, baseline], row, entity[0]
    if task == "classification":
        public_types[called] = "boolean"
        served.insert(-1, called)
    if task == "ranking":
        query, item = entity
        keys, public_key = ["as_of_date", query, item], [query, "place"]
        public_types = {query: "bigint", "place": "int", item: "bigint", date: "date", prediction: "double"}
        served = [query, "place", item, date, prediction, baseline]
    segments = ["block", *categorical[:2]]
    sample = " ~ \" || '/' || \" ~ ".join(f"'spine.{column}'" for column in [*row, date])
    return {
        "title": f"{product.task.capitalize()} of {label} from {product.date}",
        "name": product.name,
        "model": f"{product.name}_predictor",
        "task": task,
        "metrics": metrics,
        "primary": PRIMARY[metrics][0],
        "schedule": product.schedule,
        "owner": product.owner,
        "labels_sql": _indented(product.labels_sql),
        "label": label,
        "date": date,
        "source_date": product.date,
        "truth_date": truth_date,
        "truth_days": days,
        "horizon": product.days,
        "min_rows": MIN_ROWS,
        "entity": [entity[1]] if task == "ranking" else entity,
        "query": entity[0],
        "item": entity[-1],
        "key_types": {key: "{{ dbt.type_string() }}" if type_ == "string" else type_ for key, type_ in kind.items()},
        "keys": keys,
        "row": row,
        "spine_key": spine_key,
        "unit": unit,
        # an experiment splits by whole numbers
        "units": [unit] if kind[unit] in ("bigint", "int") else [],
        "sample_unit": f"'spine.{unit}'" if task == "ranking" else sample,
        "given_baseline": "baseline" if task == "forecast" else product.baseline,
        "given_column": product.baseline,
        "baseline": baseline,
        "baseline_bounds": ", least='1e-6'" if metrics == "count" else "",
        "numeric": numeric,
        "categorical": categorical,
        "features": [*numeric, *categorical],
        "prediction": prediction,
        "called": called,
        "keep": [date, *segments],
        "segments": segments,
        "served": served,
        "public_columns": public,
        "public_key": public_key,
        "public_types": public_types,
        "public_words": {
            "classification": f": how probable {label} is.",
            "ranking": f": the items of each {entity[0]}, the best in place 1.",
        }.get(task, f": {label} as expected."),
        "estimator": ESTIMATORS[task][0],
        "estimator_words": ESTIMATORS[task][1],
        "unit_rows": _unit_rows(product, date, numeric, categorical),
        "described": _described(product, prediction, called, baseline, date),
    }


def seed_rows(product: Specification) -> dict[str, list[list[str]]]:
    """Rows of the policy seeds by seed."""
    model = f"{product.name}_predictor"
    metric, comparison = PRIMARY[METRICS.get(product.task, "regression")]
    live = ["over_baseline", "0.9"] if comparison == "at_most" else ["value", "0.8"]
    return {
        "model_inventory": [[model, product.name, f"{product.name}_predictions", product.schedule, "7", product.owner]],
        "performance_targets": [[model, metric, comparison, "", "error", "true", "0.005"]],
        "quality_policy": [[model, metric, comparison, *live, "2", "200"]],
        "drift_policy": [[model, "*", "0.1", "0.2", "3", "500", "true", ""]],
    }


def _appended(path: Path, text: str, rows: Sequence[Sequence[str]], product: Specification) -> str:
    (columns, *present) = csv.reader(io.StringIO(text))
    if any(row and row[0] == rows[0][0] for row in present):
        raise ValueError(f"{path} has rows of {rows[0][0]}; {product.name} was made before, or its name is taken")
    if len(columns) != len(rows[0]):
        raise ValueError(f"{path} has the columns {', '.join(columns)}; the version of this package is another one")
    added = io.StringIO()
    csv.writer(added, lineterminator="\n").writerows(rows)
    return text.rstrip("\n") + "\n" + added.getvalue()


def _unit_rows(
    product: Specification, date: str, numeric: Sequence[str], categorical: Sequence[str]
) -> list[dict[str, str]]:
    """Rows of the spine, each of another entity: two labels known early, two between test and score, one to score."""
    found = []
    for entity, (day, known, value) in enumerate(
        [
            ("2025-01-01", "2025-04-01", "1e0"),
            ("2025-01-01", "2025-04-01", "0e0"),
            ("2025-05-01", "2025-05-31", "0e0"),
            ("2025-05-01", "2025-05-31", "0e0"),
            ("2025-06-01", "2025-07-01", "cast(null as double)"),
        ],
        start=1,
    ):
        texts = {"string": f"'{entity}'", "date": f"cast('2024-01-0{entity}' as date)"}
        row = {key: texts.get(kind, str(entity)) for key, kind in product.keys.items()}
        row |= {date: f"cast('{day}' as date)", "label_known_date": f"cast('{known}' as date)", product.label: value}
        found.append(row | {column: "1e0" for column in numeric} | {column: "'a'" for column in categorical})
    return found


def _described(product: Specification, prediction: str, called: str, baseline: str, date: str) -> dict[str, str]:
    """Descriptions of columns, in words that a person who knows more should replace."""
    label, task = product.label, product.task
    ahead = {
        "origin_date": "Point in time from which the day is forecast.",
        "forecast_date": "Day that is forecast.",
        "horizon_days": "Days from origin_date to forecast_date.",
        "weekday": "Weekday of forecast_date, Monday 1 to Sunday 7.",
        "month": "Month of forecast_date.",
        "mean_7d": f"Mean {label} of the 7 days before origin_date.",
        "mean_28d": f"Mean {label} of the 28 days before origin_date.",
        "mean_91d": f"Mean {label} of the 91 days before origin_date.",
        "weekday_mean_28d": f"Mean {label} of the same weekdays among the 28 days before origin_date.",
        "value_364d_before": f"{label} of the day 364 days before forecast_date.",
    }
    features = {
        column: f"Feature {column} as of {product.date}; say here what it measures, and in which unit."
        for column in (*product.numeric, *product.categorical)
    }
    rule = f"{product.baseline} of the labels" if product.baseline else "mean of the entity's labels known so far"
    rule = "mean of the same weekdays of the four weeks before" if task == "forecast" else rule
    meaning = "higher is better, within a query" if task == "ranking" else "as the model expects it"
    return {
        **features,
        **(ahead if task == "forecast" else {}),
        **{key: f"Key {key} of the labels." for key in product.keys},
        product.date: f"Date of the row; {label} is known {product.days} days later.",
        **({date: ahead[date]} if date in ahead else {}),
        label: f"What is predicted: {label}, {TASKS[task]}.",
        baseline: f"{label} by a rule without a model, the {rule}.",
        prediction: f"{label}, {meaning}.",
        called: f"Whether {prediction} reaches the decision threshold of the version that serves.",
        "place": "Place of the item among those of its query, 1 the best.",
    }


def _indented(sql: str) -> str:
    lines = sql.splitlines()
    return "\n".join([lines[0], *[f"    {line}" if line.strip() else "" for line in lines[1:]]])


def _text(value: str) -> str:
    """A text of YAML, whatever it holds."""
    return json.dumps(value, ensure_ascii=False)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _words(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]


def _equal(columns: Sequence[str], left: str, right: str) -> list[str]:
    return [f"{left}.{column} = {right}.{column}" for column in columns]


def _prefixed(columns: Sequence[str], relation: str) -> list[str]:
    return [f"{relation}.{column}" for column in columns]
