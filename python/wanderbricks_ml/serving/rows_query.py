"""Queries for the answers of the newest scoring."""

from __future__ import annotations

from collections.abc import Mapping

from wanderbricks_ml.serving.declared import ServedProduct
from wanderbricks_ml.serving.snapshot import About


def rows_query(product: ServedProduct, about: About) -> str:
    """Keys and answers of the newest scoring, in order of the keys."""
    key = ", ".join(f'"{name}"' for name in about.key)
    of = f"{product.predictions} where scoring_date = date '{about.scoring_date}'"
    if about.items is None:
        return f"select {key}, to_json({{{_fields(about.columns)}}}) as answer from {of} order by {key}"
    first = ", ".join(f"'{name}': \"{name}\"" for name in about.key)
    return f"""
        select {key}, to_json({{{first}, {_ranking_fields(about)}}}) as answer
        from {_ranked(product, about, of)}
        order by {key}
    """


def newcomers_query(product: ServedProduct, about: About) -> str:
    """What those are given who are new, by what is known of them: all of one value are given the same.

    It is the list of one of them, as it was published, by the version that serves.
    """
    of = f"{product.predictions} where scoring_date = date '{about.scoring_date}'"
    return f"""
        with described as (
            select
                user_id,
                max_by(coalesce({product.newcomers}, 'unknown'), feature_date) as {product.newcomers},
                max_by(bookings_ever, feature_date) as bookings_ever
            from user_features
            where feature_date <= date '{about.scoring_date}'
            group by user_id
        ),
        chosen as (
            select {product.newcomers}, min(user_id) as user_id
            from described
            where bookings_ever = 0
                and user_id in (select user_id from {of} and model_version = {about.serving_version})
            group by {product.newcomers}
        )
        select
            {product.newcomers},
            to_json({{'{product.newcomers}': {product.newcomers}, {_ranking_fields(about)}}}) as answer
        from chosen
        inner join {_ranked(product, about, of)} using (user_id)
        order by {product.newcomers}
    """


def curves_query(product: ServedProduct, about: About) -> str:
    """Keys and the points of their curves, by the versions that the keys were published by, in order of the keys."""
    key = ", ".join(f'"{name}"' for name in about.key)
    points = _fields(dict.fromkeys(product.curve, "number"))
    point = ", ".join(f"{expression} as {name}" for name, expression in product.curve.items())
    return f"""
        with published as (
            select {key}, model_version from {product.predictions} where scoring_date = date '{about.scoring_date}'
        ),
        points as (
            select {key}, {product.curve_by} as curve_by, {point}
            from {product.product}_scores as scores
            inner join published using ({key}, model_version)
            where scores.as_of_date = date '{about.scoring_date}'
        )
        select {key}, to_json(list({{{points}}} order by curve_by)) as answer
        from points
        group by {key}
        order by {key}
    """


def _ranked(product: ServedProduct, about: About, of: str) -> str:
    """One row for each key, of the rows of a ranking."""
    key = ", ".join(f'"{name}"' for name in about.key)
    return f"""
        (
            select
                {key},
                list({{{_fields(about.item_columns)}}} order by {product.order}) as items,
                {", ".join(f'any_value("{name}") as "{name}"' for name in about.columns if name not in about.key)}
            from {of}
            group by {key}
        ) as ranked
    """


def _ranking_fields(about: About) -> str:
    common = _fields({name: kind for name, kind in about.columns.items() if name not in about.key})
    return f"'{about.items}': items, {common}"


def _fields(columns: Mapping[str, str]) -> str:
    """Columns of a DuckDB struct that JSON can say."""
    written = {
        "number": 'case when isfinite("{0}") then "{0}" end',
        "timestamp": "strftime(\"{0}\", '%Y-%m-%dT%H:%M:%S.%fZ')",
    }
    return ", ".join(
        f"'{name}': {written.get(kind, chr(34) + '{0}' + chr(34)).format(name)}" for name, kind in columns.items()
    )
