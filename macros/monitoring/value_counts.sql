{#
  How often each value of each column occurs, missing included (a NaN counts as missing): one scan of the numeric columns
  and one of the categorical ones, whatever their number.

  Arguments
    rows         relation or CTE name
    numeric      list of columns
    categorical  list of columns

  Values are rounded to nine digits: the engines may disagree on a double's last bits, and equal values are one value.

  Columns: feature_name, value (of a numeric column), level (of a categorical one), row_count

  Example: with counted as ({{ value_counts('scored', ['base_price', 'on_books'], ['property_type']) }})
#}
{% macro value_counts(rows, numeric, categorical) %}
    {% set text = dbt.type_string() %}
    {% if numeric %}
        select
            feature_name,
            value,
            cast(null as {{ text }}) as level,
            count(*) as row_count
        from (
            select
                {% for column in numeric %}
                    round(nullif(cast({{ column }} as double), cast('NaN' as double)), 9) as {{ column }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ rows }}
        ) as numbers
        unpivot include nulls (value for feature_name in ({{ numeric | join(', ') }}))
        group by feature_name, value
    {% endif %}
    {{ 'union all' if numeric and categorical }}
    {% if categorical %}
        select
            feature_name,
            cast(null as double) as value,
            level,
            count(*) as row_count
        from (
            select
                {% for column in categorical %}
                    cast({{ column }} as {{ text }}) as {{ column }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ rows }}
        ) as texts
        unpivot include nulls (level for feature_name in ({{ categorical | join(', ') }}))
        group by feature_name, level
    {% endif %}
{% endmacro %}
