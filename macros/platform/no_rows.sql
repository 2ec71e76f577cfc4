{#
  An empty relation: what a union of nothing is, or a table that is not there yet.

  Arguments
    columns  {name: type}

  Example: {{ no_rows({'model_name': dbt.type_string(), 'model_version': 'int'}) }}
#}
{% macro no_rows(columns) %}
    {% set nulls = [] %}
    {% for name, type in columns.items() %}
        {% do nulls.append('cast(null as ' ~ type ~ ') as ' ~ name) %}
    {% endfor %}
    select{{ '\n        ' if nulls | length > 1 else ' ' }}{{ nulls | join(',\n        ') }}
    from (select 1 as one) as nothing
    where one = 0
{% endmacro %}
