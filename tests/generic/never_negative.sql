{#
  No row has a negative value in any of the columns; nulls pass. One scan for all of them; rows say
  which column.

  Arguments
    columns  list of numeric column names

  Example
    data_tests:
      - never_negative:
          arguments:
            columns: [bookings_7d, bookings_30d]
#}
{% test never_negative(model, columns) %}
    select
        '{{ model.identifier }}.' || column_name || ' falls to '
        || cast(smallest as {{ dbt.type_string() }}) as message
    from (
        {% for column in columns %}
            select
                '{{ column }}' as column_name,
                min({{ column }}) as smallest
            from {{ model }}
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as measured
    where smallest < 0
{% endtest %}
