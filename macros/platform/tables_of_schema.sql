{#
  All relations of the schema that a relation lies in, tables and views, whether the project still has them or not.

  Argument: `relation`, usually a ref. Example: {% for table in tables_of_schema(ref('point_in_time')) %} … {% endfor %}
#}
{% macro tables_of_schema(relation) %}
    {{ return(adapter.dispatch('tables_of_schema', 'wanderbricks_ml')(relation)) }}
{% endmacro %}

{% macro default__tables_of_schema(relation) %}
    {% set found = [] %}
    {% for row in run_query('show tables in ' ~ relation.without_identifier()) %}
        {% do found.append(adapter.get_relation(relation.database, relation.schema, row[1])) %}
    {% endfor %}
    {{ return(found | reject('none') | list) }}
{% endmacro %}

{% macro duckdb__tables_of_schema(relation) %}
    {% set names = 'select table_name from information_schema.tables where table_catalog = ' ~ quoted(relation.database)
        ~ ' and table_schema = ' ~ quoted(relation.schema) ~ ' order by table_name' %}
    {% set found = [] %}
    {% for row in run_query(names) %}
        {% do found.append(adapter.get_relation(relation.database, relation.schema, row[0])) %}
    {% endfor %}
    {{ return(found | reject('none') | list) }}
{% endmacro %}
