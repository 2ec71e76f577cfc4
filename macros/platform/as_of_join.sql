{#
  As-of join: each row of `left` with the newest row of `right` that is not later.

  Every row of `left` stays; columns of `right` are null where nothing is old enough.

  Arguments
    left, right            CTE names
    keys                   list of columns equal on both sides
    left_date, right_date  dates compared: right_date <= left_date
    columns                columns of `right` to add: names, or {name: alias}

  Example
    {{ as_of_join('spine', 'versions', ['property_id'], 'feature_date', 'known_from', ['base_price']) }}
#}
{% macro as_of_join(left, right, keys, left_date, right_date, columns) %}
    {{ return(adapter.dispatch('as_of_join', 'wanderbricks_ml')(left, right, keys, left_date, right_date, columns)) }}
{% endmacro %}

{% macro duckdb__as_of_join(left, right, keys, left_date, right_date, columns) %}
    select
        {{ left }}.*,
        {% for column in columns %}
            {{ right }}.{{ column }}{% if columns is mapping %} as {{ columns[column] }}{% endif %}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ left }}
    asof left join {{ right }}
        on {% for key in keys %}{{ left }}.{{ key }} = {{ right }}.{{ key }} and {% endfor %}
            {{ left }}.{{ left_date }} >= {{ right }}.{{ right_date }}
{% endmacro %}
