{#
  What gold had in the last good build, as table gold_checks keeps it: {'<table>.<column>.<rule>': text}.

  Example: {% set before = gold_memory().get('dim_user.*.rows_kept') %}
#}
{% macro gold_memory() %}
    {% set node = graph.nodes['model.' ~ project_name ~ '.gold_checks'] %}
    {% set relation = adapter.get_relation(node.database, node.schema, node.alias) if execute %}
    {% set known = {} %}
    {% if relation %}
        {% for row in run_query(
            'select table_name, column_name, rule, last_good from ' ~ relation.render() ~ ' where last_good is not null'
        ) %}
            {% do known.update({row['table_name'] ~ '.' ~ row['column_name'] ~ '.' ~ row['rule']: row['last_good']}) %}
        {% endfor %}
    {% endif %}
    {{ return(known) }}
{% endmacro %}
