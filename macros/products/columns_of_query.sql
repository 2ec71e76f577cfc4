{#
  The columns of a query, as a query: column_name, data_type. Nothing but the columns is read.

  Argument
    query  SQL

  Example: dbt show --inline "{{ columns_of_query('select 1 as one') }}"
#}
{% macro columns_of_query(query) %}
    {% for column in adapter.get_column_schema_from_query(query) if execute %}
        select
            '{{ column.name }}' as column_name,
            '{{ column.data_type }}' as data_type
        {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}
