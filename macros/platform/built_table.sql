{#
  A table of ours as it stands, rendered, without an edge of the graph; none where it was never built, while dbt parses, and in
  a unit test, whose graph is empty.

  Arguments
    name  of a model or seed
    kind  `model` or `seed`

  Example: {% set champion = built_table('demand_champion') %}
#}
{% macro built_table(name, kind='model') %}
    {% set node = graph.get('nodes', {}).get(kind ~ '.' ~ project_name ~ '.' ~ name) %}
    {% set relation = adapter.get_relation(node.database, node.schema, node.alias) if execute and node %}
    {{ return(relation.render() if relation else none) }}
{% endmacro %}
