{#
  What lies in the schema of a relation, whether the project still has it or not: a list of dictionaries of `name`, `type`
  (`table`, `view` or what else the engine has) and `columns`, their names in lower case.

  Argument: `relation`, usually a ref. Example: {% for table in tables_of_schema(ref('point_in_time')) %} … {% endfor %}
#}
{% macro tables_of_schema(relation) %}
    {{ return(adapter.dispatch('tables_of_schema', 'wanderbricks_ml')(relation)) }}
{% endmacro %}

{% macro default__tables_of_schema(relation) %}
    {% set tables = [] %}
    {% for row in run_query('show tables in ' ~ relation.without_identifier()) %}
        {% set found = adapter.get_relation(relation.database, relation.schema, row[1]) %}
        {% if found is not none %}
            {% set columns = adapter.get_columns_in_relation(found) | map(attribute='name') | map('lower') | list %}
            {% do tables.append({'name': found.identifier, 'type': found.type | string, 'columns': columns}) %}
        {% endif %}
    {% endfor %}
    {{ return(tables) }}
{% endmacro %}

{# at once: each look at the columns of one relation binds all views that there are #}
{% macro duckdb__tables_of_schema(relation) %}
    {% set query %}
        select
            columns.table_name,
            case when any_value(tables.table_type) = 'VIEW' then 'view' else 'table' end as table_type,
            string_agg(lower(columns.column_name), ',') as column_names
        from information_schema.columns as columns
        inner join information_schema.tables as tables
            on columns.table_catalog = tables.table_catalog
            and columns.table_schema = tables.table_schema
            and columns.table_name = tables.table_name
        where columns.table_catalog = {{ quoted(relation.database) }} and columns.table_schema = {{ quoted(relation.schema) }}
        group by columns.table_name
        order by columns.table_name
    {% endset %}
    {% set tables = [] %}
    {% for row in run_query(query) %}
        {% do tables.append({'name': row[0], 'type': row[1], 'columns': row[2].split(',')}) %}
    {% endfor %}
    {{ return(tables) }}
{% endmacro %}
