{#
  No row has a null in any of the columns. One scan for all of them; rows say which column.

  Arguments
    columns  list of column names

  Example
    data_tests:
      - never_null:
          arguments:
            columns: [property_id, feature_date]
#}
{% test never_null(model, columns) %}
    select
        '{{ model.identifier }}.' || column_name || ' is null in '
        || cast(row_count as {{ dbt.type_string() }}) || ' rows' as message
    from (
        {% for column in columns %}
            select
                '{{ column }}' as column_name,
                count(*) as row_count
            from {{ model }}
            where {{ column }} is null
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as counted
    where row_count > 0
{% endtest %}
