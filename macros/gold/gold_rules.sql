{#
  The rules of seed gold_policy that hold for one gold table: a list of policy rows, each with the column it is about in the
  place of `*`. Of the rows about one column and rule the one that names the table counts, then the one that names the column.

  Arguments
    table   source node from `graph.sources`
    policy  what gold_policy() returns

  Example: {% for rule in gold_rules(table, gold_policy()) %} … {% endfor %}
#}
{% macro gold_rules(table, policy) %}
    {% set kinds = gold_rule_kinds() %}
    {% set found = {} %}
    {% for row in policy if row.table_name in ('*', table.name) %}
        {% set kind = kinds[row.rule] %}
        {% set rank = (2 if row.table_name != '*' else 0) + (1 if row.column_name != '*' else 0) %}
        {% set columns = [] %}
        {% if kind.of == 'table' %}
            {% do columns.append('*') %}
        {% elif row.column_name != '*' %}
            {% if row.table_name != '*' or row.column_name in table.columns %}
                {% do columns.append(row.column_name) %}
            {% endif %}
        {% else %}
            {% for column in table.columns.values() if modules.re.fullmatch(kind.type, column.data_type) %}
                {% if row.rule != 'not_null' or not column.config.meta.get('nullable', false) %}
                    {% do columns.append(column.name) %}
                {% endif %}
            {% endfor %}
        {% endif %}
        {% for column in columns %}
            {% set key = column ~ ' ' ~ row.rule %}
            {% if key not in found or found[key].rank < rank %}
                {% do found.update({key: dict(row, table_name=table.name, column_name=column, rank=rank)}) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(found.values() | rejectattr('severity', 'equalto', 'off') | list) }}
{% endmacro %}
