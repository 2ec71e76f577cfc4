{#
  What one gold table lacks: a list of lines "table.column: expected, found; what to do".

  Arguments
    table    source node from `graph.sources`
    columns  {name: data type} as found, none when there is no such table

  Example: {% set problems = gold_table_problems(table, {'date': 'TIMESTAMP'}) %}
#}
{% macro gold_table_problems(table, columns) %}
    {% set relation = source(table.source_name, table.name) %}
    {% if columns is none %}
        {{ return([
            table.name ~ ': expected a table, found no ' ~ gold_place(table) ~ '; ' ~ gold_setting()
        ]) }}
    {% endif %}
    {% set problems = [] %}
    {% for column in table.columns.values() %}
        {% set name = table.name ~ '.' ~ column.name %}
        {% set found = columns.get(column.name | lower) %}
        {% set nullable = column.config.meta.get('nullable', false) %}
        {% if found is none %}
            {% do problems.append(
                name ~ ': expected ' ~ column.data_type ~ ', found no such column; add it'
                ~ (' (nulls will do)' if nullable else '')
            ) %}
        {% elif not type_fits(found, column.data_type) %}
            {# Writers that see only nulls have no better type to give than these. #}
            {% set untyped = found | lower in ('"null"', 'void', 'integer', 'int') %}
            {% if not (nullable and untyped and holds_only_nulls(relation, column.name)) %}
                {% do problems.append(
                    name ~ ': expected ' ~ column.data_type ~ ', found ' ~ found ~ '; ' ~ cast_advice(relation, column, found)
                ) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {% if table.name in ('fact_booking_detail', 'dim_property', 'bookings', 'properties', 'users', 'hosts')
        and not run_query('select 1 as found from ' ~ relation.render() ~ ' limit 1').rows %}
        {% do problems.append(
            table.name ~ ': expected rows, found none; every product learns from them, fill the table'
        ) %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}
