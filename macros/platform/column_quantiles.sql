{#
  Quantiles of columns, each a value that occurs: for k = 0, 1, … `parts` the smallest value with a share of k / parts of the
  known values or more at or below it (the smallest of all for k = 0). Equal ones are one row. A NaN counts as missing.

  DuckDB takes all columns in one scan. Spark, whose exact quantiles would sort each column by itself, counts values.

  Arguments
    rows     relation, CTE name or subquery in brackets
    columns  list of numeric columns
    parts    number of parts, such as 20

  Columns: feature_name, value. No row for a column without a known value.

  Example: {{ column_quantiles('scored', ['base_price', 'on_books'], 20) }}
#}
{% macro column_quantiles(rows, columns, parts) %}
    {{ return(adapter.dispatch('column_quantiles', 'wanderbricks_ml')(rows, columns, parts)) }}
{% endmacro %}

{% macro default__column_quantiles(rows, columns, parts) %}
    select
        feature_name,
        value
    from (
        select
            feature_name,
            value,
            row_count,
            cast(sum(row_count) over (partition by feature_name order by value) as double) as rows_so_far,
            cast(sum(row_count) over (partition by feature_name) as double) as all_rows
        from (
            select
                feature_name,
                value,
                count(*) as row_count
            from (
                select {% for column in columns %}{{ known_double(column) }} as {{ column }}{{ ', ' if not loop.last }}{% endfor %}
                from {{ rows }} as given
            ) as numbers
            unpivot (value for feature_name in ({{ columns | join(', ') }}))
            group by feature_name, value
        ) as counted
    ) as cumulated
    where
        rows_so_far = row_count
        or floor({{ parts }} * rows_so_far / all_rows) > floor({{ parts }} * (rows_so_far - row_count) / all_rows)
{% endmacro %}

{% macro duckdb__column_quantiles(rows, columns, parts) %}
    {# a hair less than k / parts, which a double may exceed #}
    {% set shares = [] %}
    {% for k in range(parts + 1) %}{% do shares.append('%.12f' | format([k / parts - 1e-10, 0] | max)) %}{% endfor %}
    select distinct
        feature_name,
        unnest(quantiles) as value
    from (
        select
            {% for column in columns %}
                quantile_disc({{ known_double(column) }}, [{{ shares | join(', ') }}]) as {{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ rows }} as given
    ) as taken
    unpivot (quantiles for feature_name in ({{ columns | join(', ') }}))
{% endmacro %}
