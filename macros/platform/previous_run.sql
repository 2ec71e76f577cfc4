{#
  One of our own tables as the previous run left it, without a `ref`, so that the graph keeps no
  cycle: rows with as_of_date up to this run's. Where the table does not exist yet, an empty relation
  with the columns and types of its YAML. Only models/state/model_state.sql may call it, and only
  for nodes downstream of it (tests/python/test_project.py holds both).

  Arguments
    name     model name
    columns  columns wanted

  Example: select * from ({{ previous_run('demand_predictions', ['as_of_date', 'model_version']) }}) as scored
#}
{% macro previous_run(name, columns) %}
    {% set node = namespace(found=none) %}
    {% if execute %}
        {% for model in graph.nodes.values() if model.resource_type == 'model' and model.name == name %}
            {% set node.found = model %}
        {% endfor %}
        {% if node.found is none %}
            {{ exceptions.raise_compiler_error("previous_run('" ~ name ~ "') names no model of this project") }}
        {% endif %}
        {% set relation = adapter.get_relation(
            database=node.found.database, schema=node.found.schema, identifier=node.found.alias
        ) %}
    {% endif %}
    {% if execute and relation is not none %}
        select {{ columns | join(', ') }}
        from {{ relation }}
        where as_of_date <= (select as_of_date from {{ ref('point_in_time') }})
    {% else %}
        select
            {% for column in columns %}
                cast(null as {{ node.found.columns.get(column, {}).get('data_type') or shared_types()[column] if node.found else 'int' }}) as {{ column }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ ref('point_in_time') }}
        where 1 = 0
    {% endif %}
{% endmacro %}
