{#
  What gold had in the last good build, as table gold_checks keeps it: {'<table>.<column>.<rule>': text}.

  Example: {% set before = gold_memory().get('dim_user.*.rows_kept') %}
#}
{% macro gold_memory() %}
    {% set checks = built_table('gold_checks') %}
    {% set known = {} %}
    {% if checks %}
        {% for row in run_query(
            'select table_name, column_name, rule, last_good from ' ~ checks ~ ' where last_good is not null'
        ) %}
            {% do known.update({row['table_name'] ~ '.' ~ row['column_name'] ~ '.' ~ row['rule']: row['last_good']}) %}
        {% endfor %}
    {% endif %}
    {{ return(known) }}
{% endmacro %}
