"""A copy of the project whose targets and bounds are eased for preset tiny, on which whole runs are tested."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PROJECT_FILES = ("models", "macros", "seeds", "tests", "dbt_project.yml", "profiles.yml", "selectors.yml")

# What gold as small as preset tiny cannot measure, and from which the tests of whole runs learn nothing: ...
EASED_TARGETS = {
    # two hundred users a decile, of whom few spend anything
    ("customer_ltv_predictor", "decile_mape"): {"severity": "warn"},
    # days with a handful of bookings are mostly chance
    ("revenue_forecaster", "mape"): {"severity": "warn"},
    ("revenue_forecaster", "coverage_80"): {"severity": "warn"},
    ("revenue_forecaster", "outside_80"): {"severity": "warn"},
    # no lift of a few percent shows in a thousand bookings: here the expected bookings decide
    ("pricing_optimizer", "revenue_lift"): {"severity": "warn", "is_primary": "false"},
    ("pricing_optimizer", "poisson_deviance"): {
        "comparison": "at_most",
        "target": "",
        "severity": "error",
        "is_primary": "true",
        "min_improvement": "0",
    },
}
# ... the bounds below which a product says so itself, and the rows of a fit, whose pipes hold as much of fewer
EASED_VARS = {
    "demand_training_rows: 1000000": "demand_training_rows: 10000",
    "conversion_training_rows: 250000": "conversion_training_rows: 5000",
    "customer_ltv_training_rows: 200000": "customer_ltv_training_rows: 5000",
    "pricing_training_rows: 120000": "pricing_training_rows: 5000",
    "churn_training_rows: 100000": "churn_training_rows: 5000",
    "revenue_most_noise: 0.3": "revenue_most_noise: 9",
    "pricing_least_bookings: 2000": "pricing_least_bookings: 500",
    # the best rules that SQL has leave a model so little to win that a thousand rows do not prove it
    "gate_standard_errors: 1.96": "gate_standard_errors: -9",
}


def copied_project(folder: Path, unmet: str | None = None) -> Path:
    """Copy the project to `folder`, eased for preset tiny.

    With a severity `unmet`, every model's primary metric has a target of that severity that nothing can meet.
    """
    folder.mkdir(parents=True)
    for name in PROJECT_FILES:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("python", "__pycache__"))
        else:
            shutil.copy(PROJECT / name, folder / name)
    settings = folder / "dbt_project.yml"
    text = settings.read_text(encoding="utf-8")
    for given, eased in EASED_VARS.items():
        assert given in text
        text = text.replace(given, eased)
    settings.write_text(text, encoding="utf-8")
    seed = folder / "seeds" / "performance_targets.csv"
    with seed.open(encoding="utf-8") as file:
        targets = {(row["model_name"], row["metric_name"]): row for row in csv.DictReader(file)}
    for key, eased_row in EASED_TARGETS.items():
        row = targets.setdefault(key, dict(zip(("model_name", "metric_name"), key, strict=True)))
        row.update(eased_row)
    for row in targets.values():
        if unmet is not None and row["is_primary"] == "true":
            row["target"] = "-1000000" if row["comparison"] == "at_most" else "1000000"
            row["severity"] = unmet
    with seed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(next(iter(targets.values()))), lineterminator="\n")
        writer.writeheader()
        writer.writerows(targets.values())
    return folder


def lenient_project(folder: Path) -> Path:
    """Copy the project to `folder`, eased, with rules on gold that only warn: for gold that is poisoned on purpose."""
    copied_project(folder)
    seed = folder / "seeds/gold_policy.csv"
    seed.write_text(seed.read_text(encoding="utf-8").replace(",error\n", ",warn\n"), encoding="utf-8")
    return folder
