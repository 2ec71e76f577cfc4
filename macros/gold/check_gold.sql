{#
  Compares the gold layer with models/gold/_gold.yml before anything is built, and raises one
  compiler error that lists everything that does not fit: tables, columns, types, missing rows,
  and columns named by the var `booking_attributes`. Renders nothing.

  Example: on-run-start: "{{ check_gold() }}"
#}
{% macro check_gold() %}
    {% if not execute or flags.WHICH not in ('run', 'build', 'test') %}
        {{ return('') }}
    {% endif %}
    {% set tables = graph.sources.values() | selectattr('source_name', 'equalto', 'gold') | list %}
    {% set columns = {} %}
    {% set problems = [] %}
    {% for table in tables %}
        {% set relation = adapter.get_relation(table.database, table.schema, table.identifier) %}
        {% if relation is not none %}
            {% set found = {} %}
            {% for column in adapter.get_columns_in_relation(relation) %}
                {% do found.update({column.name | lower: column.dtype}) %}
            {% endfor %}
            {% do columns.update({table.name: found}) %}
        {% endif %}
        {% do problems.extend(gold_table_problems(table, columns.get(table.name))) %}
    {% endfor %}
    {% do problems.extend(booking_attribute_problems(columns.get('fact_booking_detail'))) %}
    {% if problems %}
        {% do exceptions.raise_compiler_error(
            'gold does not fit models/gold/_gold.yml; nothing was built:\n  ' ~ problems | join('\n  ')
        ) %}
    {% endif %}
    {{ return('') }}
{% endmacro %}
