"""What a new product is made from, checked before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from wanderbricks_ml.settings import nearest

TASKS: Mapping[str, str] = {
    "classification": "a label of 0 or 1",
    "count": "a whole number, 0 or more",
    "regression": "any number",
    "ranking": "which of a query's items is the right one, 1, and which are not, 0",
    "forecast": "a number a day and series, some days ahead, learnt from its own past",
}
"""Tasks, and what a label is in each."""

TYPES = ("bigint", "int", "string", "date")
"""Types that a key may have, on both engines."""

RESERVED = frozenset(
    {"split", "as_of_date", "label_known_date", "block", "place", "model_name", "model_version", "scoring_date"}
    | {"scored_at", "evaluated_as_of", "sample_bucket", "rows_of_split", "week_start", "part", "wanted_date"}
)
"""Columns that a product's tables have beside the labels' own."""

NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Specification:
    """A product to be made.

    Attributes
    ----------
    name
        Folder under models/, and prefix of its models.
    task
        One of `TASKS`.
    labels
        Name of a dbt model or seed, or SQL in which ``{{ ref('…') }}`` works: a row an entity and date, with what was
        known of it on that date, and the label.
    label, date
        Columns of the labels.
    keys
        Columns that tell rows of a date apart, with their types; of a ranking the query and the item, of a forecast the
        series.
    days
        Days after the date until the label is known; of a forecast the days ahead.
    numeric, categorical
        Features.
    baseline
        Column of the labels that the best rule without a model predicts; without one, the entity's mean so far.
    schedule, owner
        For seed model_inventory.
    """

    name: str
    task: str
    labels: str
    label: str
    date: str
    keys: Mapping[str, str]
    days: int
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    baseline: str | None = None
    schedule: str = "weekly"
    owner: str = "nobody yet"

    @classmethod
    def of(cls, given: Mapping[str, Any], where: str) -> Self:
        """A specification of plain values, such as an entry of an inventory in YAML.

        Raises
        ------
        ValueError
            When a key is missing, unknown or of the wrong kind; `where` says of what.
        """
        known = [entry.name for entry in fields(cls)]
        for key in given:
            if key not in known:
                raise ValueError(f"{where} has {key}{nearest(str(key), known)}; it takes {', '.join(known)}")
        needed = ("name", "task", "labels", "label", "date", "keys", "days")
        if missing := [key for key in needed if given.get(key) in (None, "", [], {}, ())]:
            raise ValueError(f"{where} lacks {', '.join(missing)}; fill it in")
        try:
            days = int(given["days"])
        except (TypeError, ValueError):
            raise ValueError(f"{where}: days is {given['days']!r}; it takes a whole number") from None
        return cls(
            **{key: str(given[key]) for key in ("name", "task", "labels", "label", "date")},
            keys=_typed(given["keys"], where),
            days=days,
            numeric=_names(given.get("numeric"), f"{where}: numeric"),
            categorical=_names(given.get("categorical"), f"{where}: categorical"),
            baseline=given.get("baseline"),
            **{key: str(given[key]) for key in ("schedule", "owner") if given.get(key)},
        )

    @property
    def labels_sql(self) -> str:
        """The labels as a query."""
        text = self.labels.strip().rstrip(";")
        return f"select * from {{{{ ref('{text}') }}}}" if NAME.fullmatch(text) else text

    def check(self) -> None:
        """Raise ValueError where values contradict each other or the project's conventions."""
        if self.task not in TASKS:
            known = ", ".join(f"{task} ({meaning})" for task, meaning in TASKS.items())
            raise ValueError(f"{self.name}: task is {self.task}{nearest(self.task, TASKS)}; it takes {known}")
        columns = [*self.keys, self.date, self.label, *self.numeric, *self.categorical]
        if len(self.name) > 24:
            raise ValueError(f"{self.name}: the name begins those of tables and tests; 24 letters are the most")
        for name in (self.name, *columns):
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"{self.name}: {name!r} is no name for a column or folder: small letters, digits and _; "
                    "rename it in the query of the labels (select … as …)"
                )
        if taken := sorted(RESERVED & set(columns)):
            raise ValueError(
                f"{self.name}: {taken[0]} is a column that a product's tables have themselves; rename it in the query "
                f"of the labels (select {taken[0]} as …)"
            )
        if twice := {name for name in columns if columns.count(name) > 1}:
            raise ValueError(f"{self.name}: {min(twice)} is named twice among keys, date, label and features")
        for name, kind in self.keys.items():
            if kind not in TYPES:
                raise ValueError(f"{self.name}: key {name} is of type {kind}; it takes {', '.join(TYPES)}")
        if self.task == "ranking" and (len(self.keys) != 2 or set(self.keys.values()) != {"bigint"}):
            raise ValueError(
                f"{self.name}: a ranking has two keys, first the query and then the item, both bigint; got "
                f"{', '.join(f'{name}:{kind}' for name, kind in self.keys.items())}"
            )
        if self.days < 1:
            raise ValueError(f"{self.name}: days is {self.days}; a label that is known on its date needs no model")
        if self.task == "forecast" and self.days > 363:
            raise ValueError(f"{self.name}: days is {self.days}; a forecast looks at most 363 days ahead")
        if self.task == "forecast" and (self.numeric or self.categorical or self.baseline):
            raise ValueError(
                f"{self.name}: a forecast learns from its own past values; leave out features and baseline, and add "
                f"columns that are known in advance to models/{self.name}/{self.name}_spine.sql afterwards"
            )
        if self.task != "forecast" and not (self.numeric or self.categorical):
            raise ValueError(f"{self.name}: no feature is named; fill in numeric or categorical")
        if self.schedule not in ("weekly", "monthly"):
            raise ValueError(f"{self.name}: schedule is {self.schedule}; it takes weekly or monthly")


def _names(given: str | Sequence[str] | None, where: str) -> tuple[str, ...]:
    """Names of a list, or of a text with commas."""
    if given is None:
        return ()
    found = given.split(",") if isinstance(given, str) else given
    if not isinstance(found, Iterable) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"{where} is {given!r}; it takes a list of columns")
    return tuple(name.strip() for name in found if name.strip())


def _typed(given: str | Sequence[str] | Mapping[str, str], where: str) -> dict[str, str]:
    """Types of keys by name: of a mapping, or of names with a type behind a colon, bigint without one."""
    if isinstance(given, Mapping):
        return {str(name): str(kind) for name, kind in given.items()}
    pairs = (name.partition(":") for name in _names(given, f"{where}: keys"))
    return {name.strip(): kind.strip() or "bigint" for name, _, kind in pairs}
