{#
  Whether a relation exists; true while dbt parses, and in a unit test, which gives rows by a CTE of that name.

  Argument: `relation`, usually a ref. Example: {% if is_built(ref('demand_scores')) %} … {% endif %}
#}
{% macro is_built(relation) %}
    {{ return(
        not execute or relation.is_cte
        or adapter.get_relation(
            database=relation.database, schema=relation.schema, identifier=relation.identifier
        ) is not none
    ) }}
{% endmacro %}
