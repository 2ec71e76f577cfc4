{#
  The columns that source tables have in fact: {table: {column in lower case: data type}}, without
  the tables that do not exist.

  Arguments
    tables  source nodes from `graph.sources`

  Example: {% set columns = columns_of_sources(graph.sources.values()) %}
#}
{% macro columns_of_sources(tables) %}
    {{ return(adapter.dispatch('columns_of_sources', 'wanderbricks_ml')(tables)) }}
{% endmacro %}

{% macro default__columns_of_sources(tables) %}
    {% set found = {} %}
    {% for table in tables %}
        {% set relation = adapter.get_relation(table.database, table.schema, table.identifier) %}
        {% if relation is not none %}
            {% set columns = {} %}
            {% for column in adapter.get_columns_in_relation(relation) %}
                {% do columns.update({column.name | lower: column.dtype}) %}
            {% endfor %}
            {% do found.update({table.name: columns}) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{% macro duckdb__columns_of_sources(tables) %}
    {# DuckDB cannot describe a file that is missing: look for the files of all tables first. #}
    {% set look_ups = [] %}
    {% for table in tables %}
        {% set location = source(table.source_name, table.name).render() %}
        {% do look_ups.append(
            "select '" ~ table.name ~ "' as name where exists (from "
            ~ location | replace('read_parquet(', 'glob(') ~ ')'
        ) %}
    {% endfor %}
    {% set present = run_query(look_ups | join(' union all ')).columns[0].values() %}
    {% set found = {} %}
    {% for table in tables if table.name in present %}
        {% set query = 'from ' ~ source(table.source_name, table.name).render() %}
        {% set columns = {} %}
        {% for column in adapter.get_column_schema_from_query(query) %}
            {% do columns.update({column.name | lower: column.dtype}) %}
        {% endfor %}
        {% do found.update({table.name: columns}) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
