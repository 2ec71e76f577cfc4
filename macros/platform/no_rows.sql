{#
  An empty relation: what a union of nothing is, or a table that is not there yet.

  Arguments
    columns  {name: type}

  Example: {{ no_rows({'model_name': dbt.type_string(), 'model_version': 'int'}) }}
#}
{% macro no_rows(columns) %}
    select
        {% for name, type in columns.items() %}
            cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from (select 1 as one) as nothing
    where one = 0
{% endmacro %}
