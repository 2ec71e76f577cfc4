{#
  How often each level of each column occurs, missing included.

  Arguments
    rows     relation, CTE name or subquery in brackets
    columns  list of text columns

  Columns: feature_name, level, row_count

  Example: {{ level_counts('scored', ['property_type']) }}
#}
{% macro level_counts(rows, columns) %}
    select
        feature_name,
        level,
        count(*) as row_count
    from (
        select
            {% for column in columns %}cast({{ column }} as {{ dbt.type_string() }}) as {{ column }}{{ ', ' if not loop.last }}{% endfor %}
        from {{ rows }} as given
    ) as texts
    unpivot include nulls (level for feature_name in ({{ columns | join(', ') }}))
    group by feature_name, level
{% endmacro %}
