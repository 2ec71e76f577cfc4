{#
  As-of join: each row of `left` with the newest row of `right` that is not later.

  Every row of `left` stays; columns of `right` are null where nothing is old enough.

  Arguments
    left                   CTE name
    right                  CTE name or relation, one row for each of its keys and dates. A relation is read column by column,
                           a CTE that is used twice is not
    keys                   list of columns equal on both sides
    left_date, right_date  dates compared: right_date <= left_date
    columns                columns of `right` to add: names, or {name: alias}
    wanted                 CTE with all keys and dates of `left`, of few columns: only these are looked for, and nothing is
                           read where there are none. None where `left` has most keys of `right` anyway

  Example
    {{ as_of_join('spine', 'versions', ['property_id'], 'feature_date', 'known_from', ['base_price']) }}
#}
{% macro as_of_join(left, right, keys, left_date, right_date, columns, wanted=none) %}
    {{ return(adapter.dispatch('as_of_join', 'wanderbricks_ml')(left, right, keys, left_date, right_date, columns, wanted)) }}
{% endmacro %}

{#
  DuckDB sorts both sides of an as-of join with all their columns. Where it is told what is wanted, it sorts keys and dates
  alone, each pair once, and everything else comes by equality.
#}
{% macro duckdb__as_of_join(left, right, keys, left_date, right_date, columns, wanted) %}
    select
        {{ left }}.*,
        {% for column in columns %}
            newest.{{ column }}{% if columns is mapping and columns[column] != column %} as {{ columns[column] }}{% endif %}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ left }}
    {% if wanted %}
        left join (
            select
                found.wanted_date,
                dated.*
            from (
                select
                    {% for key in keys %}
                        wanted.{{ key }},
                    {% endfor %}
                    wanted.{{ left_date }} as wanted_date,
                    earlier.{{ right_date }} as newest_date
                from (
                    select distinct
                        {% for key in keys %}
                            {{ key }},
                        {% endfor %}
                        {{ left_date }}
                    from {{ wanted }}
                ) as wanted
                asof inner join (
                    select
                        {% for key in keys %}
                            dated.{{ key }},
                        {% endfor %}
                        dated.{{ right_date }}
                    from {{ right }} as dated
                    semi join {{ wanted }} as sought
                        on {% for key in keys %}dated.{{ key }} = sought.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
                ) as earlier
                    on {% for key in keys %}wanted.{{ key }} = earlier.{{ key }} and {% endfor %}
                        wanted.{{ left_date }} >= earlier.{{ right_date }}
            ) as found
            inner join {{ right }} as dated
                on {% for key in keys %}found.{{ key }} = dated.{{ key }} and {% endfor %}
                    found.newest_date = dated.{{ right_date }}
        ) as newest
            on {% for key in keys %}{{ left }}.{{ key }} = newest.{{ key }} and {% endfor %}
                {{ left }}.{{ left_date }} = newest.wanted_date
    {% else %}
        asof left join {{ right }} as newest
            on {% for key in keys %}{{ left }}.{{ key }} = newest.{{ key }} and {% endfor %}
                {{ left }}.{{ left_date }} >= newest.{{ right_date }}
    {% endif %}
{% endmacro %}

{# Spark has no as-of join: both sides in one order of time, each row carrying the last one of `right` forward #}
{% macro default__as_of_join(left, right, keys, left_date, right_date, columns, wanted) %}
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
