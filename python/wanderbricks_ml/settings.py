"""A product's settings: `config.meta` of its predictor, read once, checked and typed.

The YAML is where people write them, so every complaint names the model, the key and what to do.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Self

from wanderbricks_ml.surroundings import Surroundings

if TYPE_CHECKING:
    import pyarrow as pa

READ_BY_SQL = frozenset({"reference"})
"""Keys of `config.meta` that macros read and Python does not."""

PRUNING = ("median", "none")


@dataclass(frozen=True)
class Features:
    """Columns that a model sees.

    Attributes
    ----------
    numeric, categorical
        Names; their order means nothing but the order of columns.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.numeric + self.categorical


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of a study: finished trials, seconds of wall time, rows of the sample that folds are made of."""

    trials: int
    seconds: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What is searched and for how long (docs/tuning.md)."""

    budget: Budget
    full_budget: Budget
    space: Mapping[str, Any] = field(default_factory=dict)
    algorithms: Mapping[str, Any] = field(default_factory=dict)
    folds: int = 3
    pruning: str = "median"
    seed: int = 7
    unit: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProductSettings:
    """What every product says of its model.

    Attributes
    ----------
    product, model_name, examples
        The product, its model, and the dbt model that it learns from.
    numeric, categorical
        Features.
    estimator
        What the estimator is made with; its class, where the product has more than one to choose from.
    tuning
        None where nothing is ever searched.
    registry_prefix
        Catalog and schema before the model's name in Unity Catalog, each with a dot.
    packages
        What a logged model needs beyond `registry.store.PACKAGES`.
    surroundings
        What an operator settles for all models.
    purpose, limits
        What the model is for and where it must not be trusted, a sentence each, as its card says.
    """

    product: str
    model_name: str
    examples: str
    numeric: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    estimator: Mapping[str, Any]
    tuning: Tuning | None = None
    registry_prefix: str = ""
    surroundings: Surroundings = field(default_factory=Surroundings)
    packages: tuple[str, ...] = ()
    purpose: str = ""
    limits: str = ""

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Self:
        """Settings in `config.meta`.

        Raises
        ------
        ValueError
            When a key is missing, unknown or of the wrong type, or contradicts another.
        """
        name = meta.get("model_name")
        # of what is declared for all products a forecaster needs the less
        declared = READ_BY_SQL | {entry.name for entry in fields(RowSettings)}
        settings = _read(cls, meta, f"{name}: config.meta" if name else "config.meta", declared)
        settings.check()
        return settings

    @property
    def features(self) -> Features:
        """Columns that the model sees."""
        return Features(self.numeric, self.categorical)

    @property
    def registered_name(self) -> str:
        """The model's name in the registry: three levels in Unity Catalog, plain elsewhere."""
        return f"{self.registry_prefix}{self.model_name}"

    def check(self) -> None:
        """Raise where keys contradict each other."""
        names = self.features.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{self.model_name}: config.meta.numeric and categorical name {twice[0]} twice")
        if self.tuning is None:
            return
        pruning = self.tuning.pruning
        if pruning not in PRUNING:
            raise ValueError(
                f"{self.model_name}: config.meta.tuning.pruning is {pruning}; it takes {' or '.join(PRUNING)}"
            )
        if not (self.tuning.space or self.tuning.algorithms):
            raise ValueError(f"{self.model_name}: config.meta.tuning has neither space nor algorithms to search")


@dataclass(frozen=True, kw_only=True)
class RowSettings(ProductSettings):
    """Settings of a model that predicts rows one by one.

    Attributes
    ----------
    label
        Column to learn.
    prediction
        Columns that the model predicts, all of them doubles.
    date
        Column by which rows lie in time.
    keys
        Columns that tell rows apart.
    keep
        Columns that go along into backtest and scores.
    baseline
        Column that the model is compared with, which goes along, too.
    group
        The first keys, whose values tell groups of rows apart that are compared with one another; none where there
        are no groups.
    driver_rows
        Rows that one process of a cluster reads to fit; none where there is no cluster.
    attribute_prefix
        Columns that begin with it are features as well, of whatever number and type gold has them.
    roles
        Numeric features that mean something of their own to the estimator, by role: a name, or several.
    """

    label: str
    prediction: tuple[str, ...]
    date: str
    keys: tuple[str, ...]
    keep: tuple[str, ...] = ()
    baseline: str | None = None
    group: tuple[str, ...] = ()
    driver_rows: int | None = None
    attribute_prefix: str | None = None
    roles: Mapping[str, Any] = field(default_factory=dict)

    @property
    def baseline_columns(self) -> tuple[str, ...]:
        """The baseline, if there is one."""
        return (self.baseline,) if self.baseline else ()

    @property
    def role_positions(self) -> dict[str, int | tuple[int, ...]]:
        """Where the columns that have a role are among the encoded ones, which begin with the numeric ones."""
        return {
            role: self.numeric.index(named) if isinstance(named, str) else tuple(map(self.numeric.index, named))
            for role, named in self.roles.items()
        }

    def with_attributes(self, schema: Callable[[], pa.Schema]) -> Self:
        """Settings whose features include the columns that begin with `attribute_prefix`, if it is there.

        Numbers and booleans are numeric, text is categorical.

        Parameters
        ----------
        schema
            Gives that of the examples; asked only where there may be such columns.

        Raises
        ------
        ValueError
            When such a column is of another type.
        """
        if not self.attribute_prefix:
            return self
        from pyarrow import types

        numeric, categorical = list(self.numeric), list(self.categorical)
        numbers = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
        for column in schema():
            if not column.name.startswith(self.attribute_prefix) or column.name in self.features.names:
                continue
            if types.is_string(column.type) or types.is_large_string(column.type):
                categorical.append(column.name)
            elif any(is_number(column.type) for is_number in numbers):
                numeric.append(column.name)
            else:
                raise ValueError(
                    f"{self.model_name}: {column.name} is of type {column.type}; an attribute is a number, a boolean "
                    "or text"
                )
        return replace(self, numeric=tuple(numeric), categorical=tuple(categorical))

    def check(self) -> None:
        """Raise where keys contradict each other."""
        super().check()
        for role, named in self.roles.items():
            for name in (named,) if isinstance(named, str) else named:
                if name not in self.numeric:
                    raise ValueError(
                        f"{self.model_name}: config.meta.roles.{role} is {name}, which is no numeric feature"
                        f"{nearest(name, self.numeric)}; add it to config.meta.numeric"
                    )
        if self.keys[: len(self.group)] != self.group:
            raise ValueError(
                f"{self.model_name}: config.meta.group is {', '.join(self.group)}, but keys, in whose order rows "
                f"are read, begin otherwise: {', '.join(self.keys)}"
            )


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was perhaps meant, in words; empty where none is near."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def _read(cls: type[Any], found: Any, where: str, ignored: frozenset[str] = frozenset()) -> Any:
    """An instance of a dataclass from a mapping of YAML."""
    if not isinstance(found, Mapping):
        raise ValueError(f"{where} is {found!r}; it takes keys with values")
    known = {entry.name: entry for entry in fields(cls)}
    for key in found:
        if key not in known and key not in ignored:
            raise ValueError(
                f"{where} has {key}, which is no setting{nearest(key, known)}; it takes {', '.join(sorted(known))}"
            )
    optional = {name for name, entry in known.items() if (entry.default, entry.default_factory) != (MISSING, MISSING)}
    missing = [name for name in known if name not in found and name not in optional]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}; add it")
    kinds = typing.get_type_hints(cls)
    return cls(**{key: _typed(kinds[key], found[key], f"{where}.{key}") for key in known if key in found})


def _typed(kind: Any, value: Any, where: str) -> Any:
    """A value of YAML as the type that a setting has."""
    options = typing.get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if value is None and NoneType in options:
        return None
    kind = next(option for option in options if option is not NoneType)
    if is_dataclass(kind) and isinstance(kind, type):
        return _read(kind, value, where)
    if typing.get_origin(kind) is tuple:
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{where} is {value!r}; it takes a list of names")
        return tuple(names)
    if typing.get_origin(kind) is Mapping:
        if not isinstance(value, Mapping):
            raise ValueError(f"{where} is {value!r}; it takes keys with values")
        return dict(value)
    # a var of dbt may come as text
    if kind in (int, float) and isinstance(value, str) and value.strip().isdigit():
        return int(value)
    allowed = (int, float) if kind is float else (kind,)
    if not isinstance(value, allowed) or isinstance(value, bool):
        raise ValueError(f"{where} is {value!r}; it takes {_WORDS[kind]}")
    return value


_WORDS: Mapping[Any, str] = {str: "text", int: "a whole number", float: "a number"}
