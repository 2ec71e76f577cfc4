"""A version's model card: what it is for, what it learned from, how good it is and where not, in Markdown.

All of it comes from tables: the champion's verdict, the metrics, the targets and the version's row. So a card says what
the gate judged, and the same tables give the same card.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from wanderbricks_ml.settings import ProductSettings

MOST_LEVELS = 12
"""Segments of one kind beyond which they are left to the table: dates, hashes of users."""

FAIR = ("country", "user_type")
"""Kinds of segments by which people could be treated unequally."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A version, and what the gate found.

    Attributes
    ----------
    verdict
        Row of the champion table.
    version
        Row of the predictor's table.
    metrics
        Rows of the metrics table of its newest evaluation on test rows.
    targets
        Rows of performance_targets of the model.
    owner
        Who answers for the product.
    judged_on
        Point in time of that evaluation.
    """

    verdict: Mapping[str, Any]
    version: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    targets: Sequence[Mapping[str, Any]]
    owner: str
    judged_on: date

    @property
    def state(self) -> str:
        """As the summary of a build has it: serves, amber, red, or candidate for one that another is preferred to."""
        if not self.verdict["serves"]:
            return "passes, but another serves" if self.verdict["passes"] else "red"
        return "amber" if self.verdict["missed_targets"] or not self.verdict["is_learnable"] else "serves"

    def of_all_rows(self) -> list[Mapping[str, Any]]:
        """Metrics of all test rows, the primary one first."""
        found = [row for row in self.metrics if row["segment"] == "all"]
        return sorted(found, key=lambda row: (row["metric_name"] != self.verdict["metric_name"], row["metric_name"]))

    def kinds(self) -> dict[str, list[Mapping[str, Any]]]:
        """Rows of the primary metric by kind of segment, of kinds with few enough segments to read."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for row in sorted(self.metrics, key=lambda row: _natural(row["segment"])):
            kind, _, level = row["segment"].partition("=")
            if level and row["metric_name"] == self.verdict["metric_name"]:
                found.setdefault(kind, []).append(row)
        return {kind: rows for kind, rows in found.items() if len(rows) <= MOST_LEVELS}


def judged_versions(
    considered: Sequence[Mapping[str, Any]],
    versions: Sequence[Mapping[str, Any]],
    metrics: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    inventory: Sequence[Mapping[str, Any]],
) -> Iterator[Judged]:
    """The versions of a product that its champion table considers and whose metrics are known.

    Parameters
    ----------
    considered, versions
        Rows of the champion table and of the predictor's.
    metrics
        Rows of the metrics table, of test rows.
    targets, inventory
        Rows of performance_targets and model_inventory of the model.
    """
    known = {row["model_version"]: row for row in versions}
    for verdict in considered:
        number, as_of = verdict["model_version"], verdict["as_of_date"]
        own = [row for row in metrics if row["model_version"] == number and row["as_of_date"] <= as_of]
        if number not in known or not own:
            continue
        newest = max(row["as_of_date"] for row in own)
        yield Judged(
            verdict=verdict,
            version=known[number],
            metrics=[row for row in own if row["as_of_date"] == newest],
            targets=targets,
            owner=next((row["owner"] for row in inventory), "nobody"),
            judged_on=newest,
        )


def model_card(judged: Judged, product: ProductSettings, whole: bool = True) -> str:
    """The card of a version; without its segments and calibration where it is not to be whole."""
    verdict, version = judged.verdict, judged.version
    metrics = judged.of_all_rows()
    rows = max((row["row_count"] for row in metrics), default=0)
    parts = [
        f"# {product.model_name} v{version['model_version']}",
        f"**{judged.state}** as judged on {judged.judged_on}, answered for by {judged.owner}.",
        product.purpose,
        f"Verdict: {verdict['verdict']}.",
        "## Data",
        _table(
            ["", "first fit, which is judged", "refit, which serves"],
            [
                ["rows", _count(version["train_rows"]), _count(version["refit_rows"])],
                ["dates", f"{version['train_first_date']} to {version['train_last_date']}", f"to {_last(version)}"],
                ["labels known until", version["train_labels_until"], version["refit_labels_until"]],
                ["digest", _code(version["training_data_digest"]), _code(version["refit_data_digest"])],
            ],
        ),
        f"{len(product.numeric)} numeric and {len(product.categorical)} categorical features of `{product.examples}`. "
        f"Fitted on {version['as_of_date']} for {version['reason']}, by revision `{version['code_revision']}`.",
        f"## Quality on {rows:,} test rows that it never saw",
        _table(["metric", "value", "baseline", "target"], [_metric(row, judged) for row in metrics]),
    ]
    if verdict["improvement"] is not None:
        parts.append(
            f"Better than its baseline by {_number(verdict['improvement'])} in {verdict['metric_name']} a block, 95 % "
            f"interval {_number(verdict['improvement_lower'])} to {_number(verdict['improvement_upper'])}."
        )
    if whole:
        parts += _segments(judged)
    parts += ["## Limits", *_limits(judged, product), "## Contact", f"{judged.owner}. `wanderbricks registry --help`"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _segments(judged: Judged) -> list[str]:
    parts = []
    kinds = judged.kinds()
    for title, chosen in (
        ("Fairness", [kind for kind in kinds if kind in FAIR]),
        ("Segments", [kind for kind in kinds if kind not in FAIR]),
    ):
        if chosen:
            found = [
                [row["segment"], _count(row["row_count"]), _number(row["metric_value"]), _number(row["baseline_value"])]
                for kind in chosen
                for row in kinds[kind]
            ]
            parts.append(f"## {title}: {judged.verdict['metric_name']}")
            parts.append(_table(["segment", "rows", "value", "baseline"], found))
    by_bin: dict[str, dict[str, Any]] = {}
    for row in judged.metrics:
        if row["metric_name"] in ("mean_predicted", "observed_rate"):
            by_bin.setdefault(row["segment"], {"rows": row["row_count"]})[row["metric_name"]] = row["metric_value"]
    if by_bin:
        parts.append("## Calibration")
        parts.append(
            _table(
                ["tenth of the rows", "rows", "mean predicted", "observed"],
                [
                    [name, _count(bin["rows"]), _number(bin.get("mean_predicted")), _number(bin.get("observed_rate"))]
                    for name, bin in sorted(by_bin.items(), key=lambda item: _natural(item[0]))
                ],
            )
        )
    return parts


def _limits(judged: Judged, product: ProductSettings) -> list[str]:
    said = [product.limits] if product.limits else []
    if judged.verdict["missed_targets"]:
        said.append(f"It misses: {judged.verdict['missed_targets']}.")
    if not judged.verdict["is_learnable"]:
        said.append("The data cannot teach it any longer.")
    if not judged.verdict["beats_baseline"]:
        said.append("That it is better than the rule in SQL is not proven.")
    said.append("Judged by its first fit; what serves is the same recipe, refitted on every label that is known.")
    return [f"* {one}" for one in said]


def _metric(row: Mapping[str, Any], judged: Judged) -> list[Any]:
    targets = {one["metric_name"]: one for one in judged.targets if one["target"] is not None}
    target = targets.get(row["metric_name"])
    wanted = f"{target['comparison'].replace('_', ' ')} {_number(target['target'])}" if target else ""
    return [row["metric_name"], _number(row["metric_value"]), _number(row["baseline_value"]), wanted]


def _last(version: Mapping[str, Any]) -> Any:
    return version["refit_last_date"] or version["train_last_date"]


def _natural(segment: str) -> tuple[str, float, str]:
    """Order of segments in which 10 comes after 9."""
    kind, _, level = segment.partition("=")
    digits = "".join(letter for letter in level.split("-")[0] if letter.isdigit())
    return kind, float(digits or 0), level


def _table(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join('' if cell is None else str(cell) for cell in line)} |" for line in lines)


def _number(value: Any) -> str:
    return "" if value is None or not math.isfinite(value) else f"{float(value):,.4g}"


def _count(value: Any) -> str:
    return "" if value is None else f"{int(value):,}"


def _code(value: Any) -> str:
    return f"`{value}`" if value else ""
