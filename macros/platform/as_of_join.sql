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
            {{ right }}.{{ column }}{% if columns is mapping and columns[column] != column %} as {{ columns[column] }}{% endif %}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ left }}
    asof left join {{ right }}
        on {% for key in keys %}{{ left }}.{{ key }} = {{ right }}.{{ key }} and {% endfor %}
            {{ left }}.{{ left_date }} >= {{ right }}.{{ right_date }}
{% endmacro %}

{# Spark has no as-of join: both sides in one order of time, each row carrying the last one of `right` forward #}
{% macro default__as_of_join(left, right, keys, left_date, right_date, columns) %}
    select
        left_row.*,
        {% for column in columns %}
            right_row.{{ column }}{% if columns is mapping and columns[column] != column %} as {{ columns[column] }}{% endif %}{{ ',' if not loop.last }}
        {% endfor %}
    from (
        select
            left_row,
            is_left,
            last_value(right_row, true) over (
                partition by {% for key in keys %}key_{{ loop.index }}, {% endfor %}1
                order by moment, is_left
                rows between unbounded preceding and current row
            ) as right_row
        from (
            select
                {% for key in keys %}{{ key }} as key_{{ loop.index }}, {% endfor %}
                {{ left_date }} as moment,
                1 as is_left,
                struct({{ left }}.*) as left_row,
                null as right_row
            from {{ left }}
            union all
            select
                {% for key in keys %}{{ key }} as key_{{ loop.index }}, {% endfor %}
                {{ right_date }} as moment,
                0 as is_left,
                null as left_row,
                struct({% for column in columns %}{{ column }}{{ ', ' if not loop.last }}{% endfor %}) as right_row
            from {{ right }}
            where {% for key in keys %}{{ key }} is not null{{ ' and ' if not loop.last }}{% endfor %}
        ) as stacked
    ) as carried
    where is_left = 1
{% endmacro %}
