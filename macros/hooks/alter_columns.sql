{#
  Adds columns to a table that keeps history, null in the rows that it holds, and removes others with what they hold.

  Arguments
    model   its name
    add     types by column name
    remove  names

  Example: dbt run-operation alter_columns --args '{model: demand_predictions, add: {premium: double}}'
#}
{% macro alter_columns(model, add={}, remove=[]) %}
    {% set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ model) %}
    {% set relation = adapter.get_relation(node.database, node.schema, node.alias) if node else none %}
    {% if relation is none %}
        {% do exceptions.raise_compiler_error("model '" ~ model ~ "' does not exist, or has not been built yet") %}
    {% endif %}
    {% set added = [] %}
    {% for name, type in add.items() %}
        {% do added.append(api.Column.create(name, type)) %}
    {% endfor %}
    {% set removed = adapter.get_columns_in_relation(relation) | selectattr('name', 'in', remove) | list %}
    {# an operation commits nothing by itself, and not what was not begun #}
    {% call statement('begun', auto_begin=true) %}select 1{% endcall %}
    {% do allow_dropping(relation) if removed %}
    {% do alter_relation_add_remove_columns(relation, added, removed) %}
    {% do adapter.commit() %}
    {{ log(relation ~ ' has columns ' ~ adapter.get_columns_in_relation(relation) | map(attribute='name') | join(', '), info=true) }}
{% endmacro %}
